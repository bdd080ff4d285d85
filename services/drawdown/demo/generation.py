"""A generated trace with the shape of real LLM traffic, the same for the same seed.

The shape is that of published traces: arrivals in bursts, inputs of 2 to 14,050 tokens with a
heavy tail, outputs short for code (28 on average) and longer for chat (211), 1–2 % of requests
failing, a few sent twice.
"""

import random
from collections.abc import Iterator
from typing import Final

from drawdown.demo.trace import TokenRequest

_INPUT_MIN: Final = 2
_INPUT_MAX: Final = 14_050
_OUTPUT_MAX: Final = 2_000
_CODE_SHARE: Final = 0.6
# Parameters of log-normal distributions whose means are those of the published traces.
_INPUT: Final = (7.05, 1.1)
_CODE_OUTPUT: Final = (2.78, 1.05)
_CHAT_OUTPUT: Final = (4.95, 0.9)
_CACHED_SHARE: Final = 0.35
_FAILED_SHARE: Final = 0.015
_TWICE_SHARE: Final = 0.003
_BURST_SHARE: Final = 0.75
_BURST_GAP_S: Final = 0.04
_LULL_GAP_S: Final = 1.4
_CACHE_BLOCK_TOKENS: Final = 128


def generate(count: int, *, seed: int) -> Iterator[TokenRequest]:
    """`count` requests, and a few more that are sent a second time."""
    chance = random.Random(seed)
    after_us = 0
    for _ in range(count):
        gap_s = _BURST_GAP_S if chance.random() < _BURST_SHARE else _LULL_GAP_S
        after_us += int(chance.expovariate(1 / gap_s) * 1_000_000)
        total = min(_INPUT_MAX, max(_INPUT_MIN, int(chance.lognormvariate(*_INPUT))))
        cached = 0
        if chance.random() < _CACHED_SHARE:
            cached = int(total * chance.uniform(0.3, 0.95))
            cached -= cached % _CACHE_BLOCK_TOKENS
        output = _CODE_OUTPUT if chance.random() < _CODE_SHARE else _CHAT_OUTPUT
        yield TokenRequest(
            after_us=after_us,
            input=total - cached,
            cached_input=cached,
            output=min(_OUTPUT_MAX, max(1, int(chance.lognormvariate(*output)))),
            failed=chance.random() < _FAILED_SHARE,
            sent_twice=chance.random() < _TWICE_SHARE,
        )

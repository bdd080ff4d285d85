"""Refunds of usage whose charges only the ledger still holds: in its order, and scattered."""

import itertools
import time
from contextlib import ExitStack
from random import Random
from typing import Final

from drawdown.adapters.kafka.requests import Requests
from drawdown.domain.inputs import RefundUsage
from drawdown.settings import Settings
from tests.benchmarks.chains import EVENTS, Bench, check_deductions, ledgers, through
from tests.benchmarks.grants import command
from tests.benchmarks.load import Usage, usage

REFUNDS: Final = 1_000


class Refunds:
    """A ledger of usage of which a little is given back, again and again."""

    def __init__(self, bench: Bench) -> None:
        self._bench: Final = bench
        self._open: Final = ExitStack()
        self._rounds: Final = itertools.count(1)
        self._charged: list[Usage] = []
        self._settings: Settings | None = None

    def close(self) -> None:
        """Delete its topics and state."""
        self._open.close()

    def in_order(self) -> float:
        """Refunds a second of events that were charged one behind the other."""
        begin = Random(next(self._rounds)).randrange(EVENTS - REFUNDS)
        settings = self._ledger()
        return self._rate(settings, self._charged[begin : begin + REFUNDS])

    def scattered(self) -> float:
        """Refunds a second of events that were charged at any time."""
        settings = self._ledger()
        return self._rate(settings, Random(next(self._rounds)).sample(self._charged, REFUNDS))

    def _ledger(self) -> Settings:
        if self._settings is None:
            self._settings = self._open.enter_context(self._bench.namespace())
            self._charged = list(usage(EVENTS))
            with ledgers(self._bench, self._settings):
                through(self._settings, iter(self._charged), EVENTS)
                check_deductions(self._settings)
        return self._settings

    def _rate(self, settings: Settings, events: list[Usage]) -> float:
        name = f"r{next(self._rounds)}"
        commands = []
        for each in events:
            refund_id = f"{name}-{each.event_id}"
            body = RefundUsage(refund_id=refund_id, event_id=each.event_id, amount=1)
            commands.append(command(refund_id, each.customer_id, body))
        with ledgers(self._bench, settings, grants=False), Requests(settings) as requests:
            began_at = time.monotonic()
            outcomes = {reply.outcome for reply in requests.ask(commands)}
            seconds = time.monotonic() - began_at
        assert outcomes == {"accepted"}, f"instead of being given back they were {outcomes}"
        return len(commands) / seconds

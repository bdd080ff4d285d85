"""How a service's process ends, whatever its threads do."""

import subprocess
import sys

import pytest

ENDS = """
import signal
from concurrent.futures import ThreadPoolExecutor
from threading import Event
from confluent_kafka import KafkaError, KafkaException
from drawdown.ending import run_to_its_end
from drawdown.errors import InvalidSetting, Unavailable

def serve():
    pool = ThreadPoolExecutor(1)
    pool.submit(Event().wait)
    {what}

run_to_its_end(serve)
"""


@pytest.mark.parametrize(
    ("what", "code", "said"),
    [
        ("return", 0, ""),
        ("raise SystemExit(0)", 0, ""),
        ("raise Unavailable('the broker is away')", 75, "the broker is away"),
        ("raise InvalidSetting('namespace')", 2, "namespace"),
        ("raise KafkaException(KafkaError(KafkaError._FATAL))", 75, "Fatal error"),
        ("raise OSError(22, 'Invalid argument')", 1, "Traceback"),
        ("signal.raise_signal(signal.SIGINT)", 130, ""),
    ],
)
def test_a_thread_that_never_returns_keeps_nothing(what: str, code: int, said: str) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", ENDS.format(what=what)],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    assert ended.returncode == code, ended.stderr
    assert said in ended.stdout + ended.stderr

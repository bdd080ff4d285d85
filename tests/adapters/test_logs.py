"""Log lines as they leave the process."""

import json
import sys
from collections.abc import Iterator

import pytest
import structlog

from drawdown import logs
from drawdown.settings import load


class Writes:
    """A stream that keeps what each write gave it."""

    def __init__(self) -> None:
        self.given: list[str] = []

    def write(self, text: str) -> int:
        self.given.append(text)
        return len(text)

    def flush(self) -> None:
        """Nothing is held back."""


@pytest.fixture(autouse=True)
def as_before() -> Iterator[None]:
    """Logs go where they went."""
    before = structlog.get_config()
    yield
    structlog.configure(**before)
    structlog.contextvars.clear_contextvars()


def test_a_line_and_its_end_are_one_write(monkeypatch: pytest.MonkeyPatch) -> None:
    stderr = Writes()
    monkeypatch.setattr(sys, "stderr", stderr)
    logs.configure(load(log_format="json"), "tested")
    structlog.get_logger().warning("halted", partition=3)
    [line] = stderr.given
    assert line.endswith("}\n")
    said = json.loads(line)
    assert (said["service"], said["event"], said["partition"]) == ("tested", "halted", 3)

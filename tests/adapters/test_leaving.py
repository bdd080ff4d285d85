"""Leaving a group never takes longer than it may."""

from threading import Event

import pytest
from structlog.testing import capture_logs

from drawdown.adapters.kafka.leaving import leave


class Deaf:
    """A member whose coordinator is gone for good."""

    def __init__(self) -> None:
        self.heard = Event()

    def close(self) -> None:
        self.heard.wait()


class Refused:
    """A member that can't be closed."""

    def close(self) -> None:
        raise RuntimeError("closed already")


def test_a_member_that_hears_nothing_more_is_not_waited_for() -> None:
    member = Deaf()
    with capture_logs() as logs:
        leave(member, 0.01)
    assert [each["event"] for each in logs] == ["not_left"]
    member.heard.set()


def test_who_closes_in_time_is_waited_for() -> None:
    member = Deaf()
    member.heard.set()
    with capture_logs() as logs:
        leave(member, 60.0)
    assert logs == []


def test_what_closing_raises_is_raised() -> None:
    with pytest.raises(RuntimeError, match="closed already"):
        leave(Refused())

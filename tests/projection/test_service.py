"""Loops that run side by side in one process end together."""

import threading

import pytest

from drawdown.errors import Unavailable
from drawdown.projection.service import run_together


class Waiting:
    """A loop that runs until it is stopped."""

    def __init__(self) -> None:
        self.began = threading.Event()
        self.stopped = threading.Event()

    def run(self) -> None:
        self.began.set()
        assert self.stopped.wait(30)

    def stop(self) -> None:
        self.stopped.set()


class Failing(Waiting):
    """A loop that gives up once the other one runs."""

    def __init__(self, other: Waiting) -> None:
        super().__init__()
        self.other = other

    def run(self) -> None:
        assert self.other.began.wait(30)
        raise Unavailable("the broker client gave up")


def test_when_one_fails_all_are_stopped_and_it_is_told() -> None:
    other = Waiting()
    with pytest.raises(Unavailable, match="gave up"):
        run_together([other, Failing(other)])
    assert other.stopped.is_set()


def test_it_lasts_until_all_have_ended() -> None:
    one, other = Waiting(), Waiting()
    together = threading.Thread(target=run_together, args=([one, other],))
    together.start()
    assert one.began.wait(30)
    assert other.began.wait(30)
    one.stop()
    assert together.is_alive()
    other.stop()
    together.join(30)
    assert not together.is_alive()

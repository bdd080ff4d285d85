"""Membership: what the group gives to this member, and what keeps it from serving some of that."""

from typing import Final

import structlog

from drawdown.errors import Refused
from drawdown.ledger_processor.counting import set_halted
from drawdown.ledger_processor.failures import Failure

FENCED_S: Final = 15.0
"""Whoever fenced a partition owns it, and the group says so within a session timeout (10 s). If it
doesn't, it was an outsider: then the group is left and joined again, for a new assignment."""

_log = structlog.get_logger()


class Membership:
    """The partitions that the group gives, and those of them that halted or were fenced."""

    def __init__(self) -> None:
        self.given: Final[set[int]] = set()
        self._halted: Final[set[int]] = set()
        self._refused: Final[set[int]] = set()
        self._fenced_at: Final[dict[int, float]] = {}

    def serves(self, number: int) -> None:
        """Nothing stands in its way any more."""
        self._fenced_at.pop(number, None)
        self._refused.discard(number)
        if number in self._halted:
            self._halted.discard(number)
            set_halted(number, halted=False)

    def gone(self, number: int) -> None:
        """It is another member's now."""
        self.given.discard(number)
        self.serves(number)

    def halted(self, number: int, reason: str, *, poisoned: bool) -> None:
        """It stopped itself; `poisoned`: because of too many dead letters."""
        _log.error("partition_halted", partition=number, reason=reason, poisoned=poisoned)
        self._halted.add(number)
        set_halted(number, halted=True, poisoned=poisoned)

    def refused(self, number: int, failure: Failure) -> None:
        """The broker refuses it. Raises `Refused` when it refuses all that is given."""
        self._refused.add(number)
        if self.given and self.given <= self._refused:
            raise Refused(f"no partition can be served: {failure}")

    def fenced(self, number: int, now: float) -> None:
        """Another one writes it."""
        self._fenced_at[number] = now

    def fenced_too_long(self, now: float) -> list[int]:
        """All that are fenced, where one of them has been for longer than the group needs; they
        are forgotten."""
        if not any(now - fenced_at > FENCED_S for fenced_at in self._fenced_at.values()):
            return []
        fenced = sorted(self._fenced_at)
        self._fenced_at.clear()
        return fenced

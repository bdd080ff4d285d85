"""Dues: what falls due on an account, found by moment without a scan."""

from heapq import heappop, heappush
from typing import Final, final

from mypy_extensions import mypyc_attr

from drawdown.domain.holds import Hold
from drawdown.domain.lots import Lot
from drawdown.domain.numbers import NEVER
from drawdown.domain.policies import DEFAULT_POLICY

HOLD_EXPIRY: Final = 0
OPENING: Final = 1
ACTIVATION: Final = 2
VOIDING: Final = 3
EXPIRATION: Final = 4
RECURRENCE: Final = 5


@final
class Due:
    """Something due: when (µs), of which kind, and the lot or hold concerned.

    Of one moment they are booked in the order of their kinds, then of lots or holds.
    """

    def __init__(self, moment: int, kind: int, item_id: str) -> None:
        self.moment: Final = moment
        self.kind: Final = kind
        self.item_id: Final = item_id


@mypyc_attr(acyclic=True)
@final
class Dues:
    """What may fall due, by moment. Whether it still does is looked up when its time has come."""

    def __init__(self) -> None:
        self.grace_us = DEFAULT_POLICY.grace_us
        self.next_at = NEVER
        """Nothing is due before."""
        self.recurs_at = NEVER
        """The start of the next period that is granted for."""
        self._moments: Final[list[tuple[int, int, int, str]]] = []
        # Apart from the others, since a changed grace moves all of them.
        self._expirations: Final[list[tuple[int, int, str]]] = []
        self.passed: list[tuple[int, int, int, str]] | None = None
        """What was passed over while a decision is tried; None: none is."""

    def lot_opened(self, lot: Lot) -> None:
        """Note when a lot begins, opens, is voided and expires."""
        if lot.effective_at > lot.accepted_at:
            self._push(lot.effective_at, ACTIVATION, lot.lot_seq, lot.lot_id)
        self.lot_changed(lot)

    def lot_changed(self, lot: Lot) -> None:
        """Note the moments of a lot that was opened, changed or put back."""
        if lot.pending:
            if lot.opens_at is not None:
                self._push(lot.opens_at, OPENING, lot.lot_seq, lot.lot_id)
            if lot.voids_at is not None:
                self._push(lot.voids_at, VOIDING, lot.lot_seq, lot.lot_id)
        if lot.expires_at < NEVER and not lot.freezes and not lot.closed:
            heappush(self._expirations, (lot.expires_at, lot.lot_seq, lot.lot_id))
            self.next_at = min(self.next_at, lot.expires_at + self.grace_us)

    def activations(self) -> list[tuple[int, int, str]]:
        """The moments at which lots begin that weren't passed yet, with their lots' places and ids.

        Nothing else says so of a lot; what else may fall due is told by lots and holds.
        """
        return [
            (moment, order, item_id)
            for moment, kind, order, item_id in self._moments
            if kind == ACTIVATION
        ]

    def await_activations(self, moments: list[tuple[int, int, str]]) -> None:
        """Note again when lots begin."""
        for moment, order, lot_id in moments:
            self._push(moment, ACTIVATION, order, lot_id)

    def hold_changed(self, hold: Hold) -> None:
        """Note when a hold that is open expires."""
        self._push(hold.expires_at, HOLD_EXPIRY, hold.number, hold.hold_id)

    def set_policy(self, grace_us: int, recurs_at: int) -> None:
        """Go by another grace and another recurring grant."""
        self.grace_us = grace_us
        self.recurs_at = recurs_at
        self._look_ahead()

    def first(
        self, lots: dict[str, Lot], holds: dict[str, Hold], owed: int, watermark: int
    ) -> Due | None:
        """What is due first, up to the watermark; None: nothing.

        What has come due and isn't any more is passed over, but only when nothing before it is
        due: what comes first may bring it back.
        """
        while True:
            self._look_ahead()
            if self.next_at > watermark:
                return None
            due = self._foremost()
            if due.kind == RECURRENCE or _stands(due, lots, holds, owed, self.grace_us):
                return due
            if due.kind == EXPIRATION:
                expires_at, order, lot_id = heappop(self._expirations)
                self._pass(expires_at, EXPIRATION, order, lot_id)
            else:
                self.pass_first()

    def _foremost(self) -> Due:
        due = Due(self.recurs_at, RECURRENCE, "")
        if self._expirations:
            expires_at, _, lot_id = self._expirations[0]
            if expires_at + self.grace_us <= due.moment:
                due = Due(expires_at + self.grace_us, EXPIRATION, lot_id)
        if self._moments:
            moment, kind, _, item_id = self._moments[0]
            if moment <= due.moment:
                due = Due(moment, kind, item_id)
        return due

    def pass_first(self) -> None:
        """Forget the first moment: it is booked and says so nowhere else."""
        moment, kind, order, item_id = heappop(self._moments)
        self._pass(moment, kind, order, item_id)

    def _pass(self, moment: int, kind: int, order: int, item_id: str) -> None:
        if self.passed is not None:
            self.passed.append((moment, kind, order, item_id))

    def put_back(self) -> None:
        """Note again what was passed over while a decision was tried."""
        for moment, kind, order, item_id in self.passed or []:
            if kind == EXPIRATION:
                heappush(self._expirations, (moment, order, item_id))
            else:
                heappush(self._moments, (moment, kind, order, item_id))
        self.passed = None

    def _push(self, moment: int, kind: int, order: int, item_id: str) -> None:
        heappush(self._moments, (moment, kind, order, item_id))
        self.next_at = min(self.next_at, moment)

    def _look_ahead(self) -> None:
        self.next_at = self.recurs_at
        if self._moments:
            self.next_at = min(self.next_at, self._moments[0][0])
        if self._expirations:
            self.next_at = min(self.next_at, self._expirations[0][0] + self.grace_us)


def _stands(
    due: Due, lots: dict[str, Lot], holds: dict[str, Hold], owed: int, grace_us: int
) -> bool:
    """Whether what was noted still falls due."""
    if due.kind == HOLD_EXPIRY:
        hold = holds.get(due.item_id)
        return hold is not None and hold.state == "open" and hold.expires_at == due.moment
    lot = lots.get(due.item_id)
    if lot is None:
        return False
    if due.kind == EXPIRATION:
        going = lot.expires_at + grace_us == due.moment and not lot.freezes and not lot.closed
        return going and lot.unreserved > 0
    if due.kind == ACTIVATION:
        return owed > 0 and lot.unreserved > 0 and not lot.freezes and not lot.scoped
    return lot.pending and not lot.closed

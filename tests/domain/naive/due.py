"""What falls due on an account by itself: booked up to the watermark, moment by moment."""

from collections.abc import Callable
from functools import partial
from itertools import pairwise

from tests.domain.naive.accounts import Account
from tests.domain.naive.lots import PENDING, Hold, Lot
from tests.domain.naive.policies import moment_of, moments

Due = tuple[int, int, int, Callable[[], None]]
"""The due moment; its rank among those of one moment; the order in its rank; what happens."""


def book_due(account: Account, watermark: int) -> None:
    """Book what is due, the earliest first; each may make another fall due."""
    while True:
        due = [each for each in _candidates(account, watermark) if each[0] <= watermark]
        if not due:
            return
        moment, _, _, happen = min(due, key=lambda each: each[:3])
        happen()
        account.settle(moment)


def _candidates(account: Account, watermark: int) -> list[Due]:
    due: list[Due] = []
    for number, hold in enumerate(account.holds):
        if hold.state == "open":
            due.append((hold.expires_at, 0, number, partial(_expire_hold, account, hold)))
    for lot in account.lots:
        due += _of_lot(account, lot)
    return due + _recurring(account, watermark)


def _expire_hold(account: Account, hold: Hold) -> None:
    account.end(hold, "expired", hold.expires_at, [])


def _of_lot(account: Account, lot: Lot) -> list[Due]:
    due: list[Due] = []
    if lot.opens_at is not None and lot.pending and not lot.closed:
        due.append((lot.opens_at, 1, lot.number, lambda: _open(account, lot)))
    if not lot.active:
        due.append((lot.start, 2, lot.number, lambda: _activate(lot)))
    if lot.voids_at is not None and lot.pending and not lot.closed:
        voids_at = lot.voids_at
        due.append((voids_at, 3, lot.number, lambda: account.void_rest(lot, voids_at)))
    if lot.expires_at is not None and account.free(lot) and not lot.freezes:
        moment = lot.expires_at + account.policy.grace
        due.append((moment, 4, lot.number, lambda: _expire(account, lot)))
    return due


def _open(account: Account, lot: Lot) -> None:
    assert lot.opens_at is not None
    lot.thaw(PENDING, lot.opens_at)
    account.book("unfreeze", lot.opens_at)


def _activate(lot: Lot) -> None:
    lot.active = True


def _expire(account: Account, lot: Lot) -> None:
    """What doesn't go on expires; what does is voided here and granted anew."""
    rest = account.free(lot)
    on = _rolled(account, lot, rest)
    account.expire(lot, rest - on)
    rollover, moment = account.policy.rollover, lot.expires_at
    if not on:
        return
    assert rollover is not None
    assert moment is not None
    part = account.move(lot, "voided", on)
    account.book("void", moment, amount=-on, parts=[part])
    new = Lot(
        lot_id=_unused(account, f"rollover-{lot.number}"),
        number=len(account.lots) + 1,
        kind=lot.kind,
        granted=on,
        price_minor=part[2],
        currency=lot.currency,
        start=moment,
        expires_at=moment + rollover.life_us,
    )
    account.open(new, moment)
    account.book("grant", moment, amount=on, parts=[(new.lot_id, on, 0, False)])


def _unused(account: Account, lot_id: str) -> str:
    """A reopened lot rolls over again, into a lot of another name."""
    taken = [lot.lot_id for lot in account.lots]
    names = [lot_id, *(f"{lot_id}-{number}" for number in range(2, len(taken) + 3))]
    return next(name for name in names if name not in taken)


def _rolled(account: Account, lot: Lot, rest: int) -> int:
    rollover = account.policy.rollover
    if rollover is None or lot.period_at is None:
        return 0
    on = max(rollover.minimum, rest * rollover.share_pico // 10**12)
    return min(on, rest, rest if rollover.maximum is None else rollover.maximum)


def _recurring(account: Account, watermark: int) -> list[Due]:
    """The first recurring grant that is missing, if it is due."""
    recurring = account.policy.recurring
    if recurring is None or recurring.amount == 0 or account.began is None:
        return []
    since = max(account.policy.recurring_since, account.began)
    for moment, following in pairwise(moments(recurring)):
        if moment > watermark:
            break
        if moment >= since and account.lot(lot_id_at(moment)) is None:
            life = following - moment if recurring.life_us is None else recurring.life_us
            return [(moment, 5, 0, partial(_grant, account, moment, moment + life))]
    return []


def lot_id_at(moment: int) -> str:
    """The lot of a recurring grant."""
    return f"recurring-{moment_of(moment).isoformat().replace('+00:00', 'Z')}"


def _grant(account: Account, moment: int, expires_at: int) -> None:
    recurring = account.policy.recurring
    assert recurring is not None
    lot = Lot(
        lot_id=lot_id_at(moment),
        number=len(account.lots) + 1,
        kind=recurring.kind,
        granted=recurring.amount,
        price_minor=recurring.price_minor,
        currency=recurring.currency,
        start=moment,
        expires_at=expires_at,
        period_at=moment,
    )
    account.open(lot, moment)
    parts = [(lot.lot_id, recurring.amount, 0, False)]
    account.book("grant", moment, amount=recurring.amount, parts=parts)

"""Due bookings: what time brings about, booked up to the watermark (`domain.md`, «Time»).

They come first in a decision about the account, by due moment, and by ticks for quiet accounts.
Each is effective at its moment, however long afterwards it is booked.
"""

from drawdown.domain.accounts import Account
from drawdown.domain.bookings import close, expire, open_granted, own_terms
from drawdown.domain.drafts import Draft, Origin, allocation
from drawdown.domain.dues import ACTIVATION, EXPIRATION, HOLD_EXPIRY, OPENING, VOIDING, Due
from drawdown.domain.entries import EntryDetails, LotTerms, RecurringGrant
from drawdown.domain.hold_ends import end_hold
from drawdown.domain.lot_changes import thawed
from drawdown.domain.lots import PENDING, ROLLOVER, Lot
from drawdown.domain.numbers import AMOUNT_MAX, NEVER, PICO
from drawdown.domain.periods import iso_of, period_end
from drawdown.domain.settlement import settle

RECURRING = "recurring"


def first_due(account: Account, watermark: int) -> Due | None:
    """What is due first on an account up to the watermark; None: nothing."""
    return account.dues.first(account.lots, account.holds, account.owed, watermark)


def book_due(draft: Draft, watermark: int, origin: Origin) -> None:
    """Book everything that has fallen due on the account, in the order of its moments.

    `origin` is what the entries say caused them: a tick, or what fell due before an input.
    """
    account = draft.account
    while account.dues.next_at <= watermark:
        due = first_due(account, watermark)
        if due is None:
            return
        if due.kind == HOLD_EXPIRY:
            hold = account.holds[due.item_id]
            end_hold(draft, hold, "expired", due.moment, {}, origin)
        elif due.kind == OPENING:
            _open(draft, account.lots[due.item_id], due.moment, origin)
        elif due.kind == VOIDING:
            close(draft, account.lots[due.item_id], effective_at=due.moment, origin=origin)
        elif due.kind == EXPIRATION:
            _expire(draft, account.lots[due.item_id], origin)
        elif due.kind != ACTIVATION:
            _recur(draft, due.moment, origin)
        settle(draft, due.moment, origin)
        if due.kind == ACTIVATION:
            account.dues.pass_first()


def _open(draft: Draft, lot: Lot, at: int, origin: Origin) -> None:
    """A lot that was granted frozen opens."""
    left = [reason for reason in lot.freezes if reason not in PENDING]
    draft.book(
        "unfreeze",
        effective_at=at,
        details=EntryDetails(lot_changes=[thawed(lot, left, at)]),
        origin=origin,
    )


def _expire(draft: Draft, lot: Lot, origin: Origin) -> None:
    """A lot's unreserved credits expire; of a recurring lot's, some may go on."""
    rolled = _rolled(draft.account, lot)
    if lot.unreserved > rolled:
        expire(draft, lot, lot.unreserved - rolled, origin)
    if rolled:
        _roll_over(draft, lot, rolled, origin)


def _rolled(account: Account, lot: Lot) -> int:
    """What goes on: `min(maximum, max(minimum, share × rest))`, floored, never more than the
    rest."""
    rollover = account.policy.rollover
    if rollover is None or lot.period_at is None:
        return 0
    rest = lot.unreserved
    rolled = max(rollover.minimum, rest * rollover.share_pico // PICO)
    if rollover.maximum is not None:
        rolled = min(rollover.maximum, rolled)
    return min(rolled, rest)


def _roll_over(draft: Draft, lot: Lot, amount: int, origin: Origin) -> None:
    """Credits leave a lot whose period has ended, and open one with their share of its price."""
    account, rollover = draft.account, draft.account.policy.rollover
    assert rollover is not None
    at = lot.expires_at
    leaving = allocation(lot, amount)
    rolling = origin.due(origin.cause, ROLLOVER)
    draft.book("void", amount=-amount, effective_at=at, allocations=[leaving], origin=rolling)
    terms = own_terms(
        account,
        lot_id=_unused(account, f"{ROLLOVER}-{lot.lot_seq}"),
        kind=lot.kind,
        campaign=lot.campaign,
        price_minor=leaving.released_minor,
        currency=lot.currency if leaving.released_minor else "",
        priority=lot.priority,
        meters=lot.meters,
        properties=lot.properties,
        effective_at=at,
        expires_at=at + rollover.life_us,
    )
    open_granted(draft, terms, amount, rolling)


def _recur(draft: Draft, at: int, origin: Origin) -> None:
    """The credits of the period that begins at `at` are granted."""
    account, grant = draft.account, draft.account.policy.recurring
    assert grant is not None
    amount = min(grant.amount, AMOUNT_MAX - account.balance)
    if amount == 0:
        # No balance goes beyond the range; nothing recurs until it falls.
        account.dues.set_policy(account.policy.grace_us, NEVER)
        return
    terms = _recurring_terms(account, grant, at)
    open_granted(draft, terms, amount, origin.due(origin.cause, RECURRING))


def _unused(account: Account, lot_id: str) -> str:
    """A lot id that nobody has taken, most often the one given."""
    number, unused = 1, lot_id
    while unused in account.lots:
        number += 1
        unused = f"{lot_id}-{number}"
    return unused


def _recurring_terms(account: Account, grant: RecurringGrant, at: int) -> LotTerms:
    ends_at = period_end(grant, at) if grant.life_us is None else at + grant.life_us
    return own_terms(
        account,
        lot_id=_unused(account, f"{RECURRING}-{iso_of(at)}"),
        kind=grant.kind,
        price_minor=grant.price_minor,
        currency=grant.currency,
        effective_at=at,
        expires_at=ends_at,
        period_at=at,
    )

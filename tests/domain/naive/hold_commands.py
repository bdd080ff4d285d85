"""Placing, extending and capturing holds, and why it's refused."""

from collections.abc import Iterator

from drawdown.domain.inputs import CaptureHold, ExtendHold, PlaceHold
from tests.domain.naive.accounts import Account
from tests.domain.naive.trying import tried


def refuse_holds(account: Account, holds: list[PlaceHold]) -> Iterator[str]:
    """All or none: each is tried after those before it."""
    trial = tried(account)
    if not holds:
        yield "invalid_amount"
    if len({terms.hold_id for terms in holds}) < len(holds):
        yield "hold_id_used"
    for terms in holds:
        if terms.amount <= 0:
            yield "invalid_amount"
        if terms.expires_at <= account.now:
            yield "invalid_period"
        if trial.hold(terms.hold_id) is not None:
            yield "hold_id_used"
        if terms.expires_at - account.now > account.policy.hold_life:
            yield "hold_life_too_long"
        if terms.amount > 0 and trial.place(terms) is None:
            yield "insufficient_credits"


def place(account: Account, holds: list[PlaceHold]) -> None:
    for terms in holds:
        parts = account.place(terms)
        assert parts is not None
        account.book("hold_placed", account.now, parts=parts, hold=account.hold(terms.hold_id))


def refuse_extension(account: Account, body: ExtendHold) -> Iterator[str]:
    if body.amount < 0:
        yield "invalid_amount"
    hold = account.hold(body.hold_id)
    if hold is None:
        yield "unknown_hold"
        return
    if account.open_hold(body.hold_id) is None:
        yield "hold_not_open"
        return
    later = body.expires_at is not None and body.expires_at > hold.expires_at
    if not later and body.amount == 0:
        yield "nothing_to_extend"
    if later and (body.expires_at or 0) - hold.placed_at > account.policy.hold_life:
        yield "hold_life_too_long"
    trial = tried(account)
    held = trial.hold(body.hold_id)
    if held is not None and body.amount > 0 and trial.reserve(held, body.amount) is None:
        yield "insufficient_credits"


def extend(account: Account, body: ExtendHold) -> None:
    hold = account.hold(body.hold_id)
    assert hold is not None
    parts = account.reserve(hold, body.amount)
    assert parts is not None
    hold.expires_at = max(hold.expires_at, body.expires_at or 0)
    account.book("hold_extended", account.now, parts=parts, hold=hold)


def refuse_end(account: Account, hold_id: str) -> Iterator[str]:
    if account.hold(hold_id) is None:
        yield "unknown_hold"
    elif account.open_hold(hold_id) is None:
        yield "hold_not_open"


def refuse_capture(account: Account, body: CaptureHold) -> Iterator[str]:
    """A capture with usage needs no open hold."""
    if body.amount is not None and (body.amount <= 0 or body.usage is not None):
        yield "invalid_amount"
    if body.usage is None:
        yield from refuse_end(account, body.hold_id)

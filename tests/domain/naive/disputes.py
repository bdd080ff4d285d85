"""Disputes: what a notice means after those before it, and what it does to the payment's lot."""

from collections.abc import Iterator
from dataclasses import dataclass

from drawdown.domain.inputs import NoteDispute
from tests.domain.naive.accounts import Account
from tests.domain.naive.lots import Lot
from tests.domain.naive.refund_commands import lot_of
from tests.domain.naive.returning import reinstate


@dataclass(kw_only=True)
class Dispute:
    """The dispute of a payment, and the state it has reached."""

    customer_id: str
    dispute_id: str
    payment_id: str
    state: str = ""
    frozen: bool = False
    """Whether its payment's lot was frozen for it."""


AFTER = {
    # State reached, notice: what the notice comes to; "" for a repeat or an older one.
    ("opened", "opened"): "",
    ("opened", "won"): "won",
    ("opened", "lost"): "lost",
    ("opened", "reinstated"): "won",
    ("won", "opened"): "",
    ("won", "won"): "",
    ("won", "lost"): "refused",
    ("won", "reinstated"): "refused",
    ("lost", "opened"): "",
    ("lost", "won"): "refused",
    ("lost", "lost"): "",
    ("lost", "reinstated"): "reinstated",
    ("reinstated", "opened"): "",
    ("reinstated", "won"): "refused",
    ("reinstated", "lost"): "",
    ("reinstated", "reinstated"): "",
}


def refuse_notice(body: NoteDispute, before: list[Dispute]) -> Iterator[str]:
    """`before`: the customer's disputes."""
    of_payment = [each for each in before if each.payment_id == body.payment_id]
    of_id = [each for each in before if each.dispute_id == body.dispute_id]
    if any(each.payment_id != body.payment_id for each in of_id):
        yield "dispute_id_used"
    if any(each.dispute_id != body.dispute_id for each in of_payment):
        yield "dispute_state"
    if outcome(body, before) == "refused":
        yield "dispute_state"


def outcome(body: NoteDispute, before: list[Dispute]) -> str:
    """The state that it comes to, "" where it changes nothing."""
    for other in before:
        if other.payment_id == body.payment_id:
            return AFTER[other.state, body.state]
    return "won" if body.state == "reinstated" else body.state


def note(account: Account, dispute: Dispute, state: str) -> None:
    """A notice reaches a state: it acts on the lot, or is noted."""
    lot = lot_of(account, dispute.payment_id)
    before, dispute.state = dispute.state, state
    if lot is None or (state == "won" and not dispute.frozen):
        account.book("dispute_noted", account.now)
    elif state == "opened":
        lot.freeze("dispute", account.now)
        dispute.frozen = True
        account.book("freeze", account.now)
    elif state == "won":
        lot.thaw(("dispute",), account.now)
        account.book("unfreeze", account.now)
    elif state == "lost":
        lose(account, lot)
    else:
        assert before == "lost"
        reinstate(account, lot)


def lose(account: Account, lot: Lot) -> None:
    """Unspent credits are clawed back, spent ones become debt."""
    free, spent = account.free(lot), lot.spent
    lot.lose(account.now)
    part = account.move(lot, "clawed_back", free)
    lot.debt += spent
    account.debt += spent
    account.book("clawback", account.now, amount=-(free + spent), parts=[part])


def act_on_opening(account: Account, lot: Lot, dispute: Dispute) -> None:
    """What was noted before the payment's lot opened."""
    if dispute.state == "opened":
        lot.freeze("dispute", account.now)
        dispute.frozen = True
        account.book("freeze", account.now)
    elif dispute.state == "lost":
        lose(account, lot)

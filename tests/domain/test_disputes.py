"""Disputes of payments, in whatever order and number the notices come (rulings 26, 35)."""

from itertools import product
from typing import Literal

import pytest

from drawdown.domain.entries import PARTITION_CUSTOMER, EntryFacts, LotChange
from drawdown.domain.inputs import Freeze, Grant, NoteDispute, Tick, Unfreeze, Void
from drawdown.domain.ledger import Decision
from drawdown.domain.numbers import DAY_US, MINUTE_US
from tests.domain.building import CREDIT, HOUR_US, T, World, card, drawn, moved, told

State = Literal["opened", "won", "lost", "reinstated"]
GRACE_US = 5 * MINUTE_US


def buy(
    world: World,
    credits: int,
    at: int = T,
    *,
    payment_id: str = "p",
    lot_id: str = "lot",
    expires_at: int | None = None,
) -> list[EntryFacts]:
    """A lot that costs a cent a credit."""
    body = Grant(
        amount=credits * CREDIT,
        kind="purchased",
        price_minor=credits,
        currency="USD",
        payment_id=payment_id,
        lot_id=lot_id,
        expires_at=expires_at,
    )
    return world.accept(body, "", at)


def notice(state: State, *, payment_id: str = "p", dispute_id: str = "d") -> NoteDispute:
    return NoteDispute(dispute_id=dispute_id, payment_id=payment_id, state=state)


def change_of(facts: EntryFacts, lot_id: str = "lot") -> LotChange:
    assert facts.details is not None
    (change,) = [each for each in facts.details.lot_changes if each.lot_id == lot_id]
    return change


def state_of(world: World) -> str:
    dispute = world.account().payments["p"].dispute
    return "" if dispute is None else dispute.state


def test_opened_freezes_the_lot_of_the_payment() -> None:
    world = World(card())
    buy(world, 5)
    (facts,) = world.accept(notice("opened"), "", T + 1)
    assert (facts.type, facts.amount, facts.balance, facts.available) == (
        "freeze",
        0,
        5 * CREDIT,
        0,
    )
    assert change_of(facts).freezes == ["dispute"]
    assert facts.details is not None
    dispute = facts.details.dispute
    assert dispute is not None
    assert (dispute.dispute_id, dispute.payment_id, dispute.state) == ("d", "p", "opened")
    assert drawn(world.use("e", 1, T + 2)) == []


def test_won_lifts_its_freeze_and_the_frozen_time_moves_the_expiry() -> None:
    world = World(card())
    buy(world, 5, expires_at=T + HOUR_US)
    world.accept(notice("opened"), "", T + 10)
    (facts,) = world.accept(notice("won"), "", T + 25)
    assert (facts.type, facts.available) == ("unfreeze", 5 * CREDIT)
    change = change_of(facts)
    assert (change.freezes, change.expires_at) == ([], T + HOUR_US + 15)
    assert state_of(world) == "won"


def test_26_lost_claws_back_what_is_unreserved_and_spent_credits_become_debt() -> None:
    world = World(card())
    buy(world, 10)
    world.use("e", 2)
    world.hold("h", 3)
    world.accept(notice("opened"), "", T + 1)
    (facts,) = world.accept(notice("lost"), "", T + 2)
    assert (facts.type, facts.amount) == ("clawback", -7 * CREDIT)
    assert moved(facts) == [("lot", 5, 5, False)]
    assert (facts.balance, facts.debt, facts.held) == (CREDIT, 2 * CREDIT, 3 * CREDIT)
    assert facts.available == -2 * CREDIT
    change = change_of(facts)
    assert (change.freezes, change.clawed, change.debt) == ([], True, 2 * CREDIT)
    assert change.frozen_since == T + 1
    lot = world.account().lots["lot"]
    assert (lot.clawed_back, lot.spent, lot.released_minor) == (5 * CREDIT, 2 * CREDIT, 7)


def test_26_debt_arises_under_any_policy() -> None:
    world = World(card())
    buy(world, 5)
    world.use("e", 5)
    (facts,) = world.accept(notice("lost"))
    assert (facts.amount, facts.debt, moved(facts)) == (-5 * CREDIT, 5 * CREDIT, [])
    granted, settled = world.grant("more", 9 * CREDIT).facts
    assert (granted.debt, settled.debt, settled.available) == (5 * CREDIT, 0, 4 * CREDIT)


def test_26_reinstated_brings_the_credits_back_and_the_time_of_the_dispute() -> None:
    world = World(card())
    buy(world, 10, expires_at=T + HOUR_US)
    world.use("e", 4)
    world.accept(notice("opened"), "", T + 10)
    world.accept(notice("lost"), "", T + 20)
    (facts,) = world.accept(notice("reinstated"), "", T + 50)
    assert (facts.type, facts.amount) == ("clawback", 10 * CREDIT)
    assert (facts.balance, facts.debt, facts.available) == (6 * CREDIT, 0, 6 * CREDIT)
    assert moved(facts) == [("lot", 6, -6, False)]
    change = change_of(facts)
    assert (change.clawed, change.debt, change.freezes) == (False, 0, [])
    assert change.expires_at == T + HOUR_US + 40
    lot = world.account().lots["lot"]
    assert (lot.clawed_back, lot.spent, lot.released_minor) == (0, 4 * CREDIT, 4)
    assert drawn(world.use("f", 1, T + 51)) == [("lot", 1)]


def test_26_what_was_settled_goes_back_to_the_settling_lots() -> None:
    world = World(card())
    buy(world, 10)
    world.use("e", 6)
    world.accept(notice("lost"))
    world.grant("first", 2 * CREDIT)
    world.grant("second", 3 * CREDIT)
    assert world.account().debt == CREDIT
    (facts,) = world.accept(notice("reinstated"))
    assert (facts.amount, facts.debt, facts.balance) == (10 * CREDIT, 0, 9 * CREDIT)
    assert drawn(facts) == [("lot", 4), ("second", 3), ("first", 2)]
    assert world.remaining() == {"lot": 4, "first": 2, "second": 3}
    assert world.account().lots["second"].spent == 0


def test_35_what_returns_to_settling_lots_is_treated_like_a_refund() -> None:
    world = World(card())
    buy(world, 10)
    world.use("e", 6)
    world.accept(notice("lost"))
    world.grant("ends", 2 * CREDIT, T, expires_at=T + HOUR_US)
    world.grant("rest", 9 * CREDIT, T, expires_at=T + 2 * HOUR_US)
    at = T + 2 * HOUR_US
    facts = world.accept(notice("reinstated"), "", at)
    assert told(facts) == [("expiration", -5), ("clawback", 10)]
    assert drawn(facts[1]) == [("lot", 4), ("rest", 4), ("ends", 2)]
    for lot_id in ("ends", "rest"):
        assert change_of(facts[1], lot_id).expires_at == at + 30 * DAY_US


def test_26_reinstated_settles_what_is_owed_otherwise() -> None:
    world = World(card())
    world.policy("p", overage_mode="overdraft", overdraft_limit=9 * CREDIT)
    buy(world, 5)
    world.accept(notice("lost"))
    world.use("e", 3)
    facts = world.accept(notice("reinstated"))
    assert told(facts) == [("clawback", 5), ("overdraft_settled", 0)]
    assert drawn(facts[1]) == [("lot", 3)]


def test_reinstated_reopens_a_closed_lot_as_for_a_refund() -> None:
    world = World(card())
    buy(world, 5, expires_at=T + HOUR_US)
    world.accept(notice("lost"))
    world.accept(Void(lot_id="lot"))
    (facts,) = world.accept(notice("reinstated"), "", T + 9)
    change = change_of(facts)
    assert (change.closed, change.expires_at) == (False, T + 9 + 30 * DAY_US)


def test_reinstated_of_a_lot_that_never_expires() -> None:
    world = World(card())
    buy(world, 5)
    world.accept(notice("lost"))
    (facts,) = world.accept(notice("reinstated"), "", T + 9)
    assert change_of(facts).expires_at is None


def test_26_a_lost_lot_that_spent_nothing_and_had_nothing_left() -> None:
    world = World(card())
    buy(world, 5)
    world.accept(Void(lot_id="lot"))
    (lost,) = world.accept(notice("lost"))
    assert (lost.amount, moved(lost), change_of(lost).frozen_since) == (0, [], T)
    (facts,) = world.accept(notice("reinstated"))
    assert (facts.amount, moved(facts), facts.debt) == (0, [], 0)


ORDERED: tuple[State, ...] = ("opened", "won", "lost", "reinstated")
LEADING_TO: dict[str, list[State]] = {
    "": [],
    "opened": ["opened"],
    "won": ["won"],
    "lost": ["lost"],
    "reinstated": ["lost", "reinstated"],
}
AFTER: dict[tuple[str, str], tuple[str, str]] = {
    # (what it is, the notice): (the outcome, what it is then).
    ("", "opened"): ("freeze", "opened"),
    ("", "won"): ("dispute_noted", "won"),
    ("", "lost"): ("clawback", "lost"),
    ("", "reinstated"): ("dispute_noted", "won"),
    ("opened", "opened"): ("duplicate", "opened"),
    ("opened", "won"): ("unfreeze", "won"),
    ("opened", "lost"): ("clawback", "lost"),
    ("opened", "reinstated"): ("unfreeze", "won"),
    ("won", "opened"): ("duplicate", "won"),
    ("won", "won"): ("duplicate", "won"),
    ("won", "lost"): ("dispute_state", "won"),
    ("won", "reinstated"): ("dispute_state", "won"),
    ("lost", "opened"): ("duplicate", "lost"),
    ("lost", "won"): ("dispute_state", "lost"),
    ("lost", "lost"): ("duplicate", "lost"),
    ("lost", "reinstated"): ("clawback", "reinstated"),
    ("reinstated", "opened"): ("duplicate", "reinstated"),
    ("reinstated", "won"): ("dispute_state", "reinstated"),
    ("reinstated", "lost"): ("duplicate", "reinstated"),
    ("reinstated", "reinstated"): ("duplicate", "reinstated"),
}


def outcome_of(decision: Decision) -> str:
    if decision.outcome == "accepted":
        (facts,) = decision.facts
        return facts.type
    return decision.code or decision.outcome


@pytest.mark.parametrize(("before", "state"), [*product(("", *ORDERED), ORDERED)])
def test_26_35_every_notice_after_every_other(before: str, state: State) -> None:
    world = World(card())
    buy(world, 5)
    for step in LEADING_TO[before]:
        world.accept(notice(step))
    decision = world.ask(notice(state), "k")
    assert (outcome_of(decision), state_of(world)) == AFTER[before, state]
    if decision.outcome == "duplicate":
        assert (decision.facts, decision.code) == ([], "")


@pytest.mark.parametrize("state", ORDERED)
def test_26_a_notice_for_a_payment_not_yet_known_is_noted(state: State) -> None:
    world = World(card())
    (facts,) = world.accept(notice(state))
    assert (facts.type, facts.amount, facts.allocations) == ("dispute_noted", 0, [])
    assert facts.details is not None
    assert facts.details.lot_changes == []
    assert state_of(world) == ("won" if state == "reinstated" else state)


def test_26_a_noted_opening_acts_when_the_lot_opens() -> None:
    world = World(card())
    world.accept(notice("opened"))
    granted, frozen = buy(world, 5, T + 9)
    assert (granted.type, granted.available) == ("grant", 5 * CREDIT)
    assert (frozen.type, frozen.available, change_of(frozen).freezes) == ("freeze", 0, ["dispute"])
    assert frozen.details is not None
    assert frozen.details.dispute is not None
    world.accept(notice("won"), "", T + 10)
    assert world.account().available == 5 * CREDIT


def test_26_a_noted_loss_acts_after_the_grant_and_before_any_settlement() -> None:
    world = World(card())
    world.policy("p", overage_mode="overdraft", overdraft_limit=9 * CREDIT)
    world.use("e", 3)
    world.accept(notice("lost"))
    assert told(buy(world, 5)) == [("grant", 5), ("clawback", -5)]
    assert (world.account().overdraft, world.account().balance) == (3 * CREDIT, -3 * CREDIT)


@pytest.mark.parametrize("states", [("won",), ("lost", "reinstated"), ("opened", "won")])
def test_26_a_dispute_that_ended_well_leaves_a_lot_alone_that_opens_later(
    states: tuple[State, ...],
) -> None:
    world = World(card())
    for state in states:
        world.accept(notice(state))
    assert told(buy(world, 5)) == [("grant", 5)]
    assert world.account().available == 5 * CREDIT


def test_26_one_dispute_a_payment() -> None:
    world = World(card())
    buy(world, 5)
    world.accept(notice("opened"))
    decision = world.ask(notice("won", dispute_id="other"))
    assert (decision.code, decision.detail) == ("dispute_state", "p is disputed by d")


def test_35_a_dispute_id_names_one_payment_in_any_unit_and_is_checked_before_its_state() -> None:
    world = World(card())
    buy(world, 5)
    buy(world, 5, payment_id="q", lot_id="other")
    world.accept(notice("won"))
    assert world.refuse(notice("lost", payment_id="q")) == "dispute_id_used"
    in_unit = world.ask(notice("lost", payment_id="q"), "k", unit="token")
    assert in_unit.code == "dispute_id_used"
    world.accept(notice("opened", payment_id="q", dispute_id="e"))
    decision = world.ask(notice("lost", dispute_id="e"))
    assert (decision.code, decision.detail) == ("dispute_id_used", "e disputes q")
    world.accept(notice("opened", payment_id="q"), customer_id="other")


def test_35_a_refused_notice_claims_nothing() -> None:
    world = World(card())
    buy(world, 5)
    world.accept(notice("won"))
    assert world.refuse(notice("lost", dispute_id="new")) == "dispute_state"
    world.accept(notice("opened", payment_id="q", dispute_id="new"))


@pytest.mark.parametrize("fields", [("", "p"), ("d", ""), ("d" * 129, "p"), ("d", "p" * 129)])
def test_its_ids(fields: tuple[str, str]) -> None:
    dispute_id, payment_id = fields
    body = NoteDispute(dispute_id=dispute_id, payment_id=payment_id, state="opened")
    assert World(card()).refuse(body) == "invalid_id"


def test_a_disputed_lot_does_not_expire() -> None:
    world = World(card())
    buy(world, 5, expires_at=T + 10)
    world.accept(notice("opened"), "", T + 5)
    assert world.accept(Tick(), "", T + DAY_US, customer_id=PARTITION_CUSTOMER) == []
    world.accept(notice("won"), "", T + DAY_US)
    assert world.account().lots["lot"].expires_at == T + DAY_US + 5
    (facts,) = world.accept(Tick(), "", T + DAY_US + 5 + GRACE_US, customer_id=PARTITION_CUSTOMER)
    assert (facts.type, facts.amount) == ("expiration", -5 * CREDIT)


def test_26_an_account_that_is_frozen_too_stays_frozen_when_the_dispute_is_lost() -> None:
    world = World(card())
    buy(world, 5)
    world.accept(Freeze(lot_id="lot"))
    world.accept(notice("opened"))
    (lost,) = world.accept(notice("lost"))
    assert change_of(lost).freezes == ["manual"]
    (back,) = world.accept(notice("reinstated"), "", T + 5)
    assert (change_of(back).freezes, back.available) == (["manual"], 0)
    world.accept(Unfreeze(lot_id="lot"), "", T + 6)
    assert world.account().available == 5 * CREDIT


@pytest.mark.parametrize("unfrozen_at", [40, 60])
def test_4_frozen_time_is_a_union_with_that_of_a_dispute(unfrozen_at: int) -> None:
    """Frozen by hand 10–40 or 10–60, disputed 20–50: not usable from 10 on without a break."""
    world = World(card())
    buy(world, 5, expires_at=T + HOUR_US)
    world.accept(Freeze(lot_id="lot"), "", T + 10)
    world.accept(notice("opened"), "", T + 20)
    world.accept(notice("lost"), "", T + 30)
    if unfrozen_at < 50:
        world.accept(Unfreeze(lot_id="lot"), "", T + unfrozen_at)
    world.accept(notice("reinstated"), "", T + 50)
    if unfrozen_at > 50:
        world.accept(Unfreeze(lot_id="lot"), "", T + unfrozen_at)
    assert world.account().lots["lot"].expires_at == T + HOUR_US + max(unfrozen_at, 50) - 10


def test_debt_of_two_lost_payments_is_one_pool() -> None:
    world = World(card())
    buy(world, 2)
    buy(world, 3, payment_id="q", lot_id="other")
    world.use("e", 5)
    world.accept(notice("lost"))
    world.accept(notice("lost", payment_id="q", dispute_id="e"))
    world.grant("more", 4 * CREDIT)
    assert world.account().debt == CREDIT
    (back,) = world.accept(notice("reinstated"))
    assert (back.amount, back.debt, drawn(back)) == (2 * CREDIT, 0, [("more", 1)])
    (back,) = world.accept(notice("reinstated", payment_id="q", dispute_id="e"))
    assert (back.amount, back.debt, drawn(back)) == (3 * CREDIT, 0, [("more", 3)])


def test_what_a_lost_lot_had_settled_goes_back_by_its_debt() -> None:
    """The second payment settled the debt of the first, and is lost too."""
    world = World(card())
    buy(world, 2)
    world.use("e", 2)
    world.accept(notice("lost"))
    buy(world, 3, payment_id="q", lot_id="other")
    (lost,) = world.accept(notice("lost", payment_id="q", dispute_id="e"))
    assert (lost.amount, lost.debt, moved(lost)) == (
        -3 * CREDIT,
        2 * CREDIT,
        [("other", 1, 1, False)],
    )
    (back,) = world.accept(notice("reinstated"))
    assert (back.amount, back.debt, back.balance) == (2 * CREDIT, 0, 0)

"""Settlement: nothing owed stands beside free credits (rulings 2, 29)."""

from drawdown.domain.drafts import Draft
from drawdown.domain.entries import PARTITION_CUSTOMER, EntryFacts
from drawdown.domain.inputs import (
    ExtendHold,
    Freeze,
    Grant,
    NoteDispute,
    RefundUsage,
    ReleaseHold,
    Tick,
    Unfreeze,
)
from drawdown.domain.numbers import AMOUNT_MAX, ATTO_PER_MICRO, MINUTE_US
from drawdown.domain.rating import Price
from drawdown.domain.settlement import settle
from drawdown.domain.usage import charge, usage_origin
from tests.domain.building import (
    CREDIT,
    HOUR_US,
    T,
    World,
    account_state,
    card,
    command,
    deduction,
    drawn,
    moved,
    told,
    usage,
)


def overdrawn(credits: int, *, limit: int = 100) -> World:
    """A world whose customer owes so many credits."""
    world = World(card())
    world.policy("overdraft", overage_mode="overdraft", overdraft_limit=limit * CREDIT)
    world.use("owed", credits)
    return world


def test_a_grant_pays_what_is_owed_in_an_entry_of_its_own() -> None:
    world = overdrawn(4)
    granted, settled = world.grant(
        "lot", 10 * CREDIT, T + 5, kind="purchased", price_minor=1_000, currency="USD"
    ).facts
    assert (granted.type, granted.amount, granted.balance) == ("grant", 10 * CREDIT, 6 * CREDIT)
    assert (granted.available, granted.overdraft) == (6 * CREDIT, 4 * CREDIT)
    assert (settled.type, settled.amount, settled.balance) == ("overdraft_settled", 0, 6 * CREDIT)
    assert (settled.available, settled.overdraft) == (6 * CREDIT, 0)
    assert (settled.cause, settled.cause_id, settled.actor) == ("command", "lot", "tester")
    assert (settled.effective_at, settled.recorded_at) == (T + 5, T + 5)
    assert drawn(settled) == [("lot", 4)]
    assert settled.allocations[0].released_minor == 400
    lot = world.account().lots["lot"]
    assert (lot.remaining, lot.spent, lot.released_minor) == (6 * CREDIT, 4 * CREDIT, 400)


def test_a_grant_that_is_too_small_leaves_the_rest_owed() -> None:
    world = overdrawn(4)
    _, settled = world.grant("lot", 3 * CREDIT).facts
    assert (settled.overdraft, settled.balance, settled.available) == (CREDIT, -CREDIT, -CREDIT)
    _, settled = world.grant("lot 2", CREDIT).facts
    assert (settled.overdraft, settled.balance) == (0, 0)
    assert len(world.grant("lot 3", CREDIT).facts) == 1


def test_a_scoped_grant_and_one_that_starts_later_pay_nothing() -> None:
    world = overdrawn(4)
    assert len(world.grant("meters", CREDIT, meters=["tokens"]).facts) == 1
    assert len(world.grant("properties", CREDIT, properties={"model": "sage"}).facts) == 1
    assert len(world.grant("later", CREDIT, effective_at=T + 1).facts) == 1
    assert world.account().overdraft == 4 * CREDIT
    assert world.account().available == (2 - 4) * CREDIT


def test_overage_is_never_settled() -> None:
    world = World(card())
    world.policy("p", overage_mode="overage")
    world.use("e", 4)
    assert len(world.grant("lot", 9 * CREDIT).facts) == 1


def test_what_becomes_effective_pays_before_the_next_decision_as_of_its_own_moment() -> None:
    world = overdrawn(7)
    world.grant("second", 2 * CREDIT, effective_at=T + 20)
    world.grant("last of the first", 2 * CREDIT, effective_at=T + 10)
    world.grant("first", CREDIT, effective_at=T + 10, priority=1)
    world.grant("later", 50 * CREDIT, effective_at=T + 31)
    event = usage("e", occurred_at=T + 30)
    first, second, deducted = world.decide(event, T + 30).facts
    assert (first.type, first.effective_at) == ("overdraft_settled", T + 10)
    assert drawn(first) == [("first", 1), ("last of the first", 2)]
    assert (first.overdraft, first.recorded_at, first.occurred_at) == (4 * CREDIT, T + 30, T + 30)
    assert (first.cause, first.cause_id, first.cause_digest) == ("due", "e", event.digest)
    assert (first.reason, first.actor) == ("", "")
    assert (second.effective_at, drawn(second)) == (T + 20, [("second", 2)])
    assert (second.overdraft, second.amount) == (2 * CREDIT, 0)
    assert (deducted.type, deducted.overdraft) == ("deduction", 3 * CREDIT)


def test_what_is_left_after_paying_is_drawn_by_the_usage() -> None:
    world = overdrawn(7)
    world.grant("lot", 10 * CREDIT, effective_at=T + 10)
    settled, deducted = world.decide(usage("e", occurred_at=T + 10), T + 10).facts
    assert (drawn(settled), settled.available) == ([("lot", 7)], 3 * CREDIT)
    assert (drawn(deducted), deducted.available) == ([("lot", 1)], 2 * CREDIT)
    assert (settled.account_seq, deducted.account_seq) == (4, 5)


def test_what_fell_due_is_booked_before_a_refusal_too() -> None:
    world = overdrawn(7)
    world.grant("lot", 10 * CREDIT, effective_at=T + 10)
    decision = world.decide(usage("e", meter="m", occurred_at=T + 10), T + 10)
    assert decision.outcome == "rejected"
    assert [facts.type for facts in decision.facts] == ["overdraft_settled", "rejected"]
    assert world.account().overdraft == 0
    assert world.decide(usage("e", meter="m", occurred_at=T + 10), T + 11).outcome == "duplicate"


def test_what_fell_due_is_booked_before_commands_too_and_their_repeats_know_their_outcome() -> None:
    world = overdrawn(7)
    world.grant("lot", 3 * CREDIT, effective_at=T + 10)
    world.grant("lot 2", 3 * CREDIT, effective_at=T + 20)
    changed = world.policy("p", T + 10, grace_us=1)
    assert [facts.type for facts in changed.facts] == ["overdraft_settled", "policy_changed"]
    wrong = command(Grant(amount=0, kind="included"), "wrong")
    refused = world.decide(wrong, T + 20)
    assert [facts.type for facts in refused.facts] == ["overdraft_settled", "rejected"]
    again = world.decide(wrong, T + 21)
    assert (again.outcome, again.code) == ("duplicate", "invalid_amount")
    assert again.first_entry_id == world.log[-1].entry_id
    granted = world.grant("lot 3", 5 * CREDIT, T + 30)
    assert [facts.type for facts in granted.facts] == ["grant", "overdraft_settled"]


def test_what_fell_due_is_booked_before_a_charge_that_is_out_of_range() -> None:
    world = overdrawn(7)
    world.grant("lot", 10 * CREDIT, effective_at=T + 10)
    world.apply(card("2", version="2", effective_from=T + 10))
    too_much = usage("e", occurred_at=T + 10, quantities={"tokens": AMOUNT_MAX})
    decision = world.decide(too_much, T + 10)
    assert (decision.outcome, decision.code) == ("rejected", "out_of_range")
    assert [facts.type for facts in decision.facts] == ["overdraft_settled", "rejected"]


def test_a_repeated_grant_is_known_by_its_first_entry() -> None:
    world = overdrawn(7)
    given = command(Grant(amount=CREDIT, kind="included"), "k")
    assert len(world.decide(given).facts) == 2
    again = world.decide(given)
    assert (again.outcome, again.first_entry_id) == ("duplicate", "c-3-2-0")


def test_a_duplicate_books_nothing_though_something_is_due() -> None:
    world = overdrawn(7)
    world.grant("lot", 3 * CREDIT, effective_at=T + 10)
    repeated = usage("owed", quantities={"tokens": 7_000_000})
    assert world.decide(repeated, T + 10).facts == []


def test_overdraft_that_arises_beside_free_credits_is_settled_at_once() -> None:
    """Usage that occurs after a lot's expiry, but is recorded before it, can't draw on the lot."""
    world = World(card())
    world.policy("p", overage_mode="overdraft", overdraft_limit=5 * CREDIT)
    world.grant("ends", 9 * CREDIT, expires_at=T + MINUTE_US)
    world.grant("scoped", 9 * CREDIT, expires_at=T + MINUTE_US, meters=["tokens"])
    world.grant("stays", 2 * CREDIT)
    event = usage("e", occurred_at=T + MINUTE_US, quantities={"tokens": 5 * CREDIT})
    deducted, settled = world.decide(event, T + MINUTE_US - 1).facts
    assert drawn(deducted) == [("stays", 2)]
    assert (deducted.overdraft, deducted.available) == (3 * CREDIT, 15 * CREDIT)
    assert (settled.type, drawn(settled)) == ("overdraft_settled", [("ends", 3)])
    assert (settled.overdraft, settled.available) == (0, 15 * CREDIT)
    assert (settled.cause, settled.effective_at) == ("usage", T + MINUTE_US - 1)


def test_a_lot_in_its_grace_settles_nothing() -> None:
    world = World(card())
    world.policy("p", overage_mode="overdraft", overdraft_limit=5 * CREDIT)
    world.grant("ends", 9 * CREDIT, expires_at=T + 10)
    facts = world.use("e", 2, T + 10)
    assert (facts.overdraft, drawn(facts)) == (2 * CREDIT, [])
    assert len(world.policy("p2", T + 10, grace_us=1).facts) == 1


def purchase(world: World, credits: int, *, payment_id: str = "p", at: int = T) -> list[EntryFacts]:
    """A lot named after its payment that costs a cent a credit."""
    body = Grant(
        amount=credits * CREDIT,
        kind="purchased",
        price_minor=credits,
        currency="USD",
        payment_id=payment_id,
    )
    return world.accept(body, payment_id, at)


def lose(world: World, payment_id: str = "p", at: int = T) -> list[EntryFacts]:
    body = NoteDispute(dispute_id=f"d {payment_id}", payment_id=payment_id, state="lost")
    return world.accept(body, "", at)


def owing(*, debt: int, overdraft: int) -> World:
    """A world whose customer owes both, in whole credits."""
    world = World(card())
    world.policy("overdraft", overage_mode="overdraft", overdraft_limit=100 * CREDIT)
    purchase(world, debt)
    world.use("spent", debt)
    lose(world)
    if overdraft:
        world.use("overdrawn", overdraft)
    account = world.account()
    assert (account.debt, account.overdraft) == (debt * CREDIT, overdraft * CREDIT)
    return world


def test_2_debt_is_paid_before_overdraft() -> None:
    for lot, debt, overdraft in ((4, 1, 7), (6, 0, 6), (12, 0, 0)):
        world = owing(debt=5, overdraft=7)
        _, settled = world.grant("lot", lot * CREDIT).facts
        assert (settled.debt, settled.overdraft) == (debt * CREDIT, overdraft * CREDIT)
        assert (settled.amount, drawn(settled)) == (0, [("lot", lot)])
        assert world.account().lots["lot"].spent == lot * CREDIT
    assert len(world.grant("more", CREDIT).facts) == 1


def test_2_what_is_owed_is_paid_in_burn_order_by_as_many_lots_as_it_takes() -> None:
    world = owing(debt=5, overdraft=7)
    world.grant("scoped", 50 * CREDIT, meters=["tokens"], priority=0)
    world.grant("late", 20 * CREDIT, effective_at=T + 9)
    world.grant("soon", 3 * CREDIT, effective_at=T + 9, expires_at=T + HOUR_US)
    (settled,) = world.accept(Tick(), "", T + 9, customer_id=PARTITION_CUSTOMER)
    assert drawn(settled) == [("soon", 3), ("late", 9)]
    assert (settled.cause, settled.effective_at, settled.debt) == ("tick", T + 9, 0)


def test_2_what_a_hold_gives_back_settles_after_its_release() -> None:
    world = World(card())
    world.policy("overdraft", overage_mode="overdraft", overdraft_limit=9 * CREDIT)
    world.grant("lot", 5 * CREDIT)
    world.hold("h", 4)
    world.use("e", 3)
    assert world.account().overdraft == 2 * CREDIT
    released, settled = world.accept(ReleaseHold(hold_id="h"))
    assert (released.type, released.held, released.available) == ("hold_released", 0, 2 * CREDIT)
    assert (settled.type, moved(settled)) == ("overdraft_settled", [("lot", 2, 0, False)])
    assert (settled.balance, settled.available, settled.overdraft) == (2 * CREDIT, 2 * CREDIT, 0)


def test_2_what_is_unfrozen_settles() -> None:
    world = overdrawn(4)
    world.accept(Freeze())
    world.grant("lot", 5 * CREDIT)
    assert world.account().overdraft == 4 * CREDIT
    assert told(world.accept(Unfreeze(), "", T + 1)) == [("unfreeze", 0), ("overdraft_settled", 0)]


def test_2_what_is_refunded_settles() -> None:
    world = World(card())
    world.policy("overdraft", overage_mode="overdraft", overdraft_limit=9 * CREDIT)
    world.grant("lot", 5 * CREDIT)
    world.use("first", 5)
    world.use("second", 3)
    refund, settled = world.accept(RefundUsage(refund_id="r", event_id="first"))
    assert (refund.amount, refund.balance, refund.available) == (5 * CREDIT, 2 * CREDIT, 2 * CREDIT)
    assert (drawn(settled), settled.overdraft, settled.available) == ([("lot", 3)], 0, 2 * CREDIT)


def test_2_debt_that_arises_beside_free_credits_is_settled_at_once() -> None:
    world = World(card())
    purchase(world, 5)
    world.use("e", 5)
    world.grant("free", 9 * CREDIT)
    clawback, settled = lose(world)
    assert (clawback.amount, clawback.debt) == (-5 * CREDIT, 5 * CREDIT)
    assert (clawback.balance, clawback.available) == (4 * CREDIT, 4 * CREDIT)
    assert (drawn(settled), settled.debt, settled.balance) == ([("free", 5)], 0, 4 * CREDIT)


def test_2_an_extension_leaves_nothing_owed_beside_free_credits() -> None:
    world = overdrawn(2)
    world.hold("h", 3)
    assert told(world.accept(ExtendHold(hold_id="h", amount=CREDIT))) == [("hold_extended", 0)]
    assert world.account().reserved_room == 4 * CREDIT


def test_29_each_due_booking_is_closed_by_its_own_settlement_and_the_decision_by_one() -> None:
    world = overdrawn(9)
    world.grant("first", CREDIT, effective_at=T + 1)
    world.grant("second", CREDIT, effective_at=T + 2)
    granted = Grant(amount=CREDIT, kind="included")
    facts = world.accept(granted, "third", T + 5)
    assert told(facts) == [
        ("overdraft_settled", 0),
        ("overdraft_settled", 0),
        ("grant", 1),
        ("overdraft_settled", 0),
    ]
    assert [each.effective_at - T for each in facts] == [1, 2, 5, 5]
    assert [each.overdraft // CREDIT for each in facts] == [8, 7, 7, 6]
    assert [each.cause for each in facts] == ["due", "due", "command", "command"]


def test_28_settled_cost_basis_is_released_by_the_settling_lot() -> None:
    world = overdrawn(4)
    _, settled = purchase(world, 10)
    assert moved(settled) == [("p", 4, 4, False)]


def test_a_draft_takes_everything_back() -> None:
    world = owing(debt=5, overdraft=7)
    account = world.account()
    before = account_state(account)
    draft = Draft(account, "test", usage_origin(usage(), T))
    settle(draft, T)
    assert draft.finish() == []
    assert account_state(account) == before


def test_a_balance_ends_at_minus_two_to_the_62() -> None:
    world = World(card())
    world.policy("p", overage_mode="overdraft", overdraft_limit=AMOUNT_MAX)
    account = world.account()
    account.debt, account.balance = AMOUNT_MAX, -AMOUNT_MAX
    for micro, charged in ((0, True), (1, False)):
        price = Price(rate_card="", lines=[], total_atto=micro * ATTO_PER_MICRO, month_totals=[])
        draft = Draft(account, "test", usage_origin(usage(), T))
        assert charge(draft, usage(), price, None, charged_before=False) is charged
        assert len(draft.finish()) == int(charged)


def test_overage_ends_at_two_to_the_62() -> None:
    world = World(card())
    world.policy("p", overage_mode="overage")
    most = usage("most", quantities={"tokens": AMOUNT_MAX})
    assert deduction(world.decide(most)).overage_total == AMOUNT_MAX
    assert world.decide(usage("one more", quantities={"tokens": 1})).code == "out_of_range"

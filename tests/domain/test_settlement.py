"""Settlement: nothing owed stands beside free credits."""

from drawdown.domain.accounts import Account
from drawdown.domain.drafts import Draft, Origin
from drawdown.domain.entries import EntryFacts
from drawdown.domain.inputs import Grant
from drawdown.domain.numbers import AMOUNT_MAX, ATTO_PER_MICRO, MINUTE_US
from drawdown.domain.settlement import after, settle, settle_due
from drawdown.domain.usage import charge_usage
from tests.domain.building import CREDIT, T, World, account_state, card, command, drawn, usage


def overdrawn(credits: int, *, limit: int = 100) -> World:
    """A world whose customer owes so many credits."""
    world = World(card())
    world.policy("overdraft", overage_mode="overdraft", overdraft_limit=limit * CREDIT)
    world.use("owed", credits)
    return world


def origin(at: int = T) -> Origin:
    return Origin(
        cause="command",
        cause_id="k",
        digest=b"",
        reason="why",
        actor="who",
        occurred_at=T,
        recorded_at=at,
    )


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


def owing(debt: int, overdraft: int, lot: int) -> tuple[Account, EntryFacts]:
    """An account that owes both, and the settlement by an unscoped lot."""
    world = World(card())
    world.grant("lot", lot)
    account = world.account()
    account.debt, account.overdraft = debt, overdraft
    account.balance -= debt + overdraft
    (settled,) = settle(Draft(account, "test", origin()), account.live, effective_at=T)
    return account, settled


def test_debt_is_paid_before_overdraft() -> None:
    _, settled = owing(debt=5, overdraft=7, lot=4)
    assert (settled.debt, settled.overdraft) == (1, 7)
    _, settled = owing(debt=5, overdraft=7, lot=6)
    assert (settled.debt, settled.overdraft) == (0, 6)
    account, settled = owing(debt=5, overdraft=7, lot=20)
    assert (settled.debt, settled.overdraft, settled.available) == (0, 0, 8)
    assert (account.debt, account.overdraft) == (5, 7), "a draft changes nothing"


def test_debt_alone_is_settled_when_due() -> None:
    account, _ = owing(debt=5, overdraft=0, lot=20)
    (settled,) = settle_due(account, "test", origin())
    assert (settled.debt, settled.cause, settled.balance) == (0, "due", 15)


def test_nothing_owed_settles_nothing() -> None:
    world = World(card())
    world.grant("lot", CREDIT)
    account = world.account()
    assert settle(Draft(account, "test", origin()), account.live, effective_at=T) == []
    assert settle_due(account, "test", origin()) == []


def test_after_leaves_the_account_as_it_is() -> None:
    world = World(card())
    world.grant("a", 2 * CREDIT, kind="purchased", price_minor=200, currency="USD")
    world.grant("b", CREDIT, expires_at=T + 10, meters=["tokens"])
    world.use("e", 2)
    account = world.account()
    before = account_state(account)
    assert after(account, []) is account
    draft = Draft(account, "test", origin())
    facts = [draft.entry("rejected", amount=0, effective_at=T, allocations=[]) for _ in range(2)]
    moved = after(account, facts)
    assert account_state(account) == before
    assert account_state(moved) == {**before, "account_seq": 5}
    account.lots["a"].remaining -= 1
    assert moved.lots["a"].remaining == CREDIT


def test_a_balance_ends_at_minus_two_to_the_62() -> None:
    world = World(card())
    world.policy("p", overage_mode="overdraft", overdraft_limit=AMOUNT_MAX)
    account = world.account()
    account.debt, account.balance = AMOUNT_MAX, -AMOUNT_MAX
    for micro, entries in ((0, 1), (1, 0)):
        charged = charge_usage(account, "test", usage(), T, "", [], micro * ATTO_PER_MICRO)
        assert len(charged) == entries

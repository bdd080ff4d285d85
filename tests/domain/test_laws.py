"""Laws of the ledger, tried on streams of inputs: what holds whatever comes."""

from fractions import Fraction

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drawdown.domain.accounts import Lot
from drawdown.domain.entries import EntryFacts
from drawdown.domain.inputs import UsageEvent
from tests.domain.building import (
    CREDIT,
    LEAD_US,
    UNIT,
    World,
    account_state,
    card,
    deduction,
    ledger_state,
    usage,
)
from tests.domain.naive import Booked, NaiveLedger
from tests.domain.streams import Recorded, streams

laws = settings(deadline=None, max_examples=40, suppress_health_check=list(HealthCheck))


def play(stream: list[Recorded]) -> World:
    """A world that has decided a whole stream."""
    world = World()
    for each in stream:
        world.decide(each.given, each.at)
    return world


def booked(facts: EntryFacts) -> Booked:
    """What an entry says, in the naive model's words."""
    charge, details = facts.charge, facts.details
    rejection = None if details is None else details.rejection
    return Booked(
        type=facts.type,
        amount=facts.amount,
        balance=facts.balance,
        available=facts.available,
        overdraft=facts.overdraft,
        overage_total=facts.overage_total,
        residue=Fraction(facts.residue, 10**12),
        effective_at=facts.effective_at,
        parts=[(part.lot_id, part.amount, part.released_minor) for part in facts.allocations],
        charge=None
        if charge is None
        else (charge.rated, charge.overdrawn, charge.overage, charge.uncovered),
        code="" if rejection is None else rejection.code,
    )


@settings(laws, max_examples=120)
@given(streams())
def test_the_ledger_says_what_the_naive_model_says(stream: list[Recorded]) -> None:
    world, naive = World(), NaiveLedger(lead_us=LEAD_US)
    for number, each in enumerate(stream):
        decision = world.decide(each.given, each.at)
        got = decision.outcome, decision.code, [booked(facts) for facts in decision.facts]
        assert got == naive.take(each.given, each.at), f"input {number}"


@laws
@given(streams(), st.data())
def test_a_fold_of_the_log_is_the_state_and_goes_on_like_it(
    stream: list[Recorded], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(stream)))
    first = play(stream[:cut])
    replayed = World()
    replayed.ledger, replayed.log = first.replayed(), list(first.log)
    replayed.offsets = dict(first.offsets)
    assert ledger_state(replayed.ledger) == ledger_state(first.ledger)
    for each in stream[cut:]:
        one, other = first.decide(each.given, each.at), replayed.decide(each.given, each.at)
        assert one.first_entry_id == other.first_entry_id
        assert [booked(facts) for facts in one.facts] == [booked(facts) for facts in other.facts]
    assert ledger_state(replayed.ledger) == ledger_state(first.ledger)
    assert [entry.hash for entry in replayed.log] == [entry.hash for entry in first.log]


@laws
@given(streams())
def test_credits_are_conserved(stream: list[Recorded]) -> None:
    world = play(stream)
    for account in world.ledger.accounts():
        whose = (account.customer_id, account.unit)
        log = [e.facts for e in world.log if (e.facts.customer_id, e.facts.unit) == whose]
        charges = [facts.charge for facts in log if facts.charge is not None]
        taken = sum(
            part.amount
            for facts in log
            if facts.type in ("deduction", "overdraft_settled")
            for part in facts.allocations
        )
        granted = sum(facts.amount for facts in log if facts.type == "grant")
        remaining = sum(lot.remaining for lot in account.lots.values())
        settled = sum(
            part.amount
            for facts in log
            if facts.type == "overdraft_settled"
            for part in facts.allocations
        )
        assert granted == remaining + taken
        assert account.balance == sum(facts.amount for facts in log)
        assert account.overdraft == sum(charge.overdrawn for charge in charges) - settled
        assert account.overage_total == sum(charge.overage for charge in charges)
        exact = sum(
            line.amount * 10**12 + line.amount_atto for charge in charges for line in charge.lines
        )
        rated = sum(charge.rated for charge in charges)
        assert exact == rated * 10**12 + account.residue


@laws
@given(streams())
def test_no_lot_pays_that_must_not_and_those_that_pay_stand_in_burn_order(
    stream: list[Recorded],
) -> None:
    world = World()
    for each in stream:
        decision = world.decide(each.given, each.at)
        for facts in decision.facts:
            if facts.type == "grant" or not facts.allocations:
                continue
            account = world.account(facts.customer_id, facts.unit)
            lots = [account.lots[part.lot_id] for part in facts.allocations]
            keys = [lot.burn_key() for lot in lots]
            assert keys == sorted(keys)
            assert len(set(keys)) == len(keys)
            for lot in lots:
                _assert_may_pay(lot, each, facts, account.policy.grace_us)


def _assert_may_pay(lot: Lot, each: Recorded, facts: EntryFacts, grace_us: int) -> None:
    assert lot.accepted_at <= lot.effective_at <= each.at
    if facts.type == "overdraft_settled":
        assert not lot.meters
        assert not lot.properties
        assert each.at < lot.expires_at
        return
    assert isinstance(each.given, UsageEvent)
    assert each.given.occurred_at < lot.expires_at
    assert each.at < lot.expires_at + grace_us
    assert not lot.meters or each.given.meter in lot.meters
    assert lot.properties.items() <= each.given.properties.items()


@laws
@given(streams())
def test_what_was_decided_writes_nothing_when_it_is_sent_again(stream: list[Recorded]) -> None:
    world = World()
    for each in stream:
        first = world.decide(each.given, each.at)
        if first.code == "command_id_conflict":
            continue
        before = ledger_state(world.ledger)
        again = world.decide(each.given, each.at)
        assert (again.outcome, again.code, again.facts) == ("duplicate", first.code, [])
        assert again.first_entry_id
        assert ledger_state(world.ledger) == before


@laws
@given(
    st.integers(0, 10**13),
    st.lists(st.integers(0, 3_000_000), min_size=1, max_size=30),
)
def test_linear_usage_costs_the_same_however_it_is_split(rate_pico: int, parts: list[int]) -> None:
    rate = f"{rate_pico // 10**12}.{rate_pico % 10**12:012}"
    whole, split = World(card(rate)), World(card(rate))
    for world in (whole, split):
        world.policy("p", overage_mode="overage")
        world.grant("lot", 100 * CREDIT)
    whole.decide(usage("whole", quantities={"tokens": sum(parts)}))
    for number, part in enumerate(parts):
        split.decide(usage(f"{number}", quantities={"tokens": part}))
    one, other = account_state(whole.account()), account_state(split.account())
    for state in (one, other):
        for name in ("account_seq", "head"):
            del state[name]
    assert one == other


def test_ten_thousand_one_token_events_cost_what_one_event_of_them_costs() -> None:
    split, whole = (World(card("0.000000123457"), checked=False) for _ in range(2))
    for world in (split, whole):
        world.grant("lot", CREDIT)
    for number in range(10_000):
        split.decide(usage(f"{number}"))
    facts = deduction(whole.decide(usage("all", quantities={"tokens": 10_000 * UNIT})))
    assert facts.amount == -1_234
    assert (split.account().balance, split.account().residue) == (facts.balance, facts.residue)


@laws
@given(
    st.integers(0, 10**6),
    st.integers(1, 5_000),
    st.lists(st.integers(1, 500), min_size=1, max_size=40),
)
def test_what_is_released_adds_up_to_the_share_and_at_last_to_the_price(
    price_minor: int, granted: int, parts: list[int]
) -> None:
    world = World(card("0.000001"))
    world.grant("lot", granted, kind="purchased", price_minor=price_minor, currency="JPY")
    released = spent = 0
    for number, part in enumerate([*parts, granted]):
        facts = world.use(f"{number}", part)
        spent += sum(each.amount for each in facts.allocations)
        released += sum(each.released_minor for each in facts.allocations)
        assert released == round(Fraction(price_minor * spent, granted))
    assert released == price_minor


@laws
@given(streams())
def test_the_same_inputs_come_to_the_same_entries(stream: list[Recorded]) -> None:
    one, other = play(stream), play(stream)
    assert [booked(e.facts) for e in one.log] == [booked(e.facts) for e in other.log]
    assert ledger_state(one.ledger) == ledger_state(other.ledger)

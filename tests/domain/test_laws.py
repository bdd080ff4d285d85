"""Laws of the ledger, tried on streams of inputs: what holds whatever comes."""

from fractions import Fraction

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drawdown.domain.entries import PARTITION_CUSTOMER, EntryFacts, PolicyChange
from drawdown.domain.inputs import ChangePolicy, Command, Tick
from tests.domain.agreement import booked
from tests.domain.building import (
    CREDIT,
    UNIT,
    World,
    card,
    command,
    deduction,
    usage,
)
from tests.domain.states import account_state, ledger_state
from tests.domain.streams import Recorded, streams

laws = settings(deadline=None, max_examples=20, suppress_health_check=list(HealthCheck))


def play(stream: list[Recorded]) -> World:
    """A world that has decided a whole stream."""
    world = World()
    for each in stream:
        world.decide(each.given, each.at)
    return world


@laws
@given(streams(), st.data())
def test_a_fold_of_the_log_is_the_state_and_goes_on_like_it(
    stream: list[Recorded], data: st.DataObject
) -> None:
    cut = data.draw(st.integers(0, len(stream)))
    first = play(stream[:cut])
    replayed = World()
    replayed.sent.update(first.sent)
    replayed.log, replayed.offsets = list(first.log), dict(first.offsets)
    replayed.ledger = replayed.replayed()
    assert ledger_state(replayed.ledger) == ledger_state(first.ledger)
    for each in stream[cut:]:
        one, other = first.decide(each.given, each.at), replayed.decide(each.given, each.at)
        assert one.first_entry_id == other.first_entry_id
        assert [booked(facts) for facts in one.facts] == [booked(facts) for facts in other.facts]
    assert ledger_state(replayed.ledger) == ledger_state(first.ledger)
    assert [entry.hash for entry in replayed.log] == [entry.hash for entry in first.log]


@laws
@given(streams())
def test_credits_and_prices_are_conserved(stream: list[Recorded]) -> None:
    world = play(stream)
    for account in world.ledger.accounts():
        whose = (account.customer_id, account.unit)
        log = [e.facts for e in world.log if (e.facts.customer_id, e.facts.unit) == whose]
        lots = account.lots.values()
        owed = account.overdraft + account.debt
        assert account.balance == sum(facts.amount for facts in log)
        assert account.balance == sum(lot.remaining for lot in lots) - owed
        charges = [facts.charge for facts in log if facts.charge is not None]
        assert account.overage_total == sum(charge.overage for charge in charges)
        for lot in lots:
            gone = lot.spent + lot.expired + lot.voided + lot.clawed_back
            assert lot.granted == lot.remaining + gone
            assert 0 <= lot.reserved <= lot.remaining
            released = sum(
                part.released_minor
                for facts in log
                for part in facts.allocations
                if part.lot_id == lot.lot_id
            )
            assert released == round(Fraction(lot.price_minor * gone, lot.granted))
            assert lot.remaining or released == lot.price_minor


@laws
@given(streams())
def test_what_is_rated_is_what_its_lines_come_to(stream: list[Recorded]) -> None:
    world = play(stream)
    for account in world.ledger.accounts():
        charges = [
            each.facts.charge
            for each in world.log
            if each.facts.customer_id == account.customer_id
            and each.facts.type == "deduction"
            and each.facts.charge is not None
        ]
        exact = sum(
            line.amount * 10**12 + line.amount_atto for charge in charges for line in charge.lines
        )
        rated = sum(charge.rated for charge in charges)
        assert exact == rated * 10**12 + account.residue


@laws
@given(streams())
def test_a_hold_never_leaks(stream: list[Recorded]) -> None:
    world = World()
    for each in stream:
        world.decide(each.given, each.at)
        for account in world.ledger.accounts():
            opened = [hold for hold in account.holds.values() if hold.state == "open"]
            for lot in account.lots.values():
                reserved = sum(hold.reservations.get(lot.lot_id, 0) for hold in opened)
                assert lot.reserved == reserved
            assert account.held == sum(lot.reserved for lot in account.lots.values())
            assert account.held == sum(hold.reserved for hold in opened)
            assert account.reserved_room == sum(hold.reserved_room for hold in opened)
    ends = [e.facts for e in world.log if e.facts.type in ("hold_released", "hold_expired")]
    ended = [
        (facts.customer_id, facts.unit, facts.details.hold.hold_id)
        for facts in ends
        if facts.details is not None and facts.details.hold is not None
    ]
    assert len(ends) == len(ended) == len(set(ended))


@laws
@given(streams(), st.sampled_from(["", "stripe", "orb", "metronome", "lago", "openmeter"]))
def test_no_preset_draws_from_an_expired_frozen_or_out_of_scope_lot(
    stream: list[Recorded], preset: str
) -> None:
    world = World()
    if preset:
        body = ChangePolicy(policy=PolicyChange(burn_order=preset))
        at = stream[0].at
        chosen = command(body, "preset", customer_id=PARTITION_CUSTOMER, issued_at=at)
        assert world.decide(chosen, at).outcome == "accepted"
    for each in stream:
        for facts in world.decide(each.given, each.at).facts:
            if facts.type == "deduction":
                _assert_may_pay(world, facts, each.at)


def _assert_may_pay(world: World, facts: EntryFacts, at: int) -> None:
    account, charge = world.account(facts.customer_id, facts.unit), facts.charge
    assert charge is not None
    for part in facts.allocations:
        if part.reserved:
            continue
        lot = account.lots[part.lot_id]
        assert lot.accepted_at <= at
        assert lot.effective_at <= at
        assert facts.effective_at < lot.expires_at
        assert at < lot.expires_at + account.policy.grace_us
        assert not lot.freezes
        assert not lot.meters or charge.meter in lot.meters
        assert lot.properties.items() <= charge.properties.items()


@laws
@given(streams())
def test_what_was_decided_writes_nothing_when_it_is_sent_again(stream: list[Recorded]) -> None:
    world = World()
    for each in stream:
        first = world.decide(each.given, each.at)
        if first.code == "command_id_conflict" or not first.facts or _is_tick(each):
            continue
        before = ledger_state(world.ledger)
        again = world.decide(each.given, each.at)
        assert (again.outcome, again.code, again.facts) == ("duplicate", first.code, [])
        assert again.first_entry_id
        assert ledger_state(world.ledger) == before


def _is_tick(each: Recorded) -> bool:
    return isinstance(each.given, Command) and isinstance(each.given.body, Tick)


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
        # What is kept of each event differs, and nothing else.
        for name in ("account_seq", "head", "charges"):
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

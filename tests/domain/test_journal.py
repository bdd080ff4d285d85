"""Deciding changes nothing, whatever is decided: the state before is the state after."""

from collections.abc import Callable
from copy import deepcopy

import pytest

from drawdown.adapters.avro.codec import seal
from drawdown.domain.drafts import Draft
from drawdown.domain.entries import (
    PARTITION_CUSTOMER,
    PolicyChange,
    RecurringGrant,
    Rollover,
)
from drawdown.domain.inputs import (
    Adjust,
    ApplyRateCard,
    Batch,
    CaptureHold,
    ChangeExpiry,
    ChangePolicy,
    ClosePeriod,
    Command,
    CommandBody,
    ExtendHold,
    Freeze,
    Grant,
    HoldUsage,
    NoteDispute,
    ParkRecord,
    PlaceHold,
    RedriveRejected,
    RefundPurchase,
    RefundUsage,
    ReleaseHold,
    Tick,
    Unfreeze,
    UsageEvent,
    Void,
)
from drawdown.domain.ledger import Decision
from drawdown.domain.numbers import DAY_US, PICO
from drawdown.domain.settlement import settle
from drawdown.domain.usage import usage_origin
from tests.domain.building import (
    CREDIT,
    HOUR_US,
    LEAD_US,
    UNIT,
    T,
    World,
    account_state,
    card,
    command,
    ledger_state,
    usage,
)
from tests.domain.states import hold_state

LATE = T + 32 * DAY_US
"""When everything in the world has fallen due."""


def buy(world: World, payment_id: str, credits: int, priority: int = 50) -> None:
    body = Grant(
        amount=credits * CREDIT,
        kind="purchased",
        price_minor=credits,
        currency="USD",
        payment_id=payment_id,
        priority=priority,
    )
    world.accept(body, payment_id)


def busy_world() -> World:
    """An account in which everything is under way."""
    world = World(card())
    world.policy("p", overage_mode="overdraft", overdraft_limit=20 * CREDIT)
    rollover = Rollover(share_pico=PICO // 2, life_us=DAY_US)
    recurring = RecurringGrant(amount=CREDIT, anchor=T, period="week")
    world.accept(ChangePolicy(policy=PolicyChange(recurring=recurring, rollover=rollover)), "r")
    buy(world, "lost", 5, priority=1)
    world.use("of lost", 3)
    buy(world, "won", 5)
    buy(world, "plain", 5)
    world.grant("ends", 5 * CREDIT, expires_at=T + HOUR_US)
    world.grant("scoped", 5 * CREDIT, meters=["tokens"])
    world.grant("begins", 5 * CREDIT, effective_at=T + DAY_US)
    pending = Grant(amount=CREDIT, kind="included", freeze="verification", opens_at=T + DAY_US)
    world.accept(pending, "opens")
    world.accept(
        Grant(amount=CREDIT, kind="included", freeze="verification", voids_at=T + DAY_US), "voids"
    )
    world.hold("h", 4)
    world.hold("i", 4, expires_at=T + DAY_US)
    world.use("e", 2)
    world.accept(NoteDispute(dispute_id="d", payment_id="lost", state="lost"))
    world.accept(NoteDispute(dispute_id="w", payment_id="won", state="opened"))
    world.accept(Freeze(lot_id="begins"))
    world.decide(usage("rejected", meter="m"))
    return world


def captured(tokens: int = 1) -> HoldUsage:
    return HoldUsage(
        event_id=f"captured {tokens}",
        meter="tokens",
        occurred_at=T,
        status="succeeded",
        properties={},
        quantities={"tokens": tokens * UNIT},
    )


OF_A_CUSTOMER: list[CommandBody] = [
    Grant(amount=CREDIT, kind="included", payment_id="new"),
    Grant(amount=0, kind="included"),
    Grant(
        amount=CREDIT,
        kind="included",
        lot_id="tried",
        freeze="verification",
        opens_at=T + 5,
        effective_at=T + 5,
        expires_at=T + 9,
    ),
    Void(lot_id="plain"),
    Void(lot_id="plain", amount=CREDIT),
    RefundUsage(refund_id="r", event_id="e"),
    RefundUsage(refund_id="r", event_id="of lost"),
    RefundPurchase(refund_id="r", payment_id="plain", amount=CREDIT),
    Adjust(amount=CREDIT),
    Adjust(amount=-CREDIT),
    ChangeExpiry(lot_id="ends", expires_at=T + 40 * DAY_US),
    ChangeExpiry(lot_id="ends"),
    Freeze(),
    Freeze(lot_id="plain"),
    Unfreeze(lot_id="begins"),
    NoteDispute(dispute_id="d", payment_id="lost", state="reinstated"),
    NoteDispute(dispute_id="w", payment_id="won", state="won"),
    NoteDispute(dispute_id="w", payment_id="won", state="lost"),
    NoteDispute(dispute_id="new", payment_id="plain", state="opened"),
    NoteDispute(dispute_id="new", payment_id="unknown", state="lost"),
    ChangePolicy(policy=PolicyChange(burn_order="lago", grace_us=0)),
    PlaceHold(hold_id="j", amount=9 * CREDIT, meter="tokens", expires_at=LATE + 1),
    ExtendHold(hold_id="h", amount=CREDIT),
    CaptureHold(hold_id="h"),
    CaptureHold(hold_id="h", amount=CREDIT, final=False),
    CaptureHold(hold_id="h", usage=captured()),
    CaptureHold(hold_id="h", usage=captured(30), final=False),
    ReleaseHold(hold_id="h"),
    Batch(
        holds=[
            PlaceHold(hold_id="j", amount=CREDIT, meter="tokens", expires_at=LATE + 1),
            PlaceHold(hold_id="j", amount=CREDIT, meter="tokens", expires_at=LATE + 1),
        ]
    ),
    RedriveRejected(event_id="rejected"),
]
OF_THE_PARTITION: list[CommandBody] = [
    ApplyRateCard(card=card(version="2", effective_from=LATE + LEAD_US)),
    ClosePeriod(closed_until=T),
    ParkRecord(topic="usage-events", partition=3, offset=1),
    ChangePolicy(policy=PolicyChange(overage_mode="overage")),
    Tick(),
]
EVENTS = [
    usage("new"),
    usage("much", quantities={"tokens": 60 * UNIT}),
    usage("new", hold_id="h", hold_final=True),
    usage("new", hold_id="h"),
    usage("new", status="failed", hold_id="i", hold_final=True),
    usage("e", quantities={"tokens": 2 * UNIT}, hold_id="h", hold_final=True),
    usage("e"),
    usage("new", meter="m"),
    usage("new", customer_id="new"),
]
GIVEN: list[UsageEvent | Command] = [
    *EVENTS,
    *(command(body, "k") for body in OF_A_CUSTOMER),
    *(command(body, "k", customer_id=PARTITION_CUSTOMER) for body in OF_THE_PARTITION),
    command(Grant(amount=CREDIT, kind="included"), "ends"),
]


def name_of(given: UsageEvent | Command) -> str:
    return "usage" if isinstance(given, UsageEvent) else type(given.body).__name__


def decided(world: World, given: UsageEvent | Command, at: int, watermark: int) -> Decision:
    """A decision that isn't folded."""
    world.ledger.advance(watermark)
    if isinstance(given, UsageEvent):
        return world.ledger.decide_usage(given, at, b"raw")
    return world.ledger.decide_command(given, at, b"raw")


@pytest.mark.parametrize("at", [T, LATE])
@pytest.mark.parametrize("given", GIVEN, ids=name_of)
def test_deciding_changes_nothing(given: UsageEvent | Command, at: int) -> None:
    world = busy_world()
    before = ledger_state(world.ledger)
    free = {each: world.account().free_at(each) for each in (T, T + DAY_US, LATE)}
    first = decided(world, given, at, at)
    assert ledger_state(world.ledger) == before
    assert {each: world.account().free_at(each) for each in free} == free
    again = decided(world, given, at, at)
    assert comparable(again) == comparable(first)


def comparable(decision: Decision) -> list[bytes]:
    """Its entries as the log would have them, all chained to nothing."""
    return [
        seal(
            facts,
            prev_hash=bytes(32),
            partition_seq=1,
            source_topic="ledger_commands",
            source_partition=0,
            source_offset=0,
            index=0,
            count=1,
            header=b"",
        ).value
        for facts in decision.facts
    ]


@pytest.mark.parametrize("given", GIVEN, ids=name_of)
def test_a_decision_after_many_that_were_not_folded_is_the_same(
    given: UsageEvent | Command,
) -> None:
    """What was tried leaves nothing behind: no lot in a list, no due moment lost."""
    fresh, tried = busy_world(), busy_world()
    for each in GIVEN:
        decided(tried, each, T, T)
    for each in GIVEN:
        decided(tried, each, LATE, LATE)
    expected = decided(fresh, given, LATE, LATE)
    assert comparable(decided(tried, given, LATE, LATE)) == comparable(expected)


@pytest.mark.parametrize("given", GIVEN, ids=name_of)
def test_what_a_decision_says_is_what_folding_makes_of_it(given: UsageEvent | Command) -> None:
    world = busy_world()
    decision = world.decide(given, LATE)
    assert ledger_state(world.replayed()) == ledger_state(world.ledger)
    for facts in decision.facts[-1:]:
        account = world.account(facts.customer_id, facts.unit)
        assert account.available == facts.available
        assert account.available == account.free_at(LATE) - account.owed


def test_one_decision_is_tried_at_a_time() -> None:
    account = busy_world().account()
    draft = Draft(account, "test", usage_origin(usage(), T))
    with pytest.raises(AssertionError, match="one decision is tried at a time"):
        Draft(account, "test", usage_origin(usage(), T))
    draft.finish()


def test_a_draft_takes_a_settlement_back() -> None:
    world = World(card())
    world.policy("p", overage_mode="overdraft", overdraft_limit=20 * CREDIT)
    world.use("e", 4)
    world.grant("lot", 9 * CREDIT, effective_at=T + 10)
    account = world.account()
    before = account_state(account)
    draft = Draft(account, "test", usage_origin(usage(), T + 10))
    settle(draft, T + 10)
    assert (account.overdraft, account.lots["lot"].remaining) == (0, 5 * CREDIT)
    (settled,) = draft.finish()
    assert (settled.type, settled.overdraft) == ("overdraft_settled", 0)
    assert account_state(account) == before


def test_a_restored_hold_is_as_it_was_saved_whatever_moved_it_since() -> None:
    world = World(card())
    world.policy("p", overage_mode="overdraft", overdraft_limit=20 * CREDIT)
    world.grant("lot", 2 * CREDIT)
    world.hold("h", 5)
    hold = world.account().holds["h"]
    before, saved = deepcopy(hold_state(hold)), hold.saved()
    hold.reserve("lot", 1)
    hold.named_by("another")
    assert hold_state(hold) != before
    hold.restore(saved)
    assert hold_state(hold) == before
    assert (hold.reservations, hold.reserved) == ({"lot": 2 * CREDIT}, 2 * CREDIT)
    saved = hold.saved()
    world.accept(ReleaseHold(hold_id="h"))
    assert world.account().holds["h"] is hold
    ended, after = deepcopy(hold_state(hold)), hold.saved()
    hold.restore(saved)
    assert hold_state(hold) == before
    hold.restore(after)
    assert hold_state(hold) == ended


def test_no_more_is_given_up_than_is_reserved() -> None:
    world = World(card())
    world.grant("lot", 5 * CREDIT)
    world.hold("h", 2)
    account = world.account()
    with pytest.raises(AssertionError, match="isn't reserved by h"):
        account.holds["h"].give_up("lot", 2 * CREDIT + 1)
    for amount in (0, 2 * CREDIT + 1):
        with pytest.raises(AssertionError, match=f"{amount} of lot isn't reserved"):
            account.spend_reserved(account.holds["h"], account.lots["lot"], amount, 0)


CHANGES: list[Callable[[World], object]] = [
    lambda world: world.accept(Freeze()),
    lambda world: world.use("e", 3),
    lambda world: world.hold("h", 3),
]


@pytest.mark.parametrize("change", CHANGES)
def test_two_states_that_differ_are_told_apart(change: Callable[[World], object]) -> None:
    """The comparison that the tests above rest on can fail."""
    world = World(card())
    world.grant("lot", 5 * CREDIT)
    before = ledger_state(world.ledger)
    change(world)
    assert ledger_state(world.ledger) != before

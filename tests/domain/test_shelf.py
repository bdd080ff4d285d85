"""What left memory is found again where it was saved, and nothing else changes."""

import pytest

from drawdown.adapters.local_state.store import MemoryStore
from drawdown.domain.entries import PARTITION_CUSTOMER, PolicyChange
from drawdown.domain.inputs import (
    Adjust,
    CaptureHold,
    ChangePolicy,
    ClosePeriod,
    Command,
    Grant,
    NoteDispute,
    ParkRecord,
    PlaceHold,
    RedriveRejected,
    RefundPurchase,
    RefundUsage,
    ReleaseHold,
    Tick,
)
from drawdown.domain.numbers import DAY_US, MINUTE_US
from drawdown.errors import PartitionHalted
from tests.domain.building import CREDIT, CUSTOMER, HOUR_US, T, card, command, usage
from tests.domain.shelved import KeptWorld

OTHERS = 7


def forgetful() -> KeptWorld:
    """A world with a card, and a customer with a lot of 100."""
    world = KeptWorld(MemoryStore())
    world.apply(card())
    world.grant("lot", 100 * CREDIT)
    return world


def forget(world: KeptWorld) -> None:
    """Save everything, and have others asked for until the customer has left memory."""
    world.save(everything=True)
    for number in range(OTHERS):
        world.ledger.knows(f"nobody-{number}")
        world.grant(f"l{len(world.log)}", CREDIT, customer_id=f"other-{number}")
        world.save(everything=True)
    assert not world.ledger.cabinet.holds(CUSTOMER)
    assert len(world.ledger.cabinet) < OTHERS


def test_a_charge_is_found_for_its_repeat_and_its_refund() -> None:
    world = forgetful()
    world.use("e", 10)
    forget(world)
    again = usage("e", quantities={"tokens": 10 * 10**6})
    world.ledger.foresee([again, "no event"])
    assert world.decide(again).outcome == "duplicate"
    forget(world)
    world.accept(RefundUsage(refund_id="r", event_id="e", amount=4 * CREDIT))
    forget(world)
    assert world.refuse(RefundUsage(refund_id="r", event_id="e")) == "refund_id_used"
    forget(world)
    assert world.refuse(RefundUsage(refund_id="s", event_id="e", amount=7 * CREDIT)) == (
        "exceeds_charge"
    )
    assert world.remaining() == {"lot": 94}


def test_a_charge_is_found_while_it_is_being_saved() -> None:
    world = forgetful()
    world.use("e", 10)
    charges = world.ledger.cabinet.charges
    older = charges.take_new()
    world.use("f", 10)
    newer = charges.take_new()
    assert [list(older), list(newer)] == [[f"{CUSTOMER}\0e"], [f"{CUSTOMER}\0f"]]
    for event_id in ("e", "f"):
        again = usage(event_id, quantities={"tokens": 10 * 10**6})
        assert world.decide(again).outcome == "duplicate"
    assert world.decide(usage("g")).outcome == "accepted"
    charges.saved_new(older)
    assert {key for key, _ in charges.items()} == {f"{CUSTOMER}\0f", f"{CUSTOMER}\0g"}
    charges.drop_all()
    assert (len(charges), charges.items(), charges.take_new()) == (0, [], {})


def test_what_an_unsaved_charge_drew_is_in_its_record_or_kept() -> None:
    world = forgetful()
    # Of every other entry there is a record, and with it no need to keep what it says.
    for event_id in ("e", "f"):
        world.use(event_id, 10)
    charges = [charged for _, charged in world.ledger.cabinet.charges.items()]
    assert sorted(bool(each.record) for each in charges) == [False, True]
    assert [each.refundable is None for each in charges] == [bool(each.record) for each in charges]
    for event_id in ("e", "f"):
        world.accept(RefundUsage(refund_id=f"r-{event_id}", event_id=event_id))
    assert world.remaining() == {"lot": 100}
    assert world.past.entries == []


def test_what_a_saved_charge_drew_is_read_again_for_its_refund_alone() -> None:
    world = forgetful()
    places = []
    for event_id in ("e", "f"):
        world.use(event_id, 10)
        places.append(world.ledger.partition_seq)
    forget(world)
    again = usage("e", quantities={"tokens": 10 * 10**6})
    assert world.decide(again).outcome == "duplicate"
    assert world.past.entries == [], "that it was charged stands in its row"
    for number in range(2):
        for event_id in ("f", "e"):
            asked = RefundUsage(
                refund_id=f"r-{event_id}-{number}", event_id=event_id, amount=CREDIT
            )
            world.accept(asked)
            forget(world)
    assert world.past.entries == [*reversed(places), *reversed(places)]
    assert world.remaining() == {"lot": 84}
    world.reopen()
    assert len(world.past.entries) == 4, "folding a refund doesn't take what its charge drew"


def test_another_entry_than_the_one_that_charged_is_never_given_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    world = forgetful()
    world.use("e", 10)
    seq = world.ledger.partition_seq
    world.use("f", 20)
    forget(world)
    monkeypatch.setattr(world.past, "entry", lambda *_: world.log[seq])
    with pytest.raises(PartitionHalted, match=f"entry {seq} isn't u-.*, which charged, but u-"):
        world.refuse(RefundUsage(refund_id="r", event_id="e"))


def test_a_charge_that_is_folded_again_stands_once() -> None:
    world = forgetful()
    for event_id in ("e", "f"):
        world.use(event_id, 10)
        world.save()
        world.reopen()
        account = world.ledger.account(CUSTOMER, "credit")
        assert account is not None
        charged = account.charges.in_unit(event_id, "credit")
        assert charged is not None
        assert charged.before is None
    world.accept(RefundUsage(refund_id="r", event_id="e"))
    assert world.refuse(RefundUsage(refund_id="s", event_id="e")) == "exceeds_charge"
    assert world.remaining() == {"lot": 90}


def test_what_is_known_to_be_new_is_not_asked_for() -> None:
    world = forgetful()
    world.save(everything=True)
    fresh = usage("fresh")
    world.ledger.foresee([fresh])
    assert world.ledger.cabinet.charges.absent == {f"{CUSTOMER}\0fresh"}
    assert world.decide(fresh).outcome == "accepted"
    world.save(everything=True)
    assert world.ledger.cabinet.charges.absent == set()
    assert world.decide(fresh).outcome == "duplicate"


def test_events_alone_are_looked_up() -> None:
    world = forgetful()
    world.ledger.foresee([ValueError("no event"), usage("e")])
    assert world.ledger.cabinet.charges.absent == {f"{CUSTOMER}\0e"}
    plain = forgetful()
    plain.ledger.cabinet.shelf = None
    plain.ledger.foresee([usage("e")])
    assert plain.ledger.cabinet.charges.absent == set()


def test_holds_that_are_open_come_back_with_their_customer() -> None:
    world = forgetful()
    world.hold("open", 30)
    forget(world)
    assert world.account().held == 30 * CREDIT
    [captured, released] = world.accept(CaptureHold(hold_id="open", amount=CREDIT, final=True))
    assert (captured.type, released.type) == ("hold_captured", "hold_released")
    assert world.account().held == 0


def test_holds_that_ended_are_found_by_their_id_alone() -> None:
    world = forgetful()
    world.hold("ended", 30)
    world.accept(ReleaseHold(hold_id="ended"))
    forget(world)
    assert "ended" not in world.account().holds
    assert world.refuse(ReleaseHold(hold_id="ended")) == "hold_not_open"
    assert world.refuse(ReleaseHold(hold_id="never")) == "unknown_hold"
    again = PlaceHold(hold_id="ended", amount=1, meter="tokens", expires_at=T + HOUR_US)
    assert world.refuse(again) == "hold_id_used"
    charged = world.decide(usage("late", hold_id="ended"))
    assert charged.facts[0].charge is not None
    assert charged.facts[0].charge.hold_ended


def test_an_ended_hold_stays_in_memory_until_it_is_saved() -> None:
    world = forgetful()
    world.hold("h", 1)
    world.accept(ReleaseHold(hold_id="h"))
    assert "h" in world.account().holds
    world.save(everything=True)
    assert "h" not in world.account().holds


def test_commands_and_business_keys_are_found() -> None:
    world = forgetful()
    purchase = Grant(
        amount=CREDIT, kind="purchased", price_minor=100, currency="USD", payment_id="pay"
    )
    world.accept(purchase, "buy")
    forget(world)
    assert world.ask(purchase, "buy").outcome == "duplicate"
    assert world.refuse(purchase) == "payment_id_used"
    forget(world)
    assert world.ask(Adjust(amount=CREDIT), "buy").code == "command_id_conflict"
    forget(world)
    back = RefundPurchase(refund_id="back", payment_id="pay", amount=CREDIT)
    world.accept(back)
    forget(world)
    assert world.refuse(back) == "refund_id_used"
    assert "pay" not in world.ledger.business_keys(CUSTOMER)


def test_disputes_are_found() -> None:
    world = forgetful()
    world.accept(NoteDispute(dispute_id="d", payment_id="pay", state="opened"))
    forget(world)
    other = NoteDispute(dispute_id="d", payment_id="another", state="opened")
    assert world.refuse(other) == "dispute_id_used"
    forget(world)
    world.accept(Grant(amount=CREDIT, kind="promotional", payment_id="pay"), "paid")
    assert world.account().lots["paid"].freezes == ["dispute"]


def test_refused_events_are_found_for_a_repeat_and_a_redrive() -> None:
    world = forgetful()
    refused = usage("e", meter="unknown")
    assert world.decide(refused).code == "no_rate"
    forget(world)
    assert world.decide(refused).outcome == "duplicate"
    forget(world)
    assert world.refuse(RedriveRejected(event_id="e", rate_card="")) == "no_rate"


def test_what_falls_due_is_booked_for_who_is_not_in_memory() -> None:
    world = forgetful()
    world.grant("short", CREDIT, expires_at=T + DAY_US)
    forget(world)
    at = T + DAY_US + HOUR_US
    first = world.decide(tick("tick", at), at)
    assert [(facts.customer_id, facts.type) for facts in first.facts] == [(CUSTOMER, "expiration")]
    assert world.decide(tick("tick", at), at).outcome == "duplicate"
    assert world.decide(tick("next", at), at).facts == []


def test_a_later_look_than_was_noted_first_finds_the_earlier_moment_passed() -> None:
    world = forgetful()
    world.hold("h", 1, expires_at=T + HOUR_US)
    world.accept(ReleaseHold(hold_id="h"))
    world.hold("g", 1, expires_at=T + MINUTE_US)
    forget(world)
    at = T + 2 * HOUR_US
    assert [facts.type for facts in world.decide(tick("tick", at), at).facts] == ["hold_expired"]


def test_a_default_policy_moves_the_dues_of_who_is_not_in_memory() -> None:
    world = forgetful()
    world.grant("short", CREDIT, expires_at=T + DAY_US)
    forget(world)
    change = ChangePolicy(policy=PolicyChange(grace_us=0))
    world.accept(change, customer_id=PARTITION_CUSTOMER)
    assert world.ledger.next_due_at() == T + DAY_US


def test_the_partition_begins_with_what_was_saved_of_it() -> None:
    world = forgetful()
    world.accept(ClosePeriod(closed_until=T - 1), customer_id=PARTITION_CUSTOMER)
    change = ChangePolicy(policy=PolicyChange(overage_mode="overage"))
    world.accept(change, customer_id=PARTITION_CUSTOMER)
    parked = ParkRecord(topic="usage-events", partition=3, offset=1_000)
    world.accept(parked, customer_id=PARTITION_CUSTOMER)
    world.save(everything=True)
    world.reopen()
    assert world.ledger.closed_until == T - 1
    assert world.ledger.default_policy.overage_mode == "overage"
    assert [each.label for each in world.ledger.rate_book.cards()] == [card().label]
    assert list(world.ledger.parking.skips("usage_events")) == [1_000]
    assert world.refuse(parked, customer_id=PARTITION_CUSTOMER) == "record_decided"


def test_a_charge_in_another_unit_is_refunded_behind_the_latest() -> None:
    world = forgetful()
    world.apply(card(unit="token", version="2"))
    world.grant("tokens", 9 * CREDIT, unit="token")
    world.use("e", 5)
    later = T + 36 * DAY_US
    again = usage("e", unit="token", occurred_at=later)
    assert world.decide(again, later).outcome == "accepted"
    forget(world)
    refunded = world.accept(RefundUsage(refund_id="r", event_id="e"), at=later)
    assert refunded[0].amount == 5 * CREDIT
    latest = world.account().charges.in_unit("e", "token")
    earlier = world.account().charges.in_unit("e", "credit")
    assert latest is not None
    assert earlier is not None
    assert (latest.returned, earlier.returned) == (0, 5 * CREDIT)
    forget(world)
    assert world.refuse(RefundUsage(refund_id="s", event_id="e"), at=later) == "exceeds_charge"


def test_of_two_charges_of_an_id_in_one_unit_the_latest_is_refunded() -> None:
    world = forgetful()
    world.use("e", 5)
    later = T + 36 * DAY_US
    world.use("e", 3, later)
    world.accept(RefundUsage(refund_id="r", event_id="e"), at=later)
    latest = world.account().charges.in_unit("e", "credit")
    assert latest is not None
    assert latest.before is not None
    assert (latest.returned, latest.before.returned) == (3 * CREDIT, 0)
    assert world.remaining() == {"lot": 95}


def test_entries_that_were_saved_are_passed_over() -> None:
    world = KeptWorld(MemoryStore())
    world.grant("lot", 9 * CREDIT, expires_at=T + DAY_US)
    for number in range(3):
        world.grant(f"other-{number}", CREDIT, customer_id=f"c{number}")
    at = T + DAY_US + HOUR_US
    # Saved with its customer, while the entries of others before it aren't.
    assert [facts.type for facts in world.decide(tick("tick", at), at).facts] == ["expiration"]
    world.save()
    before = world.ledger.partition_seq
    world.reopen()
    assert world.ledger.partition_seq == before
    assert world.decide(tick("tick", at), at).outcome == "duplicate"
    world.decide(usage("e"))
    world.grant("more", CREDIT, at)
    world.grant("c3", CREDIT, at, customer_id="c3")
    world.grant("c4", CREDIT, at, customer_id="c4")
    world.save()
    world.reopen()
    assert world.account().account_seq == 4


@pytest.mark.parametrize("everything", [True, False])
def test_a_ledger_opened_again_goes_on(*, everything: bool) -> None:
    world = forgetful()
    world.hold("h", 10, expires_at=T + HOUR_US)
    for number in range(9):
        world.use(f"e{number}", 1)
        world.save()
    world.grant("later", CREDIT, effective_at=T + DAY_US)
    world.policy("owes", overage_mode="overdraft", overdraft_limit=100 * CREDIT)
    at = T + 2 * HOUR_US
    world.decide(tick("tick", at), at)
    world.use("more", 120, at)
    world.save(everything=everything)
    world.reopen()
    assert world.account().overdraft == 29 * CREDIT
    assert world.decide(tick("tick", at), at).outcome == "duplicate"
    settled = world.decide(tick("day", T + DAY_US), T + DAY_US)
    assert [facts.type for facts in settled.facts] == ["overdraft_settled"]
    assert world.account().overdraft == 28 * CREDIT


def tick(command_id: str, at: int) -> Command:
    """A tick of the partition."""
    return command(Tick(), command_id, customer_id=PARTITION_CUSTOMER, issued_at=at)

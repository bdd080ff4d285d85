"""What is saved leaves memory, what isn't stays: the cabinet, part by part."""

from drawdown.adapters.local_state.store import MemoryStore
from drawdown.domain.customers import Customer
from drawdown.domain.inputs import (
    Grant,
    NoteDispute,
    RefundUsage,
    ReleaseHold,
)
from drawdown.domain.numbers import DAY_US, MINUTE_US, NEVER
from tests.domain.building import CREDIT, CUSTOMER, T, card, usage
from tests.domain.shelved import CUSTOMERS_MAX, KeptWorld

PURCHASE = Grant(amount=CREDIT, kind="purchased", price_minor=1, currency="USD", payment_id="pay")


def with_everything() -> KeptWorld:
    """A world in which something of each kind is kept and nothing is saved."""
    world = KeptWorld(MemoryStore())
    world.apply(card())
    world.grant("lot", 100 * CREDIT)
    world.accept(PURCHASE, "buy")
    world.use("e", 10)
    world.accept(RefundUsage(refund_id="r", event_id="e", amount=CREDIT))
    world.accept(NoteDispute(dispute_id="d", payment_id="other", state="opened"))
    world.decide(usage("refused", meter="unknown"))
    world.decide(usage("nobody's", customer_id="nobody", meter="unknown"))
    return world


def counts(world: KeptWorld) -> dict[str, int]:
    """How many values of each kind are in memory."""
    cabinet = world.ledger.cabinet
    return {
        "charges": len(cabinet.charges),
        "commands": len(cabinet.commands.first),
        "refused": len(cabinet.refused),
        "rejected": len(cabinet.rejected),
        "disputes": len(cabinet.disputes),
        "business keys": len(cabinet.business_keys),
    }


def customer(world: KeptWorld, customer_id: str = CUSTOMER) -> Customer:
    """One in memory."""
    found = world.ledger.cabinet.customer(customer_id)
    assert found is not None
    return found


def test_everything_that_is_saved_leaves_memory() -> None:
    world = with_everything()
    before = counts(world)
    assert min(before.values()) > 0
    assert before["refused"] == before["rejected"] == 2
    world.save(everything=True)
    assert counts(world) == dict.fromkeys(before, 0)


def test_charges_are_counted_wherever_they_stand() -> None:
    world = KeptWorld(MemoryStore())
    world.apply(card())
    world.grant("lot", 100 * CREDIT)
    charges = world.ledger.cabinet.charges
    world.use("e", 1)
    assert (len(charges), len(charges.take_new()), len(charges)) == (1, 1, 1)
    world.use("f", 1)
    assert len(charges) == len(charges.items()) == 2
    # The event's first charge is on its way to be saved, what became of it is here.
    world.accept(RefundUsage(refund_id="r", event_id="e", amount=CREDIT))
    assert (len(charges), len(charges.items())) == (3, 2)


def test_what_came_since_it_was_taken_stays_in_memory() -> None:
    world = with_everything()
    saving = world.keeper.take(world.log[-1].hash, {}, everything=True)
    assert saving is not None
    world.accept(RefundUsage(refund_id="again", event_id="e", amount=CREDIT))
    world.keeper.write(saving, len(world.log) - 2)
    world.keeper.saved(saving)
    # The charge as it is now, and the refund's command and id.
    left = {"charges": 1, "commands": 1, "business keys": 1}
    assert counts(world) == dict.fromkeys(counts(world), 0) | left
    assert world.ledger.cabinet.unsaved_since() == world.log[-1].partition_seq
    assert refunded(world) == 2 * CREDIT


def test_all_that_is_saved_has_no_first_entry_that_is_not() -> None:
    world = with_everything()
    assert world.ledger.cabinet.unsaved_since() == 1
    world.save(everything=True)
    assert world.ledger.cabinet.unsaved_since() == 0


def test_customers_are_taken_up_to_the_entry_that_is_named() -> None:
    world = KeptWorld(MemoryStore())
    for name in ("first", "second", "third"):
        world.grant(f"lot-{name}", CREDIT, customer_id=name)
    assert [entry.partition_seq for entry in world.log] == [1, 2, 3]
    taken = world.ledger.cabinet.take(2)
    assert [parts.customer.customer_id for parts in taken] == ["first", "second"]
    assert world.ledger.cabinet.unsaved_since() == 3


def test_who_is_being_saved_may_not_leave_memory() -> None:
    world = KeptWorld(MemoryStore())
    world.grant("lot", CREDIT)
    cabinet = world.ledger.cabinet
    assert not customer(world).evictable
    [parts] = cabinet.take(NEVER)
    assert (customer(world).unsaved_since, customer(world).evictable) == (0, False)
    cabinet.saved(parts)
    assert customer(world).evictable


def test_a_customer_is_in_memory_until_the_second_time_that_there_are_too_many() -> None:
    world = KeptWorld(MemoryStore())
    cabinet = world.ledger.cabinet
    world.grant("lot", CREDIT, customer_id="one")
    world.save(everything=True)
    # One customer is half of those that may be here: it may stay as long as nobody else comes.
    assert CUSTOMERS_MAX == 2
    for _ in range(3):
        cabinet.trim()
    assert (cabinet.holds("one"), len(cabinet)) == (True, 1)
    world.grant("lot", CREDIT, customer_id="two")
    world.save(everything=True)
    assert (cabinet.holds("one"), cabinet.holds("two"), cabinet.holds("three")) == (
        True,
        True,
        False,
    )
    for name in ("three", "four"):
        world.grant("lot", CREDIT, customer_id=name)
    world.save(everything=True)
    assert [cabinet.holds(name) for name in ("one", "two", "three", "four")] == [
        False,
        False,
        True,
        True,
    ]


def test_who_is_not_saved_stays_however_many_there_are() -> None:
    world = KeptWorld(MemoryStore())
    cabinet = world.ledger.cabinet
    names = [f"customer-{number}" for number in range(3 * CUSTOMERS_MAX)]
    for name in names:
        world.grant(f"lot-{name}", CREDIT, customer_id=name)
    before = [customer(world, name) for name in names]
    for _ in range(3):
        cabinet.trim()
    assert len(cabinet) == len(names)
    assert {each.customer_id for each in cabinet.here()} == set(names)
    assert [customer(world, name) for name in names] == before
    world.save(everything=True)
    asked_for = [customer(world, name) for name in names[:CUSTOMERS_MAX]]
    cabinet.trim()
    assert list(cabinet.here()) == asked_for


def test_of_more_unsaved_customers_than_may_be_in_memory_the_first_are_taken() -> None:
    world = KeptWorld(MemoryStore())
    for name in ("first", "second", "third"):
        world.grant(f"lot-{name}", CREDIT, customer_id=name)
    assert CUSTOMERS_MAX == 2
    taken = world.ledger.cabinet.take(0)
    assert [parts.customer.customer_id for parts in taken] == ["first"]
    assert world.ledger.cabinet.take(0) == []


def test_holds_are_saved_whatever_accounts_began_later() -> None:
    world = KeptWorld(MemoryStore())
    world.apply(card())
    world.grant("lot", 10 * CREDIT)
    world.grant("other", 10 * CREDIT, unit="token")
    world.hold("h", 1)
    taken = world.ledger.cabinet.take(NEVER)
    assert [hold.hold_id for parts in taken for _, hold in parts.holds] == ["h"]


def test_a_hold_that_ended_leaves_memory_once() -> None:
    world = KeptWorld(MemoryStore())
    world.apply(card())
    world.grant("lot", 10 * CREDIT)
    world.hold("h", 1)
    cabinet = world.ledger.cabinet
    earlier = cabinet.take(NEVER)
    world.accept(ReleaseHold(hold_id="h"))
    for parts in earlier:
        cabinet.saved(parts)
    # It was saved as open, and has ended since.
    assert "h" in world.account().holds
    later = cabinet.take(NEVER)
    for _ in range(2):
        for parts in later:
            cabinet.saved(parts)
    assert "h" not in world.account().holds


def test_a_hold_that_ended_in_a_decision_that_was_taken_back_stays_in_memory() -> None:
    world = KeptWorld(MemoryStore())
    world.apply(card())
    world.grant("lot", 10 * CREDIT)
    world.hold("done", 1)
    world.decide(usage("e", hold_id="done", hold_final=True))
    world.hold("h", 1, expires_at=T + MINUTE_US)
    saving = world.keeper.take(world.log[-1].hash, {}, everything=True)
    assert saving is not None
    again = usage("e", hold_id="done", hold_final=True)
    # What is due on its account is tried with it; it books nothing.
    late = T + 2 * MINUTE_US
    assert world.decide(again, late).facts == []
    world.keeper.write(saving, len(world.log) - 1)
    world.keeper.saved(saving)
    assert world.account().holds["h"].reserved == CREDIT
    world.grant("more", CREDIT)
    world.save(everything=True)
    world.reopen()
    world.decide(usage("later", occurred_at=late), late)
    assert [each.facts.type for each in world.log].count("hold_expired") == 1
    assert world.account().held == 0


def test_moments_are_noted_for_who_saves_them_alone() -> None:
    kept = KeptWorld(MemoryStore())
    kept.grant("lot", CREDIT, expires_at=T + DAY_US)
    noted = kept.ledger.cabinet.dues.take_unsaved()
    assert [key for key, _ in noted] == [f"{CUSTOMER}\0credit"]
    assert kept.ledger.cabinet.dues.take_unsaved() == []


def refunded(world: KeptWorld) -> int:
    """How much of the event's charge was given back."""
    charged = customer(world).charges.in_unit("e", "credit")
    assert charged is not None
    return charged.returned


def test_a_charge_says_all_that_it_said_after_a_part_was_given_back() -> None:
    world = KeptWorld(MemoryStore())
    world.apply(card())
    world.grant("lot", 100 * CREDIT)
    world.use("e", 10)
    before = customer(world).charges.in_unit("e", "credit")
    world.accept(RefundUsage(refund_id="r", event_id="e", amount=CREDIT))
    after = customer(world).charges.in_unit("e", "credit")
    assert before is not None
    assert after is not None
    for name in ("unit", "digest", "until", "partition_seq", "entry_id", "record", "refundable"):
        assert getattr(after, name) == getattr(before, name), name
    assert [each.lot_id for each in customer(world).charges.refundable(after).allocations] == [
        "lot"
    ]
    assert refunded(world) == CREDIT

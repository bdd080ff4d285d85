"""What is saved changes what a look-up costs, never what it finds."""

import gc
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drawdown.adapters.local_state.checkpoint import read_checkpoint
from drawdown.adapters.local_state.rocks import RocksStore, block_cache
from drawdown.adapters.local_state.shelf import RowShelf
from drawdown.adapters.local_state.store import MemoryStore, Store
from drawdown.domain.inputs import RefundUsage
from drawdown.domain.kept import Kept
from drawdown.domain.ledger import Ledger
from drawdown.ledger_processor import keeping
from tests.domain.agreement import Figures, booked, by_customer, of_account
from tests.domain.building import CREDIT, World, card, usage
from tests.domain.shelved import CUSTOMERS_MAX, TOPIC, UNSAVED_MAX, KeptWorld
from tests.domain.streams import Recorded, streams

laws = settings(deadline=None, max_examples=30, suppress_health_check=list(HealthCheck))


def figures(world: World) -> dict[tuple[str, str], Figures]:
    """The accounts of all customers that a world has heard of."""
    names = {(entry.facts.customer_id, entry.facts.unit) for entry in world.log}
    found = {}
    for customer_id, unit in names:
        account = world.ledger.account(customer_id, unit)
        assert account is not None
        found[customer_id, unit] = {
            **of_account(account),
            "seq": account.account_seq,
            "balance": account.balance,
            "available": account.available,
            "owed": (account.overdraft, account.debt, account.overage_total, account.residue),
        }
    return found


@laws
@given(streams(), st.randoms(use_true_random=False))
def test_what_is_saved_evicted_and_opened_again_decides_alike(
    stream: list[Recorded], chance: object
) -> None:
    plain, kept = World(), KeptWorld(MemoryStore())
    draw = chance.random  # type: ignore[attr-defined]
    for each in stream:
        one, other = plain.decide(each.given, each.at), kept.decide(each.given, each.at)
        assert (other.outcome, other.code) == (one.outcome, one.code)
        expected = by_customer([booked(facts) for facts in one.facts])
        assert by_customer([booked(facts) for facts in other.facts]) == expected
        if draw() < 0.6:
            kept.save()
        if draw() < 0.1:
            kept.reopen()
        if draw() < 0.05:
            kept.save(everything=True)
    assert figures(kept) == figures(plain)


def charged_world(store: Store) -> KeptWorld:
    """Fifty events of twenty-five customers, each saved in its turn."""
    world = KeptWorld(store)
    world.apply(card())
    for number in range(25):
        world.grant("lot", 9 * CREDIT, customer_id=f"c{number}")
    for number in range(50):
        world.decide(usage(f"e{number}", customer_id=f"c{number % 25}"))
        world.save()
    return world


@pytest.fixture(params=["memory", "disk"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Store:
    """An empty store of either kind."""
    if request.param == "memory":
        return MemoryStore()
    return RocksStore(tmp_path / "state", block_cache(8 * 1024 * 1024))


def in_memory() -> Counter[str]:
    """How many books there are, and parts that only they hold."""
    gc.collect()
    parts = (Ledger, RowShelf, Kept)
    return Counter(type(each).__name__ for each in gc.get_objects() if isinstance(each, parts))


def test_books_that_are_given_up_leave_memory(store: Store) -> None:
    before = in_memory()
    world = charged_world(store)
    assert (in_memory() - before)["Ledger"] == 1
    del world
    assert not in_memory() - before
    store.close()


def test_memory_stays_bounded_while_nothing_is_forgotten(store: Store) -> None:
    world = charged_world(store)
    cabinet = world.ledger.cabinet
    # The unsaved ones, and two generations of those asked for lately.
    assert len(list(cabinet.here())) <= 2 * CUSTOMERS_MAX + UNSAVED_MAX + 1
    assert len(cabinet.charges) <= UNSAVED_MAX + 1
    for number in range(50):
        given = usage(f"e{number}", customer_id=f"c{number % 25}")
        assert world.decide(given).outcome == "duplicate"
    assert world.ask(RefundUsage(refund_id="r", event_id="e0"), customer_id="c0").code == ""
    store.close()


def test_a_kill_leaves_little_to_fold_and_an_end_nothing(store: Store) -> None:
    world = charged_world(store)
    killed = read_checkpoint(store, TOPIC, world.ledger.partition)
    assert killed is not None
    assert killed.last.offset == len(world.log) - 1
    assert killed.last_hash == world.log[-1].hash
    assert 0 < len(world.log) - killed.fold.offset <= UNSAVED_MAX + 1
    before = figures(world)
    world.reopen()
    assert figures(world) == before
    world.save(everything=True)
    ended = read_checkpoint(store, TOPIC, world.ledger.partition)
    assert ended is not None
    assert ended.fold.offset == len(world.log)
    store.close()


def test_a_charge_that_is_folded_again_was_no_charge_before_itself(store: Store) -> None:
    world = charged_world(store)
    world.reopen()
    for number in range(50):
        account = world.ledger.account(f"c{number % 25}", "credit")
        assert account is not None
        charged = account.charges.in_unit(f"e{number}", "credit")
        assert charged is not None
        assert charged.before is None
    store.close()


def test_few_places_of_entries_are_saved_and_lead_to_all(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keeping, "PLACE_EVERY", 10)
    world = charged_world(store)
    world.save(everything=True)
    world.reopen()
    places = list(store.scan(b"o"))
    assert len(world.log) // 10 - 1 <= len(places) <= len(world.log) // 10 + 1
    for number in range(50):
        asked = RefundUsage(refund_id=f"r{number}", event_id=f"e{number}")
        assert world.ask(asked, customer_id=f"c{number % 25}").code == ""
    charged = [each.partition_seq for each in world.log if each.facts.type == "deduction"]
    assert world.past.entries == charged
    store.close()


def test_what_a_refund_gave_back_is_saved_with_its_customer(store: Store) -> None:
    world = charged_world(store)
    for number in range(50):
        asked = RefundUsage(refund_id=f"r{number}", event_id=f"e{number}")
        assert world.ask(asked, customer_id=f"c{number % 25}").code == ""
        world.save()
        if number % 7 == 0:
            world.reopen()
    before = figures(world)
    world.reopen()
    assert figures(world) == before
    again = RefundUsage(refund_id="again", event_id="e0")
    assert world.ask(again, customer_id="c0").code == "exceeds_charge"
    store.close()


def test_a_store_that_is_behind_is_folded_to_the_end(tmp_path: Path) -> None:
    store = RocksStore(tmp_path / "state", block_cache(8 * 1024 * 1024))
    world = charged_world(store)
    store.copy_to(tmp_path / "older")
    for number in range(50, 90):
        world.decide(usage(f"e{number}", customer_id=f"c{number % 25}"))
        world.save()
    before = figures(world)
    store.close()
    older = RocksStore(tmp_path / "older", block_cache(8 * 1024 * 1024))
    world.reopen(older)
    assert figures(world) == before
    assert world.decide(usage("e89", customer_id=f"c{89 % 25}")).outcome == "duplicate"
    older.close()


@pytest.mark.parametrize("opened_again", [False, True])
def test_what_is_saved_after_the_last_commit_is_still_of_its_last_entry(opened_again: bool) -> None:
    store = MemoryStore()
    world = charged_world(store)
    world.save()
    if opened_again:
        world.reopen()
        world.save()
    # The outbox that follows a commit is empty and says no hash.
    saving = world.keeper.take(b"", {}, everything=True)
    assert saving is not None
    world.keeper.write(saving, -1)
    checkpoint = read_checkpoint(store, TOPIC, world.ledger.partition)
    assert checkpoint is not None
    assert checkpoint.last_hash == world.log[-1].hash
    assert checkpoint.last.offset == len(world.log) - 1
    assert checkpoint.last.partition_seq == world.log[-1].partition_seq

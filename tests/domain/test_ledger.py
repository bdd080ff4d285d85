"""The ledger of a partition: what it knows, and what it folds."""

from typing import Any

import pytest

from drawdown.domain.entries import (
    PARTITION_CUSTOMER,
    EntryFacts,
    LedgerEntry,
    PolicyChange,
)
from drawdown.domain.evolve import UnknownEntry, fold
from drawdown.domain.inputs import ChangePolicy
from tests.domain.building import (
    CREDIT,
    T,
    World,
    account_state,
    card,
    command,
    ledger_state,
    usage,
)


def test_what_has_no_entry_is_not_known() -> None:
    world = World()
    ledger = world.ledger
    assert not ledger.knows("acme")
    assert ledger.account("acme", "credit") is None
    assert ledger.head("acme", "credit") == b""
    assert list(ledger.accounts()) == []
    world.grant("lot", CREDIT)
    assert ledger.knows("acme")
    assert ledger.account("acme", "token") is None
    assert ledger.head("acme", "credit") == world.log[-1].hash
    assert [(each.customer_id, each.unit) for each in ledger.accounts()] == [("acme", "credit")]


def test_a_decision_changes_nothing_until_it_is_folded() -> None:
    world = World(card())
    world.policy("default", customer_id=PARTITION_CUSTOMER, overage_mode="overage")
    world.grant("lot", 5 * CREDIT)
    before = ledger_state(world.ledger)
    world.ledger.decide_usage(usage("e"), T)
    world.ledger.decide_usage(usage("f", meter="m"), T)
    world.ledger.decide_command(command(ChangePolicy(policy=PolicyChange(grace_us=0))), T)
    world.ledger.decide_usage(usage("e", customer_id="new"), T)
    assert ledger_state(world.ledger) == before


def test_sequences_are_gapless_per_account_and_per_partition() -> None:
    world = World(card())
    for number in range(3):
        world.grant(f"lot {number}", CREDIT, customer_id="a")
        world.grant(f"lot {number}", CREDIT, customer_id="b")
    assert [entry.partition_seq for entry in world.log] == list(range(1, 8))
    of_a = [entry for entry in world.log if entry.facts.customer_id == "a"]
    assert [entry.facts.account_seq for entry in of_a] == [1, 2, 3]
    assert [entry.prev_hash for entry in of_a] == [b"", of_a[0].hash, of_a[1].hash]


def test_an_entry_is_named_after_its_input() -> None:
    world = World(card())
    world.grant("lot", CREDIT)
    world.use("e", 1)
    assert [entry.entry_id for entry in world.log] == ["c-3-0-0", "c-3-1-0", "u-3-0-0"]


def test_an_entry_that_does_not_follow_is_a_programmers_error() -> None:
    world = World(card())
    world.grant("lot", CREDIT)
    with pytest.raises(AssertionError, match="entry 2 of partition 3 doesn't follow 2"):
        world.ledger.evolve(world.log[-1])
    account = world.account()
    with pytest.raises(AssertionError, match="acme: entry 1 doesn't follow 1"):
        fold(account, world.log[-1].facts)


def altered(facts: EntryFacts, *, type: Any, amount: int, account_seq: int) -> EntryFacts:
    return EntryFacts(
        namespace=facts.namespace,
        customer_id=facts.customer_id,
        unit=facts.unit,
        account_seq=account_seq,
        type=type,
        amount=amount,
        balance=facts.balance,
        held=facts.held,
        available=facts.available,
        overdraft=facts.overdraft,
        debt=facts.debt,
        overage_total=facts.overage_total,
        residue=facts.residue,
        allocations=facts.allocations,
        charge=facts.charge,
        cause=facts.cause,
        cause_id=facts.cause_id,
        cause_digest=facts.cause_digest,
        burn_order_version=facts.burn_order_version,
        reason=facts.reason,
        actor=facts.actor,
        occurred_at=facts.occurred_at,
        recorded_at=facts.recorded_at,
        effective_at=facts.effective_at,
        details=None,
    )


def test_an_entry_that_moves_the_balance_by_another_amount_is_a_programmers_error() -> None:
    world = World(card())
    world.grant("lot", CREDIT)
    facts = altered(world.log[-1].facts, type="rejected", amount=1, account_seq=2)
    with pytest.raises(AssertionError, match="entry 2 moves the balance by another amount"):
        fold(world.account(), facts)


def test_an_entry_of_a_later_version_is_refused_whole() -> None:
    world = World(card())
    world.grant("lot", CREDIT)
    last = world.log[-1]
    before = account_state(world.account())
    entry = LedgerEntry(
        partition_seq=3,
        source_topic="ledger_commands",
        source_partition=3,
        source_offset=2,
        index=0,
        count=1,
        hash_version=1,
        prev_hash=last.hash,
        facts=altered(last.facts, type="merged", amount=0, account_seq=2),
        hash=b"hash",
    )
    with pytest.raises(UnknownEntry, match="of type 'merged'"):
        world.ledger.evolve(entry)
    assert account_state(world.account()) == before
    assert world.ledger.partition_seq == 2


def test_a_replayed_ledger_decides_as_the_first_one() -> None:
    world = World(card())
    world.policy("p", overage_mode="overdraft", overdraft_limit=3 * CREDIT)
    world.policy("default", customer_id=PARTITION_CUSTOMER, grace_us=7)
    world.use("e", 2)
    world.decide(usage("refused", meter="m"))
    world.grant("lot", 9 * CREDIT)
    replayed = world.replayed()
    assert ledger_state(replayed) == ledger_state(world.ledger)
    assert replayed.decide_usage(usage("refused", meter="m"), T).outcome == "duplicate"
    assert replayed.decide_usage(usage("e"), T).code == "event_id_conflict"


def test_a_lot_is_opened_once() -> None:
    world = World(card())
    world.grant("lot", CREDIT)
    account = world.account()
    with pytest.raises(AssertionError, match="lot lot opened twice"):
        account.open_lot(account.lots["lot"])


def test_no_more_is_spent_than_remains() -> None:
    world = World(card())
    world.grant("lot", CREDIT)
    account = world.account()
    for amount in (0, CREDIT + 1):
        with pytest.raises(AssertionError, match=f"{amount} of lot isn't there"):
            account.spend(account.lots["lot"], amount, 0)

"""A read model that differs from the entries anywhere is found, on a real database."""

import pytest

from drawdown.adapters.kafka.clients import transactional_producer
from drawdown.adapters.kafka.topics import create_topics
from drawdown.adapters.postgres.connections import connect
from drawdown.domain.inputs import Grant
from drawdown.settings import Settings
from tests.chaos.folding import Fold
from tests.chaos.reading import decode, hashed_part
from tests.chaos.tables import Tables
from tests.domain.building import CREDIT, command
from tests.integration.projecting import balance_projector, running
from tests.plugins.sealed_ledger import SealedLedger, publish

pytestmark = pytest.mark.integration


def test_each_row_that_was_changed_or_is_missing_is_found(settings: Settings) -> None:
    settings = settings.model_copy(update={"partitions": 1})
    create_topics(settings)
    ledger = SealedLedger(settings)
    ledger.begin()
    for number in range(4):
        grant = Grant(amount=CREDIT, kind="promotional")
        ledger.decide(command(grant, f"c-{number}", customer_id=f"customer-{number}"))
    producer = transactional_producer(settings, f"{settings.namespace}-told")
    producer.init_transactions(60)
    publish(settings, producer, ledger)
    fold = Fold(settings.namespace)
    for value in ledger.values:
        fold.add(decode(value), hashed_part(value))
    with running(balance_projector(settings)):
        assert Tables(settings.database_url, settings.namespace).behind([fold]) == {}
    spoiled = (
        "UPDATE accounts SET balance = balance + 1 WHERE customer_id = 'customer-0'",
        "DELETE FROM accounts WHERE customer_id = 'customer-1'",
        "UPDATE lots SET spent = spent + 1 WHERE customer_id = 'customer-2'",
        "DELETE FROM entries WHERE partition_seq = 2",
    )
    assert _compared(settings, fold) == []
    for statement in spoiled:
        schema = settings.database_schema("balance")
        with connect(settings, application="test", schema=schema) as connection:
            connection.execute(statement.encode())
            connection.commit()
    found = _compared(settings, fold)
    assert found is not None
    assert [each.split(" ")[0] for each in found] == ["partition", "lot", "account", "account"]


def _compared(settings: Settings, fold: Fold) -> list[str] | None:
    """By a checker that begins anew, which forgets what it has compared."""
    kept = fold.hashes, fold.touched_lots, fold.touched_holds
    try:
        return Tables(settings.database_url, settings.namespace).compare([fold])
    finally:
        fold.hashes, fold.touched_lots, fold.touched_holds = kept

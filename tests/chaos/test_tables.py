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
from tests.integration.test_expiration_projector import expiration_projector
from tests.integration.test_revenue_projector import projector as revenue_projector
from tests.plugins.sealed_ledger import SealedLedger, publish

pytestmark = pytest.mark.integration


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """One partition."""
    alone = settings.model_copy(update={"partitions": 1})
    create_topics(alone)
    return alone


def _projected(settings: Settings) -> Fold:
    """Four grants, published and projected by all; their fold."""
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
    with (
        running(balance_projector(settings)),
        running(expiration_projector(settings)),
        running(revenue_projector(settings)),
    ):
        assert Tables(settings.database_url, settings.namespace).behind([fold]) == {}
    return fold


def _change(settings: Settings, projection: str, statement: str) -> None:
    schema = settings.database_schema(projection)
    with connect(settings, application="test", schema=schema) as connection:
        connection.execute(statement.encode())
        connection.commit()


def test_each_row_that_was_changed_or_is_missing_is_found(settings: Settings) -> None:
    fold = _projected(settings)
    spoiled = (
        ("balance", "UPDATE accounts SET balance = balance + 1 WHERE customer_id = 'customer-0'"),
        ("balance", "DELETE FROM accounts WHERE customer_id = 'customer-1'"),
        ("balance", "UPDATE lots SET spent = spent + 1 WHERE customer_id = 'customer-2'"),
        ("balance", "DELETE FROM entries WHERE partition_seq = 2"),
        ("expiration", "UPDATE lots SET expired = 1 WHERE customer_id = 'customer-0'"),
        ("revenue", "UPDATE days SET billed_minor = 1 WHERE customer_id = 'customer-3'"),
        ("revenue", "DELETE FROM days WHERE customer_id = 'customer-2'"),
    )
    assert _compared(settings, fold) == []
    for projection, statement in spoiled:
        _change(settings, projection, statement)
    found = _compared(settings, fold)
    assert found is not None
    assert [each.partition(" (")[0] for each in found] == [
        "partition 0: 4 entry rows differ from 5 entries",
        "lot",
        "expiring lot",
        *("revenue of lot", "revenue of lot"),
        *("account", "account"),
    ]


def test_tables_are_as_far_as_the_projection_that_is_furthest_behind(settings: Settings) -> None:
    fold = _projected(settings)
    _change(settings, "revenue", "UPDATE position SET partition_seq = partition_seq - 1")
    tables = Tables(settings.database_url, settings.namespace)
    assert tables.behind([fold], within_s=0) == {0: (fold.seq - 1, fold.seq)}
    assert tables.compare([fold]) is None


def _compared(settings: Settings, fold: Fold) -> list[str] | None:
    """By a checker that begins anew, which forgets what it has compared."""
    kept = fold.hashes, fold.touched_lots, fold.touched_holds
    try:
        return Tables(settings.database_url, settings.namespace).compare([fold])
    finally:
        fold.hashes, fold.touched_lots, fold.touched_holds = kept

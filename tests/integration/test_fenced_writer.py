"""A producer that is fenced while its records are on their way, on a real broker."""

import pytest

from drawdown.adapters.kafka.clients import transactional_producer
from drawdown.adapters.kafka.topics import create_topics
from drawdown.clock import SYSTEM
from drawdown.ledger_processor.calls import repeated
from drawdown.ledger_processor.failures import Call, Kind, TransactionFailed
from drawdown.settings import Settings

pytestmark = pytest.mark.integration


def test_whose_records_are_on_their_way_when_it_is_fenced_hears_that(settings: Settings) -> None:
    """The client raises what Python made of its error while it called back."""
    create_topics(settings)
    topic, reported = settings.topic("ledger-entries"), list[bool]()
    first, second = (transactional_producer(settings, "writer") for _ in range(2))

    def send() -> None:
        record = {"value": b"", "callback": lambda error, _: reported.append(error is None)}
        assert first.produce_batch(topic, [record], partition=0) == 1
        repeated(0, Call.FLUSH, first.flush, clock=SYSTEM, within_s=30)

    first.init_transactions(30)
    first.begin_transaction()
    send()
    second.init_transactions(30)
    with pytest.raises(TransactionFailed) as raised:
        send()
    assert raised.value.failure.kind is Kind.FENCED
    assert reported == [True, False]

"""What stands open in the outputs, read on a real broker, and what it says."""

import pytest
from confluent_kafka import Producer
from tests.integration.projecting import WITHIN_S
from tests.ledger_processor.test_barrier import AFTER, BEFORE

from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.kafka.clients import transactional_producer
from drawdown.adapters.kafka.stable_offsets import StableOffsets
from drawdown.adapters.kafka.topics import create_topics
from drawdown.adapters.topics import LEDGER, REPLIES
from drawdown.clock import SYSTEM
from drawdown.ledger_processor.clients import KafkaClients
from drawdown.ledger_processor.evidence import Evidence, Opened
from drawdown.settings import Settings

pytestmark = pytest.mark.integration


@pytest.mark.parametrize(("stands", "open_"), [(LEDGER, REPLIES), (REPLIES, LEDGER)])
def test_a_part_that_stands_says_that_the_open_one_was_committed(
    settings: Settings, stands: str, open_: str
) -> None:
    create_topics(settings)
    clients = KafkaClients(settings, settings.group("contract"))
    ends = StableOffsets(settings)
    committed = clients.log()
    evidence = Evidence(settings, 0, Wire(settings), committed, clients.undecided_log, SYSTEM)

    def begun(transactional_id: str, *parts: tuple[str, list[bytes]]) -> Producer:
        writer = transactional_producer(settings, transactional_id)
        writer.init_transactions(WITHIN_S)
        writer.begin_transaction()
        for name, values in parts:
            records = [{"key": b"k", "value": value} for value in values]
            writer.produce_batch(settings.topic(name), records, partition=0)
        assert writer.flush(WITHIN_S) == 0
        return writer

    before = begun("a", (LEDGER, BEFORE[LEDGER]), (REPLIES, BEFORE[REPLIES]))
    before.commit_transaction(WITHIN_S)
    open_writer = begun("b", (open_, AFTER[open_]))
    [begins] = ends.last_stable([settings.topic(open_)], 0, WITHIN_S)
    opened = {open_: Opened(begins=begins, ends=begins + len(AFTER[open_]))}
    assert not evidence.committed(opened)
    standing = begun("c", (stands, AFTER[stands]))
    standing.commit_transaction(WITHIN_S)
    assert evidence.committed(opened)
    open_writer.abort_transaction(WITHIN_S)
    committed.close()

"""What the processor counts, on the metrics of the one catalogue."""

from collections.abc import Mapping

import structlog
from confluent_kafka import Consumer, KafkaError, KafkaException, Message, TopicPartition

from drawdown.adapters.kafka.consumer_failures import consumer_failure
from drawdown.domain.numbers import SECOND_US
from drawdown.ledger_processor.failures import Failure
from drawdown.ledger_processor.partition import Committed, Deciding
from drawdown.metrics import (
    BATCH_RECORDS,
    COMMANDS_IN,
    CUSTOMERS_IN_MEMORY,
    DEAD_LETTERS,
    DUE_LAG_SECONDS,
    DUPLICATES,
    ENTRIES_OUT,
    EVENTS_IN,
    LAG_RECORDS,
    PARTITIONS_HALTED,
    PARTITIONS_OPENING,
    PARTITIONS_OWNED,
    PARTITIONS_POISONED,
    PARTITIONS_RESTING,
    REJECTIONS,
    REPLIES_OUT,
    TICKS,
    TRANSACTION_FAILURES,
    TRANSACTION_SECONDS,
)
from drawdown.settings import Settings

_log = structlog.get_logger()


def count(number: int, committed: Committed) -> None:
    """Count a committed transaction."""
    outbox, partition = committed.outbox, str(number)
    EVENTS_IN.labels(partition).inc(outbox.events)
    COMMANDS_IN.labels(partition).inc(outbox.commands)
    TICKS.labels(partition).inc(outbox.ticks)
    ENTRIES_OUT.labels(partition, "deduction").inc(outbox.deductions)
    for type_, times in outbox.types.items():
        ENTRIES_OUT.labels(partition, type_).inc(times)
    REPLIES_OUT.labels(partition).inc(len(outbox.replies))
    DUPLICATES.labels(partition).inc(outbox.duplicates)
    for code, times in outbox.rejections.items():
        REJECTIONS.labels(partition, code).inc(times)
    for reason, times in outbox.dead_reasons.items():
        DEAD_LETTERS.labels(partition, reason).inc(times)
    BATCH_RECORDS.observe(outbox.inputs)
    TRANSACTION_SECONDS.observe(committed.seconds)


def count_failure(number: int, failure: Failure) -> None:
    """Count a transaction call that failed."""
    TRANSACTION_FAILURES.labels(str(number), failure.call, failure.kind).inc()


def count_partitions(served: int, opening: int, resting: int) -> None:
    """Show how many partitions are served here, on their way to it, or without room for more."""
    PARTITIONS_OWNED.set(served)
    PARTITIONS_OPENING.set(opening)
    PARTITIONS_RESTING.set(resting)


def set_halted(number: int, *, halted: bool, poisoned: bool = False) -> None:
    """Show whether a partition stopped itself, and whether too many dead letters made it."""
    PARTITIONS_HALTED.labels(str(number)).set(int(halted))
    PARTITIONS_POISONED.labels(str(number)).set(int(poisoned))


def observe_lag(
    settings: Settings, usage: Consumer, commands: Consumer, numbers: list[int]
) -> None:
    """Show how many records wait in each input, by what the clients know already."""
    for consumer, name in ((usage, "usage-events"), (commands, "ledger-commands")):
        for number in numbers:
            where = TopicPartition(settings.topic(name), number)
            try:
                _, end = consumer.get_watermark_offsets(where, cached=True)
                position = consumer.position([where])[0].offset
            except KafkaException:
                continue
            if position >= 0:
                LAG_RECORDS.labels(name, str(number)).set(max(0, end - position))


def observe_due_lag(served: Mapping[int, Deciding], now_us: int) -> None:
    """Show how long what is due first in each partition has been waiting to be booked."""
    for number, decider in served.items():
        waiting_us = max(0, now_us - decider.ledger.next_due_at())
        DUE_LAG_SECONDS.labels(str(number)).set(waiting_us / SECOND_US)


def observe_memory(served: Mapping[int, Deciding]) -> None:
    """Show how many customers each partition has in memory."""
    for number, decider in served.items():
        CUSTOMERS_IN_MEMORY.labels(str(number)).set(len(decider.ledger.cabinet))


def is_end(message: Message) -> bool:
    """Whether it says that a partition is read to its end, and is no record."""
    error = message.error()
    return error is not None and error.code() == KafkaError._PARTITION_EOF


def report_error(message: Message) -> None:
    """Log an error that a consumer hands out in a record's stead; the client retries by itself.

    Raises what ends the process where that can't help.
    """
    error = message.error()
    assert error is not None
    _log.warning("consumer_error", code=error.name(), reason=error.str())
    ends = consumer_failure(error)
    if ends is not None:
        raise ends

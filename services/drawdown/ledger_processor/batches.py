"""What a consumer hands out at once, by partition."""

from confluent_kafka import Message

from drawdown.adapters.kafka.records import offset_of
from drawdown.ledger_processor.counting import is_end, report_error


def by_partition(messages: list[Message]) -> tuple[dict[int, list[Message]], dict[int, int]]:
    """Each partition's records in order, and of those that end behind them the offsets of the end.

    Raises what `report_error` raises.
    """
    batches: dict[int, list[Message]] = {}
    ended: dict[int, int] = {}
    for message in messages:
        number = message.partition()
        if message.error() is not None:
            if not is_end(message):
                report_error(message)
            elif number is not None:
                ended[number] = offset_of(message)
            continue
        assert number is not None
        batch = batches.get(number)
        if batch is None:
            batches[number] = [message]
        else:
            batch.append(message)
        if ended:
            ended.pop(number, None)
    return batches, ended


def latest_us(records: list[Message]) -> int:
    """The latest time at which one of these was appended, in µs."""
    return 1_000 * max(record.timestamp()[1] for record in records)

"""What a consumer hands out at once, by partition."""

from confluent_kafka import Message

from drawdown.ledger_processor.counting import is_end, report_error


def by_partition(messages: list[Message]) -> tuple[dict[int, list[Message]], set[int]]:
    """Each partition's records in order, and the partitions whose end stands behind them.

    Raises what `report_error` raises.
    """
    batches: dict[int, list[Message]] = {}
    ended: set[int] = set()
    for message in messages:
        number = message.partition()
        if message.error() is not None:
            if not is_end(message):
                report_error(message)
            elif number is not None:
                ended.add(number)
            continue
        assert number is not None
        batch = batches.get(number)
        if batch is None:
            batches[number] = [message]
        else:
            batch.append(message)
        if ended:
            ended.discard(number)
    return batches, ended

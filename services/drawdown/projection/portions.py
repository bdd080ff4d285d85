"""Records in portions that one transaction takes."""

from collections.abc import Iterator, Sequence

from confluent_kafka import Message


def portions(records: Sequence[Message], most_bytes: int) -> Iterator[list[Message]]:
    """The records in order, so many at a time that their values have at most `most_bytes`.

    A record that is larger goes alone.
    """
    portion: list[Message] = []
    size = 0
    for record in records:
        value = record.value()
        length = 0 if value is None else len(value)
        if portion and size + length > most_bytes:
            yield portion
            portion, size = [], 0
        portion.append(record)
        size += length
    if portion:
        yield portion

"""Topics read as they are: committed records, decoded by fastavro and the schema files alone."""

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import Any, Final

import fastavro
import yaml
from confluent_kafka import Consumer, KafkaError, Message, TopicPartition

SCHEMAS: Final = Path(__file__).resolve().parents[2] / "schemas"
HEADER_BYTES: Final = 5
_SILENCE_S: Final = 60.0
_CLIENTS: Final = 3
"""After a broker was killed, a client may be deaf to some partitions for ever; a new one isn't."""


class NoRecord(Exception):
    """Bytes that are no record of a schema."""


@dataclass(frozen=True, slots=True)
class Record:
    """A record: where it stands, and its value."""

    topic: str
    partition: int
    offset: int
    value: bytes


class Topics:
    """The topics of one namespace, each partition read on from where the last read ended."""

    def __init__(self, servers: str, namespace: str, partitions: int) -> None:
        self._namespace = namespace
        self._partitions = partitions
        self._next: dict[tuple[str, int], int] = {}
        self._options: dict[str, str | int | float | bool] = {
            "bootstrap.servers": servers,
            "group.id": f"{namespace}.checker",
            "isolation.level": "read_committed",
            "enable.auto.commit": False,
            "enable.partition.eof": True,
            "auto.offset.reset": "error",
            "fetch.wait.max.ms": 10,
            "fetch.message.max.bytes": 4 * 1024 * 1024,
            "reconnect.backoff.max.ms": 500,
            "log_level": 0,
        }
        self._client = Consumer(self._options)

    def close(self) -> None:
        """Leave the broker."""
        self._client.close()

    def read(self, *names: str) -> list[Record]:
        """What was committed to these topics since the last read, partition by partition in
        order, to where each ends now. Raises `TimeoutError`."""
        open_ = {
            (f"{self._namespace}.{name}", number)
            for name in names
            for number in range(self._partitions)
        }
        self._assign(open_)
        records: list[Record] = []
        clients = 1
        heard_at = time.monotonic()
        while open_:
            messages = self._client.consume(10_000, 0.05)
            if messages:
                heard_at = time.monotonic()
            elif time.monotonic() - heard_at > _SILENCE_S:
                if clients == _CLIENTS:
                    raise TimeoutError(f"nothing was heard of {sorted(open_)[:3]}")
                clients, heard_at = clients + 1, time.monotonic()
                self._client.close()
                self._client = Consumer(self._options)
                self._assign(open_)
            for message in messages:
                self._take(message, open_, records)
        self._client.unassign()
        return records

    def _assign(self, open_: set[tuple[str, int]]) -> None:
        places = []
        for topic, number in sorted(open_):
            offset = self._next.get((topic.partition(".")[2], number), 0)
            places.append(TopicPartition(topic, number, offset))
        self._client.assign(places)

    def _take(self, message: Message, open_: set[tuple[str, int]], records: list[Record]) -> None:
        topic, partition, offset = message.topic(), message.partition(), message.offset()
        error = message.error()
        if error is not None:
            if error.code() == KafkaError._PARTITION_EOF:
                open_.discard((str(topic), int(partition or 0)))
            elif error.code() == KafkaError._AUTO_OFFSET_RESET:
                raise TimeoutError(f"{topic} [{partition}]: {error.str()}")
            return
        assert topic is not None
        assert partition is not None
        assert offset is not None
        name = topic.partition(".")[2]
        value = message.value()
        if value is not None or message.key() != b"$barrier":
            value = value if isinstance(value, bytes) else b""
            records.append(Record(name, partition, offset, value))
        self._next[name, partition] = offset + 1


@cache
def _schemas() -> Mapping[int, Any]:
    """Parsed schemas by the id that stands in records."""
    ids = yaml.safe_load((SCHEMAS / "ids.yaml").read_text("utf-8"))
    return {
        number: fastavro.schema.load_schema(str(SCHEMAS / f"{label}.avsc"))
        for label, number in ids.items()
    }


def decode(value: bytes, *, named: bool = False) -> dict[str, Any]:
    """The record of a value in the wire format; `named`: a union's record as (name, record).

    Raises `NoRecord`.
    """
    schema = _schemas().get(int.from_bytes(value[1:HEADER_BYTES], "big"))
    if len(value) < HEADER_BYTES or value[0] != 0 or schema is None:
        raise NoRecord
    stream = BytesIO(value)
    stream.seek(HEADER_BYTES)
    record = fastavro.schemaless_reader(
        stream, schema, None, return_record_name=named, return_record_name_override=named
    )
    assert isinstance(record, dict)
    return record


def hashed_part(value: bytes) -> bytes:
    """What an entry's hash covers besides the hash before it: the bytes of its facts, between
    seven numbers, the hash before it and its own."""
    at = HEADER_BYTES
    for _ in range(7):
        while value[at] & 0x80:
            at += 1
        at += 1
    return value[at + 32 : -32]


def avro_string(text: str) -> bytes:
    """A text as Avro writes it: its length in bytes as a zigzag varint, then its bytes."""
    data = text.encode()
    rest, head = len(data) << 1, bytearray()
    while rest > 0x7F:
        head.append(rest & 0x7F | 0x80)
        rest >>= 7
    head.append(rest)
    return bytes(head) + data

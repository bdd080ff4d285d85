"""What a simulated consumer hands out, by the methods of `confluent_kafka.Message`."""

from confluent_kafka import TIMESTAMP_LOG_APPEND_TIME, KafkaError

from tests.simulation.log import Place, Record


class Message:
    """A record, or what stands in a record's stead."""

    __slots__ = ("_error", "_offset", "_place", "_record")

    def __init__(
        self,
        place: Place,
        record: Record | None,
        error: KafkaError | None = None,
        offset: int = -1,
    ) -> None:
        self._place = place
        self._record = record
        self._error = error
        self._offset = offset if record is None else record.offset

    def topic(self) -> str:
        return self._place[0]

    def partition(self) -> int:
        return self._place[1]

    def offset(self) -> int:
        return self._offset

    def key(self) -> bytes | None:
        return None if self._record is None else self._record.key

    def value(self) -> bytes | None:
        return None if self._record is None else self._record.value

    def timestamp(self) -> tuple[int, int]:
        assert self._record is not None
        return TIMESTAMP_LOG_APPEND_TIME, self._record.timestamp_ms

    def error(self) -> KafkaError | None:
        return self._error

"""A producer that acknowledges when it is told to."""

from collections import deque
from collections.abc import Callable

from confluent_kafka import KafkaError, KafkaException, Message

from tests.ledger_processor.scripted import ScriptedContact

OnDelivery = Callable[[KafkaError | None, Message], None]


class ToldProducer(ScriptedContact):
    """Records wait until `acknowledge`, `refuse` or `purge`; reports wait for the next `poll`."""

    def __init__(self) -> None:
        self.room = 1_000
        self.refusal: KafkaError | None = None
        """Why it takes no record, if it doesn't."""
        self.on_its_way: deque[tuple[int, bytes, bytes | None, OnDelivery]] = deque()
        self.acknowledged: list[tuple[int, bytes, bytes | None]] = []
        self._reports: list[tuple[OnDelivery, KafkaError | None]] = []
        self._lost: KafkaError | None = None

    def produce(
        self,
        topic: str,
        value: bytes | None,
        key: bytes,
        *,
        partition: int,
        on_delivery: OnDelivery,
    ) -> None:
        """Take a record, if there is room."""
        if self.refusal is not None:
            raise KafkaException(self.refusal)
        if len(self.on_its_way) >= self.room:
            raise BufferError
        self.on_its_way.append((partition, key, value, on_delivery))

    def acknowledge(self) -> None:
        """The broker has what is on its way."""
        for partition, key, value, report in self.on_its_way:
            self.acknowledged.append((partition, key, value))
            self._reports.append((report, None))
        self.on_its_way.clear()

    def refuse(self, error: KafkaError) -> None:
        """The broker refuses what is on its way."""
        self._reports += [(each[3], error) for each in self.on_its_way]
        self.on_its_way.clear()
        if error.fatal():
            self._lost = error

    def poll(self, _timeout_s: float) -> int:
        """Hand the reports out. A producer that is lost says so first, once."""
        lost, self._lost = self._lost, None
        if lost is not None:
            raise KafkaException(lost)
        reports, self._reports = self._reports, []
        for report, error in reports:
            report(error, Message())
        return len(reports)

    def flush(self, _timeout_s: float) -> int:
        """Nothing more is acknowledged than was."""
        self.poll(0)
        return len(self.on_its_way)

    def purge(self, in_queue: bool = True, in_flight: bool = True) -> None:
        """Forget what is on its way."""
        self.refuse(KafkaError(KafkaError._PURGE_QUEUE))

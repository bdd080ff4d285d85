"""One partition at a time, written up to a given entry.

It joins no group. What it wrote, and how far, stands in the position that moves with the rows, so
that a run that was killed is gone on with; the claim fences whatever is left of that one.
"""

from collections.abc import Callable, Iterator
from typing import Final

from confluent_kafka import Message

from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.kafka.partition_log import PartitionLog, log_client
from drawdown.adapters.postgres.store import Position, PostgresProjectionStore
from drawdown.adapters.topics import LEDGER
from drawdown.errors import LedgerCorrupt
from drawdown.projection.portions import portions
from drawdown.projection.projection import Build
from drawdown.projection.sequence import NewEntries
from drawdown.settings import Settings

_APPLICATION: Final = "rebuild"


class Loader:
    """One client of the broker and one of the database."""

    def __init__(self, settings: Settings, build: Build, schema: str) -> None:
        self._settings = settings
        self._wire = Wire(settings)
        self._client = log_client(settings, settings.group("readers"))
        self._store = PostgresProjectionStore(
            settings, schema=schema, application=_APPLICATION, writer=build(settings).write
        )

    def close(self) -> None:
        """Leave both."""
        self._client.close()
        self._store.close()

    def load(self, partition: int, target: int, note: Callable[[int], None]) -> int:
        """Write one partition up to an entry, a `partition_seq`; up to which one it came.

        `note` is told how many entries each transaction wrote; what it raises ends this. Raises
        `Unavailable`, `Fenced`, `LedgerCorrupt`, `DecodeFailed`, and what the projection raises.
        """
        position = self._store.claim(partition)
        topic = self._settings.topic(LEDGER)
        if position.partition_seq >= target:
            return position.partition_seq
        with PartitionLog(
            self._settings, topic, partition, begin=position.next_offset, client=self._client
        ) as log:
            for batch in _gathered(log.batches(), self._settings.rebuild_batch):
                for portion in portions(batch, self._settings.projector_batch_kib * 1_024):
                    before = position.partition_seq
                    position = self._write(position, portion, target)
                    note(position.partition_seq - before)
                    if position.partition_seq >= target:
                        return position.partition_seq
        return position.partition_seq

    def _write(self, position: Position, records: list[Message], target: int) -> Position:
        batch = NewEntries(
            records,
            self._wire.decode_entry,
            after_seq=position.partition_seq,
            from_offset=position.next_offset,
            up_to_seq=target,
        )
        if not batch.any():
            if batch.fault is not None:
                raise batch.fault
            raise LedgerCorrupt(
                f"partition {position.partition}: entry {position.partition_seq + 1} doesn't stand "
                f"at offset {position.next_offset} or behind it; `drawdown verify` says more"
            )
        after = self._store.write(position, batch)
        if batch.fault is not None:
            raise batch.fault
        return after


def _gathered(batches: Iterator[list[Message]], records: int) -> Iterator[list[Message]]:
    """The same records, about so many at a time."""
    gathered: list[Message] = []
    for batch in batches:
        gathered += batch
        if len(gathered) >= records:
            yield gathered
            gathered = []
    if gathered:
        yield gathered

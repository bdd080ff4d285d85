"""The past: entries of the ledger that local state only names, read again.

Refunds need what a charge drew. One that isn't in memory any more is read from the log: a few
milliseconds, and nothing for those that stand right behind one that was read just now.
"""

from collections.abc import Callable
from contextlib import suppress
from typing import Final

from confluent_kafka import Consumer, KafkaException, Message

from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.kafka.leaving import leave
from drawdown.adapters.kafka.partition_log import PartitionLog
from drawdown.adapters.kafka.records import offset_of, value_of
from drawdown.adapters.topics import LEDGER
from drawdown.clock import Clock
from drawdown.domain.entries import LedgerEntry
from drawdown.errors import DecodeFailed, PartitionHalted, Unavailable
from drawdown.settings import Settings

RUN: Final = 256
"""So many entries are kept of what was read last, in each partition."""
_WITHIN_S: Final = 10.0
"""Nothing else is decided while an entry is waited for."""


class Past:
    """What partitions read again, with one client, made when it is first asked for. For the one
    thread that decides."""

    def __init__(
        self, settings: Settings, wire: Wire, new_client: Callable[[], Consumer], clock: Clock
    ) -> None:
        """`new_client` makes a client for `PartitionLog`."""
        self._settings: Final = settings
        self.wire: Final = wire
        self._new_client: Final = new_client
        self._clock: Final = clock
        self._client: Consumer | None = None
        self._logs: Final[dict[int, PartitionLog]] = {}

    def of(self, partition: int) -> "PartitionPast":
        """One partition's."""
        return PartitionPast(self, partition)

    def read(self, partition: int, offset: int) -> list[Message]:
        """Committed entries from an offset on, as soon as there are any; none: it is the end.

        Raises `Unavailable`.
        """
        try:
            return self._next(self._log(partition), offset)
        except Unavailable:
            # The next reading has a client of its own.
            self.close()
            raise
        except KafkaException as error:
            self.close()
            reason = error.args[0].str()
            raise Unavailable(f"the ledger's partition {partition}: {reason}") from error

    def _next(self, log: PartitionLog, offset: int) -> list[Message]:
        log.position = offset
        found = log.next(RUN, within_s=_WITHIN_S)
        if not found:
            # By now it may end later than when it was asked.
            log.extend()
            found = log.next(RUN, within_s=_WITHIN_S)
        return found

    def _log(self, partition: int) -> PartitionLog:
        if self._client is None:
            self._client = self._new_client()
        if partition not in self._logs:
            self._logs[partition] = PartitionLog(
                self._settings,
                self._settings.topic(LEDGER),
                partition,
                client=self._client,
                clock=self._clock,
            )
        return self._logs[partition]

    def close(self) -> None:
        """Let go of the client."""
        self._logs.clear()
        client, self._client = self._client, None
        if client is not None:
            with suppress(KafkaException):
                leave(client)


class PartitionPast:
    """The past entries of one partition; `drawdown.adapters.local_state.past.Past` is this."""

    def __init__(self, past: Past, partition: int) -> None:
        self._past: Final = past
        self._partition: Final = partition
        self._run: list[Message] = []
        self._run_seq = 0
        """The `partition_seq` of the run's first entry; each of the others has the next one."""

    def read(self, record: bytes) -> LedgerEntry:
        """The entry of a record. Raises `PartitionHalted` where it isn't whole."""
        try:
            entry, whole = self._past.wire.decode_entry_checked(record)
        except DecodeFailed as error:
            raise self._wrong(f"an entry can't be read again: {error}") from error
        if not whole:
            raise self._wrong(f"{entry.entry_id} isn't what it was when its hash was made")
        return entry

    def entry(self, partition_seq: int, not_before: int) -> LedgerEntry:
        """A committed entry, at an offset or a little behind it. Raises `Unavailable`, or
        `PartitionHalted` where it isn't there."""
        while not 0 <= partition_seq - self._run_seq < len(self._run):
            self._run = self._past.read(self._partition, not_before)
            if not self._run:
                raise self._wrong(f"entry {partition_seq} isn't there: it ends at {not_before}")
            self._run_seq = self.read(value_of(self._run[0])).partition_seq
            if self._run_seq > partition_seq:
                raise self._wrong(
                    f"entry {partition_seq} isn't there: from offset {not_before} on, entry "
                    f"{self._run_seq} is the first"
                )
            skipped = partition_seq - self._run_seq - len(self._run)
            not_before = offset_of(self._run[-1]) + 1 + skipped
        entry = self.read(value_of(self._run[partition_seq - self._run_seq]))
        if entry.partition_seq != partition_seq:
            raise self._wrong(
                f"entry {partition_seq} isn't there: in its place is entry {entry.partition_seq}"
            )
        return entry

    def _wrong(self, found: str) -> PartitionHalted:
        return PartitionHalted(f"the ledger's partition {self._partition}: {found}")

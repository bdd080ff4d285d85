"""The audit of a namespace: note where the inputs end, wait until the processor has committed up
to there, then audit one partition after another (`partition.py`).

It goes on from checkpoints in `data_dir`, one file a partition; `full` begins at the start.
"""

import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from confluent_kafka import Consumer, KafkaException, TopicPartition

from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.kafka.partition_log import PartitionLog, log_client, value_of
from drawdown.adapters.kafka.topics import existing_topics, ledger_partitions
from drawdown.adapters.topics import LEDGER
from drawdown.domain.inputs import Tick
from drawdown.errors import DecodeFailed
from drawdown.local.discovery import resolved
from drawdown.settings import Settings
from drawdown.verification.checkpoint import Checkpoint
from drawdown.verification.inputs import SOURCES
from drawdown.verification.partition import PartitionAudit
from drawdown.verification.report import Report

PROCESSOR: Final = "ledger_processor"
WITHIN_S: Final = 60.0
"""How long the processor and the projector may take to catch up."""
_EVERY_S: Final = 0.2
_REPORT_EVERY: Final = 1_000
_TICKS_MAX: Final = 100
"""A processor that is so many commands behind is waited for."""

Progress = Callable[[int, int, str], None]
"""Told how many records are read of how many, and what is going on."""
Told = Callable[[int, Report], None]
"""Told what was found in a partition, as soon as it is."""


def verify(
    settings: Settings,
    progress: Progress | None = None,
    *,
    within_s: float = WITHIN_S,
    full: bool = False,
    told: Told | None = None,
) -> Report:
    """Audit a namespace: what is new since the last audit that found nothing wrong, or everything.

    A difference stands in the report; it is no exception. Raises `Unavailable` if the broker or
    the database doesn't answer or another audit is at work here, `InvalidSetting` if the topics
    don't exist, `DatabaseRefused` if no projector has ever run.
    """
    audit = _Audit(resolved(settings), progress or _silent, told or _silent, within_s, full)
    return audit.run()


def reconcile(
    settings: Settings, progress: Progress | None = None, *, within_s: float = WITHIN_S
) -> Report:
    """Hold the fold of the whole ledger, from its start, against every read model and every
    published topic. It leaves the checkpoints of `verify` alone. Raises as `verify`."""
    with TemporaryDirectory(prefix="drawdown-") as folder:
        apart = resolved(settings).model_copy(update={"data_dir": Path(folder)})
        audit = _Audit(apart, progress or _silent, _silent, within_s, full=True, only_ledger=True)
        return audit.run()


def checkpoint_file(settings: Settings, partition: int) -> Path:
    """Where the checkpoint of a partition is."""
    return settings.data_dir / "audit" / settings.namespace / f"partition-{partition}.sqlite"


def _silent(*_: object) -> None:
    pass


class _Audit:
    """One run. `_ends` holds where each input's partition ended when it began."""

    def __init__(
        self,
        settings: Settings,
        progress: Progress,
        told: Told,
        within_s: float,
        full: bool,
        only_ledger: bool = False,
    ) -> None:
        self._settings = settings
        self._progress = progress
        self._told = told
        self._within_s = within_s
        self._full = full
        self._only_ledger = only_ledger
        self._topics: frozenset[str] = frozenset()
        self._wire = Wire(settings)
        self._report = Report(namespace=settings.namespace)
        self._ends: dict[tuple[str, int], int] = {}
        self._done = 0
        self._total = 0

    def run(self) -> Report:
        self._report.partitions = ledger_partitions(self._settings)
        self._topics = existing_topics(self._settings)
        # A client takes a while to connect: one reads one log after another.
        client = log_client(self._settings, self._settings.group(PROCESSOR))
        try:
            self._note_ends(client)
            if not self._only_ledger:
                self._await_processor(client)
            for partition in range(self._report.partitions):
                found = self._audit_partition(partition, client)
                self._report.include(found)
                self._told(partition, found)
        finally:
            client.close()
        return self._report

    def _audit_partition(self, partition: int, client: Consumer) -> Report:
        with Checkpoint(checkpoint_file(self._settings, partition)) as checkpoint:
            if self._full:
                checkpoint.forget()
            return PartitionAudit(
                self._settings,
                self._wire,
                partition,
                checkpoint,
                client,
                ends=None if self._only_ledger else self._ends_of(partition),
                topics=self._topics,
                within_s=self._within_s,
                progress=self._read,
            ).run()

    def _ends_of(self, partition: int) -> dict[str, int]:
        return {name: end for (name, at), end in self._ends.items() if at == partition}

    def _note_ends(self, client: Consumer) -> None:
        for partition in range(self._report.partitions):
            with Checkpoint(checkpoint_file(self._settings, partition)) as checkpoint:
                begin = {} if self._full else checkpoint.reached.next_offset
            inputs = () if self._only_ledger else SOURCES.values()
            for name in (*inputs, LEDGER):
                topic = self._settings.topic(name)
                with PartitionLog(self._settings, topic, partition, client=client) as log:
                    self._total += max(0, log.end - max(log.start, begin.get(name, 0)))
                    if name != LEDGER and log.end > log.start:
                        self._ends[name, partition] = log.end

    def _await_processor(self, client: Consumer) -> None:
        """Wait for its commits; what it hasn't decided by then shows as a difference."""
        places = [TopicPartition(self._settings.topic(n), p) for n, p in self._ends]
        deadline = time.monotonic() + self._within_s
        try:
            while places and time.monotonic() < deadline:
                committed = client.committed(places, timeout=10.0)
                offsets = (at.offset for at in committed)
                if all(map(partial(self._is_decided, client), self._ends, offsets)):
                    return
                self._progress(self._done, self._total, "waiting for the ledger processor")
                time.sleep(_EVERY_S)
        except KafkaException as error:
            # The wait is a courtesy; whether the broker answers shows next.
            self._progress(self._done, self._total, str(error.args[0]))

    def _is_decided(self, client: Consumer, place: tuple[str, int], committed: int) -> bool:
        """Whether the processor has committed a partition of an input to where it ended. Ticks
        that book nothing are committed in their own time."""
        name, partition = place
        end = self._ends[place]
        if committed >= end or end - committed > _TICKS_MAX:
            return committed >= end
        with PartitionLog(
            self._settings,
            self._settings.topic(name),
            partition,
            begin=committed,
            end=end,
            client=client,
        ) as log:
            return all(self._is_tick(name, value_of(record)) for record in log.records())

    def _is_tick(self, name: str, value: bytes) -> bool:
        if name != SOURCES["ledger_commands"]:
            return False
        try:
            return isinstance(self._wire.decode_command(value).body, Tick)
        except DecodeFailed:
            return False

    def _read(self, doing: str) -> None:
        self._done += 1
        if self._done % _REPORT_EVERY == 0:
            self._progress(self._done, self._total, doing)

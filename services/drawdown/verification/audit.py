"""The audit of a namespace, one partition at a time.

1. Note where the inputs end, and wait until the processor has committed up to there.
2. Per partition: fold the ledger to its end, checking sequences, chains, decisions, invariants.
3. Wait until the read model shows that end; where it shows more by then, fold on to the very same
   entry; then hold accounts, lots, holds and the number of entries against the
   fold.
4. Hold every retained input record and every dead letter against what was decided. What was
   neither decided nor parked is a tick that found nothing due, or must repeat what an input
   decided before it said.

Memory holds one partition's accounts, its decided offsets (8 bytes each) and what repeats.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Final

from confluent_kafka import KafkaException, TopicPartition

from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.kafka.clients import consumer
from drawdown.adapters.kafka.partition_log import PartitionLog, offset_of, value_of
from drawdown.adapters.kafka.topics import ledger_partitions
from drawdown.domain.dead_letters import DeadLetter
from drawdown.domain.entries import InputTopic
from drawdown.errors import DecodeFailed, LedgerCorrupt
from drawdown.local.discovery import resolved
from drawdown.settings import Settings
from drawdown.verification.folding import LEDGER, FoldedPartition
from drawdown.verification.inputs import SOURCES, InputAudit
from drawdown.verification.read_model import read_model
from drawdown.verification.report import Report

PROCESSOR: Final = "ledger_processor"
WITHIN_S: Final = 60.0
"""How long the processor and the projector may take to catch up."""
_EVERY_S: Final = 0.2
_REPORT_EVERY: Final = 1_000

Progress = Callable[[int, int, str], None]
"""Told how many records are read of how many, and what is going on."""


def verify(
    settings: Settings, progress: Progress | None = None, *, within_s: float = WITHIN_S
) -> Report:
    """Audit a namespace. A difference stands in the report; it is no exception.

    Raises `Unavailable` if the broker or the database doesn't answer, `InvalidSetting` if the
    topics don't exist, `DatabaseRefused` if no projector has ever run.
    """
    return _Audit(resolved(settings), progress or _silent, within_s).run()


def _silent(done: int, total: int, doing: str) -> None:
    pass


class _Audit:
    """One run. `_ends` holds where each input's partition ended when it began."""

    def __init__(self, settings: Settings, progress: Progress, within_s: float) -> None:
        self._settings = settings
        self._progress = progress
        self._within_s = within_s
        self._wire = Wire(settings)
        self._report = Report(namespace=settings.namespace)
        self._ends: dict[tuple[str, int], int] = {}
        self._done = 0
        self._total = 0

    def run(self) -> Report:
        self._report.partitions = ledger_partitions(self._settings)
        self._note_ends()
        self._await_processor()
        for partition in range(self._report.partitions):
            self._audit_partition(partition)
        return self._report

    def _note_ends(self) -> None:
        for partition in range(self._report.partitions):
            for name in (*SOURCES.values(), "ledger-entries"):
                with PartitionLog(self._settings, self._settings.topic(name), partition) as log:
                    self._total += log.end - log.start
                    if name != "ledger-entries" and log.end > log.start:
                        self._ends[name, partition] = log.end

    def _await_processor(self) -> None:
        """Wait for its commits; what it hasn't decided by then shows as a difference."""
        places = [TopicPartition(self._settings.topic(n), p) for n, p in self._ends]
        client = consumer(self._settings, group=self._settings.group(PROCESSOR))
        deadline = time.monotonic() + self._within_s
        try:
            while places and time.monotonic() < deadline:
                committed = client.committed(places, timeout=10.0)
                ends = self._ends.values()
                if all(at.offset >= end for at, end in zip(committed, ends, strict=True)):
                    return
                self._progress(self._done, self._total, "waiting for the ledger processor")
                time.sleep(_EVERY_S)
        except KafkaException as error:
            # The wait is a courtesy; whether the broker answers shows next.
            self._progress(self._done, self._total, str(error.args[0]))
        finally:
            client.close()

    def _audit_partition(self, partition: int) -> None:
        folded = FoldedPartition(
            namespace=self._settings.namespace, partition=partition, report=self._report
        )
        topic = self._settings.topic("ledger-entries")
        with PartitionLog(self._settings, topic, partition) as log:
            try:
                self._fold(log, folded, until=lambda: False)
                self._compare(log, folded, partition)
                if not folded.whole:
                    # The end that was noted, or the projector's, lies within a decision.
                    log.extend()
                    self._fold(log, folded, until=lambda: folded.whole)
            except (DecodeFailed, LedgerCorrupt) as error:
                self._differ(partition, LEDGER, f"{error}; nothing after it can be checked")
                return
            folded.finish()
            self._check_inputs(partition, folded, log.end)

    def _fold(self, log: PartitionLog, folded: FoldedPartition, until: Callable[[], bool]) -> None:
        """Fold on to the log's end, or until it is enough."""
        doing = f"ledger [{log.partition}]"
        for record in log.records():
            entry, holds = self._wire.decode_entry_checked(value_of(record))
            folded.fold(entry, hash_holds=holds)
            self._read(doing)
            if until():
                return

    def _compare(self, log: PartitionLog, folded: FoldedPartition, partition: int) -> None:
        self._progress(self._done, self._total, f"read model [{partition}]")

        def differ(where: str, explanation: str) -> None:
            self._differ(partition, where, explanation)

        reached = folded.partition_seq
        with read_model(
            self._settings, partition, from_seq=reached, within_s=self._within_s
        ) as model:
            shown = model.partition_seq()
            if shown > reached:
                log.extend()
                self._fold(log, folded, until=lambda: folded.partition_seq == shown)
            if shown != folded.partition_seq:
                differ("accounts", f"entry {shown} of {reached} is shown: does the projector run?")
                return
            accounts, lots, holds = model.compare(folded.customers(), differ)
            model.check_entries(shown, differ)
        self._report.accounts += accounts
        self._report.lots += lots
        self._report.holds += holds

    def _check_inputs(self, partition: int, folded: FoldedPartition, ledger_end: int) -> None:
        dead = self._dead_letters(partition)
        audit = InputAudit(
            wire=self._wire,
            dead=dead,
            differ=lambda where, explanation: self._differ(partition, where, explanation),
        )
        retained = 0
        for source, name in SOURCES.items():
            start, end = self._check_input(source, name, partition, folded, audit)
            full_name = self._settings.topic(name)
            retained += sum(topic == full_name and start <= at < end for topic, at in dead)
        if audit.parked != retained:
            self._differ(
                partition, "dead-letters", f"{retained} parked, of {audit.parked} input records"
            )
        self._settle_repeats(partition, audit, ledger_end)

    def _check_input(
        self,
        source: InputTopic,
        name: str,
        partition: int,
        folded: FoldedPartition,
        audit: InputAudit,
    ) -> tuple[int, int]:
        """Check one input; where it starts and ends."""
        topic, decided = self._settings.topic(name), folded.decided[source]
        end = self._ends.get((name, partition), 0)
        count = 0
        with PartitionLog(self._settings, topic, partition, end=end) as log:
            for record in log.records():
                audit.check(source, record, decided)
                count += 1
                self._read(f"{name} [{partition}]")
            start = log.start
        expected = sum(start <= offset < end for offset in decided)
        if audit.matched[source] != expected:
            found = audit.matched[source]
            self._differ(partition, name, f"{expected} decisions, but of {found} input records")
        if source == "usage_events":
            self._report.events += count
        else:
            self._report.commands += count
        return start, end

    def _dead_letters(self, partition: int) -> dict[tuple[str, int], DeadLetter]:
        letters: dict[tuple[str, int], DeadLetter] = {}
        topic = self._settings.topic("dead-letters")
        with PartitionLog(self._settings, topic, partition) as log:
            for record in log.records():
                letter = self._wire.decode_dead_letter(value_of(record))
                origin = (letter.topic, letter.offset)
                if letter.partition != partition or origin in letters:
                    where = f"{letter.topic} [{letter.partition}] offset {letter.offset}"
                    explanation = f"offset {offset_of(record)} parks {where} wrongly or again"
                    self._differ(partition, "dead-letters", explanation)
                letters[origin] = replace(letter, value=b"")
                self._report.dead_letters[letter.reason] += 1
        return letters

    def _settle_repeats(self, partition: int, audit: InputAudit, ledger_end: int) -> None:
        repeats = audit.repeats
        if repeats:
            topic = self._settings.topic("ledger-entries")
            with PartitionLog(self._settings, topic, partition, end=ledger_end) as log:
                for record in log.records():
                    repeats.look_at(self._wire.decode_entry(value_of(record)))
        self._report.duplicates += repeats.found
        self._report.idle_ticks += audit.idle_ticks
        for each in repeats.unexplained():
            explanation = f"offset {each.offset} ({each.customer_id}, {each.id}) was never decided"
            self._differ(partition, SOURCES[each.source], explanation)

    def _differ(self, partition: int, where: str, explanation: str) -> None:
        self._report.differ(partition, where, explanation)

    def _read(self, doing: str) -> None:
        self._done += 1
        if self._done % _REPORT_EVERY == 0:
            self._progress(self._done, self._total, doing)

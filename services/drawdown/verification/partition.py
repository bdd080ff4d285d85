"""The audit of one partition, from its checkpoint on.

1. The ledger must still have the entry that the checkpoint saw last; where it hasn't, that is a
   difference, and the partition is audited from its start.
2. Fold the ledger to its end, checking sequences, chains, decisions, invariants, and each entry's
   row in the read model.
3. Where the read model shows more by then, fold on to the very same entry; then hold accounts,
   lots, holds and usage against the fold: those that were touched since the checkpoint, and
   some of the others each time. So with the other projections, each where it stands; then hold the
   published topics against their rows.
4. Hold every retained input record and every dead letter against what was decided and parked. What
   is neither is a tick that found nothing due, or must repeat what an input decided before it said.
5. Hold every reply against its decision.
6. Where nothing was wrong, save the checkpoint.

Memory holds the accounts that were touched, offsets of decided inputs (8 bytes each) and what
replies must say; the rest is in the checkpoint's transaction.
"""

import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final

from confluent_kafka import Consumer, Message

from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.kafka.partition_log import PartitionLog, offset_of, value_of
from drawdown.adapters.postgres.connections import connect, translated
from drawdown.adapters.topics import LEDGER
from drawdown.adapters.zones import zone_named
from drawdown.domain.dead_letters import DeadLetter
from drawdown.domain.entries import InputTopic, LedgerEntry
from drawdown.errors import DecodeFailed, LedgerCorrupt
from drawdown.settings import Settings
from drawdown.verification.checkpoint import Checkpoint, Reached, carried, read_carried
from drawdown.verification.entry_rows import EntryRows
from drawdown.verification.folding import FoldedPartition
from drawdown.verification.history import refutation
from drawdown.verification.inputs import SOURCES, InputAudit, appended_at
from drawdown.verification.read_model import PROJECTION, read_model
from drawdown.verification.read_models import ReadModels
from drawdown.verification.report import Difference, Report

_BATCH: Final = 2_000
"""Entries whose rows are asked for at once."""
_SWEPT: Final = 1_000
"""Accounts without a new entry that are compared again, the next ones in each audit."""

Progress = Callable[[str], None]
"""Told of each record that is read, and what is going on."""


class PartitionAudit:
    """One audit of one partition; `ends` says how far to read its inputs, by short name; None: only
    the ledger and what is made of it are audited. `topics` are the full names of those that exist.

    `client` is one of `log_client`, which reads one log after another.
    """

    def __init__(
        self,
        settings: Settings,
        wire: Wire,
        partition: int,
        checkpoint: Checkpoint,
        client: Consumer,
        *,
        ends: dict[str, int] | None,
        topics: frozenset[str],
        within_s: float,
        progress: Progress,
    ) -> None:
        self.report: Final = Report(namespace=settings.namespace)
        self._settings = settings
        self._wire = wire
        self._partition = partition
        self._checkpoint = checkpoint
        self._client = client
        self._ends = ends or {}
        self._only_ledger = ends is None
        self._topics = topics
        self._within_s = within_s
        self._progress = progress
        self._reached = Reached()
        self._look_at: Callable[[LedgerEntry], None] = lambda entry: None
        self._ledger_end = 0

    def run(self) -> Report:
        """Audit, and save the checkpoint where nothing is wrong."""
        refuted = None
        last_offset = self._checkpoint.reached.last_offset
        if last_offset >= 0:
            with self._log(LEDGER, start=last_offset) as log:
                refuted = refutation(self._checkpoint.reached, log, self._wire)
        if refuted is not None:
            self._checkpoint.forget()
        self._reached = replace(
            self._checkpoint.reached,
            next_offset=dict(self._checkpoint.reached.next_offset),
            decided={},
            parked={},
            letters=[],
        )
        self.report.go_on_from(self._checkpoint.reached.totals)
        if refuted is not None:
            self.report.differ(refuted)
        self._audit()
        self._ended()
        return self.report

    def _audit(self) -> None:
        folded = FoldedPartition(
            namespace=self._settings.namespace,
            partition=self._partition,
            zone=zone_named(self._settings.reporting_zone),
            checkpoint=self._checkpoint,
            report=self.report,
        )
        models = ReadModels(
            self._settings,
            self._wire,
            self._partition,
            topics=self._topics,
            report=self.report,
            differ=self._note,
            everything=not self._checkpoint.begun,
            within_s=self._within_s,
        )
        self._look_at = models.look_at
        with self._log(LEDGER, start=self._checkpoint.reached.last_offset + 1) as log:
            try:
                self._read_ledger(log, folded, models)
            except (DecodeFailed, LedgerCorrupt) as error:
                why = f"{error}; nothing after it can be checked"
                at = log.position - 1
                self._differ(LEDGER, why, offset=at, at=folded.at)
                return
            self._ledger_end = log.position
        folded.finish()
        told = self._checkpoint.reached.topics
        self._reached.topics = models.check_topics(told, self._client)
        if not self._only_ledger:
            self._check_inputs(folded)
            self._check_replies(folded)
        folded.reach(self._reached)

    def _ended(self) -> None:
        """Save what was found to be right, and say how much of the ledger that is."""
        with self._log(LEDGER) as log:
            self.report.records = log.end - log.start
            start = log.start
        known = self._checkpoint.add_referrals(self.report.referrals)
        if self.report.ok:
            self._reached.next_offset[LEDGER] = self._ledger_end
            self._reached.totals = self.report.totals()
            self._checkpoint.save(self._reached)
        audited_to = self._checkpoint.reached.next_offset.get(LEDGER, start)
        self.report.referrals = known
        self.report.records_audited = min(self.report.records, max(0, audited_to - start))

    # ---- The ledger and its read model.

    def _read_ledger(self, log: PartitionLog, folded: FoldedPartition, models: ReadModels) -> None:
        everything = not self._checkpoint.begun
        after_seq = folded.partition_seq
        deadline = time.monotonic() + self._within_s
        schema = self._settings.database_schema(PROJECTION)
        with (
            translated(),
            connect(self._settings, application="verify", schema=schema) as connection,
        ):
            rows = EntryRows(connection, self._partition, self._note, deadline=deadline)
            self._fold(log, folded, rows, until=lambda: False)
            self._compare(log, folded, rows, after_seq=after_seq, everything=everything)
            models.compare(folded, lambda seq: self._fold_to(seq, log, folded, rows))
            if not folded.whole:
                # The end that was noted, or the projector's, lies within a decision.
                log.extend()
                self._fold(log, folded, rows, until=lambda: folded.whole)
            self.report.rows += rows.checked

    def _fold(
        self,
        log: PartitionLog,
        folded: FoldedPartition,
        rows: EntryRows,
        until: Callable[[], bool],
    ) -> None:
        """Fold on to the log's end, or until it is enough."""
        entries: list[LedgerEntry] = []
        for record in log.records():
            entry, holds = self._wire.decode_entry_checked(value_of(record))
            folded.fold(entry, hash_holds=holds, offset=offset_of(record))
            self._look_at(entry)
            self._progress(f"ledger [{self._partition}]")
            entries.append(entry)
            if len(entries) == _BATCH:
                rows.check(entries)
                entries.clear()
            if until():
                break
        if entries:
            rows.check(entries)

    def _fold_to(
        self, seq: int, log: PartitionLog, folded: FoldedPartition, rows: EntryRows
    ) -> None:
        log.extend()
        self._fold(log, folded, rows, until=lambda: folded.partition_seq == seq)

    def _compare(
        self,
        log: PartitionLog,
        folded: FoldedPartition,
        rows: EntryRows,
        *,
        after_seq: int,
        everything: bool,
    ) -> None:
        reached = folded.partition_seq
        with read_model(
            self._settings, self._partition, from_seq=reached, within_s=self._within_s
        ) as model:
            shown = model.partition_seq()
            if shown > reached:
                self._fold_to(shown, log, folded, rows)
            if shown != folded.partition_seq:
                why = f"entry {shown} of {reached} is shown: does the projector run?"
                self._differ("accounts", why, expected=f"entry {reached}", found=f"entry {shown}")
                return
            if not everything:
                self._reached.swept = folded.sweep(self._reached.swept, _SWEPT)
            accounts, lots, holds = model.compare(
                folded.customers(), self._note, everything=everything
            )
            usage = folded.compared()
            days, hours = model.check_usage(usage, self._note, everything=everything)
            model.count_entries(after_seq, shown, self._note)
        self.report.accounts += accounts
        self.report.lots += lots
        self.report.holds += holds
        self.report.days += days
        self.report.hours += hours

    # ---- Inputs and dead letters.

    def _check_inputs(self, folded: FoldedPartition) -> None:
        letters = self._dead_letters()

        def differ(record: Message, why: str, expected: str, found: str) -> None:
            where = str(record.topic()).removeprefix(self._settings.topic(""))
            offset, at = offset_of(record), appended_at(record)
            self._differ(where, why, offset=offset, at=at, expected=expected, found=found)

        audit = InputAudit(
            wire=self._wire, letters=letters, checkpoint=self._checkpoint, differ=differ
        )
        for source, name in SOURCES.items():
            start, end = self._check_input(source, name, folded, audit)
            self._check_ends(source, name, folded, audit, letters, start, end)
        self.report.duplicates += audit.duplicates
        self.report.idle_ticks += audit.idle_ticks

    def _check_input(
        self, source: InputTopic, name: str, folded: FoldedPartition, audit: InputAudit
    ) -> tuple[int, int]:
        """Check what is new of one input; where that starts and ends."""
        decided = folded.decided[source]
        begin = self._reached.next_offset.get(name, 0)
        with self._log(name, start=begin) as log:
            start = log.position
            log.end = max(start, min(log.end, self._ends.get(name, 0)))
            for record in log.records():
                audit.check(source, record, decided)
                self._progress(f"{name} [{self._partition}]")
            return start, log.end

    def _check_ends(
        self,
        source: InputTopic,
        name: str,
        folded: FoldedPartition,
        audit: InputAudit,
        letters: dict[tuple[str, int], DeadLetter],
        start: int,
        end: int,
    ) -> None:
        """What was decided, dead-lettered and parked must be records that were seen; what stands
        beyond the end is carried over."""
        seen, decided = audit.seen[source], folded.decided[source]
        audited_to = self._checkpoint.reached.next_offset.get(name, 0)
        for offset in decided:
            if offset < audited_to:
                why = f"offset {offset} was decided after it was audited as undecided"
                self._differ(name, why, offset=offset, at=folded.at)
        expected = sum(start <= offset < end for offset in decided)
        if seen.decided != expected:
            why = f"{expected} decisions, but of {seen.decided} input records"
            self._differ(name, why, expected=f"{expected} records", found=str(seen.decided))
        topic = self._settings.topic(name)
        of_topic = [each for (of, _), each in letters.items() if of == topic]
        dead = sum(start <= each.offset < end for each in of_topic)
        if seen.dead != dead:
            why = f"{dead} parked, of {seen.dead} input records"
            self._differ("dead-letters", why, expected=f"{dead} records", found=str(seen.dead))
        parked = {offset for offset in folded.parked[source] if start <= offset < end}
        for offset in sorted(parked ^ seen.parked):
            said = "an entry parks it, but it is no such dead letter"
            if offset in seen.parked:
                said = "it is a parked dead letter, but no entry says so"
            self._differ(name, f"offset {offset}: {said}", offset=offset, at=folded.at)
        if source == "usage_events":
            self.report.events += seen.records
        else:
            self.report.commands += seen.records
        self._reached.next_offset[name] = end
        self._reached.decided[source] = [offset for offset in decided if offset >= end]
        self._reached.parked[source] = sorted(each for each in folded.parked[source] if each >= end)
        self._reached.letters += [carried(each) for each in of_topic if each.offset >= end]

    def _dead_letters(self) -> dict[tuple[str, int], DeadLetter]:
        known = [read_carried(each) for each in self._checkpoint.reached.letters]
        letters = {(each.topic, each.offset): each for each in known}
        begin = self._reached.next_offset
        with self._log("dead-letters", start=begin.get("dead-letters", 0)) as log:
            for record in log.records():
                letter = self._wire.decode_dead_letter(value_of(record))
                origin = (letter.topic, letter.offset)
                audited_to = begin.get(letter.topic.removeprefix(self._settings.topic("")), 0)
                late = letter.offset < audited_to
                if letter.partition != self._partition or origin in letters or late:
                    where = f"{letter.topic} [{letter.partition}] offset {letter.offset}"
                    why = f"offset {offset_of(record)} parks {where} wrongly or again"
                    at = letter.recorded_at
                    self._differ("dead-letters", why, offset=offset_of(record), at=at)
                letters[origin] = replace(letter, value=b"")
                self.report.dead_letters[letter.reason] += 1
            begin["dead-letters"] = log.position
        return letters

    # ---- Replies.

    def _check_replies(self, folded: FoldedPartition) -> None:
        next_offset = self._reached.next_offset
        with self._log("ledger-replies", start=next_offset.get("ledger-replies", 0)) as log:
            # Of decisions whose replies were deleted unread nothing can be said.
            since_seq = 0 if log.start <= next_offset.get("ledger-replies", 0) else -1
            next_offset["ledger-replies"] = log.end
            for record in log.records():
                reply = self._wire.decode_reply(value_of(record))
                if reply.partition_seq > folded.partition_seq:
                    next_offset["ledger-replies"] = offset_of(record)
                    break
                if since_seq < 0:
                    since_seq = reply.partition_seq
                self.report.replies += 1
                self._progress(f"replies [{self._partition}]")
                wrong = folded.replies.check(reply)
                if wrong is not None:
                    why, expected, found = wrong
                    self._differ(
                        "ledger-replies",
                        why,
                        offset=offset_of(record),
                        at=reply.recorded_at,
                        account=f"{reply.customer_id} ({reply.unit})",
                        expected=expected,
                        found=found,
                    )
        if since_seq < 0:
            since_seq = folded.partition_seq + 1
        for command_id, entry_id in folded.replies.unanswered(since_seq=since_seq):
            why = f"{command_id} has no reply, but was decided by {entry_id}"
            self._differ("ledger-replies", why, expected="a reply", found="none")

    # ---- What is wrong.

    def _differ(self, where: str, why: str, **more: Any) -> None:
        self.report.differ(
            Difference(partition=self._partition, where=where, explanation=why, **more)
        )

    def _note(self, table: str, why: str, account: str, expected: str, found: str) -> None:
        self._differ(table, why, account=account, expected=expected, found=found)

    def _log(self, name: str, *, start: int = 0) -> PartitionLog:
        topic = self._settings.topic(name)
        return PartitionLog(
            self._settings, topic, self._partition, begin=start, client=self._client
        )

"""Faults planted in the product, each a mistake that somebody could make there.

They are patches of what isn't compiled, so that they work on both runtimes.
"""

from collections.abc import Callable
from itertools import chain
from typing import Any, Final

import pytest
from confluent_kafka import KafkaError, TopicPartition

from drawdown.adapters.kafka.partition_log import PartitionLog
from drawdown.adapters.postgres.store import Batch, Following, Position
from drawdown.adapters.topics import OUTPUTS
from drawdown.errors import Unavailable
from drawdown.ledger_processor import failures, keeping
from drawdown.ledger_processor.barrier import Barrier
from drawdown.ledger_processor.ends import Ends
from drawdown.ledger_processor.evidence import Evidence
from drawdown.ledger_processor.failures import Call, Remedy, TransactionFailed
from drawdown.ledger_processor.intake import Intake
from drawdown.ledger_processor.loop import Loop
from drawdown.ledger_processor.output_ends import OutputEnds
from drawdown.ledger_processor.partition import Committed, PartitionWriter
from drawdown.ledger_processor.recovery import _Recovery
from tests.simulation.processes import Database, SimulatedClients

Plant = Callable[[pytest.MonkeyPatch], None]


def position_from_the_committed_offset(patch: pytest.MonkeyPatch) -> None:
    """Inputs go on where the group's offset says, not the ledger."""

    def position(self: Any, name: str, last: int | None) -> int:
        place = TopicPartition(self._settings.topic(name), self._partition)
        committed: int = self._committed(place)
        return max(0, committed)

    patch.setattr(_Recovery, "_position", position)


def state_written_before_the_commit(patch: pytest.MonkeyPatch) -> None:
    """The rows are saved when the transaction begins, the checkpoint when it is committed."""
    begin = PartitionWriter.begin

    def begin_and_save(self: Any, group_metadata: object) -> None:
        begin(self, group_metadata)
        if self._keeper is not None and self._saving is not None:
            self._keeper.store.write(self._saving.batch)

    patch.setattr(PartitionWriter, "begin", begin_and_save)


def epoch_used_again_after_a_doubt(patch: pytest.MonkeyPatch) -> None:
    """A commit whose outcome isn't known is tried again with the same producer."""
    repeatable = failures._repeatable

    def also_commits(call: Call, error: KafkaError) -> bool:
        return repeatable(call, error) or (call is Call.COMMIT and error.retriable())

    patch.setattr(failures, "_repeatable", also_commits)


def failed_commit_taken_for_a_success(patch: pytest.MonkeyPatch) -> None:
    """A transaction that failed is left behind, and the next one begun."""
    finished = PartitionWriter.finished

    def taken(self: Any, *, within_s: float = 0.0) -> Committed | None:
        try:
            return finished(self, within_s=within_s)
        except TransactionFailed as failed:
            if failed.failure.remedy is not Remedy.RECOVER:
                raise
            self._producer._in_transaction = self._producer._failed = False
            return None

    patch.setattr(PartitionWriter, "finished", taken)


def charges_forgotten_on_recovery(patch: pytest.MonkeyPatch) -> None:
    """The ids of charged events aren't saved."""
    patch.setattr(keeping, "put_charges", lambda _put, _charges: None)


def dead_letters_forgotten_on_recovery(patch: pytest.MonkeyPatch) -> None:
    """What was parked isn't looked up."""
    patch.setattr(_Recovery, "_parked", lambda *_: set())


def expiry_ahead_of_the_watermark(patch: pytest.MonkeyPatch) -> None:
    """Each input counts as read to its end."""

    def ended(self: Any, _number: int, decider: Any, _until_us: int) -> None:
        decider.watermark.ended(self._source)

    patch.setattr(Ends, "confirm", ended)


def old_end_believed(patch: pytest.MonkeyPatch) -> None:
    """The end that a client told of once holds until a record comes."""
    patch.setattr(Ends, "_stands", lambda _self, _number, _end: True)


def half_a_decision_written(patch: pytest.MonkeyPatch) -> None:
    """What the client's queue doesn't take is left out."""
    produce = PartitionWriter._produce

    def half(self: Any, batches: list[Any]) -> list[Any]:
        produce(self, batches)
        return []

    patch.setattr(PartitionWriter, "_produce", half)


def nobody_fenced_on_open(patch: pytest.MonkeyPatch) -> None:
    """The transactional id is the process's own, not the partition's."""
    transactional = SimulatedClients.transactional

    def own(self: Any, transactional_id: str) -> Any:
        return transactional(self, f"{self._link.name}-{transactional_id}")

    patch.setattr(SimulatedClients, "transactional", own)


def silence_taken_for_the_end(patch: pytest.MonkeyPatch) -> None:
    """A recovery stops where a fetch brings nothing, though the log goes on."""
    consumed = PartitionLog._consumed

    def until_silent(self: Any) -> Any:
        asked_at = self._clock.monotonic()
        for messages in consumed(self):
            if self._clock.monotonic() > asked_at:
                return
            yield messages

    patch.setattr(PartitionLog, "_consumed", until_silent)


def last_record_taken_for_the_end(patch: pytest.MonkeyPatch) -> None:
    """A log is read until its last offset is handed out, which may be a marker's."""
    before_end = PartitionLog._before_end

    def records(self: Any, messages: list[Any]) -> Any:
        return before_end(self, [each for each in messages if each.error() is None])

    patch.setattr(PartitionLog, "_before_end", records)


def usage_ahead_of_commands_on_open(patch: pytest.MonkeyPatch) -> None:
    """Usage is read at once when a partition is opened."""
    begin = Intake.begin

    def at_once(self: Any, number: int, usage_offset: int, command_offset: int) -> None:
        begin(self, number, usage_offset, command_offset)
        self.caught_up(number)

    patch.setattr(Intake, "begin", at_once)


def batch_outlives_its_writer(patch: pytest.MonkeyPatch) -> None:
    """What was read of a partition before it failed is decided by its next writer."""
    complete = Loop._complete

    def complete_and_serve(self: Any) -> None:
        complete(self)
        for task in list(self._threads.waiting):
            task.do()
        self._partitions.serve_opened()
        self._clock.sleep(0.2)
        self._partitions.serve_opened()
        for task in list(self._threads.waiting):
            task.do()
        self._partitions.serve_opened()

    patch.setattr(Loop, "_complete", complete_and_serve)


def position_apart_from_the_rows(patch: pytest.MonkeyPatch) -> None:
    """Rows are written in one transaction, and the position in the next."""

    def write(self: Any, position: Position, batch: Batch) -> Position:
        effect = self._link.call("write")
        following = Following(position, batch)
        self._store.rows += chain.from_iterable(following)
        if effect:
            raise Unavailable("the connection broke between the two")
        after = following.after()
        self._store._positions[position.partition] = after
        return after

    patch.setattr(Database, "write", write)


def broker_believed(patch: pytest.MonkeyPatch) -> None:
    """Once the earlier writers are fenced, the ends that the broker tells are believed, and so are
    commits. (Either alone would show in the other.)"""

    def told(self: Any) -> dict[str, int]:
        told: dict[str, int] = self._stability.wait(dict.fromkeys(OUTPUTS, 0), within_s=9).told
        return told

    patch.setattr(Barrier, "raised", told)
    commit_believed(patch)


def commit_believed(patch: pytest.MonkeyPatch) -> None:
    """What the broker says is committed is taken to stand."""

    patch.setattr(OutputEnds, "misplaced", lambda *_: "")
    patch.setattr(OutputEnds, "undecided", lambda *_, **__: "")


def open_records_aborted(patch: pytest.MonkeyPatch) -> None:
    """What stands open is aborted, whatever else of its transaction is committed."""
    patch.setattr(Evidence, "committed", lambda *_: False)


def open_records_committed(patch: pytest.MonkeyPatch) -> None:
    """What stands open is committed, though its transaction was aborted."""
    patch.setattr(Evidence, "committed", lambda *_: True)


def rest_outlives_the_assignment(patch: pytest.MonkeyPatch) -> None:
    """Commands of a partition that was given up while it rested aren't asked for again."""
    begin = Intake.begin

    def begin_resting(self: Any, number: int, usage_offset: int, command_offset: int) -> None:
        with pytest.MonkeyPatch.context() as without:
            without.setattr(self._commands, "resume", lambda _: None)
            begin(self, number, usage_offset, command_offset)

    patch.setattr(Intake, "begin", begin_resting)


PLANTS: Final[tuple[Plant, ...]] = (
    position_from_the_committed_offset,
    state_written_before_the_commit,
    epoch_used_again_after_a_doubt,
    failed_commit_taken_for_a_success,
    charges_forgotten_on_recovery,
    dead_letters_forgotten_on_recovery,
    expiry_ahead_of_the_watermark,
    old_end_believed,
    half_a_decision_written,
    nobody_fenced_on_open,
    silence_taken_for_the_end,
    last_record_taken_for_the_end,
    usage_ahead_of_commands_on_open,
    batch_outlives_its_writer,
    position_apart_from_the_rows,
    broker_believed,
    commit_believed,
    open_records_aborted,
    open_records_committed,
    rest_outlives_the_assignment,
)

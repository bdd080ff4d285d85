"""The partitions that are served here: how they come and go, and what becomes of one that fails.

What fails, fails in one partition; `failures.POLICY` says what is done about it.
"""

from collections.abc import Callable
from functools import partial
from typing import Final

import structlog
from confluent_kafka import KafkaException

from drawdown.clock import Clock
from drawdown.errors import (
    AppendedAhead,
    PartitionHalted,
    PartitionPoisoned,
    RetryableError,
    StateUnreadable,
    Unavailable,
)
from drawdown.ledger_processor.counting import count_failure, count_partitions
from drawdown.ledger_processor.failures import Failure, Remedy, TransactionFailed
from drawdown.ledger_processor.intake import Intake
from drawdown.ledger_processor.membership import Membership
from drawdown.ledger_processor.openings import Openings, Start
from drawdown.ledger_processor.partition import Deciding, PartitionWriter
from drawdown.ledger_processor.ticking import Ticker
from drawdown.settings import Settings

ASIDE_S: Final = 6.0
"""Longer than heartbeats are apart (3 s; 5 s in the newer protocol): by then the group has said
whether a partition was taken away. A cooperative group doesn't assign anew what it leaves here."""


class Partitions:
    """Those that the group gives, each on its way to be served, served, or in its way."""

    def __init__(
        self,
        settings: Settings,
        intake: Intake,
        openings: Openings,
        ticker: Ticker,
        clock: Clock,
    ) -> None:
        self.writers: Final[dict[int, PartitionWriter]] = {}
        self.openings: Final = openings
        self.membership: Final = Membership()
        self.winding_up: Final[dict[int, PartitionHalted]] = {}
        """Served partitions that are read no more, and halt once what is decided is committed."""
        self._ahead: Final[dict[int, int]] = {}
        """Halted partitions by the time (µs) of a record that is ahead of this machine's clock."""
        self._at_most: Final = settings.ledger_partitions_max
        self._intake: Final = intake
        self._ticker: Final = ticker
        self._clock: Final = clock
        self._log = structlog.get_logger()

    def close(self) -> None:
        """Serve nothing more; what the client still hands back is ended without a commit."""
        for writer in self.writers.values():
            writer.close()
        self.writers.clear()
        self.openings.close()

    def reads(self, number: int) -> bool:
        """Whether its records are to be decided."""
        return number in self.writers and number not in self.winding_up

    def served(self) -> dict[int, Deciding]:
        """The deciders of partitions that have caught up with their commands."""
        return {
            number: writer.decider
            for number, writer in self.writers.items()
            if number not in self._intake.catching_up and number not in self.winding_up
        }

    def assigned(self, numbers: list[int]) -> None:
        """Nothing of them is read until they are open, and the group doesn't wait for that."""
        self._intake.hold_off()
        for number in numbers:
            if len(self.membership.given) >= self._at_most:
                reason = "this process has as many as it may: start another one"
                self.membership.halted(number, reason, poisoned=False)
            else:
                self.openings.ask(number)
            self.membership.given.add(number)
        self.show()

    def serve_opened(self) -> None:
        """Serve the partitions whose opening has ended, and begin the openings that are due."""
        for number, started in self.openings.finished():
            self.guarded(number, partial(self._serve, number, started))

    def _serve(self, number: int, started: Callable[[], Start]) -> None:
        """An opening has ended. Raises what it raised, or `Unavailable`."""
        start = started()
        try:
            self._intake.begin(number, start.usage_offset, start.command_offset)
        except KafkaException as error:
            start.writer.close()
            raise Unavailable(f"the group is changing: {error.args[0].str()}") from error
        self.membership.serves(number)
        self.writers[number] = start.writer
        self.show()
        self._log.info(
            "partition_opened",
            partition=number,
            usage_offset=start.usage_offset,
            command_offset=start.command_offset,
        )

    def let_go(self, numbers: list[int]) -> None:
        """They are another member's now."""
        self._intake.end_all(numbers)
        for number in numbers:
            self.openings.let_go(number)
            self._give_up(number)
            self._ahead.pop(number, None)
            self.membership.gone(number)

    def _give_up(self, number: int) -> None:
        """End what is served of a partition here; the group may still give it to this member."""
        self._intake.end(number)
        self.winding_up.pop(number, None)
        writer = self.writers.pop(number, None)
        if writer is None:
            return
        writer.close()
        self._ticker.forget(number)
        self.show()
        self._log.info("partition_given_up", partition=number)

    def show(self) -> None:
        """Update the metrics of how many there are."""
        count_partitions(len(self.writers), len(self.openings), self._intake.resting)

    def guarded(self, number: int, step: Callable[[], None]) -> None:
        """Do a step of one partition; what fails there leaves the others alone."""
        try:
            step()
        except TransactionFailed as failed:
            self._fail(number, failed.failure)
        except PartitionHalted as halt:
            self._wind_up(number, halt)
        except (RetryableError, StateUnreadable) as error:
            self._log.warning("recovery_failed", partition=number, reason=str(error))
            self._recover(number)
        except AssertionError as wrong:
            self._log.exception("invariant_broken", partition=number)
            self._halt(number, f"a programmer's error: {wrong}")

    def _fail(self, number: int, failure: Failure) -> None:
        count_failure(number, failure)
        self._log.warning(
            "transaction_failed",
            partition=number,
            reason=str(failure),
            kind=str(failure.kind),
            remedy=str(failure.remedy),
        )
        match failure.remedy:
            case Remedy.STEP_BACK:
                self._give_up(number)
                self.membership.fenced(number, self._clock.monotonic())
            case Remedy.STEP_ASIDE:
                self._give_up(number)
                if number in self.membership.given:
                    self.openings.ask(number, ASIDE_S)
            case Remedy.HALT:
                self._halt(number, str(failure))
                self.membership.refused(number, failure)
            case Remedy.RECOVER | Remedy.REPEAT:
                self._recover(number)

    def _recover(self, number: int) -> None:
        """Throw a partition's state and producer away, and recover both in a while."""
        self._give_up(number)
        if number in self.membership.given:
            delay_s = self.openings.ask_again(number)
            self._log.info("recovers", partition=number, in_seconds=round(delay_s, 3))

    def _wind_up(self, number: int, halt: PartitionHalted) -> None:
        """Halt a partition once what was decided before the fault is committed."""
        if number not in self.writers:
            self._halt(number, str(halt))
            return
        self._intake.rest(number)
        self.winding_up[number] = halt

    def wound_up(self, number: int) -> None:
        """Nothing decided is left to commit: halt, if that is what it waited for."""
        halt = self.winding_up.get(number)
        if halt is not None:
            self._halt(number, str(halt), poisoned=isinstance(halt, PartitionPoisoned))
            if isinstance(halt, AppendedAhead):
                self._ahead[number] = halt.appended_at

    def look(self, limit_us: int) -> None:
        """Go on with what was ahead of the clock and isn't any more; records may be of a time up to
        the limit (µs)."""
        for number in [n for n, appended_at in self._ahead.items() if appended_at <= limit_us]:
            self.try_again(number, "its record is ahead of the clock no more")

    def try_again(self, number: int, reason: str) -> None:
        """Open a partition that has halted."""
        self._log.info("halted_partition_tried_again", partition=number, reason=reason)
        self._ahead.pop(number, None)
        self._intake.unwatch([number])
        self.openings.ask(number)

    def _halt(self, number: int, reason: str, *, poisoned: bool = False) -> None:
        self._intake.watch(number)
        self._give_up(number)
        self.membership.halted(number, reason, poisoned=poisoned)

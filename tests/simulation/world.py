"""The world of one seed: its broker, its processes, and what happens to them step by step."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from random import Random
from typing import Any, Final, cast
from weakref import WeakMethod

import structlog

from drawdown.adapters.postgres.memory import MemoryProjectionStore
from tests.simulation import mishaps, usual
from tests.simulation.auditor import Auditor, Row
from tests.simulation.books import Wrong
from tests.simulation.clock import MachineClock, Time
from tests.simulation.disk import Disk
from tests.simulation.groups import Group
from tests.simulation.link import Fault, Link
from tests.simulation.log import Broker
from tests.simulation.plan import USUAL, Step
from tests.simulation.processes import (
    PARTITIONS,
    SETTINGS,
    Process,
    Processor,
    ProjectorProcess,
)
from tests.simulation.workload import Sent, Workload

TOPICS: Final = (
    "usage-events",
    "ledger-commands",
    "ledger-entries",
    "ledger-replies",
    "dead-letters",
)
NESTED_MAX: Final = 3
LATE_ARRIVES: Final = 0.05
"""How likely a late request arrives with a step."""
QUIET_ROUNDS: Final = 4
ROUNDS_MAX: Final = 400


class World:
    """Runs a plan. What is wrong raises `Wrong`; `history` says what happened until then."""

    def __init__(self) -> None:
        self.history: list[str] = []
        self.time = Time()
        self.broker = Broker(MachineClock(self.time), SETTINGS.transaction_timeout_ms)
        self.broker.create((SETTINGS.topic(name) for name in TOPICS), PARTITIONS)
        self.store = MemoryProjectionStore()
        rows = cast(list[Row], self.store.rows)
        self.auditor = Auditor(self.broker, SETTINGS.namespace, PARTITIONS, rows)
        self.workload = Workload()
        self.processor_group = Group(SETTINGS.group("ledger_processor"), PARTITIONS)
        self.projector_group = Group(SETTINGS.group("balance_projector"), PARTITIONS)
        self.processors: list[Processor] = []
        self.projectors: list[ProjectorProcess] = []
        self.steps: Iterator[Step] = iter(())
        self.taken = 0
        self.wrong = ""
        """What a process itself found wrong."""
        self.deletes = False
        """Whether inputs were deleted; then committed offsets must be kept,"""
        self.keeps = False
        """and whether those were lost; then inputs must be kept."""
        self._faults_cease = False
        self._nested = 0
        self.sent: list[Sent] = []
        self.frozen: list[tuple[int, Process]] = []
        self._started = 0

    def run(self, plan: list[Step]) -> None:
        """Carry a plan out, then let everything come to rest."""
        self.steps = iter(plan)
        with logging_to(self._logged):
            for sent in self.workload.rate_cards(self.broker.clock.now_us()):
                self.send(sent)
            self.time.advance(1.5)
            for _ in range(2):
                self.processors.append(self.new_processor(Disk()))
            self.projectors.append(self.new_projector())
            self._carry_on(-1)
            self._come_to_rest()
            self.auditor.close()

    # ---- Steps.

    def _carry_on(self, at_most: int) -> None:
        """The next steps of the plan; all that are left where `at_most` is below 0."""
        for step in self.steps:
            self.taken += 1
            self._thaw()
            self._step(step)
            at_most -= 1
            if at_most == 0:
                return

    def _step(self, step: Step) -> None:
        chance = Random(step.seed)
        for process in (*self.processors, *self.projectors):
            process.link.chance = chance
        if self.broker.late and chance.random() < LATE_ARRIVES:
            self.broker.deliver_late(chance.randrange(8))
        note = getattr(usual if step.kind in USUAL else mishaps, step.kind)(self, chance)
        self.time.advance(0.001)
        if note is not None:
            self.history.append(f"{self.taken:4} {self.time.elapsed_us / 1e6:10.3f} {note}")
        self.look()

    def freeze(self, process: Process, until: int) -> None:
        """Stop a process, until so many steps were taken."""
        process.link.frozen += 1
        self.frozen.append((until, process))

    def _thaw(self) -> None:
        for until, process in list(self.frozen):
            if self.taken >= until:
                self.frozen.remove((until, process))
                process.link.frozen -= 1

    def _meanwhile(self, link: Link, steps: int) -> None:
        """A process is paused in the middle of a call, and the others go on."""
        if self._nested >= NESTED_MAX or self._faults_cease:
            return
        self.history.append(f"{self.taken:4} {link.name} is paused within a call")
        chances = [(each, each.link.chance) for each in (*self.processors, *self.projectors)]
        self._nested += 1
        try:
            self._carry_on(steps)
        finally:
            self._nested -= 1
            for process, chance in chances:
                process.link.chance = chance
        self.history.append(f"{self.taken:4} {link.name} goes on")

    # ---- The end.

    def _come_to_rest(self) -> None:
        """Faults cease; first those that outlived them decide what is left, then new processes."""
        self._faults_cease = True
        for _, process in self.frozen:
            process.link.frozen -= 1
        self.frozen.clear()
        latest_ms = max(
            record.timestamp_ms
            for partition in self.broker.partitions.values()
            for record in partition.records
        )
        self.broker.clock.wrong_us = 0
        behind_us = latest_ms * 1_000 - self.broker.clock.now_us()
        self.time.advance(max(0, behind_us) / 1e6 + 31)
        while self.broker.late:
            self.broker.deliver_late(0)
        disks = [each.disk for each in self.processors[:2]]
        for process in (*self.processors, *self.projectors):
            process.link.disarm()
            process.clock.wrong_us = 0
        self._living_go_on()
        for process in (*self.processors, *self.projectors):
            process.stop()
        self.processors = [self.new_processor(disk) for disk in disks]
        self.projectors = [self.new_projector()]
        self._rounds()

    def _living_go_on(self) -> None:
        """Nobody needs to be started again because of what has passed, but for whose clock was set
        back."""
        for process in (*self.processors, *self.projectors):
            self._notice_clock(process)
        self.processors = [each for each in self.processors if not each.gone]
        self.projectors = [each for each in self.projectors if not each.gone]
        if self.processors and self.projectors:
            self._rounds()

    @staticmethod
    def _notice_clock(process: Process) -> None:
        if not process.runs:
            return
        process.turn()
        if process.ended and "clock was set back" not in process.ended:
            raise Wrong(f"{process.link.name} ended without a fault: {process.ended}")

    def _rounds(self) -> None:
        quiet = 0
        for _ in range(ROUNDS_MAX):
            before = self.broker.order
            for processor in self.processors:
                self._step_of(processor.turn)
                while processor.tasks.waiting:
                    self._step_of(partial(processor.work, 0))
            for projector in self.projectors:
                self._step_of(projector.turn)
            self.time.advance(0.7)
            everyone = (*self.processors, *self.projectors)
            served = sum(each.served() for each in self.processors)
            idle = self.broker.order == before and served == PARTITIONS
            idle = idle and all(each.idle() for each in everyone)
            quiet = quiet + 1 if idle else 0
            if quiet == QUIET_ROUNDS:
                return
        raise Wrong("it doesn't come to rest")

    def _step_of(self, make: Callable[[], None]) -> None:
        self.taken += 1
        make()
        for each in (*self.processors, *self.projectors):
            if each.gone:
                raise Wrong(f"{each.link.name} ended without a fault: {each.ended}")
        self.look()

    def look(self) -> None:
        """The broker's timers, and the auditor."""
        self.broker.expire()
        now_s = self.broker.clock.monotonic()
        self.processor_group.put_out(now_s)
        self.projector_group.put_out(now_s)
        self.auditor.look()
        if self.wrong:
            raise Wrong(self.wrong)

    # ---- Parts of steps.

    def of_one(
        self, processes: list[Any], chance: Random, what: str, do: Callable[[Any], None]
    ) -> str | None:
        """Do something to one of those that run."""
        running = [each for each in processes if each.runs]
        if not running:
            return None
        chosen = chance.choice(running)
        do(chosen)
        ended = f" and ends: {chosen.ended}" if chosen.ended else ""
        return f"{chosen.link.name} {what}{ended}"

    def arm(self, chance: Random, fault: Fault) -> str | None:
        """Let a fault strike one process's calls."""
        what = f"will meet {fault.effect} at {fault.call} number {fault.nth}"
        processes = self.projectors if fault.call == "write" else self.processors
        return self.of_one(processes, chance, what, lambda each: each.link.arm(fault))

    def send(self, sent: Sent, *, unfit: bool = False) -> str:
        """Append an input; `unfit`: nobody can decide it."""
        place = (SETTINGS.topic(sent.topic), sent.partition)
        record = self.broker.append(place, sent.key, sent.value)
        if unfit:
            self.auditor.unfit.add((*place, record.offset))
        else:
            self.sent.append(sent)
        return f"sent {sent.topic}-{sent.partition} {record.offset}{' (unfit)' if unfit else ''}"

    def new_processor(self, disk: Disk) -> Processor:
        """Start one on a machine with this disk."""
        link = self._new_link("processor")
        clock = MachineClock(self.time)
        return Processor(self.broker, self.processor_group, link, clock, disk)

    def new_projector(self) -> ProjectorProcess:
        """Start one."""
        link = self._new_link("projector")
        clock = MachineClock(self.time)
        return ProjectorProcess(self.broker, self.projector_group, link, clock, self.store)

    def _new_link(self, kind: str) -> Link:
        self._started += 1
        # Nothing looks for cycles through accounts, which lead to a link by way of their shelf.
        meanwhile = WeakMethod(self._meanwhile)

        def others_go_on(link: Link, steps: int) -> None:
            go_on = meanwhile()
            assert go_on is not None, "a world outlives its processes"
            go_on(link, steps)

        return Link(f"{kind} {self._started}", others_go_on)

    def _logged(self, entry: dict[str, Any]) -> None:
        event, reason = entry["event"], str(entry.get("reason", ""))
        details = {k: v for k, v in entry.items() if k not in ("event", "exc_info")}
        self.history.append(f"{self.taken:4}     {event} {details}")
        clock = "ahead of this machine's clock" in reason
        if event == "invariant_broken" or (event == "partition_halted" and not clock):
            self.wrong = self.wrong or f"{event}: {details}"


@contextmanager
def logging_to(take: Callable[[dict[str, Any]], None]) -> Iterator[None]:
    """Give what is logged to a function, and to nobody else."""

    def sink(_logger: Any, level: str, entry: Any) -> Any:
        take({**entry, "level": level})
        raise structlog.DropEvent

    before = structlog.get_config()
    structlog.configure(processors=[sink], cache_logger_on_first_use=False)
    try:
        yield
    finally:
        structlog.configure(**before)

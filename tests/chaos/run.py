"""A run: rounds of faults under load, and after each round quiet and a check."""

import heapq
import itertools
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from tests.chaos.checker import Checker, Findings
from tests.chaos.faults import CLUSTER_KIND, FAULTS, Steps, Struck
from tests.chaos.load import Load
from tests.chaos.members import Member
from tests.chaos.pauses import Pauses
from tests.chaos.reading import Topics
from tests.chaos.site import Site
from tests.chaos.tables import Tables

_WARM_S: Final = 2.0
_AFTER_S: Final = 1.0
_GAP_S: Final = (0.3, 2.5)
_STEP_S: Final = 0.05
_MEASURED_S: Final = 30.0
"""Load is offered for so long after the last fault at most, until all pauses are measured."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What a run does."""

    faults: Sequence[str]
    """Kinds, each as often as it is to be injected."""
    seconds: float = 0.0
    """Faults of these kinds are injected for so long instead; 0: each as often as it stands."""
    brokers: int
    members: int
    rate: int
    seed: int
    at_once: int
    """Faults in a round at most."""
    events: int = 0
    """Load goes on until so many events are sent."""
    folder: Path
    namespace: str


@dataclass(slots=True)
class Outcome:
    """What a run came to."""

    faults: Counter[str] = field(default_factory=Counter)
    findings: Findings = field(default_factory=Findings)
    pauses: dict[str, list[float]] = field(default_factory=dict)
    exits: Counter[str] = field(default_factory=Counter)
    """How processes ended by themselves: service, exit code, reason."""
    commands: int = 0
    seconds: float = 0.0
    logs: str = ""
    """The last lines of every process's log, where something differs."""

    def add(self, other: "Outcome") -> None:
        """Put another run's outcome to this one."""
        self.faults += other.faults
        self.exits += other.exits
        self.commands += other.commands
        self.seconds += other.seconds
        self.logs += other.logs
        for kind, seconds in other.pauses.items():
            self.pauses.setdefault(kind, []).extend(seconds)
        mine, its = self.findings, other.findings
        mine.events += its.events
        mine.charged += its.charged
        mine.entries += its.entries
        mine.repeats += its.repeats
        mine.lost += its.lost
        mine.doubled += its.doubled
        mine.differences += its.differences


Progress = Callable[[str, Outcome], None]
"""Told what happens now, and what came of it so far."""


def run(plan: Plan, outcome: Outcome, progress: Progress) -> None:
    """Carry a plan out; stops at the first difference. What came of it so far stands in `outcome`,
    whatever ends this."""
    began_at = time.monotonic()
    progress(
        f"starting {plan.brokers} broker(s), a database, {plan.members} processors, as many"
        " balance projectors, and one of each other projector",
        outcome,
    )
    with Site(
        plan.folder,
        plan.namespace,
        brokers=plan.brokers,
        members=plan.members,
        faked_clock="clock_stepped" in plan.faults,
    ) as site:
        direct, partitions = site.direct, site.partitions
        topics = Topics(direct.kafka_bootstrap_servers, plan.namespace, partitions)
        tables = Tables(direct.database_url, plan.namespace)
        checker = Checker(topics, tables, plan.namespace, partitions)
        topic = direct.topic("ledger-entries")
        try:
            with (
                Pauses(direct.kafka_bootstrap_servers, topic, partitions) as pauses,
                Load(direct, seed=plan.seed, rate=plan.rate) as load,
            ):
                outcome.pauses = pauses.seconds
                _Rounds(plan, site, load, pauses, checker, outcome, progress).run()
        finally:
            topics.close()
            outcome.seconds = time.monotonic() - began_at
            for member in site.members:
                outcome.exits += member.exits
            if not outcome.findings.fine:
                outcome.logs = _logs(site.members)


class _Rounds:
    def __init__(
        self,
        plan: Plan,
        site: Site,
        load: Load,
        pauses: Pauses,
        checker: Checker,
        outcome: Outcome,
        progress: Progress,
    ) -> None:
        self._plan = plan
        self._chance = random.Random(plan.seed)
        self._struck = Struck(site, self._chance, pauses)
        self._load = load
        self._pauses = pauses
        self._checker = checker
        self._outcome = outcome
        self._progress = progress

    def run(self) -> None:
        """Every fault of the plan, then load until enough was sent."""
        self._say("waiting for the rate card to be in force")
        self._load.begin()
        left = list(self._plan.faults)
        self._chance.shuffle(left)
        until = time.monotonic() + self._plan.seconds
        while left and self._outcome.findings.fine:
            size = self._chance.randrange(1, self._plan.at_once + 1)
            batch = [left.pop() for _ in range(min(size, len(left)))]
            self._load.resume()
            self._wait(_WARM_S)
            missed = self._inject(batch)
            # Whom it would have struck was under another fault: at another time.
            left = missed + left
            if self._plan.seconds:
                left = self._drawn() if time.monotonic() < until else []
            self._check(len(left))
        while self._load.sent.events < self._plan.events and self._outcome.findings.fine:
            self._load.resume()
            self._wait(10.0)
            self._check(0)

    def _drawn(self) -> list[str]:
        """As many kinds as a round has at most, by chance."""
        return self._chance.choices(list(self._plan.faults), k=self._plan.at_once)

    def _inject(self, kinds: list[str]) -> list[str]:
        """Strike one after the other, each while the ones before it may still be under way; the
        kinds that found nobody to strike."""
        missed: list[str] = []
        numbers = itertools.count()
        timeline: list[tuple[float, int, str, Steps | None]] = []
        at = time.monotonic()
        for kind in kinds:
            heapq.heappush(timeline, (at, next(numbers), kind, None))
            at += self._chance.uniform(*_GAP_S)
        while timeline:
            when, _, kind, steps = heapq.heappop(timeline)
            self._wait(when - time.monotonic())
            begins = steps is None
            if steps is None:
                self._say(kind)
                steps = FAULTS["broker_killed" if kind == CLUSTER_KIND else kind](
                    self._struck, kind
                )
            seconds = next(steps, None)
            if seconds is not None:
                again = time.monotonic() + seconds
                heapq.heappush(timeline, (again, next(numbers), kind, steps))
                self._outcome.faults[kind] += begins
            elif begins:
                missed.append(kind)
        return missed

    def _check(self, left: int) -> None:
        self._say(f"load goes on, {left} faults left")
        deadline = time.monotonic() + _MEASURED_S
        self._wait(_AFTER_S)
        while self._pauses.waiting and time.monotonic() < deadline:
            self._wait(_STEP_S)
        self._pauses.abandon()
        self._load.pause()
        self._say(f"checking, {left} faults left")
        sent = self._load.sent
        self._outcome.findings = self._checker.check(sent)
        self._outcome.commands = sent.commands

    def _wait(self, seconds: float) -> None:
        if seconds > 0:
            time.sleep(seconds)

    def _say(self, what: str) -> None:
        self._progress(what, self._outcome)


def _logs(members: list[Member]) -> str:
    """The end of each log, and where each process that runs stands."""
    for member in members:
        member.end(signal.SIGABRT)
    return "\n".join(f"{each.name}:\n{each.tail()}" for each in members)

"""Plans: what a seed makes happen, step by step.

Each step has a seed of its own, so that a step means the same when others are left out of a plan.
"""

from random import Random
from typing import Final, NamedTuple

STEPS: Final = 500
FAULTS_MIN: Final = 5
FAULTS_MAX: Final = 20


class Step(NamedTuple):
    """One thing that happens, and the seed of its details."""

    kind: str
    seed: int


USUAL: Final[dict[str, int]] = {
    "turn": 34,
    "work": 14,
    "project": 9,
    "usage": 13,
    "command": 8,
    "repeat": 3,
    "moment": 8,
    "start": 3,
    "wait": 3,
    "sleep": 1,
    "copy_disk": 1,
}
"""What happens without any fault, and how often."""
FAULTS: Final[dict[str, int]] = {
    "crash": 4,
    "pause": 6,
    "crash_at_call": 4,
    "failed_commit": 10,
    "failed_call": 5,
    "freeze": 4,
    "stop": 2,
    "extra": 2,
    "late_end": 3,
    "broker_clock": 2,
    "machine_clock": 1,
    "garbage": 3,
    "late_usage": 3,
    "database": 5,
    "crash_projector": 3,
    "disk_fault": 5,
    "offsets_lost": 1,
    "retention": 3,
}


def plan_of(seed: int) -> list[Step]:
    """The plan of a seed: at least `STEPS` steps and `FAULTS_MIN` faults."""
    chance = Random(seed)
    usual = chance.choices(list(USUAL), list(USUAL.values()), k=STEPS)
    count = chance.randint(FAULTS_MIN, FAULTS_MAX)
    for fault in chance.choices(list(FAULTS), list(FAULTS.values()), k=count):
        usual.insert(chance.randrange(20, len(usual)), fault)
    return [Step(kind, chance.getrandbits(32)) for kind in usual]

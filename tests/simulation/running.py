"""Runs of a plan, and the search for the shortest one that still fails."""

import time
import traceback
from typing import Final, NamedTuple

from tests.simulation.books import Wrong
from tests.simulation.plan import Step, plan_of
from tests.simulation.world import World

SHRINKING_S: Final = 60.0


class Failure(NamedTuple):
    """A plan at the end of which something is wrong."""

    plan: list[Step]
    reason: str
    history: list[str]

    def __str__(self) -> str:
        """The history and the reason, line by line."""
        return "\n".join((*self.history, self.reason, f"after {len(self.plan)} steps"))


def run(plan: list[Step]) -> Failure | World:
    """Carry out a plan in a world of its own."""
    world = World()
    try:
        world.run(plan)
    except Wrong as wrong:
        return Failure(plan[: world.taken], str(wrong), world.history)
    except Exception:
        # A programmer's error, the processor's or the simulator's.
        return Failure(plan[: world.taken], traceback.format_exc(), world.history)
    return world


def failure_of(seed: int) -> Failure | None:
    """What is wrong at the end of a seed; None: nothing."""
    outcome = run(plan_of(seed))
    return None if isinstance(outcome, World) else outcome


def shrunk(failure: Failure, within_s: float = SHRINKING_S) -> Failure:
    """The shortest failing plan that leaving out steps leads to, in about that time."""
    until = time.monotonic() + within_s
    size = max(1, len(failure.plan) // 2)
    while time.monotonic() < until:
        shorter = _without_chunk(failure, size, until)
        if shorter is not None:
            failure = shorter
        elif size == 1:
            break
        else:
            size = max(1, size // 2)
    return failure


def _without_chunk(failure: Failure, size: int, until: float) -> Failure | None:
    """A failure by a plan that lacks one or more chunks of so many steps, if there is one."""
    found = None
    start = 0
    while start < len(failure.plan) and time.monotonic() < until:
        plan = failure.plan[:start] + failure.plan[start + size :]
        outcome = run(plan)
        if isinstance(outcome, Failure):
            failure = found = outcome
        else:
            start += size
    return found


def first_failing(seeds: range) -> int | None:
    """The first of these seeds that fails."""
    return next((seed for seed in seeds if failure_of(seed) is not None), None)

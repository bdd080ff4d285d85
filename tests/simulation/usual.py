"""What happens without any fault: processes get on, inputs are sent, time passes."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.simulation.world import World


def turn(world: World, chance: Random) -> str | None:
    """A processor's loop turns."""
    return world.of_one(world.processors, chance, "turns", lambda each: each.turn())


def work(world: World, chance: Random) -> str | None:
    """A thread of a processor does what it was given: an opening, or a commit."""
    index = chance.randrange(8)
    busy = [each for each in world.processors if each.runs and each.tasks.waiting]
    return world.of_one(busy, chance, "has a thread get on", lambda each: each.work(index))


def project(world: World, chance: Random) -> str | None:
    """A projector's loop turns."""
    return world.of_one(world.projectors, chance, "turns", lambda each: each.turn())


def usage(world: World, chance: Random) -> str:
    """Usage events are sent."""
    count = chance.randint(1, 4)
    now_us = world.broker.clock.now_us()
    return "; ".join(world.send(world.workload.usage(chance, now_us)) for _ in range(count))


def command(world: World, chance: Random) -> str:
    """A command is sent."""
    return world.send(world.workload.command(chance, world.broker.clock.now_us()))


def repeat(world: World, chance: Random) -> str | None:
    """Something is sent once more."""
    if not world.sent:
        return None
    # Mostly what was sent a moment ago.
    last = len(world.sent) if chance.random() < 0.3 else min(6, len(world.sent))
    return world.send(world.sent[-chance.randint(1, last)]) + " again"


def moment(world: World, chance: Random) -> None:
    """Some time passes, less than a second."""
    world.time.advance(chance.choice((0.01, 0.03, 0.2, 0.6)))


def wait(world: World, chance: Random) -> str:
    """Some seconds pass, so that timeouts strike."""
    world.time.advance(seconds := chance.choice((1.5, 6.0, 11.0, 16.0, 31.0)))
    return f"{seconds} s pass"


def sleep(world: World, chance: Random) -> str:
    """Minutes or hours pass, so that lots and holds expire."""
    world.time.advance(seconds := chance.choice((61, 400, 4_000, 90_000)))
    return f"{seconds} s pass"


def start(world: World, chance: Random) -> str | None:
    """Whoever watches the processes starts those that died anew."""
    for index, each in enumerate(world.processors):
        if each.gone:
            world.processors[index] = world.new_processor(each.disk)
            world.processors[index].link.chance = chance
            return f"{world.processors[index].link.name} starts"
    for index, other in enumerate(world.projectors):
        if other.gone:
            world.projectors[index] = world.new_projector()
            world.projectors[index].link.chance = chance
            return f"{world.projectors[index].link.name} starts"
    return None


def copy_disk(world: World, chance: Random) -> str | None:
    """A copy of a machine's disk is made, to go back to."""
    return world.of_one(
        world.processors, chance, "has its disk copied", lambda each: each.disk.copy()
    )

"""What goes wrong: with processes, calls, disks, clocks, and with what is sent."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Final

from tests.simulation.auditor import INPUTS
from tests.simulation.disk import Disk
from tests.simulation.link import Fault
from tests.simulation.processes import PARTITIONS, SETTINGS, Process, Processor

PROCESSORS: Final = 3
PROJECTORS: Final = 2
"""At most so many at once."""

if TYPE_CHECKING:
    from tests.simulation.world import World


def crash(world: World, chance: Random) -> str | None:
    """A processor dies."""
    return world.of_one(world.processors, chance, "crashes", _kill)


def disk_fault(world: World, chance: Random) -> str | None:
    """A machine goes down, and comes back without its disk, or with an old or wrong one."""
    what, change = chance.choice(
        (("lost", Disk.lose), ("behind", Disk.restore), ("another's", Disk.swap))
    )

    def strike(process: Processor) -> None:
        _kill(process)
        change(process.disk)

    return world.of_one(world.processors, chance, f"goes down, its disk is {what}", strike)


def crash_projector(world: World, chance: Random) -> str | None:
    """A projector dies."""
    return world.of_one(world.projectors, chance, "crashes", _kill)


def pause(world: World, chance: Random) -> str | None:
    """A process will be paused in the middle of a call, while others go on."""
    call = chance.choice(
        ("any", "produce", "offsets", "commit", "init", "watermarks", "write", "save", "open")
    )
    fault = Fault("pause", call, chance.randint(1, 5), chance.choice((3, 20, 60, 120)))
    return world.arm(chance, fault)


def crash_at_call(world: World, chance: Random) -> str | None:
    """A process will die in the middle of a call."""
    call = chance.choice(("any", "produce", "offsets", "commit", "init", "write", "save"))
    return world.arm(chance, Fault("crash", call, chance.randint(1, 3)))


def failed_commit(world: World, chance: Random) -> str | None:
    """A commit will fail, or be in doubt, or come late."""
    effect = chance.choice(("refuse", "unanswered", "late", "late", "torn", "unmarked", "unmarked"))
    return world.arm(chance, Fault(effect, "commit", chance.randint(1, 2)))


def failed_call(world: World, chance: Random) -> str | None:
    """Another call will fail, or be in doubt."""
    calls = ("offsets", "produce", "init", "watermarks", "tick", "consume", "save", "abort")
    call = chance.choice(calls)
    effect = chance.choice(("refuse", "unanswered"))
    if call == "init" and chance.random() < 0.5:
        effect = "unmarked"
    return world.arm(chance, Fault(effect, call, chance.randint(1, 3)))


def database(world: World, chance: Random) -> str | None:
    """The database won't answer a projector."""
    call, effect = chance.choice(("claim", "write")), chance.choice(("refuse", "unanswered"))
    fault = Fault(effect, call, chance.randint(1, 3))
    return world.of_one(
        world.projectors, chance, f"will meet {effect} at {call}", lambda p: p.link.arm(fault)
    )


def freeze(world: World, chance: Random) -> str | None:
    """SIGSTOP, and SIGCONT so many steps later."""
    until = world.taken + chance.choice((10, 50, 150))
    processes = [each for each in (*world.processors, *world.projectors) if each.runs]
    return world.of_one(
        processes, chance, f"is stopped until step {until}", lambda p: world.freeze(p, until)
    )


def stop(world: World, chance: Random) -> str | None:
    """A processor is told to stop, as by SIGTERM."""
    return world.of_one(world.processors, chance, "is told to stop", lambda each: each.stop())


def extra(world: World, chance: Random) -> str | None:
    """One process more."""
    if chance.random() < 0.5 and len(world.projectors) < PROJECTORS:
        world.projectors.append(world.new_projector())
        return f"{world.projectors[-1].link.name} joins"
    if len(world.processors) < PROCESSORS:
        world.processors.append(world.new_processor(Disk()))
        return f"{world.processors[-1].link.name} joins"
    return None


def late_end(world: World, chance: Random) -> str | None:
    """A request to end a transaction that was given up arrives."""
    if not world.broker.late:
        return None
    world.broker.deliver_late(chance.randrange(8))
    return "a late request to end a transaction arrives"


def broker_clock(world: World, chance: Random) -> str:
    """The broker's clock jumps."""
    world.broker.clock.wrong_us = 1_000_000 * chance.choice((-3_600, -20, 0, 3, 40, 290, 4_000))
    return f"the broker's clock is wrong by {world.broker.clock.wrong_us // 1_000_000} s"


def machine_clock(world: World, chance: Random) -> str | None:
    """A processor's clock jumps."""
    wrong_us = 1_000_000 * chance.choice((-4_000, -200, 0, 5, 200, 4_000))
    return world.of_one(
        world.processors,
        chance,
        f"has a clock that is wrong by {wrong_us // 1_000_000} s",
        lambda each: setattr(each.clock, "wrong_us", wrong_us),
    )


def garbage(world: World, chance: Random) -> str:
    """Something is sent that is no input of its partition."""
    sent = world.workload.garbage(chance, world.broker.clock.now_us())
    return world.send(sent, unfit=True)


def late_usage(world: World, chance: Random) -> str:
    """Usage is sent long after it occurred, or before."""
    return world.send(world.workload.late_usage(chance, world.broker.clock.now_us()))


def offsets_lost(world: World, _chance: Random) -> str | None:
    """The broker forgets a group's offsets, as it does with topics that it doesn't subscribe to."""
    if world.deletes:
        return None
    world.keeps = True
    world.broker.offsets.clear()
    return "the broker forgets committed offsets"


def retention(world: World, chance: Random) -> str | None:
    """Inputs are deleted that are decided, committed, and old enough."""
    if world.keeps:
        return None
    world.deletes = True
    source, number = chance.choice(list(INPUTS)), chance.randrange(PARTITIONS)
    topic = SETTINGS.topic(INPUTS[source])
    partition = world.broker.partitions[topic, number]
    committed = world.broker.offsets.get((world.processor_group.name, topic, number), 0)
    accounted = world.auditor.accounted(number, source, partition.start)
    partition.start = max(partition.start, min(committed, accounted))
    return f"{topic}-{number} begins at {partition.start} from now on"


def _kill(process: Process) -> None:
    process.link.dead = True

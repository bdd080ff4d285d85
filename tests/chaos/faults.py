"""The faults. Each is a generator: it breaks something, yields how long to wait (s), and mends it.

Several may be under way at once; no two strike the same process.
"""

import random
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from tests.chaos.members import Member
from tests.chaos.pauses import Pauses
from tests.chaos.site import Site, faketime_library

SESSION_S: Final = 10.0
"""The session timeout of a group: who is silent for longer loses its partitions."""
_RECOVERY_S: Final = 3.0
_TERMINATE_S: Final = 30.0
_LOOK_S: Final = 0.1

Steps = Iterator[float]


class Struck:
    """What faults need: the site, chance, the pauses to measure, and who is under a fault now."""

    def __init__(self, site: Site, chance: random.Random, pauses: Pauses) -> None:
        self.site: Final = site
        self.chance: Final = chance
        self.pauses: Final = pauses
        self._busy: set[str] = set()

    @contextmanager
    def one_of(self, members: list[Member]) -> Iterator[Member | None]:
        """A member that no other fault has; None where all are taken."""
        free = [each for each in members if each.name not in self._busy and each.running]
        member = self.chance.choice(free) if free else None
        with self.alone(member.name if member else ""):
            yield member

    @contextmanager
    def alone(self, name: str) -> Iterator[bool]:
        """Take something whole; whether it was free."""
        free = bool(name) and name not in self._busy
        if free:
            self._busy.add(name)
        try:
            yield free
        finally:
            if free:
                self._busy.discard(name)


def processor_killed(struck: Struck, kind: str) -> Steps:
    """SIGKILL; it is back at once, or only after its partitions have moved."""
    yield from _killed(struck, kind, struck.site.processors)


def projector_killed(struck: Struck, kind: str) -> Steps:
    """The same, of a projector."""
    yield from _killed(struck, "", struck.site.projectors)


def _killed(struck: Struck, kind: str, members: list[Member]) -> Steps:
    with struck.one_of(members) as member:
        if member is None:
            return
        owned = member.end(signal.SIGKILL)
        if kind:
            struck.pauses.begin(kind, owned)
        yield struck.chance.choice((0.5, SESSION_S + 3))
        member.start()
        yield _RECOVERY_S


def processor_stopped(struck: Struck, kind: str) -> Steps:
    """SIGSTOP until the group has given its partitions to others; then it wakes as a zombie."""
    yield from _stopped(struck, kind, struck.site.processors)


def projector_stopped(struck: Struck, kind: str) -> Steps:
    """The same, of a projector."""
    yield from _stopped(struck, "", struck.site.projectors)


def _stopped(struck: Struck, kind: str, members: list[Member]) -> Steps:
    with struck.one_of(members) as member:
        if member is None:
            return
        if kind:
            struck.pauses.begin(kind, member.owned)
        member.send(signal.SIGSTOP)
        yield SESSION_S + struck.chance.uniform(2, 6)
        member.send(signal.SIGCONT)
        yield _RECOVERY_S


def processor_restarted(struck: Struck, kind: str) -> Steps:
    """SIGTERM and a start, as a deployment does it."""
    with struck.one_of(struck.site.processors) as member:
        if member is None:
            return
        struck.pauses.begin(kind, member.owned)
        yield from _restarted(member)
        yield _RECOVERY_S


def _restarted(member: Member) -> Steps:
    """Ask it to end, wait for that, as long as a deployment would, and start it again."""
    member.ask_to_end()
    for _ in range(int(_TERMINATE_S / _LOOK_S)):
        yield _LOOK_S
        if not member.running:
            break
    member.end(signal.SIGKILL)
    member.start()


def broker_killed(struck: Struck, kind: str) -> Steps:
    """SIGKILL of a broker; of several one at a time, each caught up before the next."""
    with struck.alone("broker") as free:
        if not free:
            return
        node = struck.chance.choice(struck.site.cluster.nodes)
        struck.pauses.begin(kind, range(struck.site.partitions))
        node.kill()
        yield struck.chance.uniform(0.5, 4)
        node.start()
        yield _RECOVERY_S
        node.await_ready()
        if len(struck.site.cluster.nodes) > 1:
            struck.site.cluster.await_in_sync()


def broker_link_cut(struck: Struck, kind: str) -> Steps:
    """Every connection to a broker breaks, once or for some seconds."""
    with struck.alone("broker link") as free:
        if not free:
            return
        link = struck.chance.choice(struck.site.broker_links)
        struck.pauses.begin(kind, range(struck.site.partitions))
        if struck.chance.random() < 0.5:
            link.drop()
        else:
            link.cut()
            yield struck.chance.uniform(1, 5)
            link.heal()
        yield 1.0


def broker_link_slow(struck: Struck, _: str) -> Steps:
    """What passes between broker and processes takes longer for a while."""
    with struck.alone("broker link") as free:
        if not free:
            return
        link = struck.chance.choice(struck.site.broker_links)
        link.delay(struck.chance.uniform(0.05, 0.4))
        yield struck.chance.uniform(2, 6)
        link.heal()


def database_killed(struck: Struck, _: str) -> Steps:
    """SIGKILL of Postgres' first process, and a start."""
    with struck.alone("database") as free:
        if not free:
            return
        struck.site.kill_database()
        yield struck.chance.uniform(0.5, 3)
        struck.site.restart_database()
        yield 1.0


def database_link_cut(struck: Struck, _: str) -> Steps:
    """Every connection to Postgres breaks, once or for some seconds."""
    with struck.alone("database link") as free:
        if not free:
            return
        link = struck.site.database_link
        if struck.chance.random() < 0.5:
            link.drop()
        else:
            link.cut()
            yield struck.chance.uniform(1, 4)
            link.heal()
        yield 0.5


def database_link_slow(struck: Struck, _: str) -> Steps:
    """What passes between Postgres and the projectors takes longer for a while."""
    with struck.alone("database link") as free:
        if not free:
            return
        struck.site.database_link.delay(struck.chance.uniform(0.02, 0.2))
        yield struck.chance.uniform(2, 5)
        struck.site.database_link.heal()


def disk_full(struck: Struck, kind: str) -> Steps:
    """A processor's local state can't be written for some seconds, once also across a restart."""
    with struck.one_of(struck.site.processors) as member:
        if member is None:
            return
        disk, pid = struck.site.disks[member.name], member.pid
        struck.pauses.begin(kind, member.owned)
        disk.fill(pid)
        yield struck.chance.uniform(1, 3)
        if disk.mounted and struck.chance.random() < 0.3:
            member.end(signal.SIGKILL)
            member.start()
            yield struck.chance.uniform(2, 5)
        disk.free(pid)
        yield _RECOVERY_S


def disk_lost(struck: Struck, kind: str) -> Steps:
    """A processor's local state is gone when it starts again."""
    with struck.one_of(struck.site.processors) as member:
        if member is None:
            return
        owned = member.end(signal.SIGKILL)
        struck.pauses.begin(kind, owned)
        struck.site.disks[member.name].lose()
        yield struck.chance.uniform(0, 2)
        member.start()
        yield _RECOVERY_S


def clock_stepped(struck: Struck, _: str) -> Steps:
    """A processor's clock jumps, by minutes or by an hour, forwards or backwards, and back.

    A clock that is far behind halts partitions, until it is right again.
    """
    member = struck.site.processors[0]
    with struck.alone(member.name) as free:
        if not free or not member.running:
            return
        struck.site.clock.step(struck.chance.choice((-3_600, -600, -120, 120, 600, 3_600)))
        yield struck.chance.uniform(3, 6)
        struck.site.clock.step(0)
        yield 1.5
        yield _RECOVERY_S


Fault = Callable[[Struck, str], Steps]

FAULTS: Final[dict[str, Fault]] = {
    each.__name__: each
    for each in (
        processor_killed,
        processor_stopped,
        processor_restarted,
        projector_killed,
        projector_stopped,
        broker_killed,
        broker_link_cut,
        broker_link_slow,
        database_killed,
        database_link_cut,
        database_link_slow,
        disk_full,
        disk_lost,
        clock_stepped,
    )
}
FAILOVERS: Final = ("processor_killed", "processor_stopped")
"""Those after which another process serves the partition."""
CLUSTER_KIND: Final = "one_of_three_brokers_killed"
"""`broker_killed`, where there are three."""


def impossible() -> dict[str, str]:
    """Kinds that can't be had on this machine, and why."""
    if faketime_library():
        return {}
    return {"clock_stepped": "libfaketime isn't installed (Debian: apt-get install faketime)"}

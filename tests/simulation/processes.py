"""The processes that are run: the real loops on simulated clients, clock and threads."""

from collections.abc import Callable
from concurrent.futures import Executor, Future
from random import Random
from typing import Any, Final, cast

from confluent_kafka import Consumer, KafkaException, Producer

from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.kafka.stable_offsets import Offsets
from drawdown.adapters.postgres.memory import MemoryProjectionStore
from drawdown.adapters.postgres.store import Batch, Position
from drawdown.errors import DrawdownError, Unavailable
from drawdown.ledger_processor.__main__ import assemble
from drawdown.ledger_processor.loop import Loop
from drawdown.projection.loop import Projector
from drawdown.settings import Settings, load
from tests.simulation.clock import MachineClock
from tests.simulation.consumers import SimulatedConsumer, SimulatedOffsets
from tests.simulation.disk import Disk, SimulatedStates
from tests.simulation.errors import Killed
from tests.simulation.groups import Group
from tests.simulation.link import Link
from tests.simulation.log import Broker
from tests.simulation.producers import PlainProducer, TransactionalProducer

PARTITIONS: Final = 2
SETTINGS: Final[Settings] = load(
    namespace="sim",
    kafka_bootstrap_servers="simulated:1",
    ledger_usage_batch=6,
    ledger_command_batch=4,
    commit_interval_ms=20,
    rate_card_lead_s=0,
    tick_interval_s=1.0,
    projector_batch=5,
    state_unsaved_entries=4,
)
"""Small batches, so that a few records meet every limit."""
WIRE: Final = Wire(SETTINGS)


class Task(Future[Any]):
    """What a thread would do; it is done when the world says so, or when it is waited for."""

    def __init__(self, owner: "Tasks", work: Callable[[], Any]) -> None:
        super().__init__()
        self._owner = owner
        self._work = work

    def do(self) -> None:
        """Do it."""
        self._owner.waiting.remove(self)
        if not self.set_running_or_notify_cancel():
            return
        try:
            self.set_result(self._work())
        except Exception as error:
            self.set_exception(error)

    def cancel(self) -> bool:
        """A thread that has begun goes on, whatever becomes of its partition."""
        return self._owner.link.chance.random() < 0.5 and super().cancel()

    def result(self, timeout: float | None = None) -> Any:
        """Wait for it; mostly it comes in time."""
        if not self.done():
            if timeout is not None and self._owner.link.chance.random() < 0.3:
                self._owner.clock.sleep(timeout)
                raise TimeoutError
            self.do()
        return super().result(timeout)


class Tasks(Executor):
    """The threads of a process."""

    def __init__(self, link: Link, clock: MachineClock) -> None:
        self.link = link
        self.clock = clock
        self.waiting: list[Task] = []

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Future[Any]:
        """Something to do."""
        task = Task(self, lambda: fn(*args, **kwargs))
        self.waiting.append(task)
        return task

    def shutdown(self, wait: bool = True, *, cancel_futures: bool = False) -> None:
        """Nothing more is begun."""
        self.waiting.clear()


class SimulatedClients:
    """The clients of one processor."""

    def __init__(self, broker: Broker, group: Group, link: Link) -> None:
        self.made: list[SimulatedConsumer] = []
        self._broker = broker
        self._group = group
        self._link = link

    def usage(self) -> Consumer:
        return self._consumer()

    def commands(self) -> Consumer:
        return self._consumer()

    def log(self) -> Consumer:
        return cast(Consumer, SimulatedConsumer(self._broker, self._link, self._group))

    def past(self) -> Consumer:
        return self.log()

    def undecided_log(self) -> Consumer:
        made = SimulatedConsumer(self._broker, self._link, self._group, undecided=True)
        return cast(Consumer, made)

    def transactional(self, transactional_id: str) -> Producer:
        made = TransactionalProducer(self._broker, self._link, transactional_id)
        return cast(Producer, made)

    def ticks(self) -> Producer:
        return cast(Producer, PlainProducer(self._broker, self._link))

    def offsets(self) -> Offsets:
        return SimulatedOffsets(self._broker, self._link)

    def _consumer(self) -> Consumer:
        made = SimulatedConsumer(self._broker, self._link, self._group)
        self.made.append(made)
        return cast(Consumer, made)


class Process:
    """What processors and projectors have in common: they run until they die or end."""

    def __init__(self, link: Link, clock: MachineClock) -> None:
        self.link = link
        self.clock = clock
        self.ended = ""
        """Why it ended by itself, or was told to."""

    @property
    def runs(self) -> bool:
        """Whether it could make a step now."""
        return self.link.runs and not self.ended

    @property
    def gone(self) -> bool:
        """Whether another one should be started in its place."""
        return self.link.dead or bool(self.ended)

    def guarded(self, step: Callable[[], object]) -> None:
        """Make a step; what its main program would end with, ends it."""
        try:
            step()
        except Killed:
            return
        except (KafkaException, DrawdownError) as error:
            self._end(str(error))

    def _end(self, reason: str) -> None:
        self.ended = reason
        try:
            self.close()
        except (Killed, KafkaException, DrawdownError) as error:
            # It exits anyhow.
            self.ended += f"; {error}"
        self.link.dead = True

    def stop(self) -> None:
        """As by SIGTERM."""
        self._end("stopped")

    def turn(self) -> None:
        """A turn of the loop."""
        raise NotImplementedError

    def close(self) -> None:
        """Leave."""
        raise NotImplementedError

    def idle(self) -> bool:
        """Whether nothing is left to do."""
        raise NotImplementedError


class Processor(Process):
    """A ledger processor."""

    def __init__(
        self, broker: Broker, group: Group, link: Link, clock: MachineClock, disk: Disk
    ) -> None:
        super().__init__(link, clock)
        self.disk = disk
        self.clients = SimulatedClients(broker, group, link)
        self.tasks = Tasks(link, clock)
        states = SimulatedStates(disk, link, SETTINGS.topic("ledger-entries"))
        self.loop: Loop = assemble(
            SETTINGS,
            self.clients,
            self.tasks,
            states,
            clock,
            partitions=PARTITIONS,
            chance=Random(1),
        )
        self.guarded(self.loop.join)

    def turn(self) -> None:
        """A turn of the loop."""
        self.guarded(self.loop.turn)

    def work(self, index: int) -> None:
        """One of its threads gets on."""
        if self.tasks.waiting:
            self.guarded(self.tasks.waiting[index % len(self.tasks.waiting)].do)

    def stop(self) -> None:
        """As by SIGTERM."""
        self.guarded(self.loop.finish)
        if not self.gone:
            self._end("stopped")

    def close(self) -> None:
        """Leave the group."""
        self.loop.close()

    def idle(self) -> bool:
        """Whether nothing is left to do."""
        return not self.tasks.waiting and all(each.idle() for each in self.clients.made)

    def served(self) -> int:
        """How many partitions are open here."""
        return self.clients.made[0].reads()


class Database:
    """A process's way to the database that all projectors share."""

    def __init__(self, store: MemoryProjectionStore, link: Link) -> None:
        self._store = store
        self._link = link

    def claim(self, partition: int) -> Position:
        """Take a partition over."""
        if self._link.call("claim"):
            raise Unavailable("the database doesn't answer")
        return self._store.claim(partition)

    def write(self, position: Position, batch: Batch) -> Position:
        """Write entries and position; whether it was done isn't known when it isn't answered."""
        effect = self._link.call("write")
        if effect == "refuse":
            raise Unavailable("the database doesn't answer")
        after = self._store.write(position, batch)
        if effect:
            raise Unavailable("the connection broke at the commit")
        return after

    def close(self) -> None:
        """Nothing to leave."""


class ProjectorProcess(Process):
    """A projector."""

    def __init__(
        self,
        broker: Broker,
        group: Group,
        link: Link,
        clock: MachineClock,
        store: MemoryProjectionStore,
    ) -> None:
        super().__init__(link, clock)
        self.consumer = SimulatedConsumer(broker, link, group)
        self.loop = Projector(
            consumer=cast(Consumer, self.consumer),
            topic=SETTINGS.topic("ledger-entries"),
            store=Database(store, link),
            decode=WIRE.decode_entry,
            offsets=SimulatedOffsets(broker, link),
            batch=SETTINGS.projector_batch,
            batch_bytes=SETTINGS.projector_batch_kib * 1_024,
            clock=clock,
        )
        self.guarded(self.loop.join)

    def turn(self) -> None:
        """A turn of the loop."""
        self.guarded(self.loop.turn)

    def close(self) -> None:
        """Leave the group."""
        self.loop.close()

    def idle(self) -> bool:
        """Whether nothing is left to do."""
        return self.consumer.idle()

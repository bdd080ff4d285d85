"""Consumers on the simulated broker, by the methods of `confluent_kafka.Consumer` that are used.

As librdkafka's do, one fetches ahead into a queue of its own, says once where a partition ends,
and calls back about assignments from within `consume`.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence

from confluent_kafka import KafkaError, TopicPartition

from tests.simulation.errors import STATE, TIMED_OUT, Killed, failure
from tests.simulation.groups import Group, Member, Metadata
from tests.simulation.link import Connected, Link
from tests.simulation.log import Broker, Place
from tests.simulation.messages import Message

FETCHED_MAX = 40
"""Records of a partition in one fetch."""
Callback = Callable[["SimulatedConsumer", list[TopicPartition]], None]


class SimulatedOffsets(Connected):
    """`StableOffsets` on the simulated broker."""

    def __init__(self, broker: Broker, link: Link) -> None:
        self._broker = broker
        self._link = link

    def last_stable(self, topics: Sequence[str], partition: int, within_s: float) -> list[int]:
        """The last stable offsets, if the broker answers."""
        if self._link.call("watermarks"):
            raise failure(TIMED_OUT, "no answer in time", retriable=True)
        return [self._broker.span((topic, partition))[1] for topic in topics]


class Assigned:
    """A partition that is read: where the reader is, and where the next fetch begins."""

    def __init__(self, place: Place, offset: int) -> None:
        self.place = place
        self.position = offset
        self.fetch_at = offset
        self.paused = False
        self.ended_at = -1
        self.version = 0

    def refetch(self) -> None:
        """What was fetched ahead no longer counts."""
        self.version += 1
        self.fetch_at = self.position
        self.ended_at = -1


class SimulatedConsumer(Connected):
    """A committed-only consumer; a member of the group once it subscribes."""

    def __init__(
        self, broker: Broker, link: Link, group: Group, *, undecided: bool = False
    ) -> None:
        """`undecided`: it reads all, whatever becomes of it."""
        self._undecided = undecided
        self._broker = broker
        self._link = link
        self._group = group
        self._member: Member | None = None
        self._leaving = False
        self._subscribed = False
        self._topic = ""
        self._on: dict[str, Callback] = {}
        self._explicit = False
        self._assigned: dict[Place, Assigned] = {}
        # The client remembers that a partition was paused until it is told to go on, though the
        # partition is taken away and comes back in between.
        self._paused: set[Place] = set()
        self._queue: deque[tuple[Assigned, int, Message]] = deque()
        self._closed = False

    # ---- The group.

    def subscribe(
        self,
        topics: Sequence[str],
        *,
        on_assign: Callback,
        on_revoke: Callback,
        on_lost: Callback | None = None,
    ) -> None:
        """Become a member, at the next poll."""
        [self._topic] = topics
        self._subscribed = True
        self._on = {"assign": on_assign, "revoke": on_revoke, "lost": on_lost or on_revoke}
        if self._member is None:
            self._join()

    def unsubscribe(self) -> None:
        """Leave the group, once what it gave is handed back."""
        self._leaving, self._subscribed = True, False

    def consumer_group_metadata(self) -> Metadata:
        """The membership under which offsets are committed."""
        member = self._member
        return Metadata(self._group, member, -1 if member is None else member.generation)

    def _join(self) -> None:
        self._member = Member(self._link.name, lambda: self._link.runs)
        self._group.join(self._member, self._broker.clock.monotonic())

    def _poll_group(self) -> None:
        member, group = self._member, self._group
        if member is None:
            return
        if self._leaving:
            self._leaving = False
            self._take_away("revoke", member, set(member.owned))
            group.leave(member)
            self._member = None
            if self._subscribed:
                self._join()
        elif member not in group.members:
            self._take_away("lost", member, set(member.owned))
            self._join()
        elif member.generation != group.generation:
            member.generation = group.generation
            gone = member.owned - member.target
            if gone:
                self._take_away("revoke", member, gone)
                if member in group.members:
                    group.rebalance()
                return
            self._give(member)

    def _give(self, member: Member) -> None:
        numbers = self._group.obtainable(member)
        member.owned.update(numbers)
        self._call_back("assign", numbers)

    def _take_away(self, how: str, member: Member, numbers: set[int]) -> None:
        try:
            self._call_back(how, sorted(numbers))
        finally:
            member.owned -= numbers

    def _call_back(self, how: str, numbers: list[int]) -> None:
        """As the client does: where the callback assigns nothing itself, the client does it."""
        places = [TopicPartition(self._topic, number) for number in numbers]
        self._explicit = False
        self._on[how](self, places)
        if self._explicit:
            return
        for each in places:
            place = (each.topic, each.partition)
            if how == "assign":
                start = self._broker.offsets.get((self._group.name, *place), 0)
                self._assigned.setdefault(place, Assigned(place, start))
            else:
                self._assigned.pop(place, None)

    # ---- The assignment.

    def assign(self, places: Iterable[TopicPartition]) -> None:
        """Read exactly these."""
        self._link.call("assign")
        self._explicit = True
        self._queue.clear()
        self._assigned = {
            (each.topic, each.partition): Assigned((each.topic, each.partition), each.offset)
            for each in places
        }

    def unassign(self) -> None:
        """Read nothing."""
        self.assign([])

    def incremental_assign(self, places: Iterable[TopicPartition]) -> None:
        """Read these too."""
        self._link.call("assign")
        self._explicit = True
        for each in places:
            place = (each.topic, each.partition)
            if place in self._assigned:
                raise failure(KafkaError._CONFLICT, "already part of the assignment")
            self._assigned[place] = Assigned(place, each.offset)
            self._assigned[place].paused = place in self._paused

    def incremental_unassign(self, places: Iterable[TopicPartition]) -> None:
        """Don't read these any more; what was fetched of them may still be handed out."""
        self._link.call("assign")
        self._explicit = True
        for each in places:
            if self._assigned.pop((each.topic, each.partition), None) is None:
                raise failure(KafkaError._INVALID_ARG, "not part of the assignment")

    def pause(self, places: Iterable[TopicPartition]) -> None:
        """Hand out nothing of these."""
        for each in places:
            assigned = self._assigned[each.topic, each.partition]
            assigned.paused = True
            self._paused.add(assigned.place)
            assigned.refetch()

    def resume(self, places: Iterable[TopicPartition]) -> None:
        """Go on with these."""
        for each in places:
            assigned = self._assigned[each.topic, each.partition]
            assigned.paused = False
            self._paused.discard(assigned.place)
            assigned.refetch()

    # ---- Records.

    def consume(self, at_most: int, timeout_s: float) -> list[Message]:
        """Records, ends of partitions, errors; callbacks about the assignment first."""
        effect = self._link.call("consume")
        self._check()
        self._poll_group()
        if not self._link.dead and self._link.chance.random() < 0.85:
            self._fetch()
        messages = self._hand_out(at_most)
        if effect:
            error = KafkaError(KafkaError._ALL_BROKERS_DOWN, "no broker is up", False, True)
            messages.append(Message((self._topic, -1), None, error))
        if self._link.chance.random() < 0.3:
            # For the next call, which then doesn't see what comes in between.
            self._fetch()
        if not messages:
            self._broker.clock.sleep(timeout_s)
        return messages

    def _fetch(self) -> None:
        for assigned in self._assigned.values():
            if assigned.paused:
                continue
            partition = self._broker.partitions[assigned.place]
            _, end = self._broker.span(assigned.place, undecided=self._undecided)
            # Where there is nothing any more, the client begins with the earliest.
            assigned.fetch_at = max(assigned.fetch_at, partition.start)
            if assigned.fetch_at > end or assigned.ended_at == end:
                continue
            count = 0
            for record in partition.committed(
                assigned.fetch_at, FETCHED_MAX, undecided=self._undecided
            ):
                self._queue.append((assigned, assigned.version, Message(assigned.place, record)))
                assigned.fetch_at = record.offset + 1
                count += 1
            if count < FETCHED_MAX:
                assigned.fetch_at = assigned.ended_at = end
                error = KafkaError(KafkaError._PARTITION_EOF)
                last = Message(assigned.place, None, error, end)
                self._queue.append((assigned, assigned.version, last))

    def _hand_out(self, at_most: int) -> list[Message]:
        messages: list[Message] = []
        while self._queue and len(messages) < at_most:
            assigned, version, message = self._queue.popleft()
            if version != assigned.version or not self._wanted(assigned, message):
                continue
            messages.append(message)
            if message.error() is None:
                assigned.position = message.offset() + 1
        return messages

    def _wanted(self, assigned: Assigned, message: Message) -> bool:
        """Of a partition that was just taken away a record may still come, unless it is back."""
        if assigned.place in self._assigned:
            return self._assigned[assigned.place] is assigned
        return message.error() is None and self._link.chance.random() < 0.5

    # ---- Questions.

    def get_watermark_offsets(
        self, place: TopicPartition, timeout: float = 0, *, cached: bool = False
    ) -> tuple[int, int]:
        """The first offset and the last stable one."""
        if not cached and self._link.call("watermarks"):
            raise failure(TIMED_OUT, "no answer in time", retriable=True)
        return self._broker.span((place.topic, place.partition), undecided=self._undecided)

    def position(self, places: Sequence[TopicPartition]) -> list[TopicPartition]:
        """Where it reads on."""
        return [self._positioned(each) for each in places]

    def _positioned(self, place: TopicPartition) -> TopicPartition:
        assigned = self._assigned.get((place.topic, place.partition))
        offset = -1001 if assigned is None else assigned.position
        return TopicPartition(place.topic, place.partition, offset)

    def committed(self, places: Sequence[TopicPartition], timeout: float) -> list[TopicPartition]:
        """The group's offsets; -1001 where there is none."""
        if self._link.call("committed"):
            raise failure(TIMED_OUT, "no answer in time", retriable=True)
        known = self._broker.offsets
        return [
            TopicPartition(
                each.topic,
                each.partition,
                known.get((self._group.name, each.topic, each.partition), -1001),
            )
            for each in places
        ]

    def store_offsets(self, *, offsets: Sequence[TopicPartition]) -> None:
        """Let offsets be committed in a while; here at once."""
        for each in offsets:
            self._broker.offsets[self._group.name, each.topic, each.partition] = each.offset

    def close(self) -> None:
        """Hand everything back and leave."""
        if self._link.dead:
            raise Killed
        if self._closed:
            return
        self._closed = True
        member = self._member
        if member is not None:
            self._take_away("revoke", member, set(member.owned))
            self._group.leave(member)

    def idle(self) -> bool:
        """Whether nothing waits to be handed out or fetched, nor in the group."""
        member = self._member
        settled = member is None or (
            member in self._group.members
            and member.generation == self._group.generation
            and member.owned == member.target
        )
        return (
            settled
            and not any(self._assigned.get(each.place) is each for each, _, _ in self._queue)
            and all(
                assigned.ended_at == self._broker.partitions[place].stable
                for place, assigned in self._assigned.items()
            )
        )

    def reads(self) -> int:
        """How many partitions are assigned to it."""
        return len(self._assigned)

    def _check(self) -> None:
        if self._closed:
            raise failure(STATE, "the consumer is closed")

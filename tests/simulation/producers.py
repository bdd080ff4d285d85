"""Producers on the simulated broker, by the methods of `confluent_kafka.Producer` that are used."""

from collections.abc import Callable, Sequence
from typing import Any

from confluent_kafka import KafkaError, TopicPartition

from tests.simulation.errors import STATE, TIMED_OUT, failure
from tests.simulation.groups import Metadata
from tests.simulation.link import Connected, Link
from tests.simulation.log import Broker, Place, Record
from tests.simulation.messages import Message

OnDelivery = Callable[[KafkaError | None, Message], None]
Queued = tuple[Place, bytes, bytes, OnDelivery | None]


class TransactionalProducer:
    """Records wait in its queue until they are sent, at the commit at the latest."""

    def __init__(self, broker: Broker, link: Link, name: str) -> None:
        self._broker = broker
        self._link = link
        self._name = name
        self._epoch = -1
        self._in_transaction = False
        self._failed = False
        """Whether only an abort, or a new producer, is possible."""
        self._queue: list[Queued] = []
        self._reports: list[tuple[OnDelivery, Message]] = []

    def init_transactions(self, _timeout_s: float) -> None:
        """Fence every earlier producer of the transactional id."""
        effect = self._link.call("init")
        if effect != "refuse":
            losing = self._losing if effect == "unmarked" else None
            self._epoch = self._broker.initialize(self._name, losing)
        if effect not in ("", "unmarked"):
            raise failure(TIMED_OUT, "no answer in time", retriable=True)

    def begin_transaction(self) -> None:
        """Begin one, which the broker learns of with the first record."""
        self._link.call("begin")
        self._check(open_=False)
        self._in_transaction = True

    def produce_batch(
        self, topic: str, records: Sequence[dict[str, Any]], *, partition: int
    ) -> int:
        """Queue records; how many were taken. It raises nothing: why one wasn't taken stands on it,
        and of a transaction that has failed the commit says so."""
        effect = self._link.call("produce")
        if self._failed:
            return len(records)
        if not self._in_transaction:
            for each in records:
                each["_error"] = KafkaError(STATE)
            return 0
        room = len(records) // 2 if effect else len(records)
        place = (topic, partition)
        self._queue += [
            (place, each["key"], each["value"], each.get("callback")) for each in records[:room]
        ]
        for each in records[room:]:
            each["_error"] = KafkaError(KafkaError._QUEUE_FULL)
        self._send_some()
        return room

    def poll(self, _timeout_s: float = 0) -> int:
        """Hand the delivery reports out that have come."""
        reports, self._reports = self._reports, []
        for report, message in reports:
            report(None, message)
        return len(reports)

    def flush(self, _timeout_s: float = 0) -> int:
        """Send what is queued; how much is left."""
        self._send(len(self._queue))
        self.poll()
        return len(self._queue)

    def send_offsets_to_transaction(
        self, offsets: Sequence[TopicPartition], metadata: Metadata, _timeout_s: float
    ) -> None:
        """Let the group's offsets be set with the commit."""
        effect = self._link.call("offsets")
        self._check(open_=True)
        if effect in ("", "unanswered"):
            metadata.check()
            wanted = {(each.topic, each.partition): each.offset for each in offsets}
            self._broker.add_offsets(self._name, self._epoch, metadata.group.name, wanted)
        if effect:
            raise self._link.error_of("offsets")

    def commit_transaction(self, _timeout_s: float) -> None:
        """Send what is queued, and commit."""
        effect = self._link.call("commit")
        self._check(open_=True)
        self._send(len(self._queue))
        self.poll()
        if effect == "late":
            self._broker.late.append((self._name, self._epoch, True))
        elif effect == "unmarked":
            self._broker.end_unmarked(self._name, self._epoch, self._losing, commit=True)
            effect = ""
        elif effect == "torn":
            self._broker.tear(self._name, self._epoch)
        elif effect != "refuse":
            self._broker.end(self._name, self._epoch, commit=True)
        if effect:
            error = self._link.error_of("commit")
            self._failed = not error.args[0].retriable()
            raise error
        self._in_transaction = False

    def abort_transaction(self, _timeout_s: float) -> None:
        """Drop what is queued, and abort."""
        effect = self._link.call("abort")
        self._queue.clear()
        if effect != "refuse":
            self._broker.end(self._name, self._epoch, commit=False)
        if effect:
            self._failed = True
            raise self._link.error_of("abort")
        self._in_transaction = self._failed = False

    def purge(self) -> None:
        """Drop what is queued; some of it may be on its way already.

        A commit that is under way fails then: a record of the transaction wasn't delivered.
        """
        if not self._link.dead and self._link.chance.random() < 0.5:
            self._send_quietly()
        if self._queue:
            self._queue.clear()
            self._failed = True

    def _losing(self, places: list[Place]) -> list[Place]:
        """Some of them, or all."""
        chance = self._link.chance
        return chance.sample(places, chance.randint(min(1, len(places)), len(places)))

    def _check(self, *, open_: bool) -> None:
        if self._failed:
            raise failure(STATE, "the transaction must be aborted", abort=True)
        if self._in_transaction != open_:
            raise failure(STATE, f"a transaction is{'' if self._in_transaction else ' not'} open")

    def _send_some(self) -> None:
        """The client's thread sends whenever it likes."""
        if self._link.chance.random() < 0.3:
            try:
                self._send(self._link.chance.randrange(len(self._queue) + 1))
            except Exception:
                # What the thread learns, a later call says.
                self._failed = True

    def _send_quietly(self) -> None:
        try:
            self._send(self._link.chance.randrange(len(self._queue) + 1))
        except Exception:
            self._failed = True

    def _send(self, count: int) -> None:
        sent, self._queue = self._queue[:count], self._queue[count:]
        for place, key, value, report in sent:
            [record] = self._broker.produce(self._name, self._epoch, place, [(key, value)])
            if report is not None:
                self._reports.append((report, Message(place, record)))


class PlainProducer(Connected):
    """Not idempotent: what isn't answered in time is sent again, so that it may come twice."""

    def __init__(self, broker: Broker, link: Link) -> None:
        self._broker = broker
        self._link = link
        self._queue: list[Queued] = []

    def produce(
        self, topic: str, *, key: bytes, value: bytes, partition: int, on_delivery: OnDelivery
    ) -> None:
        """Queue a record."""
        self._link.call("tick")
        self._queue.append(((topic, partition), key, value, on_delivery))

    def poll(self, _timeout_s: float = 0) -> int:
        """Send what is queued, and report on it."""
        effect = self._link.call("tick")
        queue, self._queue = self._queue, []
        for place, key, value, report in queue:
            assert report is not None
            if effect == "refuse":
                nowhere = Record(place, -1, key, value, 0, 0)
                report(KafkaError(KafkaError._MSG_TIMED_OUT), Message(place, nowhere))
                continue
            record = self._broker.append(place, key, value)
            if effect:
                record = self._broker.append(place, key, value)
            report(None, Message(place, record))
        return len(queue)

    def purge(self) -> None:
        """Drop what is queued."""
        self._queue.clear()

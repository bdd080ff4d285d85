"""Evidence: whether a transaction that left records open was committed, by what stands of it.

A transaction is decided as a whole, but its markers may be lost in some of its partitions
(`barrier.py`). Nothing follows a transaction before all of it is decided (`output_ends.py`), so at
most one is open, the last, and what stands of it beside that says which way it was decided. Only
what the ledger holds matters, for recovery goes on where the ledger ends, and decides and answers
anew what comes after:

- Entries are open: it was committed if a reply is readable that was given behind entries that
  aren't.
- Replies are open: it was committed if the ledger has the entries that the last of them names. (One
  that names none answers what the ledger has nothing of, and is given again.)
- Dead letters are open: it was committed if one of them is of a record before the last one of its
  input that the ledger has decided.

Where nothing says so, what is open is aborted and decided anew: nobody has read any of it.
"""

from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Final, NamedTuple

from confluent_kafka import Consumer, Message

from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.kafka.partition_log import PartitionLog
from drawdown.adapters.kafka.records import value_of
from drawdown.adapters.topics import DEAD_LETTERS, LEDGER, REPLIES
from drawdown.clock import Clock
from drawdown.domain.parking import INPUTS
from drawdown.domain.replies import Reply
from drawdown.errors import DecodeFailed, PartitionHalted
from drawdown.settings import Settings

_TAIL: Final = 200_000
"""Offsets before an end that are looked at: no transaction has as many records."""


class Opened(NamedTuple):
    """The offsets of an output that are open, without the barrier's own."""

    begins: int
    ends: int


class Evidence:
    """One partition's."""

    def __init__(
        self,
        settings: Settings,
        number: int,
        wire: Wire,
        committed: Consumer,
        undecided: Callable[[], Consumer],
        clock: Clock,
    ) -> None:
        """`committed` reads what is committed, `undecided` makes a client that reads all."""
        self._settings: Final = settings
        self._number: Final = number
        self._wire: Final = wire
        self._committed: Final = committed
        self._undecided: Final = undecided
        self._clock: Final = clock

    def committed(self, opened: Mapping[str, Opened]) -> bool:
        """Whether the transaction was committed that left records open in these outputs.

        Raises `Unavailable` if the broker is away, `PartitionHalted` for bytes that are no record.
        """
        try:
            return self._says_committed(opened)
        except DecodeFailed as error:
            names = " or ".join(sorted(opened))
            raise PartitionHalted(
                f"partition {self._number}: what stands open in {names} can't be judged: {error}"
            ) from error

    def _says_committed(self, opened: Mapping[str, Opened]) -> bool:
        # Where a barrier lost its marker, nothing but that barrier may be open.
        replies = [self._reply(each) for each in self._open(REPLIES, opened)]
        if _last(self._open(LEDGER, opened)) is not None:
            return not replies and self._answered_beyond_the_ledger()
        named = [each.partition_seq for each in replies if each.entries]
        return bool(named and named[-1] <= self._last_seq()) or self._parks_decided(opened)

    def _answered_beyond_the_ledger(self) -> bool:
        last = _last(self._tail(REPLIES))
        return last is not None and self._reply(last).partition_seq > self._last_seq()

    def _parks_decided(self, opened: Mapping[str, Opened]) -> bool:
        letters = [
            self._wire.decode_dead_letter(value_of(each))
            for each in self._open(DEAD_LETTERS, opened)
        ]
        if not letters:
            return False
        decided = self._decided()
        topics = {self._settings.topic(name): source for name, source in INPUTS.items()}
        return any(each.offset < decided.get(topics[each.topic], -1) for each in letters)

    def _reply(self, record: Message) -> Reply:
        return self._wire.decode_reply(value_of(record))

    def _last_seq(self) -> int:
        """The sequence of the ledger's last entry; 0: it has none."""
        last = _last(self._tail(LEDGER))
        return 0 if last is None else self._wire.decode_entry(value_of(last)).partition_seq

    def _decided(self) -> dict[str, int]:
        """The last source offset that the ledger's tail has, by input topic."""
        decided: dict[str, int] = {}
        for record in reversed(list(self._tail(LEDGER))):
            entry = self._wire.decode_entry(value_of(record))
            decided.setdefault(entry.source_topic, entry.source_offset)
            if len(decided) == len(INPUTS):
                break
        return decided

    def _tail(self, name: str) -> Iterator[Message]:
        """The last committed records of an output."""
        with self._log(name, self._committed) as log:
            log.position = max(log.start, log.end - _TAIL)
            yield from log.records()

    def _open(self, name: str, opened: Mapping[str, Opened]) -> Iterator[Message]:
        """The records of an output that are open."""
        if name not in opened:
            return
        client = self._undecided()
        try:
            begins, ends = opened[name]
            with self._log(name, client, begins, ends) as log:
                yield from log.records()
        finally:
            client.close()

    def _log(
        self, name: str, client: Consumer, begin: int | None = None, end: int | None = None
    ) -> PartitionLog:
        return PartitionLog(
            self._settings,
            self._settings.topic(name),
            self._number,
            begin=begin,
            end=end,
            client=client,
            clock=self._clock,
        )


def _last(records: Iterator[Message]) -> Message | None:
    """The last of the records; None: there are none."""
    last = deque(records, maxlen=1)
    return last[0] if last else None

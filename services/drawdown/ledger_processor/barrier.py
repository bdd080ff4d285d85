"""The barrier: what a new owner writes into its partitions before it reads them.

That earlier writers are fenced doesn't mean that all they wrote is decided, nor that a broker that
has just come back tells the true end. A broker answers that a transaction is committed before the
markers stand in its partitions, and Kafka drops them where a partition has no leader at that moment
(4.1 to 4.3: `TransactionMarkerChannelManager` takes an unknown leader for a deleted topic). What
was written then stands open, belongs to no transaction that the coordinator knows, and is decided
by the next marker of the same producer id, together with whatever that one is for.

So a new owner begins a transaction that has a record in each of its partitions. Where these stand
proves where the partitions end, and shows what is open before them. Ending it decides all of that:
the barrier is aborted, and no reader of committed records ever sees it; but where the outputs say
that a commit lost a part of its markers (`evidence.py`), it is committed, and that part with it.
The ledger goes first and, if nothing is open there, alone: so a record without a value is seen in
it only where entries would be missing otherwise.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from drawdown.adapters.kafka.records import BARRIER_KEY
from drawdown.adapters.topics import LEDGER, OUTPUTS
from drawdown.clock import Clock
from drawdown.errors import Unavailable
from drawdown.ledger_processor.calls import repeated
from drawdown.ledger_processor.evidence import Opened
from drawdown.ledger_processor.failures import Call
from drawdown.ledger_processor.stability import Stability
from drawdown.settings import Settings

Evidence = Callable[[Mapping[str, Opened]], bool]
"""Whether what stands open was committed, by output."""


class Barrier:
    """One partition's. Not for use by several threads."""

    def __init__(
        self,
        settings: Settings,
        number: int,
        producer: Producer,
        stability: Stability,
        evidence: Evidence,
        clock: Clock,
        go_on: Callable[[], None],
    ) -> None:
        """`producer` has fenced the earlier ones; `go_on` raises to leave off."""
        self._settings: Final = settings
        self._number: Final = number
        self._producer: Final = producer
        self._stability: Final = stability
        self._evidence: Final = evidence
        self._clock: Final = clock
        self._go_on: Final = go_on
        self._within_s: Final = settings.transaction_timeout_ms / 1_000
        self._stand_at: Final[dict[str, int]] = {}
        self.mended: dict[str, int] = {}
        """How many records were committed in it that had lost their marker, by output."""

    def raised(self) -> dict[str, int]:
        """Write it; where each output of the partition ends now, by the topic's short name.

        Raises `TransactionFailed`, or `Unavailable` if the broker doesn't do it in time.
        """
        others = OUTPUTS - {LEDGER}
        self._begin()
        opened = self._write({LEDGER})
        if opened:
            return self._end({**opened, **self._write(others)})
        ends = self._end({})
        self._begin()
        return {**ends, **self._end(self._write(others))}

    def _begin(self) -> None:
        self._go_on()
        self._stand_at.clear()
        self._call(Call.BEGIN, lambda _: self._producer.begin_transaction())

    def _write(self, names: frozenset[str] | set[str]) -> dict[str, Opened]:
        """Write a record into each of these; what is open before it."""
        for name in sorted(names):
            self._call(Call.PRODUCE, partial(self._produce, name))
        self._call(Call.FLUSH, self._producer.flush)
        missing = names - self._stand_at.keys()
        if missing:
            raise Unavailable(f"{self._place(min(missing))} takes no record")
        ends = {name: self._stand_at[name] for name in names}
        begins = self._stable(ends)
        return {
            name: Opened(begins=begins[name], ends=end)
            for name, end in sorted(ends.items())
            if begins[name] < end
        }

    def _end(self, opened: dict[str, Opened]) -> dict[str, int]:
        """Decide it, and with it what is open; the ends of the outputs that it has records in."""
        if opened and self._evidence(opened):
            self._call(Call.COMMIT, self._producer.commit_transaction)
            self.mended = {name: each.ends - each.begins for name, each in opened.items()}
        else:
            self._call(Call.ABORT, self._producer.abort_transaction)
        # Behind each record stands the marker that decides it.
        ends = {name: offset + 2 for name, offset in self._stand_at.items()}
        stable = self._stable(ends)
        for name, end in ends.items():
            if stable[name] < end:
                raise Unavailable(f"{self._place(name)}: the broker doesn't end a transaction")
        return ends

    def _stable(self, ends: Mapping[str, int]) -> dict[str, int]:
        """The last stable offsets of outputs, once they are at these ends or won't be before
        long."""
        self._go_on()
        told = self._stability.wait(ends, within_s=self._within_s).told
        if not told:
            raise Unavailable(f"{self._place(min(ends))}: no broker says where it ends")
        return told

    def _produce(self, name: str, _left_s: float) -> None:
        record: dict[str, Any] = {
            "key": BARRIER_KEY,
            "value": None,
            "callback": partial(self._delivered, name),
        }
        if not self._producer.produce_batch(
            self._settings.topic(name), [record], partition=self._number
        ):
            raise KafkaException(record.get("_error", KafkaError(KafkaError._QUEUE_FULL)))

    def _delivered(self, name: str, error: KafkaError | None, message: Message) -> None:
        offset = message.offset()
        if error is None and offset is not None:
            self._stand_at[name] = offset

    def _place(self, name: str) -> str:
        return f"{self._settings.topic(name)} [{self._number}]"

    def _call(self, call: Call, step: Callable[[float], object]) -> None:
        """Its time is the transaction's."""
        repeated(self._number, call, step, clock=self._clock, within_s=self._within_s)

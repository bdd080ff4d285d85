"""A steady load whose content is known: usage, and every command that money depends on.

Everything is numbered, so that the checker knows what must be in the topics, and everything that
the broker didn't acknowledge is sent again: its id makes that harmless.
"""

import heapq
import random
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Final

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from drawdown.adapters.avro.codec import encode_command, encode_usage
from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.kafka.clients import producer
from drawdown.adapters.kafka.quiet import LOGGER
from drawdown.adapters.kafka.topics import ledger_partitions
from drawdown.domain.entries import PARTITION_CUSTOMER
from drawdown.domain.inputs import (
    ApplyRateCard,
    CaptureHold,
    Command,
    CommandBody,
    Grant,
    HoldUsage,
    PlaceHold,
    RefundUsage,
    ReleaseHold,
    UsageEvent,
    Void,
)
from drawdown.domain.numbers import MICRO, SECOND_US
from drawdown.settings import Settings
from tests.domain import cards

METER: Final = "tokens"
RATE_PICO: Final = 2_500_003_001
"""Pico-credits a token: not round, so that each charge leaves a residue."""
CARD_SOON_S: Final = 4
CUSTOMERS: Final = 300
_TICK_S: Final = 0.02
_FLUSH_S: Final = 180.0
_RECENT: Final = 500
_GARBAGE: Final = b"\x00no record of any schema"

Delivered = Callable[[KafkaError | None, Message], None]


@dataclass(frozen=True, slots=True)
class Sent:
    """How much was sent, each kind numbered from 0."""

    events: int
    commands: int
    garbage: int


class Load:
    """Sends at a rate, pauses, goes on; content by seed. `begin` first."""

    def __init__(self, settings: Settings, *, seed: int, rate: int) -> None:
        self._settings = settings
        self._chance = random.Random(seed)
        self._rate = rate
        wire = Wire(settings)
        self._headers = wire.header("usage-event"), wire.header("command")
        self._partitions = ledger_partitions(settings)
        self._events = self._commands = self._garbage = self._planned = 0
        self._unacknowledged: dict[int, tuple[str, bytes, bytes, int]] = {}
        self._records = 0
        self._refused = False
        self._later: list[tuple[float, int, Callable[[], None]]] = []
        self._recent: list[UsageEvent] = []
        self._client = self._new_client()
        self._running = threading.Event()
        self._idle = threading.Event()
        self._stopping = threading.Event()
        self._thread = threading.Thread(target=self._run, name="load", daemon=True)
        self.raised: BaseException | None = None

    def __enter__(self) -> "Load":
        return self

    def __exit__(self, *_: object) -> None:
        self._stopping.set()
        self._running.set()
        if self._thread.is_alive():
            self._thread.join(_FLUSH_S)

    @property
    def sent(self) -> Sent:
        """What was sent so far."""
        return Sent(self._events, self._commands, self._garbage)

    def begin(self) -> None:
        """Send the rate card and each customer's first grants; usage occurs when it is in force."""
        soon_us = time.time_ns() // 1_000 + CARD_SOON_S * SECOND_US
        line = cards.line(METER, f"0.{RATE_PICO:012}")
        card = cards.card(cards.meter(line, name=METER), effective_from=soon_us)
        for number in range(self._partitions):
            self._command(PARTITION_CUSTOMER, ApplyRateCard(card=card), number)
        for number in range(CUSTOMERS):
            # Every tenth runs out of credits before long.
            amount = (300 if number % 10 == 0 else 1_000_000_000) * MICRO
            self._grant(f"customer-{number}", amount, None)
        self.settle()
        time.sleep(max(0.0, soon_us / SECOND_US - time.time()))
        self._thread.start()

    def resume(self) -> None:
        """Offer load from now on."""
        self._idle.clear()
        self._running.set()

    def pause(self) -> None:
        """Send no more, and wait until the broker has acknowledged all."""
        self._running.clear()
        if self._thread.is_alive() and not self._idle.wait(_FLUSH_S):
            raise TimeoutError("the load doesn't pause")
        if self.raised is not None:
            raise self.raised
        self.settle()

    def settle(self) -> None:
        """Send again until everything is acknowledged."""
        deadline = time.monotonic() + _FLUSH_S
        while self._unacknowledged:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(self._unacknowledged)} records aren't acknowledged")
            self._see_to_deliveries(0.2)

    # ---- The thread.

    def _run(self) -> None:
        began_at, due = time.monotonic(), 0.0
        try:
            while not self._stopping.is_set():
                if not self._running.is_set():
                    self._idle.set()
                    self._running.wait()
                    began_at, due = time.monotonic(), 0.0
                    continue
                now = time.monotonic()
                due += (now - began_at) * self._rate
                began_at = now
                for _ in range(int(due)):
                    self._usage_or_command(now)
                due -= int(due)
                self._see_to_deliveries(_TICK_S)
        except BaseException as error:
            self.raised = error
            self._idle.set()

    def _usage_or_command(self, now: float) -> None:
        while self._later and self._later[0][0] <= now:
            heapq.heappop(self._later)[2]()
        drawn = self._chance.random()
        if drawn < 0.010:
            self._hold(now)
        elif drawn < 0.013:
            life_s = self._chance.choice((None, None, 15, 60))
            self._grant(self._customer(), self._chance.randrange(1, 200) * MICRO, life_s)
        elif drawn < 0.016 and self._recent:
            self._refund(self._chance.choice(self._recent))
        elif drawn < 0.0165:
            self._void()
        elif drawn < 0.0167:
            self._send("usage-events", b"garbage", _GARBAGE, self._garbage % self._partitions)
            self._garbage += 1
        elif drawn < 0.03 and self._recent:
            self._usage_again(self._chance.choice(self._recent))
        else:
            self._usage(self._customer())

    def _customer(self) -> str:
        return f"customer-{self._chance.randrange(CUSTOMERS)}"

    def _usage(self, customer_id: str, hold_id: str = "", *, final: bool = False) -> None:
        event = UsageEvent(
            event_id=self._event_id(),
            customer_id=customer_id,
            unit="credit",
            meter=METER,
            occurred_at=time.time_ns() // 1_000,
            status="failed" if self._chance.random() < 0.01 else "succeeded",
            properties={},
            quantities={METER: self._chance.randrange(1, 5_000) * 1_000},
            hold_id=hold_id,
            hold_final=final,
            digest=b"",
        )
        self._usage_again(event)
        self._recent.append(event)
        del self._recent[:-_RECENT]

    def _usage_again(self, event: UsageEvent) -> None:
        value = encode_usage(event, header=self._headers[0])
        self._send("usage-events", event.customer_id.encode(), value)

    def _event_id(self) -> str:
        self._events += 1
        return f"e-{self._events - 1}"

    def _grant(self, customer_id: str, amount: int, life_s: int | None) -> None:
        paid = self._chance.random() < 0.5
        grant = Grant(
            amount=amount,
            kind="purchased" if paid else "promotional",
            price_minor=amount // MICRO if paid else 0,
            currency="USD" if paid else "",
            expires_at=None if life_s is None else time.time_ns() // 1_000 + life_s * SECOND_US,
        )
        self._command(customer_id, grant)

    def _void(self) -> None:
        """A grant that is taken back a moment later."""
        customer_id, lot_id = self._customer(), f"c-{self._commands}"
        self._grant(customer_id, 5 * MICRO, None)
        body = Void(lot_id=lot_id)
        self._at(time.monotonic() + 1, partial(self._command, customer_id, body))

    def _refund(self, event: UsageEvent) -> None:
        amount = None if self._chance.random() < 0.5 else 1_000
        refund_id = f"r-{self._commands}"
        body = RefundUsage(refund_id=refund_id, event_id=event.event_id, amount=amount)
        self._command(event.customer_id, body)

    def _hold(self, now: float) -> None:
        """A hold, and what ends it a few seconds later; every fifth expires by itself."""
        customer_id, hold_id = self._customer(), f"h-{self._commands}"
        expires_at = time.time_ns() // 1_000 + self._chance.choice((8, 3_600)) * SECOND_US
        amount = self._chance.randrange(1, 20) * MICRO
        self._command(
            customer_id,
            PlaceHold(hold_id=hold_id, amount=amount, meter=METER, expires_at=expires_at),
        )
        end = self._chance.randrange(5)
        at = now + self._chance.uniform(0.5, 6)
        if end == 0:
            self._at(at, partial(self._command, customer_id, ReleaseHold(hold_id=hold_id)))
        elif end == 1:
            body = CaptureHold(hold_id=hold_id, amount=amount // 2)
            self._at(at, partial(self._command, customer_id, body))
        elif end == 2:
            self._at(at, partial(self._usage, customer_id, hold_id, final=True))
        elif end == 3:
            self._at(at, partial(self._capture, customer_id, hold_id))

    def _capture(self, customer_id: str, hold_id: str) -> None:
        usage = HoldUsage(
            event_id=self._event_id(),
            meter=METER,
            occurred_at=time.time_ns() // 1_000,
            status="succeeded",
            properties={},
            quantities={METER: self._chance.randrange(1, 5_000) * 1_000},
        )
        self._command(customer_id, CaptureHold(hold_id=hold_id, usage=usage, final=True))

    def _at(self, when: float, action: Callable[[], None]) -> None:
        self._planned += 1
        heapq.heappush(self._later, (when, self._planned, action))

    def _command(self, customer_id: str, body: CommandBody, partition: int = -1) -> None:
        asked = Command(
            command_id=f"c-{self._commands}",
            issued_at=time.time_ns() // 1_000,
            actor="chaos",
            customer_id=customer_id,
            unit="credit",
            reason="",
            body=body,
        )
        self._commands += 1
        value = encode_command(asked, header=self._headers[1])
        self._send("ledger-commands", customer_id.encode(), value, partition)
        if self._chance.random() < 0.05:
            self._send("ledger-commands", customer_id.encode(), value, partition)

    # ---- Records on their way.

    def _send(self, topic: str, key: bytes, value: bytes, partition: int = -1) -> None:
        number = self._records
        self._records += 1
        self._unacknowledged[number] = (topic, key, value, partition)
        self._produce(number)

    def _produce(self, number: int) -> None:
        topic, key, value, partition = self._unacknowledged[number]
        try:
            self._client.produce(
                self._settings.topic(topic),
                key=key,
                value=value,
                partition=partition,
                on_delivery=partial(self._delivered, number),
            )
        except (BufferError, KafkaException):
            self._refused = True

    def _delivered(self, number: int, error: KafkaError | None, _: Message) -> None:
        if error is None:
            self._unacknowledged.pop(number, None)
        else:
            self._refused = True

    def _see_to_deliveries(self, seconds: float) -> None:
        self._client.poll(seconds)
        if self._refused:
            # A client that has failed once may have failed for good.
            self._refused = False
            self._client.purge()
            self._client = self._new_client()
            for number in list(self._unacknowledged):
                self._produce(number)

    def _new_client(self) -> Producer:
        return producer(
            self._settings,
            acks="all",
            delivery_timeout_ms=600_000,
            logger=LOGGER,
        )

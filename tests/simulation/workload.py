"""What is sent to the ledger: usage events and commands of a few customers, and garbage."""

from random import Random
from typing import Final, Literal

from drawdown.adapters.avro.codec import encode_command, encode_usage
from drawdown.adapters.kafka.partitioner import partition_of
from drawdown.domain.entries import PARTITION_CUSTOMER, PolicyChange
from drawdown.domain.inputs import (
    Adjust,
    ApplyRateCard,
    CaptureHold,
    ChangeExpiry,
    ChangePolicy,
    CommandBody,
    ExtendHold,
    Freeze,
    Grant,
    HoldUsage,
    NoteDispute,
    PlaceHold,
    RedriveRejected,
    RefundUsage,
    ReleaseHold,
    Unfreeze,
    Void,
)
from tests.domain.building import CREDIT, card, command, usage
from tests.simulation.clock import START_US
from tests.simulation.processes import PARTITIONS, WIRE

SECOND_US: Final = 1_000_000
DAY_US: Final = 86_400 * SECOND_US
CUSTOMERS: Final = ("ada", "bob", "cleo", "dan", "eve")
DisputeState = Literal["opened", "won", "lost", "reinstated"]
HOME: Final = {name: partition_of(name, PARTITIONS) for name in CUSTOMERS}


class Sent:
    """A record to append: its input, partition, key and value."""

    def __init__(self, topic: str, partition: int, key: bytes | None, value: bytes | None) -> None:
        self.topic = topic
        self.partition = partition
        self.key = key
        self.value = value


class Workload:
    """Makes inputs up, and remembers enough of them to refer to them."""

    def __init__(self) -> None:
        self._count = 0
        self._lots: dict[str, list[str]] = {name: [] for name in CUSTOMERS}
        self._holds: dict[str, list[str]] = {name: [] for name in CUSTOMERS}
        self._events: dict[str, list[str]] = {name: [] for name in CUSTOMERS}
        self._payments: dict[str, list[str]] = {name: [] for name in CUSTOMERS}

    def rate_cards(self, now_us: int) -> list[Sent]:
        """One command, copied to every partition."""
        body = ApplyRateCard(card=card("0.3", effective_from=now_us + SECOND_US))
        return [self._command(body, PARTITION_CUSTOMER, now_us, each) for each in range(PARTITIONS)]

    def usage(self, chance: Random, now_us: int, late_us: int = 0) -> Sent:
        """A usage event, of now or some time ago; some of a hold, some unfit."""
        customer = chance.choice(CUSTOMERS)
        self._count += 1
        event_id = f"e{self._count}"
        self._events[customer].append(event_id)
        holds = self._holds[customer]
        held = bool(holds) and chance.random() < 0.2
        event = usage(
            event_id,
            customer_id=customer,
            meter="tokens" if chance.random() < 0.95 else "unknown",
            occurred_at=now_us - late_us - chance.randrange(3 * SECOND_US),
            quantities={"tokens": chance.randrange(1, 5_000_000)},
            hold_id=chance.choice(holds) if held else "",
            hold_final=held and chance.random() < 0.5,
        )
        value = encode_usage(event, header=WIRE.header("usage-event"))
        return Sent("usage-events", HOME[customer], customer.encode(), value)

    def late_usage(self, chance: Random, now_us: int) -> Sent:
        """Usage from minutes or weeks ago, or from the future."""
        late_us = chance.choice((4 * 60, 20 * 60, 86_400 * 34, 86_400 * 36, -3_600)) * SECOND_US
        return self.usage(chance, now_us, late_us)

    def command(self, chance: Random, now_us: int) -> Sent:
        """A command of a customer."""
        customer = chance.choice(CUSTOMERS)
        self._count += 1
        makers = (self._grant, self._grant, self._hold, self._on_hold, self._on_lot, self._other)
        body = chance.choice(makers)(chance, customer, now_us)
        return self._command(body, customer, now_us, HOME[customer])

    def garbage(self, chance: Random, now_us: int) -> Sent:
        """What is no input of the partition that it is sent to."""
        topic = chance.choice(("usage-events", "ledger-commands"))
        whole = self.usage(chance, now_us)
        partition = chance.randrange(PARTITIONS)
        if chance.random() < 0.4:
            # A customer's event in the other partition.
            return Sent("usage-events", 1 - whole.partition, whole.key, whole.value)
        assert whole.value is not None
        value = chance.choice(
            (None, b"", chance.randbytes(30), whole.value[:-3], b"\0\0\0\1\0" + whole.value[5:])
        )
        return Sent(topic, partition, b"?", value)

    def _command(self, body: CommandBody, customer: str, now_us: int, partition: int) -> Sent:
        asked = command(body, f"c{self._count}", customer_id=customer, issued_at=now_us)
        value = encode_command(asked, header=WIRE.header("command"))
        return Sent("ledger-commands", partition, customer.encode(), value)

    def _grant(self, chance: Random, customer: str, now_us: int) -> CommandBody:
        lot_id = f"l{self._count}"
        self._lots[customer].append(lot_id)
        paid = chance.random() < 0.4
        if paid:
            self._payments[customer].append(f"p{self._count}")
        lives_s = chance.choice((None, 20, 90, 600, 86_400))
        return Grant(
            amount=chance.randrange(1, 12) * CREDIT,
            kind="purchased" if paid else "promotional",
            lot_id=lot_id,
            price_minor=chance.randrange(1, 900) if paid else 0,
            currency="USD" if paid else "",
            payment_id=f"p{self._count}" if paid else "",
            expires_at=None if lives_s is None else now_us + lives_s * SECOND_US,
        )

    def _hold(self, chance: Random, customer: str, now_us: int) -> CommandBody:
        hold_id = f"h{self._count}"
        self._holds[customer].append(hold_id)
        return PlaceHold(
            hold_id=hold_id,
            amount=chance.randrange(1, 4) * CREDIT,
            meter="tokens",
            expires_at=now_us + chance.choice((5, 60, 3_600)) * SECOND_US,
        )

    def _on_hold(self, chance: Random, customer: str, now_us: int) -> CommandBody:
        hold_id = chance.choice(self._holds[customer] or ["none"])
        which = chance.randrange(4)
        if which == 0:
            return ReleaseHold(hold_id=hold_id)
        if which == 1:
            return ExtendHold(hold_id=hold_id, amount=CREDIT, expires_at=now_us + 90 * SECOND_US)
        final = chance.random() < 0.6
        if which == 2:
            return CaptureHold(hold_id=hold_id, amount=CREDIT // 2, final=final)
        used = HoldUsage(
            event_id=chance.choice(self._events[customer] or ["none"])
            if chance.random() < 0.3
            else f"e{self._count}",
            meter="tokens",
            occurred_at=now_us,
            status="succeeded",
            properties={},
            quantities={"tokens": chance.randrange(1, 3_000_000)},
        )
        return CaptureHold(hold_id=hold_id, usage=used, final=final)

    def _on_lot(self, chance: Random, customer: str, now_us: int) -> CommandBody:
        lot_id = chance.choice(self._lots[customer] or ["none"])
        which = chance.randrange(4)
        if which == 0:
            return Void(lot_id=lot_id, amount=chance.choice((None, CREDIT)))
        if which == 1:
            return Freeze(lot_id=lot_id if chance.random() < 0.7 else "")
        if which == 2:
            return Unfreeze(lot_id=lot_id if chance.random() < 0.7 else "")
        return ChangeExpiry(lot_id=lot_id, expires_at=now_us + 100 * SECOND_US)

    def _other(self, chance: Random, customer: str, _now_us: int) -> CommandBody:
        which = chance.randrange(5)
        event_id = chance.choice(self._events[customer] or ["none"])
        if which == 0:
            return RefundUsage(refund_id=f"r{self._count}", event_id=event_id)
        if which == 1:
            return Adjust(amount=chance.choice((-CREDIT, 2 * CREDIT)))
        if which == 2:
            return RedriveRejected(event_id=event_id)
        if which == 3:
            policy = PolicyChange(overage_mode="overdraft", overdraft_limit=3 * CREDIT)
            return ChangePolicy(policy=policy)
        payment_id = chance.choice(self._payments[customer] or ["none"])
        states: tuple[DisputeState, ...] = ("opened", "won", "lost", "reinstated")
        state = chance.choice(states)
        return NoteDispute(dispute_id=f"d-{payment_id}", payment_id=payment_id, state=state)


assert set(HOME.values()) == set(range(PARTITIONS)), "each partition has a customer"
assert START_US > 40 * DAY_US

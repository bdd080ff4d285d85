"""What one decision costs in process: decide and evolve, without any client."""

import gc
import statistics
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Final

from drawdown.adapters.avro import codec
from drawdown.adapters.avro.wire import HEADER_BYTES
from drawdown.domain.entries import HASH_VERSION, PARTITION_CUSTOMER, EntryFacts, LedgerEntry
from drawdown.domain.inputs import ApplyRateCard, CommandBody, Grant, PlaceHold, UsageEvent
from drawdown.domain.ledger import Ledger
from drawdown.domain.numbers import DAY_US, MICRO, SECOND_US
from tests.benchmarks.grants import command, rate_card
from tests.benchmarks.load import METER, MODEL, encoded, usage
from tests.benchmarks.records import ENTRY_HEADER

CUSTOMER: Final = "one"
EVENTS: Final = 4_000
LOTS: Final = 1_000
UNREACHED: Final = 900
"""Of these lots: out of scope, frozen or not yet effective, and first in burn order."""
HOLDS: Final = 10_000
_PREV_HASH: Final = bytes(codec.HASH_BYTES)


class Bookkeeping:
    """One account, and the usage that it is charged for."""

    def __init__(self, before: Iterable[CommandBody] = ()) -> None:
        self.ledger: Final = Ledger(namespace="bench", partition=0, rate_card_lead_us=0)
        self.values: Final = [encoded(each) for each in usage(EVENTS)]
        self.events: Final = [_of_one(codec.decode_usage(v, HEADER_BYTES)) for v in self.values]
        self.at: Final = self.events[0].occurred_at
        card = replace(rate_card(), effective_from=self.at - SECOND_US)
        self._command("card", PARTITION_CUSTOMER, ApplyRateCard(card=card), self.at - DAY_US)
        plenty = Grant(amount=10**9 * MICRO, kind="promotional")
        for number, body in enumerate((plenty, *before)):
            self._command(f"before-{number}", CUSTOMER, body, self.at)

    def decide(self) -> list[EntryFacts]:
        """The facts of each event, decided on the account as it is."""
        return [self._decided(each) for each in self.events]

    def entry(self, facts: EntryFacts) -> LedgerEntry:
        """Facts as the next entry; its hashes are none."""
        seq = self.ledger.partition_seq + 1
        return LedgerEntry(
            partition_seq=seq,
            source_topic="usage_events",
            source_partition=0,
            source_offset=seq,
            index=0,
            count=1,
            hash_version=HASH_VERSION,
            prev_hash=_PREV_HASH,
            facts=facts,
            hash=_PREV_HASH,
        )

    def book(self) -> None:
        """Decide and evolve each event."""
        ledger = self.ledger
        for event in self.events:
            ledger.evolve(self.entry(self._decided(event)))

    def _decided(self, event: UsageEvent) -> EntryFacts:
        [facts] = self.ledger.decide_usage(event, self.at).facts
        return facts

    def _command(self, command_id: str, customer_id: str, body: CommandBody, at: int) -> None:
        asked = replace(command(command_id, customer_id, body), issued_at=at)
        decision = self.ledger.decide_command(asked, at)
        assert decision.outcome == "accepted", f"{body}: {decision.code} {decision.detail}"
        for facts in decision.facts:
            self.ledger.evolve(self.entry(facts))


def plain() -> float:
    """µs of decide and evolve for an event on an account with one lot."""
    return _booked_us(Bookkeeping())


def many_lots() -> float:
    """µs for an event on an account with many live lots, of which few can pay."""
    return _booked_us(Bookkeeping(_lots()))


def many_holds() -> float:
    """µs for an event on an account with many open holds."""
    return _booked_us(Bookkeeping(_holds()))


@dataclass(frozen=True, slots=True)
class Spent:
    """Medians, in µs an event, of the steps that a plain deduction takes."""

    decode: float
    rate: float
    decide: float
    seal: float
    evolve: float

    def __str__(self) -> str:
        return (
            f"decide_evolve: {self.decide + self.evolve:.2f} µs a plain deduction: "
            f"decide {self.decide:.2f} (of it rating {self.rate:.2f}), evolve {self.evolve:.2f}; "
            f"beside it decode {self.decode:.2f}, seal {self.seal:.2f}"
        )


def spent(rounds: int = 5) -> Spent:
    """Where the time of a plain deduction goes."""
    measured = [_spent_once() for _ in range(rounds)]
    names = ("decode", "rate", "decide", "seal", "evolve")
    return Spent(
        **{name: statistics.median([getattr(m, name) for m in measured]) for name in names}
    )


def _spent_once() -> Spent:
    books = Bookkeeping()
    event = books.events[0]
    card = books.ledger.rate_book.in_force(event.unit, event.occurred_at)
    assert card is not None

    def rate_each() -> None:
        for each in books.events:
            card.rate(each.customer_id, each.meter, each.properties, each.quantities)

    def decode_each() -> None:
        for value in books.values:
            codec.decode_usage(value, HEADER_BYTES)

    facts: list[EntryFacts] = books.decide()
    decide = _us(books.decide)

    def seal_each() -> None:
        for each in facts:
            _sealed(each)

    booked = _us(books.book)
    return Spent(
        decode=_us(decode_each),
        rate=_us(rate_each),
        decide=decide,
        seal=_us(seal_each),
        evolve=max(0.0, booked - decide),
    )


def _sealed(facts: EntryFacts) -> bytes:
    sealed = codec.seal(
        facts,
        prev_hash=_PREV_HASH,
        partition_seq=1,
        source_topic="usage_events",
        source_partition=0,
        source_offset=1,
        index=0,
        count=1,
        header=ENTRY_HEADER,
    )
    return sealed.value


def _booked_us(books: Bookkeeping) -> float:
    return _us(books.book)


def _us(work: Callable[[], object]) -> float:
    """µs an event; the garbage of the set-up is collected beforehand."""
    gc.collect()
    began_at = time.perf_counter()
    work()
    return (time.perf_counter() - began_at) / EVENTS * 1e6


def _of_one(event: UsageEvent) -> UsageEvent:
    return UsageEvent(
        event_id=event.event_id,
        customer_id=CUSTOMER,
        unit=event.unit,
        meter=event.meter,
        occurred_at=event.occurred_at,
        status=event.status,
        properties=event.properties,
        quantities=event.quantities,
        hold_id="",
        hold_final=False,
        digest=event.digest,
    )


def _lots() -> Iterable[CommandBody]:
    later = int(time.time()) * SECOND_US + 30 * DAY_US
    unreached = (
        Grant(amount=MICRO, kind="promotional", priority=0, meters=["another"]),
        Grant(amount=MICRO, kind="promotional", priority=0, freeze="verification"),
        Grant(amount=MICRO, kind="promotional", priority=0, effective_at=later),
    )
    for number in range(UNREACHED):
        yield unreached[number % len(unreached)]
    for _ in range(LOTS - UNREACHED):
        yield Grant(amount=MICRO, kind="promotional")


def _holds() -> Iterable[CommandBody]:
    expires_at = int(time.time()) * SECOND_US + DAY_US // 2
    for number in range(HOLDS):
        yield PlaceHold(
            hold_id=f"hold-{number}",
            amount=MICRO,
            meter=METER,
            properties={"model": MODEL},
            expires_at=expires_at,
        )

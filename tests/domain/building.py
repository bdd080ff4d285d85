"""Building inputs, and a world that decides them, folds them and checks every invariant."""

from hashlib import sha256
from typing import Final

from drawdown.domain.accounts import Account
from drawdown.domain.entries import (
    PARTITION_CUSTOMER,
    EntryFacts,
    InputTopic,
    LedgerEntry,
    LotKind,
    OverageMode,
    PolicyChange,
    UsageStatus,
)
from drawdown.domain.inputs import (
    ApplyRateCard,
    CaptureHold,
    ChangePolicy,
    Command,
    CommandBody,
    Grant,
    PlaceHold,
    UsageEvent,
    captured_event,
)
from drawdown.domain.invariants import check_account, check_entry, check_settled
from drawdown.domain.ledger import Decision, Ledger
from drawdown.domain.numbers import MICRO, MINUTE_US, SECOND_US
from drawdown.domain.rate_cards import RateCard
from tests.domain import cards
from tests.domain.states import account_state as account_state
from tests.domain.states import ledger_state as ledger_state

CREDIT: Final = MICRO
UNIT: Final = MICRO
"""One whole unit of a quantity, in micro-units."""
T: Final = 1_767_225_600 * SECOND_US
"""2026-01-01T00:00:00Z."""
LEAD_US: Final = 60 * SECOND_US
CUSTOMER: Final = "acme"
NAMESPACE: Final = "test"
HOUR_US: Final = 60 * MINUTE_US


def usage(
    event_id: str = "event",
    *,
    customer_id: str = CUSTOMER,
    unit: str = "credit",
    meter: str = "tokens",
    occurred_at: int = T,
    status: UsageStatus = "succeeded",
    properties: dict[str, str] | None = None,
    quantities: dict[str, int] | None = None,
    hold_id: str = "",
    hold_final: bool = False,
) -> UsageEvent:
    """A usage event; by default of one token, which `card()` prices at one credit."""
    properties = {} if properties is None else properties
    quantities = {"tokens": UNIT} if quantities is None else quantities
    ordered = (sorted(properties.items()), sorted(quantities.items()))
    body = (customer_id, unit, meter, occurred_at, status, *ordered)
    return UsageEvent(
        event_id=event_id,
        customer_id=customer_id,
        unit=unit,
        meter=meter,
        occurred_at=occurred_at,
        status=status,
        properties=properties,
        quantities=quantities,
        hold_id=hold_id,
        hold_final=hold_final,
        digest=sha256(repr(body).encode()).digest(),
    )


def command(
    body: CommandBody,
    command_id: str = "command",
    *,
    customer_id: str = CUSTOMER,
    unit: str = "credit",
    issued_at: int = T,
    reason: str = "",
    actor: str = "tester",
) -> Command:
    """A command of one customer."""
    content = repr((customer_id, unit, reason, body))
    return Command(
        command_id=command_id,
        issued_at=issued_at,
        actor=actor,
        customer_id=customer_id,
        unit=unit,
        reason=reason,
        body=body,
        digest=sha256(content.encode()).digest(),
    )


def card(
    rate: str = "1",
    *,
    version: str = "1",
    unit: str = "credit",
    effective_from: int = T,
) -> RateCard:
    """A rate card of one meter, `tokens`; by default a credit for a token."""
    priced = cards.meter(cards.line("tokens", rate), name="tokens")
    return cards.card(priced, version=version, unit=unit, effective_from=effective_from)


class World:
    """One partition: its ledger and its log.

    Every entry is checked as it is written, and the account after each decision, unless the
    world is too large for that.
    """

    def __init__(self, *applied: RateCard, lead_us: int = LEAD_US, checked: bool = True) -> None:
        self.checked = checked
        self.lead_us = lead_us
        self.sent: dict[bytes, UsageEvent] = {}
        self.ledger = self._ledger()
        self.log: list[LedgerEntry] = []
        self.offsets: dict[InputTopic, int] = {"usage_events": 0, "ledger_commands": 0}
        for each in applied:
            self.apply(each)

    def _ledger(self) -> Ledger:
        return Ledger(
            namespace=NAMESPACE,
            partition=3,
            rate_card_lead_us=self.lead_us,
            read_usage=self.sent.get,
        )

    def decide(
        self, given: UsageEvent | Command, at: int = T, *, watermark: int | None = None
    ) -> Decision:
        """Decide an input recorded at `at` (µs), and fold what it comes to.

        `watermark` (µs) is how far both inputs were read; None: so far.
        """
        topic: InputTopic = "usage_events" if isinstance(given, UsageEvent) else "ledger_commands"
        self.ledger.advance(at if watermark is None else watermark)
        offset = self.offsets[topic]
        self.offsets[topic] += 1
        if isinstance(given, UsageEvent):
            raw = f"raw usage {offset}".encode()
            self.sent[raw] = given
            decision = self.ledger.decide_usage(given, at, raw)
        else:
            raw = f"raw command {offset}".encode()
            body = given.body
            if isinstance(body, CaptureHold) and body.usage is not None:
                self.sent[raw] = captured_event(given.customer_id, given.unit, body, body.usage)
            decision = self.ledger.decide_command(given, at, raw)
        for index, facts in enumerate(decision.facts):
            self._write(facts, topic, offset, index, len(decision.facts))
        if self.checked:
            for facts in decision.facts:
                self._check(facts, at)
        return decision

    def _write(
        self, facts: EntryFacts, topic: InputTopic, offset: int, index: int, count: int
    ) -> None:
        assert check_entry(facts) == []
        account = self.ledger.account(facts.customer_id, facts.unit)
        head = b"" if account is None else account.head
        entry = LedgerEntry(
            partition_seq=self.ledger.partition_seq + 1,
            source_topic=topic,
            source_partition=self.ledger.partition,
            source_offset=offset,
            index=index,
            count=count,
            hash_version=1,
            prev_hash=head,
            facts=facts,
            # No seal, but as good as one for telling entries apart.
            hash=sha256(head + repr((topic, offset, index)).encode()).digest(),
        )
        self.ledger.evolve(entry, self.record(entry), account)
        self.log.append(entry)

    def record(self, entry: LedgerEntry) -> bytes:
        """An entry as it stands in the log, where that is at hand."""
        return b""

    def _check(self, facts: EntryFacts, at: int) -> None:
        account = self.account(facts.customer_id, facts.unit)
        assert check_account(account) == []
        assert check_settled(account, at) == []

    def apply(self, each: RateCard) -> Decision:
        """Apply a rate card as soon as it may be."""
        at = each.effective_from - self.ledger.rate_card_lead_us
        decision = self.decide(
            command(
                ApplyRateCard(card=each),
                f"apply {each.label} {each.unit}",
                customer_id=PARTITION_CUSTOMER,
                issued_at=at,
            ),
            at,
        )
        assert decision.outcome == "accepted", decision.detail
        return decision

    def ask(
        self,
        body: CommandBody,
        command_id: str = "",
        at: int = T,
        *,
        customer_id: str = CUSTOMER,
        unit: str = "credit",
        reason: str = "",
        watermark: int | None = None,
    ) -> Decision:
        """Send a command, by default under an id of its own."""
        name = command_id or f"{type(body).__name__} {self.offsets['ledger_commands']}"
        given = command(body, name, customer_id=customer_id, unit=unit, issued_at=at, reason=reason)
        return self.decide(given, at, watermark=watermark)

    def accept(
        self,
        body: CommandBody,
        command_id: str = "",
        at: int = T,
        *,
        customer_id: str = CUSTOMER,
        watermark: int | None = None,
    ) -> list[EntryFacts]:
        """Send a command that is accepted; its entries."""
        decision = self.ask(body, command_id, at, customer_id=customer_id, watermark=watermark)
        assert decision.outcome == "accepted", (decision.code, decision.detail)
        return decision.facts

    def refuse(self, body: CommandBody, at: int = T, *, customer_id: str = CUSTOMER) -> str:
        """Send a command that is refused, in one entry; its code."""
        decision = self.ask(body, "", at, customer_id=customer_id)
        assert decision.outcome == "rejected", "it wasn't refused"
        assert [facts.type for facts in decision.facts] == ["rejected"]
        return decision.code

    def hold(
        self,
        hold_id: str,
        credits: int,
        at: int = T,
        *,
        expires_at: int | None = None,
        meter: str = "tokens",
        properties: dict[str, str] | None = None,
    ) -> EntryFacts:
        """Place a hold of whole credits, for an hour unless told; its `hold_placed`."""
        body = PlaceHold(
            hold_id=hold_id,
            amount=credits * CREDIT,
            meter=meter,
            properties={} if properties is None else properties,
            expires_at=at + HOUR_US if expires_at is None else expires_at,
        )
        return self.accept(body, "", at)[-1]

    def grant(
        self,
        lot_id: str,
        amount: int,
        at: int = T,
        *,
        customer_id: str = CUSTOMER,
        unit: str = "credit",
        kind: LotKind = "promotional",
        price_minor: int = 0,
        currency: str = "",
        priority: int = 50,
        meters: list[str] | None = None,
        properties: dict[str, str] | None = None,
        effective_at: int | None = None,
        expires_at: int | None = None,
    ) -> Decision:
        """A grant that is accepted, by a command of the lot's id."""
        body = Grant(
            amount=amount,
            kind=kind,
            price_minor=price_minor,
            currency=currency,
            priority=priority,
            meters=[] if meters is None else meters,
            properties={} if properties is None else properties,
            effective_at=effective_at,
            expires_at=expires_at,
        )
        given = command(body, lot_id, customer_id=customer_id, unit=unit, issued_at=at)
        decision = self.decide(given, at)
        assert decision.outcome == "accepted", decision.detail
        return decision

    def policy(
        self,
        command_id: str,
        at: int = T,
        *,
        customer_id: str = CUSTOMER,
        overage_mode: OverageMode | None = None,
        overdraft_limit: int | None = None,
        grace_us: int | None = None,
    ) -> Decision:
        """A change of policy that is accepted."""
        change = PolicyChange(
            overage_mode=overage_mode, overdraft_limit=overdraft_limit, grace_us=grace_us
        )
        body = ChangePolicy(policy=change)
        given = command(body, command_id, customer_id=customer_id, issued_at=at)
        decision = self.decide(given, at)
        assert decision.outcome == "accepted", decision.detail
        return decision

    def use(
        self,
        event_id: str,
        tokens: int,
        at: int = T,
        *,
        occurred_at: int | None = None,
        properties: dict[str, str] | None = None,
    ) -> EntryFacts:
        """Usage of whole tokens, which is charged; its deduction."""
        event = usage(
            event_id,
            occurred_at=at if occurred_at is None else occurred_at,
            properties=properties,
            quantities={"tokens": tokens * UNIT},
        )
        decision = self.decide(event, at)
        assert decision.outcome == "accepted", decision.detail
        return deduction(decision)

    def account(self, customer_id: str = CUSTOMER, unit: str = "credit") -> Account:
        """An account that has begun."""
        account = self.ledger.account(customer_id, unit)
        assert account is not None, f"{customer_id} has no entry"
        return account

    def remaining(self) -> dict[str, int]:
        """Whole credits left in each lot of the customer."""
        return {lot.lot_id: lot.remaining // CREDIT for lot in self.account().lots.values()}

    def replayed(self) -> Ledger:
        """A ledger that knows the log and nothing else."""
        ledger = self._ledger()
        for entry in self.log:
            ledger.evolve(entry)
        return ledger


def deduction(decision: Decision) -> EntryFacts:
    """The deduction among a decision's entries."""
    (found,) = [facts for facts in decision.facts if facts.type == "deduction"]
    return found


def drawn(facts: EntryFacts) -> list[tuple[str, int]]:
    """Which lots an entry moves, in order, and by how many whole credits."""
    return [(part.lot_id, part.amount // CREDIT) for part in facts.allocations]


def paid(facts: EntryFacts) -> tuple[int, int, int, int]:
    """Whole credits: rated, overdrawn, overage, uncovered."""
    charge = facts.charge
    assert charge is not None
    parts = (charge.rated, charge.overdrawn, charge.overage, charge.uncovered)
    rated, overdrawn, overage, uncovered = (part // CREDIT for part in parts)
    return rated, overdrawn, overage, uncovered


def told(facts: list[EntryFacts]) -> list[tuple[str, int]]:
    """What entries are and by how many whole credits they move the balance, in order."""
    return [(each.type, each.amount // CREDIT) for each in facts]


def moved(facts: EntryFacts) -> list[tuple[str, int, int, bool]]:
    """What an entry moves of each lot: whole credits, released minor units, whether reserved."""
    return [
        (part.lot_id, part.amount // CREDIT, part.released_minor, part.reserved)
        for part in facts.allocations
    ]

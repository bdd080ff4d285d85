"""What is changed from an instant on, and how entries before it and commands after it are read."""

from dataclasses import dataclass, replace
from typing import Final

from drawdown.domain.entries import (
    PARTITION_CUSTOMER,
    PARTITION_UNIT,
    EntryDetails,
    EntryFacts,
    LedgerEntry,
    PolicyChange,
)
from drawdown.domain.inputs import ApplyRateCard, ChangePolicy, Command, CommandBody, Grant
from drawdown.domain.ledger import Ledger
from drawdown.domain.numbers import DAY_US, NEVER
from drawdown.domain.rate_cards import RateCard

_ACTOR: Final = "what-if"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """The world as it might have been from `since` (µs) on.

    A card takes the place of every card of its unit that was in force from then on. A burn order
    takes the place of every policy's. `expiry_days` are the life of lots granted since (recurring
    ones too); lots that were open at `since` keep the date that their owner was promised.
    """

    since: int
    card: RateCard | None = None
    burn_order: str = ""
    expiry_days: int | None = None

    def opening(self, ledger: Ledger) -> list[tuple[Command, int]]:
        """The commands, and when each is recorded (µs), that bring it about at `since`."""
        wanted: list[tuple[CommandBody, int]] = []
        if self.card is not None:
            card = replace(self.card, effective_from=self.since)
            if ledger.rate_book.labelled(card.label) is not None:
                card = replace(card, version=f"{card.version} (what if)")
            wanted.append((ApplyRateCard(card=card), self.since - ledger.rate_card_lead_us))
        if self.burn_order:
            policy = PolicyChange(burn_order=self.burn_order)
            wanted.append((ChangePolicy(policy=policy), self.since))
        return [(_command(body, number, at), at) for number, (body, at) in enumerate(wanted)]

    def of_entry(self, entry: LedgerEntry) -> LedgerEntry:
        """An entry from before `since`, as the changed world remembers it."""
        details = entry.facts.details
        if details is None:
            return entry
        changed = details
        if details.rate_card is not None and self._replaces(details.rate_card):
            changed = replace(changed, rate_card=_never(details.rate_card))
        if details.policy is not None:
            changed = replace(changed, policy=self._policy(details.policy))
        return entry if changed is details else _with_details(entry, changed)

    def of_command(self, command: Command, recorded_at: int) -> Command:
        """A command from after `since`, as the changed world sends it."""
        body: CommandBody = command.body
        if isinstance(body, ApplyRateCard) and self._replaces(body.card):
            body = ApplyRateCard(card=_never(body.card))
        elif isinstance(body, ChangePolicy):
            body = ChangePolicy(policy=self._policy(body.policy))
        elif isinstance(body, Grant) and self.expiry_days is not None:
            start = max(recorded_at, body.effective_at or recorded_at)
            body = replace(body, expires_at=start + self.expiry_days * DAY_US)
        return command if body is command.body else replace(command, body=body)

    def _replaces(self, card: RateCard) -> bool:
        if self.card is None or card.unit != self.card.unit:
            return False
        return card.effective_from >= self.since

    def _policy(self, policy: PolicyChange) -> PolicyChange:
        if self.burn_order and policy.burn_order is not None:
            policy = replace(policy, burn_order=None)
        if self.expiry_days is not None and policy.recurring is not None:
            life_us = self.expiry_days * DAY_US
            policy = replace(policy, recurring=replace(policy.recurring, life_us=life_us))
        return policy


def _never(card: RateCard) -> RateCard:
    """A card that is known by its label, but in force after the end of time."""
    return replace(card, effective_from=NEVER)


def _command(body: CommandBody, number: int, at: int) -> Command:
    return Command(
        command_id=f"{_ACTOR}-{number}",
        issued_at=at,
        actor=_ACTOR,
        customer_id=PARTITION_CUSTOMER,
        unit=PARTITION_UNIT,
        reason="",
        body=body,
        digest=bytes(32),
    )


def _with_details(entry: LedgerEntry, details: EntryDetails) -> LedgerEntry:
    """The same entry with other details; its hash stays, since nobody asks for it here."""
    facts = {name: getattr(entry.facts, name) for name in _FACTS}
    place = {name: getattr(entry, name) for name in _PLACE}
    return LedgerEntry(**place, facts=EntryFacts(**{**facts, "details": details}))


_PLACE: Final = (
    "partition_seq",
    "source_topic",
    "source_partition",
    "source_offset",
    "index",
    "count",
    "hash_version",
    "prev_hash",
    "hash",
)
_FACTS: Final = (
    "namespace",
    "customer_id",
    "unit",
    "account_seq",
    "type",
    "amount",
    "balance",
    "held",
    "available",
    "overdraft",
    "debt",
    "overage_total",
    "residue",
    "allocations",
    "charge",
    "cause",
    "cause_id",
    "cause_digest",
    "burn_order_version",
    "reason",
    "actor",
    "occurred_at",
    "recorded_at",
    "effective_at",
)

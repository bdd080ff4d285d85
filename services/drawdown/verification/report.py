"""What an audit found."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from drawdown.domain.numbers import format_credits

DIFFERENCES_KEPT: Final = 100
"""One fault may show in every account; the first ones explain it, the rest are counted."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that doesn't add up."""

    partition: int
    where: str
    """Such as `ledger`, `usage-events`, `accounts`."""
    explanation: str

    def __str__(self) -> str:
        return f"{self.where} [{self.partition}]: {self.explanation}"


@dataclass(slots=True)
class Report:
    """Totals and differences; an audit fills it. Amounts in micro-credits."""

    namespace: str
    partitions: int = 0
    events: int = 0
    """Usage events that the log retains."""
    commands: int = 0
    """Commands that the log retains, counted in each partition they were copied to."""
    entries: int = 0
    decisions: int = 0
    deductions: int = 0
    duplicates: int = 0
    idle_ticks: int = 0
    """Ticks that found nothing due."""
    granted: int = 0
    credits_charged: int = 0
    """Drawn and overdrawn."""
    overage: int = 0
    uncovered: int = 0
    rejected: Counter[str] = field(default_factory=Counter)
    dead_letters: Counter[str] = field(default_factory=Counter)
    accounts: int = 0
    lots: int = 0
    holds: int = 0
    referrals: dict[str, set[str]] = field(default_factory=dict)
    """The customers that were granted each referral."""
    difference_count: int = 0
    differences: list[Difference] = field(default_factory=list)

    @property
    def ok(self) -> bool:
        """Whether everything adds up."""
        return self.difference_count == 0

    @property
    def one_sided_referrals(self) -> list[str]:
        """Referrals granted to one customer only: no fault, but somebody may be waiting."""
        return sorted(each for each, customers in self.referrals.items() if len(customers) == 1)

    def differ(self, partition: int, where: str, explanation: str) -> None:
        """Note a difference."""
        self.difference_count += 1
        if len(self.differences) < DIFFERENCES_KEPT:
            found = Difference(partition=partition, where=where, explanation=explanation)
            self.differences.append(found)

    def as_json(self) -> dict[str, Any]:
        """The report as JSON knows it; credits as decimal text."""
        return {
            "ok": self.ok,
            "namespace": self.namespace,
            "partitions": self.partitions,
            "events": self.events,
            "commands": self.commands,
            "entries": self.entries,
            "decisions": self.decisions,
            "deductions": self.deductions,
            "duplicates": self.duplicates,
            "idle_ticks": self.idle_ticks,
            "granted": format_credits(self.granted),
            "credits_charged": format_credits(self.credits_charged),
            "overage": format_credits(self.overage),
            "uncovered": format_credits(self.uncovered),
            "rejected": dict(sorted(self.rejected.items())),
            "dead_letters": dict(sorted(self.dead_letters.items())),
            "accounts": self.accounts,
            "lots": self.lots,
            "holds": self.holds,
            "one_sided_referrals": self.one_sided_referrals,
            "difference_count": self.difference_count,
            "differences": [
                {"partition": each.partition, "where": each.where, "explanation": each.explanation}
                for each in self.differences
            ],
        }

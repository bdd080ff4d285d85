"""What an audit found."""

from collections import Counter
from dataclasses import dataclass, field
from typing import Any, Final

from drawdown.adapters.documents.times import format_time
from drawdown.domain.numbers import format_credits

DIFFERENCES_KEPT: Final = 100
"""One fault may show in every account; the first ones explain it, the rest are counted."""

_TOPICS: Final = (
    *("usage-events", "ledger-commands", "ledger-entries", "ledger-replies", "dead-letters"),
)
"""In the order of the flow, for what was appended at one time."""
_SUMS: Final = (
    *("events", "commands", "replies", "entries", "decisions", "deductions", "duplicates"),
    *("idle_ticks", "granted", "credits_charged", "overage", "uncovered"),
)
_COUNTERS: Final = ("rejected", "dead_letters")
_OF_ONE_AUDIT: Final = (
    *("entries_read", "accounts", "lots", "holds", "rows", "days", "hours"),
    *("records_audited", "records"),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One thing that doesn't add up. What isn't known of it is None or empty."""

    partition: int
    where: str
    """A topic, or a table of the read model: `ledger-entries`, `usage-events`, `accounts`."""
    explanation: str
    offset: int | None = None
    at: int | None = None
    """When the broker appended the input concerned (µs)."""
    account: str = ""
    expected: str = ""
    found: str = ""

    def __str__(self) -> str:
        return f"{self.place}: {self.explanation}"

    @property
    def place(self) -> str:
        """Where in the log, or in the read model."""
        offset = "" if self.offset is None else f" offset {self.offset}"
        return f"{self.where} [{self.partition}]{offset}"

    @property
    def order(self) -> tuple[float, int, int, int]:
        """Its place in the order of the log: by append time, which one broker's clock gives to all
        topics. What stands in no topic comes last."""
        at = float("inf") if self.at is None else self.at
        topic = _TOPICS.index(self.where) if self.where in _TOPICS else len(_TOPICS)
        return at, topic, self.partition, -1 if self.offset is None else self.offset


@dataclass(slots=True)
class Report:
    """Totals and differences; an audit fills it. Amounts in micro-credits.

    Totals are of everything that is audited, now or by the checkpoint that this audit began at.
    """

    namespace: str
    partitions: int = 0
    events: int = 0
    """Usage events that the log retained when they were audited."""
    commands: int = 0
    """Commands likewise, counted in each partition they were copied to."""
    replies: int = 0
    entries: int = 0
    entries_read: int = 0
    """Entries that this audit read; those before a checkpoint it didn't."""
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
    """How many this audit held against the read model; so with all from lots to hours."""
    lots: int = 0
    holds: int = 0
    rows: int = 0
    days: int = 0
    hours: int = 0
    records_audited: int = 0
    """Records of the ledger topic that are audited and right, and how many there are."""
    records: int = 0
    compared: Counter[str] = field(default_factory=Counter)
    """Rows of the other read models and records of published topics that were compared."""
    unpublished: Counter[str] = field(default_factory=Counter)
    """Rows that a topic doesn't show yet: a projector is behind, and nothing is wrong."""
    absent: set[str] = field(default_factory=set)
    """Projections and topics that aren't there, and so weren't compared."""
    referrals: dict[str, set[str]] = field(default_factory=dict)
    """The customers that were granted each referral."""
    difference_count: int = 0
    differences: list[Difference] = field(default_factory=list)
    first: Difference | None = None
    """The first one in the order of the log."""

    @property
    def ok(self) -> bool:
        """Whether everything adds up."""
        return self.difference_count == 0

    @property
    def one_sided_referrals(self) -> list[str]:
        """Referrals granted to one customer only: no fault, but somebody may be waiting."""
        return sorted(each for each, customers in self.referrals.items() if len(customers) == 1)

    @property
    def coverage(self) -> float:
        """The share of the ledger's records that is audited and right."""
        return self.records_audited / self.records if self.records else 1.0

    def differ(self, difference: Difference) -> None:
        """Note a difference."""
        self.difference_count += 1
        if self.first is None or difference.order < self.first.order:
            self.first = difference
        if len(self.differences) < DIFFERENCES_KEPT:
            self.differences.append(difference)

    def include(self, other: "Report") -> None:
        """Add what was found in one partition."""
        for name in (*_SUMS, *_OF_ONE_AUDIT):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for name in (*_COUNTERS, "compared", "unpublished", "absent"):
            getattr(self, name).update(getattr(other, name))
        for referral, customers in other.referrals.items():
            self.referrals.setdefault(referral, set()).update(customers)
        unkept = other.difference_count - len(other.differences)
        for difference in other.differences:
            self.differ(difference)
        self.difference_count += unkept
        if other.first is not None and (self.first is None or other.first.order < self.first.order):
            self.first = other.first

    def totals(self) -> dict[str, Any]:
        """What a later audit adds to."""
        sums = {name: getattr(self, name) for name in _SUMS}
        return {**sums, **{name: dict(getattr(self, name)) for name in _COUNTERS}}

    def go_on_from(self, totals: dict[str, Any]) -> None:
        """Begin with the totals of an earlier audit."""
        for name in _SUMS:
            setattr(self, name, totals.get(name, 0))
        for name in _COUNTERS:
            setattr(self, name, Counter(totals.get(name, {})))

    def as_json(self) -> dict[str, Any]:
        """The report as JSON knows it; credits as decimal text."""
        return {
            "ok": self.ok,
            "namespace": self.namespace,
            "partitions": self.partitions,
            "events": self.events,
            "commands": self.commands,
            "replies": self.replies,
            "entries": self.entries,
            "entries_read": self.entries_read,
            "coverage": round(self.coverage, 6),
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
            "rows": self.rows,
            "days": self.days,
            "hours": self.hours,
            "compared": dict(sorted(self.compared.items())),
            "unpublished": dict(sorted(self.unpublished.items())),
            "absent": sorted(self.absent),
            "one_sided_referrals": self.one_sided_referrals,
            "difference_count": self.difference_count,
            "first_difference": None if self.first is None else _document(self.first),
            "differences": [_document(each) for each in self.differences],
        }


def _document(each: Difference) -> dict[str, Any]:
    return {
        "partition": each.partition,
        "where": each.where,
        "offset": each.offset,
        "at": None if each.at is None else format_time(each.at),
        "account": each.account,
        "expected": each.expected,
        "found": each.found,
        "explanation": each.explanation,
    }

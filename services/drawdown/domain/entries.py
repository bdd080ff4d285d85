"""Entries: the immutable records of the ledger, and the values they are made of.

The attributes are the fields of `schemas/ledger-entry.v1.avsc`, name by name; what a field means
stands there.
"""

from dataclasses import dataclass, field
from typing import Final, Literal, final

from mypy_extensions import mypyc_attr

from drawdown.domain.codes import RejectionCode
from drawdown.domain.rate_cards import RateCard

EntryType = Literal[
    "grant",
    "deduction",
    "hold_placed",
    "hold_extended",
    "hold_captured",
    "hold_released",
    "hold_expired",
    "expiration",
    "refund",
    "void",
    "clawback",
    "freeze",
    "unfreeze",
    "adjustment",
    "expiry_changed",
    "overdraft_settled",
    "dispute_noted",
    "policy_changed",
    "rejected",
    "rate_card_applied",
    "period_closed",
    "record_parked",
]
LotKind = Literal["purchased", "promotional", "included", "adjustment"]
Cause = Literal["usage", "command", "tick", "due"]
InputTopic = Literal["usage_events", "ledger_commands"]
UsageStatus = Literal["succeeded", "partial", "failed"]
OverageMode = Literal["hard_stop", "overdraft", "overage"]
Period = Literal["day", "week", "month", "year"]

PARTITION_CUSTOMER: Final = "$partition"
"""The reserved customer whose account holds what is about no customer."""
PARTITION_UNIT: Final = "credit"
"""The unit of that account, which never holds any."""
HASH_VERSION: Final = 1


@mypyc_attr(acyclic=True)
@final
class Allocation:
    """Credits of one lot that an entry moves; a magnitude, meant by the entry's type."""

    def __init__(
        self,
        *,
        lot_id: str,
        amount: int,
        kind: LotKind,
        released_minor: int,
        currency: str,
        reserved: bool,
    ) -> None:
        self.lot_id: Final = lot_id
        self.amount: Final = amount
        self.kind: Final[LotKind] = kind
        self.released_minor: Final = released_minor
        self.currency: Final = currency
        self.reserved: Final = reserved


@mypyc_attr(acyclic=True, free_list_len=1)
@final
class RatedLine:
    """One quantity at one rate-card line. Its exact charge is `amount` + `amount_atto` · 10⁻¹²."""

    def __init__(
        self,
        *,
        line_id: str,
        quantity: str,
        quantity_micro: int,
        rate_pico: int,
        amount: int,
        amount_atto: int,
    ) -> None:
        self.line_id: Final = line_id
        self.quantity: Final = quantity
        self.quantity_micro: Final = quantity_micro
        self.rate_pico: Final = rate_pico
        self.amount: Final = amount
        self.amount_atto: Final = amount_atto


@mypyc_attr(acyclic=True, free_list_len=1)
@final
class Charge:
    """What usage came to: `rated = drawn + overdrawn + overage + uncovered`."""

    def __init__(
        self,
        *,
        meter: str,
        status: UsageStatus,
        properties: dict[str, str],
        rate_card: str,
        lines: list[RatedLine],
        rated: int,
        overdrawn: int,
        overage: int,
        uncovered: int,
        hold_id: str,
        hold_ended: bool,
        charged_before: bool,
    ) -> None:
        self.meter: Final = meter
        self.status: Final[UsageStatus] = status
        self.properties: Final = properties
        self.rate_card: Final = rate_card
        self.lines: Final = lines
        self.rated: Final = rated
        self.overdrawn: Final = overdrawn
        self.overage: Final = overage
        self.uncovered: Final = uncovered
        self.hold_id: Final = hold_id
        self.hold_ended: Final = hold_ended
        self.charged_before: Final = charged_before


@dataclass(frozen=True, kw_only=True)
class LotTerms:
    """What a grant opened: the terms of its lot. The credits are the entry's amount."""

    lot_id: str
    lot_seq: int
    kind: LotKind
    campaign: str
    price_minor: int
    currency: str
    list_price_minor: int
    priority: int
    meters: list[str]
    properties: dict[str, str]
    effective_at: int
    expires_at: int | None
    payment_id: str
    referral_id: str
    opens_at: int | None
    voids_at: int | None
    freezes: list[str]
    period_at: int | None = None


@dataclass(frozen=True, kw_only=True)
class LotChange:
    """What an entry changes on a lot beyond its credits: the values after it."""

    lot_id: str
    expires_at: int | None
    freezes: list[str]
    frozen_since: int | None
    closed: bool
    clawed: bool
    debt: int


@dataclass(frozen=True, kw_only=True)
class RecurringGrant:
    """Credits granted at the start of every period, each in a lot of its own. `life_us` None: a
    lot lives until the next period; `amount` 0: none are granted any more."""

    amount: int
    kind: LotKind = "included"
    price_minor: int = 0
    currency: str = ""
    anchor: int
    period: Period
    every: int = 1
    life_us: int | None = None


@dataclass(frozen=True, kw_only=True)
class Rollover:
    """What of a recurring lot's rest goes on when its period ends:
    `min(maximum, max(minimum, share × rest))`, for `life_us` from then."""

    share_pico: int
    minimum: int = 0
    maximum: int | None = None
    life_us: int


@dataclass(frozen=True, kw_only=True)
class PolicyChange:
    """The fields of a policy that change; what is absent keeps its value. Times in µs."""

    overage_mode: OverageMode | None = None
    overdraft_limit: int | None = None
    grace_us: int | None = None
    hold_life_us: int | None = None
    refund_grace_us: int | None = None
    burn_order: str | None = None
    breakage_method: str | None = None
    breakage_rate_pico: int | None = None
    recurring: RecurringGrant | None = None
    rollover: Rollover | None = None


@dataclass(frozen=True, kw_only=True)
class Rejection:
    """Why an input was refused, and the input itself, so that it can be redriven."""

    code: RejectionCode
    detail: str
    first_entry_id: str
    input: bytes


@dataclass(frozen=True, kw_only=True)
class HoldState:
    """A hold after an entry: credits reserved in lots and in overdraft room, its expiry."""

    hold_id: str
    state: Literal["open", "released", "expired"]
    meter: str
    properties: dict[str, str]
    reserved: int
    reserved_room: int
    placed_at: int
    expires_at: int


@dataclass(frozen=True, kw_only=True)
class MonthTotal:
    """The running total of a line that is priced over the month, after an entry."""

    line_id: str
    month: str
    quantity_micro: int


@dataclass(frozen=True, kw_only=True)
class Dispute:
    """A dispute of a payment after an entry."""

    dispute_id: str
    payment_id: str
    state: Literal["opened", "won", "lost", "reinstated"]


@dataclass(frozen=True, kw_only=True)
class Refund:
    """What a refund gives back, and of which charge or payment."""

    refund_id: str
    event_id: str
    payment_id: str
    amount: int
    money_minor: int
    currency: str


@dataclass(frozen=True, kw_only=True)
class ParkedRecord:
    """An input record of the entry's partition that is skipped."""

    topic: InputTopic
    offset: int


@dataclass(frozen=True, kw_only=True)
class EntryDetails:
    """What only some entries carry."""

    lot: LotTerms | None = None
    lot_changes: list[LotChange] = field(default_factory=list)
    policy: PolicyChange | None = None
    rate_card: RateCard | None = None
    rejection: Rejection | None = None
    hold: HoldState | None = None
    month_totals: list[MonthTotal] = field(default_factory=list)
    dispute: Dispute | None = None
    refund: Refund | None = None
    closed_until: int | None = None
    reserved_room: int = 0
    account_frozen: bool | None = None
    event_id: str = ""
    event_digest: bytes = b""
    first_recorded_at: int | None = None
    parked: ParkedRecord | None = None


@mypyc_attr(acyclic=True, free_list_len=1)
@final
class EntryFacts:
    """The account facts of an entry: what the hash covers, in this order."""

    def __init__(
        self,
        *,
        namespace: str,
        customer_id: str,
        unit: str,
        account_seq: int,
        type: EntryType,
        amount: int,
        balance: int,
        held: int,
        available: int,
        overdraft: int,
        debt: int,
        overage_total: int,
        residue: int,
        allocations: list[Allocation],
        charge: Charge | None,
        cause: Cause,
        cause_id: str,
        cause_digest: bytes,
        burn_order_version: int,
        reason: str,
        actor: str,
        occurred_at: int,
        recorded_at: int,
        effective_at: int,
        details: EntryDetails | None,
    ) -> None:
        self.namespace: Final = namespace
        self.customer_id: Final = customer_id
        self.unit: Final = unit
        self.account_seq: Final = account_seq
        self.type: Final[EntryType] = type
        self.amount: Final = amount
        self.balance: Final = balance
        self.held: Final = held
        self.available = available
        self.overdraft: Final = overdraft
        self.debt: Final = debt
        self.overage_total: Final = overage_total
        self.residue: Final = residue
        self.allocations: Final = allocations
        self.charge: Final = charge
        self.cause: Final[Cause] = cause
        self.cause_id: Final = cause_id
        self.cause_digest: Final = cause_digest
        self.burn_order_version: Final = burn_order_version
        self.reason: Final = reason
        self.actor: Final = actor
        self.occurred_at: Final = occurred_at
        self.recorded_at: Final = recorded_at
        self.effective_at: Final = effective_at
        self.details: Final = details


@mypyc_attr(acyclic=True, free_list_len=1)
@final
class LedgerEntry:
    """An entry as it stands in the log: its place, the facts, and the chain's hash over them."""

    def __init__(
        self,
        *,
        partition_seq: int,
        source_topic: InputTopic,
        source_partition: int,
        source_offset: int,
        index: int,
        count: int,
        hash_version: int,
        prev_hash: bytes,
        facts: EntryFacts,
        hash: bytes,
    ) -> None:
        self.partition_seq: Final = partition_seq
        self.source_topic: Final[InputTopic] = source_topic
        self.source_partition: Final = source_partition
        self.source_offset: Final = source_offset
        self.index: Final = index
        self.count: Final = count
        self.hash_version: Final = hash_version
        self.prev_hash: Final = prev_hash
        self.facts: Final = facts
        self.hash: Final = hash

    @property
    def entry_id(self) -> str:
        """Its name, unique in the namespace."""
        return entry_id_of(self.source_topic, self.source_partition, self.source_offset, self.index)


def entry_id_of(topic: InputTopic, partition: int, offset: int, index: int) -> str:
    """`<u|c>-<partition>-<offset>-<index>`: an input record, and the index in its decision."""
    return f"{'u' if topic == 'usage_events' else 'c'}-{partition}-{offset}-{index}"

"""Inputs: usage events and commands, as the ledger receives them.

The attributes are the fields of `schemas/usage-event.v1.avsc` and `schemas/command.v1.avsc`, name
by name, but for `digest`, which the codec takes over the encoded body.
"""

from dataclasses import dataclass, field
from typing import Final, Literal, final

from mypy_extensions import mypyc_attr

from drawdown.domain.entries import LotKind, PolicyChange, UsageStatus
from drawdown.domain.rate_cards import RateCard


@mypyc_attr(acyclic=True, free_list_len=1)
@final
class UsageEvent:
    """One meter with one or more named quantities, in micro-units."""

    def __init__(
        self,
        *,
        event_id: str,
        customer_id: str,
        unit: str,
        meter: str,
        occurred_at: int,
        status: UsageStatus,
        properties: dict[str, str],
        quantities: dict[str, int],
        hold_id: str,
        hold_final: bool,
        digest: bytes,
    ) -> None:
        self.event_id: Final = event_id
        self.customer_id: Final = customer_id
        self.unit: Final = unit
        self.meter: Final = meter
        self.occurred_at: Final = occurred_at
        self.status: Final[UsageStatus] = status
        self.properties: Final = properties
        self.quantities: Final = quantities
        self.hold_id: Final = hold_id
        self.hold_final: Final = hold_final
        self.digest: Final = digest


@dataclass(frozen=True, kw_only=True)
class Grant:
    """Add credits: opens one lot. `lot_id` empty: the command's id."""

    amount: int
    kind: LotKind
    lot_id: str = ""
    campaign: str = ""
    price_minor: int = 0
    currency: str = ""
    list_price_minor: int = 0
    priority: int = 50
    meters: list[str] = field(default_factory=list)
    properties: dict[str, str] = field(default_factory=dict)
    effective_at: int | None = None
    expires_at: int | None = None
    payment_id: str = ""
    referral_id: str = ""
    freeze: str = ""
    opens_at: int | None = None
    voids_at: int | None = None


@dataclass(frozen=True, kw_only=True)
class Void:
    """Take back what is left of a lot; `amount` None: all that is unreserved, and close it."""

    lot_id: str
    amount: int | None = None


@dataclass(frozen=True, kw_only=True)
class RefundUsage:
    """Give back usage: `amount` None: all that is left of the charge."""

    refund_id: str
    event_id: str
    amount: int | None = None


@dataclass(frozen=True, kw_only=True)
class RefundPurchase:
    """Void credits of a payment and return their share of its price, or `money_minor`."""

    refund_id: str
    payment_id: str
    amount: int
    money_minor: int | None = None


@dataclass(frozen=True, kw_only=True)
class Adjust:
    """Add credits in a new lot, or take free ones; the command's reason says why."""

    amount: int
    expires_at: int | None = None


@dataclass(frozen=True, kw_only=True)
class ChangeExpiry:
    """Set a lot's expiry; None: never."""

    lot_id: str
    expires_at: int | None = None


@dataclass(frozen=True, kw_only=True)
class Freeze:
    """Freeze a lot, or the account where `lot_id` is empty."""

    lot_id: str = ""


@dataclass(frozen=True, kw_only=True)
class Unfreeze:
    """Lift what `Freeze` or a pending grant froze."""

    lot_id: str = ""


@dataclass(frozen=True, kw_only=True)
class NoteDispute:
    """A dispute of a payment reached a state."""

    dispute_id: str
    payment_id: str
    state: Literal["opened", "won", "lost", "reinstated"]


@dataclass(frozen=True, kw_only=True)
class ChangePolicy:
    """Change an account's policy, or every account's default on `$partition`."""

    policy: PolicyChange


@dataclass(frozen=True, kw_only=True)
class PlaceHold:
    """Reserve credits for work in flight."""

    hold_id: str
    amount: int
    meter: str
    properties: dict[str, str] = field(default_factory=dict)
    expires_at: int


@dataclass(frozen=True, kw_only=True)
class ExtendHold:
    """Give a hold a later expiry, more credits, or both."""

    hold_id: str
    amount: int = 0
    expires_at: int | None = None


@dataclass(frozen=True, kw_only=True)
class HoldUsage:
    """The usage that a capture carries; deduplicated as the event it names."""

    event_id: str
    meter: str
    occurred_at: int
    status: UsageStatus
    properties: dict[str, str]
    quantities: dict[str, int]
    digest: bytes = b""


@dataclass(frozen=True, kw_only=True)
class CaptureHold:
    """Charge a hold: with usage, with an amount, or with all that is reserved."""

    hold_id: str
    amount: int | None = None
    usage: HoldUsage | None = None
    final: bool = True


@dataclass(frozen=True, kw_only=True)
class ReleaseHold:
    """End a hold that charged nothing."""

    hold_id: str


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Several holds of one customer, placed all or none."""

    holds: list[PlaceHold]


@dataclass(frozen=True, kw_only=True)
class RedriveRejected:
    """Decide a rejected event anew, rated by the card version named (empty: as it occurred)."""

    event_id: str
    rate_card: str = ""


@dataclass(frozen=True, kw_only=True)
class ParkRecord:
    """Skip one input record that can't be decided; `topic` is a short name."""

    topic: str
    partition: int
    offset: int


@dataclass(frozen=True, kw_only=True)
class ApplyRateCard:
    """Put a rate card in force from its date; copied to every partition."""

    card: RateCard


@dataclass(frozen=True, kw_only=True)
class ClosePeriod:
    """Freeze what was reported up to this instant; copied to every partition."""

    closed_until: int


@dataclass(frozen=True, kw_only=True)
class Tick:
    """Book what has fallen due; the owner of a partition sends its own."""


CommandBody = (
    Grant
    | Void
    | RefundUsage
    | RefundPurchase
    | Adjust
    | ChangeExpiry
    | Freeze
    | Unfreeze
    | NoteDispute
    | ChangePolicy
    | PlaceHold
    | ExtendHold
    | CaptureHold
    | ReleaseHold
    | Batch
    | RedriveRejected
    | ParkRecord
    | ApplyRateCard
    | ClosePeriod
    | Tick
)


@dataclass(frozen=True, kw_only=True)
class Command:
    """What somebody asks of the ledger."""

    command_id: str
    issued_at: int
    actor: str
    customer_id: str
    unit: str
    reason: str
    body: CommandBody
    digest: bytes = b""


def captured_event(customer_id: str, unit: str, body: CaptureHold, usage: HoldUsage) -> UsageEvent:
    """The usage that a capture carries, as if it had come as an event."""
    return UsageEvent(
        event_id=usage.event_id,
        customer_id=customer_id,
        unit=unit,
        meter=usage.meter,
        occurred_at=usage.occurred_at,
        status=usage.status,
        properties=usage.properties,
        quantities=usage.quantities,
        hold_id=body.hold_id,
        hold_final=body.final,
        digest=usage.digest,
    )

"""Commands as JSON or YAML objects ↔ `domain.inputs.Command`.

`{"command_id": "c-1", "type": "grant", "customer_id": "acme", "amount": "100.5", …}`: beside the
envelope stand the fields of the body that `type` names (`grant` or `Grant`), as in
`schemas/command.v1.avsc`. Amounts are credits; times ISO 8601 or integer microseconds; durations
such as `5m`; a rate card is a document of its own (`rate_card.py`). What each field means stands
in `meanings.py`.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

from drawdown.adapters.documents.rate_card import parse_rate_card, write_rate_card
from drawdown.adapters.documents.shapes import (
    CREDITS,
    DURATION,
    FLAG,
    INTEGER,
    PROPERTIES,
    QUANTITIES,
    TEXT,
    TEXTS,
    TIME,
    Kind,
    Shape,
    choice,
    decimal,
    mapping,
    nested,
    optional,
    refuse_unknown,
    several,
)
from drawdown.domain import inputs
from drawdown.domain.entries import (
    PARTITION_CUSTOMER,
    PolicyChange,
    RecurringGrant,
    Rollover,
)
from drawdown.domain.inputs import Command, CommandBody
from drawdown.domain.rate_cards import RateCard
from drawdown.errors import InvalidDocument

CARD: Final = Kind(
    lambda value, where: parse_rate_card(value, where=where),
    # A card that was read from JSON already is shown as it is.
    lambda held: write_rate_card(held) if isinstance(held, RateCard) else held,
)

LOT_KIND: Final = choice("purchased", "promotional", "included", "adjustment")
SHARE: Final = decimal(12)
RECURRING: Final = Shape(
    make=RecurringGrant,
    fields={
        "amount": CREDITS,
        "kind": LOT_KIND,
        "price_minor": INTEGER,
        "currency": TEXT,
        "anchor": TIME,
        "period": choice("day", "week", "month", "year"),
        "every": INTEGER,
        "life": optional(DURATION),
    },
    required=frozenset(("amount", "anchor", "period")),
    always_written=frozenset(("amount", "every", "life")),
    attributes={"life": "life_us"},
    also={"life_us": "life"},
)
ROLLOVER: Final = Shape(
    make=Rollover,
    fields={"share": SHARE, "minimum": CREDITS, "maximum": optional(CREDITS), "life": DURATION},
    required=frozenset(("share", "life")),
    always_written=frozenset(("share", "minimum", "maximum", "life")),
    attributes={"share": "share_pico", "life": "life_us"},
    also={"life_us": "life"},
)
POLICY: Final = Shape(
    make=PolicyChange,
    fields={
        "overage_mode": choice("hard_stop", "overdraft", "overage"),
        "overdraft_limit": CREDITS,
        "grace": DURATION,
        "hold_life": DURATION,
        "refund_grace": DURATION,
        "burn_order": TEXT,
        "breakage_method": TEXT,
        "breakage_rate": SHARE,
        "recurring": nested(RECURRING),
        "rollover": nested(ROLLOVER),
    },
    attributes={
        "grace": "grace_us",
        "hold_life": "hold_life_us",
        "refund_grace": "refund_grace_us",
        "breakage_rate": "breakage_rate_pico",
    },
    also={"grace_us": "grace", "hold_life_us": "hold_life", "refund_grace_us": "refund_grace"},
)


def _hold_usage(**given: Any) -> inputs.HoldUsage:
    return inputs.HoldUsage(**{"status": "succeeded", "properties": {}, **given})


_HOLD_USAGE: Final = Shape(
    make=_hold_usage,
    fields={
        "event_id": TEXT,
        "meter": TEXT,
        "occurred_at": TIME,
        "status": choice("succeeded", "partial", "failed"),
        "properties": PROPERTIES,
        "quantities": QUANTITIES,
    },
    required=frozenset(("event_id", "meter", "occurred_at", "quantities")),
)
_HOLD: Final = Shape(
    make=inputs.PlaceHold,
    fields={
        "hold_id": TEXT,
        "amount": CREDITS,
        "meter": TEXT,
        "properties": PROPERTIES,
        "expires_at": TIME,
    },
    required=frozenset(("hold_id", "amount", "meter", "expires_at")),
)


def _shape(make: type[Any], *required: str, **fields: Kind) -> Shape:
    return Shape(make=make, fields=fields, required=frozenset(required))


BODIES: Final[Mapping[str, Shape]] = {
    "grant": _shape(
        inputs.Grant,
        "amount",
        "kind",
        amount=CREDITS,
        kind=LOT_KIND,
        lot_id=TEXT,
        campaign=TEXT,
        price_minor=INTEGER,
        currency=TEXT,
        list_price_minor=INTEGER,
        priority=INTEGER,
        meters=TEXTS,
        properties=PROPERTIES,
        effective_at=optional(TIME),
        expires_at=optional(TIME),
        payment_id=TEXT,
        referral_id=TEXT,
        freeze=TEXT,
        opens_at=optional(TIME),
        voids_at=optional(TIME),
    ),
    "void": _shape(inputs.Void, "lot_id", lot_id=TEXT, amount=optional(CREDITS)),
    "refund_usage": _shape(
        inputs.RefundUsage,
        "refund_id",
        "event_id",
        refund_id=TEXT,
        event_id=TEXT,
        amount=optional(CREDITS),
    ),
    "refund_purchase": _shape(
        inputs.RefundPurchase,
        "refund_id",
        "payment_id",
        "amount",
        refund_id=TEXT,
        payment_id=TEXT,
        amount=CREDITS,
        money_minor=optional(INTEGER),
    ),
    "adjust": _shape(inputs.Adjust, "amount", amount=CREDITS, expires_at=optional(TIME)),
    "change_expiry": _shape(inputs.ChangeExpiry, "lot_id", lot_id=TEXT, expires_at=optional(TIME)),
    "freeze": _shape(inputs.Freeze, lot_id=TEXT),
    "unfreeze": _shape(inputs.Unfreeze, lot_id=TEXT),
    "note_dispute": _shape(
        inputs.NoteDispute,
        "dispute_id",
        "payment_id",
        "state",
        dispute_id=TEXT,
        payment_id=TEXT,
        state=choice("opened", "won", "lost", "reinstated"),
    ),
    "change_policy": _shape(inputs.ChangePolicy, "policy", policy=nested(POLICY)),
    "place_hold": _HOLD,
    "extend_hold": _shape(
        inputs.ExtendHold, "hold_id", hold_id=TEXT, amount=CREDITS, expires_at=optional(TIME)
    ),
    "capture_hold": _shape(
        inputs.CaptureHold,
        "hold_id",
        hold_id=TEXT,
        amount=optional(CREDITS),
        usage=optional(nested(_HOLD_USAGE)),
        final=FLAG,
    ),
    "release_hold": _shape(inputs.ReleaseHold, "hold_id", hold_id=TEXT),
    "batch": _shape(inputs.Batch, "holds", holds=several(_HOLD)),
    "redrive_rejected": _shape(inputs.RedriveRejected, "event_id", event_id=TEXT, rate_card=TEXT),
    "park_record": _shape(
        inputs.ParkRecord,
        "topic",
        "partition",
        "offset",
        topic=TEXT,
        partition=INTEGER,
        offset=INTEGER,
    ),
    "apply_rate_card": _shape(inputs.ApplyRateCard, "card", card=CARD),
    "close_period": _shape(inputs.ClosePeriod, "closed_until", closed_until=TIME),
    "tick": _shape(inputs.Tick),
}
"""The bodies by the name of their type."""

ENVELOPE: Final[Mapping[str, Kind]] = {
    "command_id": TEXT,
    "type": TEXT,
    "issued_at": TIME,
    "actor": TEXT,
    "customer_id": TEXT,
    "unit": TEXT,
    "reason": TEXT,
}
ABOUT_NO_CUSTOMER: Final = frozenset(("apply_rate_card", "close_period", "park_record", "tick"))
"""Commands whose customer is `$partition`; all but park_record are copied to every partition."""

_WORD: Final = re.compile(r"(?<=[a-z])(?=[A-Z])")


def type_name(name: str) -> str:
    """`Grant` or `grant` as `grant`; `PlaceHold` as `place_hold`."""
    return _WORD.sub("_", name).lower()


def type_of(body: CommandBody) -> str:
    """The name of a body's type in documents."""
    return type_name(type(body).__name__)


def parse_command(data: object, *, where: str, issued_at: int, actor: str = "") -> Command:
    """The command of an object; `issued_at` and `actor` stand where it has none.

    Raises `InvalidDocument` naming `where` and the field.
    """
    given = mapping(data, where)
    name = type_name(str(given.get("type", "")))
    if name not in BODIES:
        refuse_unknown([name] if name else [], BODIES, f"{where}: type")
        raise InvalidDocument(f"{where}: type is missing; known are {', '.join(BODIES)}")
    shape = BODIES[name]
    refuse_unknown(given, {**ENVELOPE, **shape.fields}, f"{where}: {name}")
    envelope = {key: given[key] for key in given if key in ENVELOPE and key != "type"}
    if name in ABOUT_NO_CUSTOMER:
        envelope.setdefault("customer_id", PARTITION_CUSTOMER)
    defaults = {"issued_at": issued_at, "actor": actor, "unit": "credit", "reason": ""}
    head = Shape(
        make=dict, fields=ENVELOPE, required=frozenset(("command_id", "customer_id"))
    ).read({**defaults, **envelope}, where)
    fields = {key: given[key] for key in given if key not in ENVELOPE}
    if isinstance(usage := fields.get("usage"), Mapping):
        fields["usage"] = {"occurred_at": head["issued_at"], **usage}
    return Command(**head, body=shape.read(fields, where))


def write_command(command: Command) -> dict[str, Any]:
    """The object that reads as `command`."""
    name = type_of(command.body)
    head: dict[str, Any] = {"command_id": command.command_id, "type": name}
    for key in ("issued_at", "actor", "customer_id", "unit", "reason"):
        if value := getattr(command, key):
            head[key] = ENVELOPE[key].write(value)
    return {**head, **BODIES[name].write(command.body)}

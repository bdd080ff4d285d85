"""Ledger entries, accounts, lots and holds as JSON objects: all they carry, for people to read.

Credits are decimal text, times ISO 8601, bytes hexadecimal; what is empty on most entries (the
charge, the details) is left out where it is absent.
"""

from collections.abc import Mapping
from typing import Any, Final

from drawdown.adapters.documents.commands import CARD, POLICY
from drawdown.adapters.documents.shapes import (
    AMOUNTS,
    CREDITS,
    FLAG,
    INTEGER,
    PROPERTIES,
    TEXT,
    TEXTS,
    TIME,
    Kind,
    Shape,
    decimal,
    nested,
    optional,
    several,
)
from drawdown.domain.accounts import Account
from drawdown.domain.entries import EntryDetails, LedgerEntry
from drawdown.domain.numbers import NEVER

HEX: Final = Kind(
    lambda value, _: bytes.fromhex(str(value)),
    lambda held: held if isinstance(held, str) else bytes(held).hex(),
)
EXPIRY: Final = Kind(
    lambda value, where: NEVER if value is None else TIME.read(value, where),
    lambda held: None if held is None or held == NEVER else TIME.write(held),
)
"""An instant, or null for never."""


def _shape(**fields: Kind) -> Shape:
    return Shape(make=dict, fields=fields, always_written=frozenset(fields))


ALLOCATION: Final = _shape(
    lot_id=TEXT,
    amount=CREDITS,
    kind=TEXT,
    released_minor=INTEGER,
    currency=TEXT,
    reserved=FLAG,
)
_RATED_LINE: Final = _shape(
    line_id=TEXT,
    quantity=TEXT,
    quantity_micro=INTEGER,
    rate_pico=INTEGER,
    amount=CREDITS,
    amount_atto=INTEGER,
)
CHARGE: Final = _shape(
    meter=TEXT,
    status=TEXT,
    properties=PROPERTIES,
    rate_card=TEXT,
    lines=several(_RATED_LINE),
    rated=CREDITS,
    overdrawn=CREDITS,
    overage=CREDITS,
    uncovered=CREDITS,
    hold_id=TEXT,
    hold_ended=FLAG,
    charged_before=FLAG,
)
_LOT_TERMS: Final = _shape(
    lot_id=TEXT,
    lot_seq=INTEGER,
    kind=TEXT,
    campaign=TEXT,
    price_minor=INTEGER,
    currency=TEXT,
    list_price_minor=INTEGER,
    priority=INTEGER,
    meters=TEXTS,
    properties=PROPERTIES,
    effective_at=TIME,
    expires_at=EXPIRY,
    payment_id=TEXT,
    referral_id=TEXT,
    opens_at=optional(TIME),
    voids_at=optional(TIME),
    freezes=TEXTS,
    period_at=optional(TIME),
)
_LOT_CHANGE: Final = _shape(
    lot_id=TEXT,
    expires_at=EXPIRY,
    freezes=TEXTS,
    frozen_since=optional(TIME),
    closed=FLAG,
    clawed=FLAG,
    debt=CREDITS,
)
_REJECTION: Final = _shape(code=TEXT, detail=TEXT, first_entry_id=TEXT, input=HEX)
_HOLD_FIELDS: Final[Mapping[str, Kind]] = {
    "hold_id": TEXT,
    "state": TEXT,
    "meter": TEXT,
    "properties": PROPERTIES,
    "reserved": CREDITS,
    "reserved_room": CREDITS,
    "placed_at": TIME,
    "expires_at": TIME,
}
_HOLD_STATE: Final = _shape(**_HOLD_FIELDS)
HOLD: Final = _shape(**_HOLD_FIELDS, reservations=AMOUNTS)
_MONTH_TOTAL: Final = _shape(line_id=TEXT, month=TEXT, quantity_micro=INTEGER)
_DISPUTE: Final = _shape(dispute_id=TEXT, payment_id=TEXT, state=TEXT)
_REFUND: Final = _shape(
    refund_id=TEXT,
    event_id=TEXT,
    payment_id=TEXT,
    amount=CREDITS,
    money_minor=INTEGER,
    currency=TEXT,
)
_PARKED: Final = _shape(topic=TEXT, offset=INTEGER)
DETAILS: Final = Shape(
    make=EntryDetails,
    fields={
        "lot": nested(_LOT_TERMS),
        "lot_changes": several(_LOT_CHANGE),
        "policy": nested(POLICY),
        "rate_card": CARD,
        "rejection": nested(_REJECTION),
        "hold": nested(_HOLD_STATE),
        "month_totals": several(_MONTH_TOTAL),
        "dispute": nested(_DISPUTE),
        "refund": nested(_REFUND),
        "closed_until": TIME,
        "reserved_room": CREDITS,
        "account_frozen": FLAG,
        "event_id": TEXT,
        "event_digest": HEX,
        "first_recorded_at": TIME,
        "parked": nested(_PARKED),
    },
)
PLACE: Final = _shape(
    entry_id=TEXT,
    partition_seq=INTEGER,
    source_topic=TEXT,
    source_partition=INTEGER,
    source_offset=INTEGER,
    index=INTEGER,
    count=INTEGER,
    hash_version=INTEGER,
    prev_hash=HEX,
    hash=HEX,
)
FACTS: Final = _shape(
    namespace=TEXT,
    customer_id=TEXT,
    unit=TEXT,
    account_seq=INTEGER,
    type=TEXT,
    amount=CREDITS,
    balance=CREDITS,
    held=CREDITS,
    available=CREDITS,
    overdraft=CREDITS,
    debt=CREDITS,
    overage_total=CREDITS,
    residue=decimal(18),
    allocations=several(ALLOCATION),
    charge=optional(nested(CHARGE)),
    cause=TEXT,
    cause_id=TEXT,
    cause_digest=HEX,
    burn_order_version=INTEGER,
    reason=TEXT,
    actor=TEXT,
    occurred_at=TIME,
    recorded_at=TIME,
    effective_at=TIME,
    details=optional(nested(DETAILS)),
)
ACCOUNT: Final = _shape(
    customer_id=TEXT,
    unit=TEXT,
    account_seq=INTEGER,
    balance=CREDITS,
    held=CREDITS,
    available=CREDITS,
    overdraft=CREDITS,
    debt=CREDITS,
    overage_total=CREDITS,
    residue=decimal(18),
    reserved_room=CREDITS,
    frozen=FLAG,
)
LOT: Final = _shape(
    lot_id=TEXT,
    lot_seq=INTEGER,
    kind=TEXT,
    reason=TEXT,
    campaign=TEXT,
    granted=CREDITS,
    remaining=CREDITS,
    reserved=CREDITS,
    spent=CREDITS,
    expired=CREDITS,
    voided=CREDITS,
    clawed_back=CREDITS,
    price_minor=INTEGER,
    currency=TEXT,
    list_price_minor=INTEGER,
    released_minor=INTEGER,
    priority=INTEGER,
    meters=TEXTS,
    properties=PROPERTIES,
    effective_at=TIME,
    expires_at=EXPIRY,
    payment_id=TEXT,
    freezes=TEXTS,
    frozen_since=EXPIRY,
    closed=FLAG,
    clawed=FLAG,
    debt=CREDITS,
    opens_at=EXPIRY,
    voids_at=EXPIRY,
    period_at=EXPIRY,
)


def write_entry(entry: LedgerEntry) -> dict[str, Any]:
    """Every field of an entry; `charge` and `details` only where it has them."""
    facts = FACTS.write(entry.facts)
    for name in ("charge", "details"):
        if facts[name] is None:
            del facts[name]
    return {**PLACE.write(entry), **facts}


def write_account(account: Account) -> dict[str, Any]:
    """An account's figures, its lots in the order of their grants, its holds in theirs."""
    lots = sorted(account.lots.values(), key=lambda lot: lot.lot_seq)
    return {
        **ACCOUNT.write(account),
        "lots": [LOT.write(lot) for lot in lots],
        "holds": [HOLD.write(hold) for hold in account.holds.values()],
    }

"""Reads and writes `Allocation` and its parts byte by byte; compiled, the hot path.

Generated from `schemas/ledger-entry.v1.avsc` by `adapters.avro.generate`: don't edit.
"""

from typing import Final, Literal, assert_never

from librt.strings import BytesWriter
from mypy_extensions import i64

from drawdown.adapters.avro.generated.rate_card import read_RateCard, write_RateCard
from drawdown.adapters.avro.hashing import sha256_of
from drawdown.adapters.avro.reading import (
    known_string_map,
    name_of,
    read_boolean,
    read_bytes,
    read_count,
    read_index,
    read_length,
    read_long,
    read_string,
    refuse,
    remember_string_map,
    string_map_end,
)
from drawdown.adapters.avro.writing import (
    write_bytes,
    write_long,
    write_name,
    write_string,
)
from drawdown.domain.entries import (
    Allocation,
    Charge,
    Dispute,
    EntryDetails,
    EntryFacts,
    HoldState,
    LedgerEntry,
    LotChange,
    LotTerms,
    MonthTotal,
    ParkedRecord,
    PolicyChange,
    RatedLine,
    RecurringGrant,
    Refund,
    Rejection,
    Rollover,
)
from drawdown.domain.rate_cards import (
    RateCard,
)

if __file__.endswith(".py"):
    from drawdown.adapters.avro.unpacking import read_long

_LOTKIND: Final[tuple[Literal["purchased", "promotional", "included", "adjustment"], ...]] = (
    "purchased",
    "promotional",
    "included",
    "adjustment",
)
_LOTKIND_BYTES: Final[dict[str, bytes]] = {
    "purchased": b'\x00',
    "promotional": b'\x02',
    "included": b'\x04',
    "adjustment": b'\x06',
}
_USAGESTATUS: Final[tuple[Literal["succeeded", "partial", "failed"], ...]] = (
    "succeeded",
    "partial",
    "failed",
)
_USAGESTATUS_BYTES: Final[dict[str, bytes]] = {
    "succeeded": b'\x00',
    "partial": b'\x02',
    "failed": b'\x04',
}
_PERIOD: Final[tuple[Literal["day", "week", "month", "year"], ...]] = (
    "day",
    "week",
    "month",
    "year",
)
_PERIOD_BYTES: Final[dict[str, bytes]] = {
    "day": b'\x00',
    "week": b'\x02',
    "month": b'\x04',
    "year": b'\x06',
}
_OVERAGEMODE: Final[tuple[Literal["hard_stop", "overdraft", "overage"], ...]] = (
    "hard_stop",
    "overdraft",
    "overage",
)
_OVERAGEMODE_BYTES: Final[dict[str, bytes]] = {
    "hard_stop": b'\x00',
    "overdraft": b'\x02',
    "overage": b'\x04',
}
_REJECTIONCODE: Final[tuple[Literal["event_id_conflict", "command_id_conflict", "invalid_id", "too_old", "in_future", "invalid_quantity", "no_rate", "out_of_range", "invalid_customer", "invalid_amount", "invalid_currency", "invalid_price", "invalid_priority", "invalid_freeze", "invalid_period", "invalid_policy", "invalid_rate_card", "lot_id_used", "payment_id_used", "campaign_used", "referral_used", "refund_id_used", "dispute_id_used", "hold_id_used", "unknown_lot", "unknown_hold", "unknown_event", "unknown_payment", "lot_closed", "lot_expired", "hold_not_open", "nothing_to_extend", "hold_life_too_long", "already_frozen", "not_frozen", "nothing_to_void", "insufficient_credits", "exceeds_charge", "exceeds_price", "dispute_state", "already_charged", "not_rejected", "unknown_record", "record_decided"], ...]] = (
    "event_id_conflict",
    "command_id_conflict",
    "invalid_id",
    "too_old",
    "in_future",
    "invalid_quantity",
    "no_rate",
    "out_of_range",
    "invalid_customer",
    "invalid_amount",
    "invalid_currency",
    "invalid_price",
    "invalid_priority",
    "invalid_freeze",
    "invalid_period",
    "invalid_policy",
    "invalid_rate_card",
    "lot_id_used",
    "payment_id_used",
    "campaign_used",
    "referral_used",
    "refund_id_used",
    "dispute_id_used",
    "hold_id_used",
    "unknown_lot",
    "unknown_hold",
    "unknown_event",
    "unknown_payment",
    "lot_closed",
    "lot_expired",
    "hold_not_open",
    "nothing_to_extend",
    "hold_life_too_long",
    "already_frozen",
    "not_frozen",
    "nothing_to_void",
    "insufficient_credits",
    "exceeds_charge",
    "exceeds_price",
    "dispute_state",
    "already_charged",
    "not_rejected",
    "unknown_record",
    "record_decided",
)
_REJECTIONCODE_BYTES: Final[dict[str, bytes]] = {
    "event_id_conflict": b'\x00',
    "command_id_conflict": b'\x02',
    "invalid_id": b'\x04',
    "too_old": b'\x06',
    "in_future": b'\x08',
    "invalid_quantity": b'\n',
    "no_rate": b'\x0c',
    "out_of_range": b'\x0e',
    "invalid_customer": b'\x10',
    "invalid_amount": b'\x12',
    "invalid_currency": b'\x14',
    "invalid_price": b'\x16',
    "invalid_priority": b'\x18',
    "invalid_freeze": b'\x1a',
    "invalid_period": b'\x1c',
    "invalid_policy": b'\x1e',
    "invalid_rate_card": b' ',
    "lot_id_used": b'"',
    "payment_id_used": b'$',
    "campaign_used": b'&',
    "referral_used": b'(',
    "refund_id_used": b'*',
    "dispute_id_used": b',',
    "hold_id_used": b'.',
    "unknown_lot": b'0',
    "unknown_hold": b'2',
    "unknown_event": b'4',
    "unknown_payment": b'6',
    "lot_closed": b'8',
    "lot_expired": b':',
    "hold_not_open": b'<',
    "nothing_to_extend": b'>',
    "hold_life_too_long": b'@',
    "already_frozen": b'B',
    "not_frozen": b'D',
    "nothing_to_void": b'F',
    "insufficient_credits": b'H',
    "exceeds_charge": b'J',
    "exceeds_price": b'L',
    "dispute_state": b'N',
    "already_charged": b'P',
    "not_rejected": b'R',
    "unknown_record": b'T',
    "record_decided": b'V',
}
_HOLDSTATUS: Final[tuple[Literal["open", "released", "expired"], ...]] = (
    "open",
    "released",
    "expired",
)
_HOLDSTATUS_BYTES: Final[dict[str, bytes]] = {
    "open": b'\x00',
    "released": b'\x02',
    "expired": b'\x04',
}
_DISPUTESTATE: Final[tuple[Literal["opened", "won", "lost", "reinstated"], ...]] = (
    "opened",
    "won",
    "lost",
    "reinstated",
)
_DISPUTESTATE_BYTES: Final[dict[str, bytes]] = {
    "opened": b'\x00',
    "won": b'\x02',
    "lost": b'\x04',
    "reinstated": b'\x06',
}
_INPUTTOPIC: Final[tuple[Literal["usage_events", "ledger_commands"], ...]] = (
    "usage_events",
    "ledger_commands",
)
_INPUTTOPIC_BYTES: Final[dict[str, bytes]] = {
    "usage_events": b'\x00',
    "ledger_commands": b'\x02',
}
_ENTRYTYPE: Final[tuple[Literal["grant", "deduction", "hold_placed", "hold_extended", "hold_captured", "hold_released", "hold_expired", "expiration", "refund", "void", "clawback", "freeze", "unfreeze", "adjustment", "expiry_changed", "overdraft_settled", "dispute_noted", "policy_changed", "rejected", "rate_card_applied", "period_closed", "record_parked"], ...]] = (
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
)
_ENTRYTYPE_BYTES: Final[dict[str, bytes]] = {
    "grant": b'\x00',
    "deduction": b'\x02',
    "hold_placed": b'\x04',
    "hold_extended": b'\x06',
    "hold_captured": b'\x08',
    "hold_released": b'\n',
    "hold_expired": b'\x0c',
    "expiration": b'\x0e',
    "refund": b'\x10',
    "void": b'\x12',
    "clawback": b'\x14',
    "freeze": b'\x16',
    "unfreeze": b'\x18',
    "adjustment": b'\x1a',
    "expiry_changed": b'\x1c',
    "overdraft_settled": b'\x1e',
    "dispute_noted": b' ',
    "policy_changed": b'"',
    "rejected": b'$',
    "rate_card_applied": b'&',
    "period_closed": b'(',
    "record_parked": b'*',
}
_CAUSE: Final[tuple[Literal["usage", "command", "tick", "due"], ...]] = (
    "usage",
    "command",
    "tick",
    "due",
)
_CAUSE_BYTES: Final[dict[str, bytes]] = {
    "usage": b'\x00',
    "command": b'\x02',
    "tick": b'\x04',
    "due": b'\x06',
}


def read_Allocation(data: bytes, pos: i64) -> tuple[Allocation, i64]:
    lot_id_size: i64 = data[pos]
    if lot_id_size & 129:
        lot_id_size, pos = read_length(data, pos)
    else:
        pos += 1
        lot_id_size >>= 1
    lot_id_at = pos
    pos += lot_id_size
    lot_id = data[lot_id_at:pos].decode()
    amount: i64 = data[pos]
    if amount < 128:
        pos += 1
        amount = (amount >> 1) ^ -(amount & 1)
    else:
        amount, pos = read_long(data, pos)
    kind_index: i64 = data[pos]
    if kind_index & 129:
        kind_index, pos = read_index(data, pos)
    else:
        pos += 1
        kind_index >>= 1
    kind = _LOTKIND[kind_index]
    released_minor: i64 = data[pos]
    if released_minor < 128:
        pos += 1
        released_minor = (released_minor >> 1) ^ -(released_minor & 1)
    else:
        released_minor, pos = read_long(data, pos)
    currency_size: i64 = data[pos]
    if currency_size & 129:
        currency_size, pos = read_length(data, pos)
    else:
        pos += 1
        currency_size >>= 1
    currency_at = pos
    pos += currency_size
    currency = data[currency_at:pos].decode()
    reserved_byte: i64 = data[pos]
    if reserved_byte > 1:
        refuse("neither true nor false", pos)
    pos += 1
    reserved = reserved_byte == 1
    return Allocation(
        lot_id=lot_id,
        amount=amount,
        kind=kind,
        released_minor=released_minor,
        currency=currency,
        reserved=reserved,
    ), pos


def write_Allocation(out: BytesWriter, value: Allocation) -> None:
    write_string(out, value.lot_id)
    write_long(out, value.amount)
    out.write(_LOTKIND_BYTES[value.kind])
    write_long(out, value.released_minor)
    write_name(out, value.currency)
    out.append(1 if value.reserved else 0)


def read_RatedLine(data: bytes, pos: i64) -> tuple[RatedLine, i64]:
    line_id_size: i64 = data[pos]
    if line_id_size & 129:
        line_id_size, pos = read_length(data, pos)
    else:
        pos += 1
        line_id_size >>= 1
    line_id_at = pos
    pos += line_id_size
    line_id = data[line_id_at:pos].decode()
    quantity_size: i64 = data[pos]
    if quantity_size & 129:
        quantity_size, pos = read_length(data, pos)
    else:
        pos += 1
        quantity_size >>= 1
    quantity_at = pos
    pos += quantity_size
    quantity = data[quantity_at:pos].decode()
    quantity_micro: i64 = data[pos]
    if quantity_micro < 128:
        pos += 1
        quantity_micro = (quantity_micro >> 1) ^ -(quantity_micro & 1)
    else:
        quantity_micro, pos = read_long(data, pos)
    rate_pico: i64 = data[pos]
    if rate_pico < 128:
        pos += 1
        rate_pico = (rate_pico >> 1) ^ -(rate_pico & 1)
    else:
        rate_pico, pos = read_long(data, pos)
    amount: i64 = data[pos]
    if amount < 128:
        pos += 1
        amount = (amount >> 1) ^ -(amount & 1)
    else:
        amount, pos = read_long(data, pos)
    amount_atto: i64 = data[pos]
    if amount_atto < 128:
        pos += 1
        amount_atto = (amount_atto >> 1) ^ -(amount_atto & 1)
    else:
        amount_atto, pos = read_long(data, pos)
    return RatedLine(
        line_id=line_id,
        quantity=quantity,
        quantity_micro=quantity_micro,
        rate_pico=rate_pico,
        amount=amount,
        amount_atto=amount_atto,
    ), pos


def write_RatedLine(out: BytesWriter, value: RatedLine) -> None:
    write_name(out, value.line_id)
    write_name(out, value.quantity)
    write_long(out, value.quantity_micro)
    write_long(out, value.rate_pico)
    write_long(out, value.amount)
    write_long(out, value.amount_atto)


def read_Charge(data: bytes, pos: i64) -> tuple[Charge, i64]:
    meter_size: i64 = data[pos]
    if meter_size & 129:
        meter_size, pos = read_length(data, pos)
    else:
        pos += 1
        meter_size >>= 1
    meter_at = pos
    pos += meter_size
    meter = data[meter_at:pos].decode()
    status_index: i64 = data[pos]
    if status_index & 129:
        status_index, pos = read_index(data, pos)
    else:
        pos += 1
        status_index >>= 1
    status = _USAGESTATUS[status_index]
    properties: dict[str, str] = {}
    while True:
        properties_count: i64 = data[pos]
        if properties_count & 129:
            properties_count, pos = read_count(data, pos)
        else:
            pos += 1
            properties_count >>= 1
        if properties_count == 0:
            break
        for _ in range(properties_count):
            properties_key_size: i64 = data[pos]
            if properties_key_size & 129:
                properties_key_size, pos = read_length(data, pos)
            else:
                pos += 1
                properties_key_size >>= 1
            properties_key_at = pos
            pos += properties_key_size
            properties_key = data[properties_key_at:pos].decode()
            properties_item_size: i64 = data[pos]
            if properties_item_size & 129:
                properties_item_size, pos = read_length(data, pos)
            else:
                pos += 1
                properties_item_size >>= 1
            properties_item_at = pos
            pos += properties_item_size
            properties_item = data[properties_item_at:pos].decode()
            properties[properties_key] = properties_item
    rate_card_size: i64 = data[pos]
    if rate_card_size & 129:
        rate_card_size, pos = read_length(data, pos)
    else:
        pos += 1
        rate_card_size >>= 1
    rate_card_at = pos
    pos += rate_card_size
    rate_card = data[rate_card_at:pos].decode()
    lines: list[RatedLine] = []
    while True:
        lines_count: i64 = data[pos]
        if lines_count & 129:
            lines_count, pos = read_count(data, pos)
        else:
            pos += 1
            lines_count >>= 1
        if lines_count == 0:
            break
        for _ in range(lines_count):
            lines_item, pos = read_RatedLine(data, pos)
            lines.append(lines_item)
    rated: i64 = data[pos]
    if rated < 128:
        pos += 1
        rated = (rated >> 1) ^ -(rated & 1)
    else:
        rated, pos = read_long(data, pos)
    overdrawn: i64 = data[pos]
    if overdrawn < 128:
        pos += 1
        overdrawn = (overdrawn >> 1) ^ -(overdrawn & 1)
    else:
        overdrawn, pos = read_long(data, pos)
    overage: i64 = data[pos]
    if overage < 128:
        pos += 1
        overage = (overage >> 1) ^ -(overage & 1)
    else:
        overage, pos = read_long(data, pos)
    uncovered: i64 = data[pos]
    if uncovered < 128:
        pos += 1
        uncovered = (uncovered >> 1) ^ -(uncovered & 1)
    else:
        uncovered, pos = read_long(data, pos)
    hold_id_size: i64 = data[pos]
    if hold_id_size & 129:
        hold_id_size, pos = read_length(data, pos)
    else:
        pos += 1
        hold_id_size >>= 1
    hold_id_at = pos
    pos += hold_id_size
    hold_id = data[hold_id_at:pos].decode()
    hold_ended_byte: i64 = data[pos]
    if hold_ended_byte > 1:
        refuse("neither true nor false", pos)
    pos += 1
    hold_ended = hold_ended_byte == 1
    charged_before_byte: i64 = data[pos]
    if charged_before_byte > 1:
        refuse("neither true nor false", pos)
    pos += 1
    charged_before = charged_before_byte == 1
    return Charge(
        meter=meter,
        status=status,
        properties=properties,
        rate_card=rate_card,
        lines=lines,
        rated=rated,
        overdrawn=overdrawn,
        overage=overage,
        uncovered=uncovered,
        hold_id=hold_id,
        hold_ended=hold_ended,
        charged_before=charged_before,
    ), pos


def write_Charge(out: BytesWriter, value: Charge) -> None:
    write_name(out, value.meter)
    out.write(_USAGESTATUS_BYTES[value.status])
    properties = value.properties
    if properties:
        write_long(out, len(properties))
        for properties_key in sorted(properties) if len(properties) > 1 else properties:
            write_name(out, properties_key)
            write_string(out, properties[properties_key])
    out.append(0)
    write_name(out, value.rate_card)
    lines = value.lines
    if lines:
        write_long(out, len(lines))
        for lines_item in lines:
            write_RatedLine(out, lines_item)
    out.append(0)
    write_long(out, value.rated)
    write_long(out, value.overdrawn)
    write_long(out, value.overage)
    write_long(out, value.uncovered)
    write_string(out, value.hold_id)
    out.append(1 if value.hold_ended else 0)
    out.append(1 if value.charged_before else 0)


def read_LotTerms(data: bytes, pos: i64) -> tuple[LotTerms, i64]:
    lot_id, pos = read_string(data, pos)
    lot_seq, pos = read_long(data, pos)
    kind_index, pos = read_index(data, pos)
    kind = _LOTKIND[kind_index]
    campaign, pos = read_string(data, pos)
    price_minor, pos = read_long(data, pos)
    currency, pos = read_string(data, pos)
    list_price_minor, pos = read_long(data, pos)
    priority, pos = read_long(data, pos)
    meters: list[str] = []
    while True:
        meters_count, pos = read_count(data, pos)
        if meters_count == 0:
            break
        for _ in range(meters_count):
            meters_item, pos = read_string(data, pos)
            meters.append(meters_item)
    properties: dict[str, str] = {}
    while True:
        properties_count, pos = read_count(data, pos)
        if properties_count == 0:
            break
        for _ in range(properties_count):
            properties_key, pos = read_string(data, pos)
            properties_item, pos = read_string(data, pos)
            properties[properties_key] = properties_item
    effective_at, pos = read_long(data, pos)
    expires_at: int | None = None
    expires_at_branch, pos = read_index(data, pos)
    if expires_at_branch == 1:
        expires_at_some, pos = read_long(data, pos)
        expires_at = expires_at_some
    elif expires_at_branch != 0:
        refuse("an unknown branch", pos)
    payment_id, pos = read_string(data, pos)
    referral_id, pos = read_string(data, pos)
    opens_at: int | None = None
    opens_at_branch, pos = read_index(data, pos)
    if opens_at_branch == 1:
        opens_at_some, pos = read_long(data, pos)
        opens_at = opens_at_some
    elif opens_at_branch != 0:
        refuse("an unknown branch", pos)
    voids_at: int | None = None
    voids_at_branch, pos = read_index(data, pos)
    if voids_at_branch == 1:
        voids_at_some, pos = read_long(data, pos)
        voids_at = voids_at_some
    elif voids_at_branch != 0:
        refuse("an unknown branch", pos)
    freezes: list[str] = []
    while True:
        freezes_count, pos = read_count(data, pos)
        if freezes_count == 0:
            break
        for _ in range(freezes_count):
            freezes_item, pos = read_string(data, pos)
            freezes.append(freezes_item)
    period_at: int | None = None
    period_at_branch, pos = read_index(data, pos)
    if period_at_branch == 1:
        period_at_some, pos = read_long(data, pos)
        period_at = period_at_some
    elif period_at_branch != 0:
        refuse("an unknown branch", pos)
    return LotTerms(
        lot_id=lot_id,
        lot_seq=lot_seq,
        kind=kind,
        campaign=campaign,
        price_minor=price_minor,
        currency=currency,
        list_price_minor=list_price_minor,
        priority=priority,
        meters=meters,
        properties=properties,
        effective_at=effective_at,
        expires_at=expires_at,
        payment_id=payment_id,
        referral_id=referral_id,
        opens_at=opens_at,
        voids_at=voids_at,
        freezes=freezes,
        period_at=period_at,
    ), pos


def write_LotTerms(out: BytesWriter, value: LotTerms) -> None:
    write_string(out, value.lot_id)
    write_long(out, value.lot_seq)
    out.write(_LOTKIND_BYTES[value.kind])
    write_string(out, value.campaign)
    write_long(out, value.price_minor)
    write_name(out, value.currency)
    write_long(out, value.list_price_minor)
    write_long(out, value.priority)
    meters = value.meters
    if meters:
        write_long(out, len(meters))
        for meters_item in meters:
            write_string(out, meters_item)
    out.append(0)
    properties = value.properties
    if properties:
        write_long(out, len(properties))
        for properties_key in sorted(properties) if len(properties) > 1 else properties:
            write_name(out, properties_key)
            write_string(out, properties[properties_key])
    out.append(0)
    write_long(out, value.effective_at)
    expires_at = value.expires_at
    if expires_at is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, expires_at)
    write_string(out, value.payment_id)
    write_string(out, value.referral_id)
    opens_at = value.opens_at
    if opens_at is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, opens_at)
    voids_at = value.voids_at
    if voids_at is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, voids_at)
    freezes = value.freezes
    if freezes:
        write_long(out, len(freezes))
        for freezes_item in freezes:
            write_string(out, freezes_item)
    out.append(0)
    period_at = value.period_at
    if period_at is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, period_at)


def read_LotChange(data: bytes, pos: i64) -> tuple[LotChange, i64]:
    lot_id, pos = read_string(data, pos)
    expires_at: int | None = None
    expires_at_branch, pos = read_index(data, pos)
    if expires_at_branch == 1:
        expires_at_some, pos = read_long(data, pos)
        expires_at = expires_at_some
    elif expires_at_branch != 0:
        refuse("an unknown branch", pos)
    freezes: list[str] = []
    while True:
        freezes_count, pos = read_count(data, pos)
        if freezes_count == 0:
            break
        for _ in range(freezes_count):
            freezes_item, pos = read_string(data, pos)
            freezes.append(freezes_item)
    frozen_since: int | None = None
    frozen_since_branch, pos = read_index(data, pos)
    if frozen_since_branch == 1:
        frozen_since_some, pos = read_long(data, pos)
        frozen_since = frozen_since_some
    elif frozen_since_branch != 0:
        refuse("an unknown branch", pos)
    closed, pos = read_boolean(data, pos)
    clawed, pos = read_boolean(data, pos)
    debt, pos = read_long(data, pos)
    return LotChange(
        lot_id=lot_id,
        expires_at=expires_at,
        freezes=freezes,
        frozen_since=frozen_since,
        closed=closed,
        clawed=clawed,
        debt=debt,
    ), pos


def write_LotChange(out: BytesWriter, value: LotChange) -> None:
    write_string(out, value.lot_id)
    expires_at = value.expires_at
    if expires_at is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, expires_at)
    freezes = value.freezes
    if freezes:
        write_long(out, len(freezes))
        for freezes_item in freezes:
            write_string(out, freezes_item)
    out.append(0)
    frozen_since = value.frozen_since
    if frozen_since is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, frozen_since)
    out.append(1 if value.closed else 0)
    out.append(1 if value.clawed else 0)
    write_long(out, value.debt)


def read_RecurringGrant(data: bytes, pos: i64) -> tuple[RecurringGrant, i64]:
    amount, pos = read_long(data, pos)
    kind_index, pos = read_index(data, pos)
    kind = _LOTKIND[kind_index]
    price_minor, pos = read_long(data, pos)
    currency, pos = read_string(data, pos)
    anchor, pos = read_long(data, pos)
    period_index, pos = read_index(data, pos)
    period = _PERIOD[period_index]
    every, pos = read_long(data, pos)
    life_us: int | None = None
    life_us_branch, pos = read_index(data, pos)
    if life_us_branch == 1:
        life_us_some, pos = read_long(data, pos)
        life_us = life_us_some
    elif life_us_branch != 0:
        refuse("an unknown branch", pos)
    return RecurringGrant(
        amount=amount,
        kind=kind,
        price_minor=price_minor,
        currency=currency,
        anchor=anchor,
        period=period,
        every=every,
        life_us=life_us,
    ), pos


def write_RecurringGrant(out: BytesWriter, value: RecurringGrant) -> None:
    write_long(out, value.amount)
    out.write(_LOTKIND_BYTES[value.kind])
    write_long(out, value.price_minor)
    write_name(out, value.currency)
    write_long(out, value.anchor)
    out.write(_PERIOD_BYTES[value.period])
    write_long(out, value.every)
    life_us = value.life_us
    if life_us is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, life_us)


def read_Rollover(data: bytes, pos: i64) -> tuple[Rollover, i64]:
    share_pico, pos = read_long(data, pos)
    minimum, pos = read_long(data, pos)
    maximum: int | None = None
    maximum_branch, pos = read_index(data, pos)
    if maximum_branch == 1:
        maximum_some, pos = read_long(data, pos)
        maximum = maximum_some
    elif maximum_branch != 0:
        refuse("an unknown branch", pos)
    life_us, pos = read_long(data, pos)
    return Rollover(
        share_pico=share_pico,
        minimum=minimum,
        maximum=maximum,
        life_us=life_us,
    ), pos


def write_Rollover(out: BytesWriter, value: Rollover) -> None:
    write_long(out, value.share_pico)
    write_long(out, value.minimum)
    maximum = value.maximum
    if maximum is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, maximum)
    write_long(out, value.life_us)


def read_PolicyChange(data: bytes, pos: i64) -> tuple[PolicyChange, i64]:
    overage_mode: Literal["hard_stop", "overdraft", "overage"] | None = None
    overage_mode_branch, pos = read_index(data, pos)
    if overage_mode_branch == 1:
        overage_mode_some_index, pos = read_index(data, pos)
        overage_mode_some = _OVERAGEMODE[overage_mode_some_index]
        overage_mode = overage_mode_some
    elif overage_mode_branch != 0:
        refuse("an unknown branch", pos)
    overdraft_limit: int | None = None
    overdraft_limit_branch, pos = read_index(data, pos)
    if overdraft_limit_branch == 1:
        overdraft_limit_some, pos = read_long(data, pos)
        overdraft_limit = overdraft_limit_some
    elif overdraft_limit_branch != 0:
        refuse("an unknown branch", pos)
    grace_us: int | None = None
    grace_us_branch, pos = read_index(data, pos)
    if grace_us_branch == 1:
        grace_us_some, pos = read_long(data, pos)
        grace_us = grace_us_some
    elif grace_us_branch != 0:
        refuse("an unknown branch", pos)
    hold_life_us: int | None = None
    hold_life_us_branch, pos = read_index(data, pos)
    if hold_life_us_branch == 1:
        hold_life_us_some, pos = read_long(data, pos)
        hold_life_us = hold_life_us_some
    elif hold_life_us_branch != 0:
        refuse("an unknown branch", pos)
    refund_grace_us: int | None = None
    refund_grace_us_branch, pos = read_index(data, pos)
    if refund_grace_us_branch == 1:
        refund_grace_us_some, pos = read_long(data, pos)
        refund_grace_us = refund_grace_us_some
    elif refund_grace_us_branch != 0:
        refuse("an unknown branch", pos)
    burn_order: str | None = None
    burn_order_branch, pos = read_index(data, pos)
    if burn_order_branch == 1:
        burn_order_some, pos = read_string(data, pos)
        burn_order = burn_order_some
    elif burn_order_branch != 0:
        refuse("an unknown branch", pos)
    breakage_method: str | None = None
    breakage_method_branch, pos = read_index(data, pos)
    if breakage_method_branch == 1:
        breakage_method_some, pos = read_string(data, pos)
        breakage_method = breakage_method_some
    elif breakage_method_branch != 0:
        refuse("an unknown branch", pos)
    breakage_rate_pico: int | None = None
    breakage_rate_pico_branch, pos = read_index(data, pos)
    if breakage_rate_pico_branch == 1:
        breakage_rate_pico_some, pos = read_long(data, pos)
        breakage_rate_pico = breakage_rate_pico_some
    elif breakage_rate_pico_branch != 0:
        refuse("an unknown branch", pos)
    recurring: RecurringGrant | None = None
    recurring_branch, pos = read_index(data, pos)
    if recurring_branch == 1:
        recurring_some, pos = read_RecurringGrant(data, pos)
        recurring = recurring_some
    elif recurring_branch != 0:
        refuse("an unknown branch", pos)
    rollover: Rollover | None = None
    rollover_branch, pos = read_index(data, pos)
    if rollover_branch == 1:
        rollover_some, pos = read_Rollover(data, pos)
        rollover = rollover_some
    elif rollover_branch != 0:
        refuse("an unknown branch", pos)
    return PolicyChange(
        overage_mode=overage_mode,
        overdraft_limit=overdraft_limit,
        grace_us=grace_us,
        hold_life_us=hold_life_us,
        refund_grace_us=refund_grace_us,
        burn_order=burn_order,
        breakage_method=breakage_method,
        breakage_rate_pico=breakage_rate_pico,
        recurring=recurring,
        rollover=rollover,
    ), pos


def write_PolicyChange(out: BytesWriter, value: PolicyChange) -> None:
    overage_mode = value.overage_mode
    if overage_mode is None:
        out.append(0)
    else:
        out.append(2)
        out.write(_OVERAGEMODE_BYTES[overage_mode])
    overdraft_limit = value.overdraft_limit
    if overdraft_limit is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, overdraft_limit)
    grace_us = value.grace_us
    if grace_us is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, grace_us)
    hold_life_us = value.hold_life_us
    if hold_life_us is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, hold_life_us)
    refund_grace_us = value.refund_grace_us
    if refund_grace_us is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, refund_grace_us)
    burn_order = value.burn_order
    if burn_order is None:
        out.append(0)
    else:
        out.append(2)
        write_string(out, burn_order)
    breakage_method = value.breakage_method
    if breakage_method is None:
        out.append(0)
    else:
        out.append(2)
        write_string(out, breakage_method)
    breakage_rate_pico = value.breakage_rate_pico
    if breakage_rate_pico is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, breakage_rate_pico)
    recurring = value.recurring
    if recurring is None:
        out.append(0)
    else:
        out.append(2)
        write_RecurringGrant(out, recurring)
    rollover = value.rollover
    if rollover is None:
        out.append(0)
    else:
        out.append(2)
        write_Rollover(out, rollover)


def read_Rejection(data: bytes, pos: i64) -> tuple[Rejection, i64]:
    code_index, pos = read_index(data, pos)
    code = _REJECTIONCODE[code_index]
    detail, pos = read_string(data, pos)
    first_entry_id, pos = read_string(data, pos)
    input, pos = read_bytes(data, pos)
    return Rejection(
        code=code,
        detail=detail,
        first_entry_id=first_entry_id,
        input=input,
    ), pos


def write_Rejection(out: BytesWriter, value: Rejection) -> None:
    out.write(_REJECTIONCODE_BYTES[value.code])
    write_string(out, value.detail)
    write_string(out, value.first_entry_id)
    write_bytes(out, value.input)


def read_HoldState(data: bytes, pos: i64) -> tuple[HoldState, i64]:
    hold_id, pos = read_string(data, pos)
    state_index, pos = read_index(data, pos)
    state = _HOLDSTATUS[state_index]
    meter, pos = read_string(data, pos)
    properties: dict[str, str] = {}
    while True:
        properties_count, pos = read_count(data, pos)
        if properties_count == 0:
            break
        for _ in range(properties_count):
            properties_key, pos = read_string(data, pos)
            properties_item, pos = read_string(data, pos)
            properties[properties_key] = properties_item
    reserved, pos = read_long(data, pos)
    reserved_room, pos = read_long(data, pos)
    placed_at, pos = read_long(data, pos)
    expires_at, pos = read_long(data, pos)
    return HoldState(
        hold_id=hold_id,
        state=state,
        meter=meter,
        properties=properties,
        reserved=reserved,
        reserved_room=reserved_room,
        placed_at=placed_at,
        expires_at=expires_at,
    ), pos


def write_HoldState(out: BytesWriter, value: HoldState) -> None:
    write_string(out, value.hold_id)
    out.write(_HOLDSTATUS_BYTES[value.state])
    write_name(out, value.meter)
    properties = value.properties
    if properties:
        write_long(out, len(properties))
        for properties_key in sorted(properties) if len(properties) > 1 else properties:
            write_name(out, properties_key)
            write_string(out, properties[properties_key])
    out.append(0)
    write_long(out, value.reserved)
    write_long(out, value.reserved_room)
    write_long(out, value.placed_at)
    write_long(out, value.expires_at)


def read_MonthTotal(data: bytes, pos: i64) -> tuple[MonthTotal, i64]:
    line_id, pos = read_string(data, pos)
    month, pos = read_string(data, pos)
    quantity_micro, pos = read_long(data, pos)
    return MonthTotal(
        line_id=line_id,
        month=month,
        quantity_micro=quantity_micro,
    ), pos


def write_MonthTotal(out: BytesWriter, value: MonthTotal) -> None:
    write_name(out, value.line_id)
    write_string(out, value.month)
    write_long(out, value.quantity_micro)


def read_Dispute(data: bytes, pos: i64) -> tuple[Dispute, i64]:
    dispute_id, pos = read_string(data, pos)
    payment_id, pos = read_string(data, pos)
    state_index, pos = read_index(data, pos)
    state = _DISPUTESTATE[state_index]
    return Dispute(
        dispute_id=dispute_id,
        payment_id=payment_id,
        state=state,
    ), pos


def write_Dispute(out: BytesWriter, value: Dispute) -> None:
    write_string(out, value.dispute_id)
    write_string(out, value.payment_id)
    out.write(_DISPUTESTATE_BYTES[value.state])


def read_Refund(data: bytes, pos: i64) -> tuple[Refund, i64]:
    refund_id, pos = read_string(data, pos)
    event_id, pos = read_string(data, pos)
    payment_id, pos = read_string(data, pos)
    amount, pos = read_long(data, pos)
    money_minor, pos = read_long(data, pos)
    currency, pos = read_string(data, pos)
    return Refund(
        refund_id=refund_id,
        event_id=event_id,
        payment_id=payment_id,
        amount=amount,
        money_minor=money_minor,
        currency=currency,
    ), pos


def write_Refund(out: BytesWriter, value: Refund) -> None:
    write_string(out, value.refund_id)
    write_string(out, value.event_id)
    write_string(out, value.payment_id)
    write_long(out, value.amount)
    write_long(out, value.money_minor)
    write_name(out, value.currency)


def read_ParkedRecord(data: bytes, pos: i64) -> tuple[ParkedRecord, i64]:
    topic_index, pos = read_index(data, pos)
    topic = _INPUTTOPIC[topic_index]
    offset, pos = read_long(data, pos)
    return ParkedRecord(
        topic=topic,
        offset=offset,
    ), pos


def write_ParkedRecord(out: BytesWriter, value: ParkedRecord) -> None:
    out.write(_INPUTTOPIC_BYTES[value.topic])
    write_long(out, value.offset)


def read_EntryDetails(data: bytes, pos: i64) -> tuple[EntryDetails, i64]:
    lot: LotTerms | None = None
    lot_branch, pos = read_index(data, pos)
    if lot_branch == 1:
        lot_some, pos = read_LotTerms(data, pos)
        lot = lot_some
    elif lot_branch != 0:
        refuse("an unknown branch", pos)
    lot_changes: list[LotChange] = []
    while True:
        lot_changes_count, pos = read_count(data, pos)
        if lot_changes_count == 0:
            break
        for _ in range(lot_changes_count):
            lot_changes_item, pos = read_LotChange(data, pos)
            lot_changes.append(lot_changes_item)
    policy: PolicyChange | None = None
    policy_branch, pos = read_index(data, pos)
    if policy_branch == 1:
        policy_some, pos = read_PolicyChange(data, pos)
        policy = policy_some
    elif policy_branch != 0:
        refuse("an unknown branch", pos)
    rate_card: RateCard | None = None
    rate_card_branch, pos = read_index(data, pos)
    if rate_card_branch == 1:
        rate_card_some, pos = read_RateCard(data, pos)
        rate_card = rate_card_some
    elif rate_card_branch != 0:
        refuse("an unknown branch", pos)
    rejection: Rejection | None = None
    rejection_branch, pos = read_index(data, pos)
    if rejection_branch == 1:
        rejection_some, pos = read_Rejection(data, pos)
        rejection = rejection_some
    elif rejection_branch != 0:
        refuse("an unknown branch", pos)
    hold: HoldState | None = None
    hold_branch, pos = read_index(data, pos)
    if hold_branch == 1:
        hold_some, pos = read_HoldState(data, pos)
        hold = hold_some
    elif hold_branch != 0:
        refuse("an unknown branch", pos)
    month_totals: list[MonthTotal] = []
    while True:
        month_totals_count, pos = read_count(data, pos)
        if month_totals_count == 0:
            break
        for _ in range(month_totals_count):
            month_totals_item, pos = read_MonthTotal(data, pos)
            month_totals.append(month_totals_item)
    dispute: Dispute | None = None
    dispute_branch, pos = read_index(data, pos)
    if dispute_branch == 1:
        dispute_some, pos = read_Dispute(data, pos)
        dispute = dispute_some
    elif dispute_branch != 0:
        refuse("an unknown branch", pos)
    refund: Refund | None = None
    refund_branch, pos = read_index(data, pos)
    if refund_branch == 1:
        refund_some, pos = read_Refund(data, pos)
        refund = refund_some
    elif refund_branch != 0:
        refuse("an unknown branch", pos)
    closed_until: int | None = None
    closed_until_branch, pos = read_index(data, pos)
    if closed_until_branch == 1:
        closed_until_some, pos = read_long(data, pos)
        closed_until = closed_until_some
    elif closed_until_branch != 0:
        refuse("an unknown branch", pos)
    reserved_room, pos = read_long(data, pos)
    account_frozen: bool | None = None
    account_frozen_branch, pos = read_index(data, pos)
    if account_frozen_branch == 1:
        account_frozen_some, pos = read_boolean(data, pos)
        account_frozen = account_frozen_some
    elif account_frozen_branch != 0:
        refuse("an unknown branch", pos)
    event_id, pos = read_string(data, pos)
    event_digest, pos = read_bytes(data, pos)
    first_recorded_at: int | None = None
    first_recorded_at_branch, pos = read_index(data, pos)
    if first_recorded_at_branch == 1:
        first_recorded_at_some, pos = read_long(data, pos)
        first_recorded_at = first_recorded_at_some
    elif first_recorded_at_branch != 0:
        refuse("an unknown branch", pos)
    parked: ParkedRecord | None = None
    parked_branch, pos = read_index(data, pos)
    if parked_branch == 1:
        parked_some, pos = read_ParkedRecord(data, pos)
        parked = parked_some
    elif parked_branch != 0:
        refuse("an unknown branch", pos)
    return EntryDetails(
        lot=lot,
        lot_changes=lot_changes,
        policy=policy,
        rate_card=rate_card,
        rejection=rejection,
        hold=hold,
        month_totals=month_totals,
        dispute=dispute,
        refund=refund,
        closed_until=closed_until,
        reserved_room=reserved_room,
        account_frozen=account_frozen,
        event_id=event_id,
        event_digest=event_digest,
        first_recorded_at=first_recorded_at,
        parked=parked,
    ), pos


def write_EntryDetails(out: BytesWriter, value: EntryDetails) -> None:
    lot = value.lot
    if lot is None:
        out.append(0)
    else:
        out.append(2)
        write_LotTerms(out, lot)
    lot_changes = value.lot_changes
    if lot_changes:
        write_long(out, len(lot_changes))
        for lot_changes_item in lot_changes:
            write_LotChange(out, lot_changes_item)
    out.append(0)
    policy = value.policy
    if policy is None:
        out.append(0)
    else:
        out.append(2)
        write_PolicyChange(out, policy)
    rate_card = value.rate_card
    if rate_card is None:
        out.append(0)
    else:
        out.append(2)
        write_RateCard(out, rate_card)
    rejection = value.rejection
    if rejection is None:
        out.append(0)
    else:
        out.append(2)
        write_Rejection(out, rejection)
    hold = value.hold
    if hold is None:
        out.append(0)
    else:
        out.append(2)
        write_HoldState(out, hold)
    month_totals = value.month_totals
    if month_totals:
        write_long(out, len(month_totals))
        for month_totals_item in month_totals:
            write_MonthTotal(out, month_totals_item)
    out.append(0)
    dispute = value.dispute
    if dispute is None:
        out.append(0)
    else:
        out.append(2)
        write_Dispute(out, dispute)
    refund = value.refund
    if refund is None:
        out.append(0)
    else:
        out.append(2)
        write_Refund(out, refund)
    closed_until = value.closed_until
    if closed_until is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, closed_until)
    write_long(out, value.reserved_room)
    account_frozen = value.account_frozen
    if account_frozen is None:
        out.append(0)
    else:
        out.append(2)
        out.append(1 if account_frozen else 0)
    write_string(out, value.event_id)
    write_bytes(out, value.event_digest)
    first_recorded_at = value.first_recorded_at
    if first_recorded_at is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, first_recorded_at)
    parked = value.parked
    if parked is None:
        out.append(0)
    else:
        out.append(2)
        write_ParkedRecord(out, parked)


def read_EntryFacts(data: bytes, pos: i64) -> tuple[EntryFacts, i64]:
    namespace_size: i64 = data[pos]
    if namespace_size & 129:
        namespace_size, pos = read_length(data, pos)
    else:
        pos += 1
        namespace_size >>= 1
    namespace_at = pos
    pos += namespace_size
    namespace = data[namespace_at:pos].decode()
    customer_id_size: i64 = data[pos]
    if customer_id_size & 129:
        customer_id_size, pos = read_length(data, pos)
    else:
        pos += 1
        customer_id_size >>= 1
    customer_id_at = pos
    pos += customer_id_size
    customer_id = data[customer_id_at:pos].decode()
    unit_size: i64 = data[pos]
    if unit_size & 129:
        unit_size, pos = read_length(data, pos)
    else:
        pos += 1
        unit_size >>= 1
    unit_at = pos
    pos += unit_size
    unit = data[unit_at:pos].decode()
    account_seq: i64 = data[pos]
    if account_seq < 128:
        pos += 1
        account_seq = (account_seq >> 1) ^ -(account_seq & 1)
    else:
        account_seq, pos = read_long(data, pos)
    type_index: i64 = data[pos]
    if type_index & 129:
        type_index, pos = read_index(data, pos)
    else:
        pos += 1
        type_index >>= 1
    type = _ENTRYTYPE[type_index]
    amount: i64 = data[pos]
    if amount < 128:
        pos += 1
        amount = (amount >> 1) ^ -(amount & 1)
    else:
        amount, pos = read_long(data, pos)
    balance: i64 = data[pos]
    if balance < 128:
        pos += 1
        balance = (balance >> 1) ^ -(balance & 1)
    else:
        balance, pos = read_long(data, pos)
    held: i64 = data[pos]
    if held < 128:
        pos += 1
        held = (held >> 1) ^ -(held & 1)
    else:
        held, pos = read_long(data, pos)
    available: i64 = data[pos]
    if available < 128:
        pos += 1
        available = (available >> 1) ^ -(available & 1)
    else:
        available, pos = read_long(data, pos)
    overdraft: i64 = data[pos]
    if overdraft < 128:
        pos += 1
        overdraft = (overdraft >> 1) ^ -(overdraft & 1)
    else:
        overdraft, pos = read_long(data, pos)
    debt: i64 = data[pos]
    if debt < 128:
        pos += 1
        debt = (debt >> 1) ^ -(debt & 1)
    else:
        debt, pos = read_long(data, pos)
    overage_total: i64 = data[pos]
    if overage_total < 128:
        pos += 1
        overage_total = (overage_total >> 1) ^ -(overage_total & 1)
    else:
        overage_total, pos = read_long(data, pos)
    residue: i64 = data[pos]
    if residue < 128:
        pos += 1
        residue = (residue >> 1) ^ -(residue & 1)
    else:
        residue, pos = read_long(data, pos)
    allocations: list[Allocation] = []
    while True:
        allocations_count: i64 = data[pos]
        if allocations_count & 129:
            allocations_count, pos = read_count(data, pos)
        else:
            pos += 1
            allocations_count >>= 1
        if allocations_count == 0:
            break
        for _ in range(allocations_count):
            allocations_item, pos = read_Allocation(data, pos)
            allocations.append(allocations_item)
    charge: Charge | None = None
    charge_branch: i64 = data[pos]
    if charge_branch & 129:
        charge_branch, pos = read_index(data, pos)
    else:
        pos += 1
        charge_branch >>= 1
    if charge_branch == 1:
        charge_some, pos = read_Charge(data, pos)
        charge = charge_some
    elif charge_branch != 0:
        refuse("an unknown branch", pos)
    cause_index: i64 = data[pos]
    if cause_index & 129:
        cause_index, pos = read_index(data, pos)
    else:
        pos += 1
        cause_index >>= 1
    cause = _CAUSE[cause_index]
    cause_id_size: i64 = data[pos]
    if cause_id_size & 129:
        cause_id_size, pos = read_length(data, pos)
    else:
        pos += 1
        cause_id_size >>= 1
    cause_id_at = pos
    pos += cause_id_size
    cause_id = data[cause_id_at:pos].decode()
    cause_digest = data[pos : pos + 32]
    pos += 32
    burn_order_version: i64 = data[pos]
    if burn_order_version < 128:
        pos += 1
        burn_order_version = (burn_order_version >> 1) ^ -(burn_order_version & 1)
    else:
        burn_order_version, pos = read_long(data, pos)
    reason_size: i64 = data[pos]
    if reason_size & 129:
        reason_size, pos = read_length(data, pos)
    else:
        pos += 1
        reason_size >>= 1
    reason_at = pos
    pos += reason_size
    reason = data[reason_at:pos].decode()
    actor_size: i64 = data[pos]
    if actor_size & 129:
        actor_size, pos = read_length(data, pos)
    else:
        pos += 1
        actor_size >>= 1
    actor_at = pos
    pos += actor_size
    actor = data[actor_at:pos].decode()
    occurred_at: i64 = data[pos]
    if occurred_at < 128:
        pos += 1
        occurred_at = (occurred_at >> 1) ^ -(occurred_at & 1)
    else:
        occurred_at, pos = read_long(data, pos)
    recorded_at: i64 = data[pos]
    if recorded_at < 128:
        pos += 1
        recorded_at = (recorded_at >> 1) ^ -(recorded_at & 1)
    else:
        recorded_at, pos = read_long(data, pos)
    effective_at: i64 = data[pos]
    if effective_at < 128:
        pos += 1
        effective_at = (effective_at >> 1) ^ -(effective_at & 1)
    else:
        effective_at, pos = read_long(data, pos)
    details: EntryDetails | None = None
    details_branch: i64 = data[pos]
    if details_branch & 129:
        details_branch, pos = read_index(data, pos)
    else:
        pos += 1
        details_branch >>= 1
    if details_branch == 1:
        details_some, pos = read_EntryDetails(data, pos)
        details = details_some
    elif details_branch != 0:
        refuse("an unknown branch", pos)
    return EntryFacts(
        namespace=namespace,
        customer_id=customer_id,
        unit=unit,
        account_seq=account_seq,
        type=type,
        amount=amount,
        balance=balance,
        held=held,
        available=available,
        overdraft=overdraft,
        debt=debt,
        overage_total=overage_total,
        residue=residue,
        allocations=allocations,
        charge=charge,
        cause=cause,
        cause_id=cause_id,
        cause_digest=cause_digest,
        burn_order_version=burn_order_version,
        reason=reason,
        actor=actor,
        occurred_at=occurred_at,
        recorded_at=recorded_at,
        effective_at=effective_at,
        details=details,
    ), pos


def write_EntryFacts(out: BytesWriter, value: EntryFacts) -> None:
    write_name(out, value.namespace)
    write_string(out, value.customer_id)
    write_name(out, value.unit)
    write_long(out, value.account_seq)
    out.write(_ENTRYTYPE_BYTES[value.type])
    write_long(out, value.amount)
    write_long(out, value.balance)
    write_long(out, value.held)
    write_long(out, value.available)
    write_long(out, value.overdraft)
    write_long(out, value.debt)
    write_long(out, value.overage_total)
    write_long(out, value.residue)
    allocations = value.allocations
    if allocations:
        write_long(out, len(allocations))
        for allocations_item in allocations:
            write_Allocation(out, allocations_item)
    out.append(0)
    charge = value.charge
    if charge is None:
        out.append(0)
    else:
        out.append(2)
        write_Charge(out, charge)
    out.write(_CAUSE_BYTES[value.cause])
    write_string(out, value.cause_id)
    assert len(value.cause_digest) == 32
    out.write(value.cause_digest)
    write_long(out, value.burn_order_version)
    write_name(out, value.reason)
    write_name(out, value.actor)
    write_long(out, value.occurred_at)
    write_long(out, value.recorded_at)
    write_long(out, value.effective_at)
    details = value.details
    if details is None:
        out.append(0)
    else:
        out.append(2)
        write_EntryDetails(out, details)


def read_LedgerEntry(data: bytes, pos: i64) -> tuple[LedgerEntry, i64]:
    partition_seq: i64 = data[pos]
    if partition_seq < 128:
        pos += 1
        partition_seq = (partition_seq >> 1) ^ -(partition_seq & 1)
    else:
        partition_seq, pos = read_long(data, pos)
    source_topic_index: i64 = data[pos]
    if source_topic_index & 129:
        source_topic_index, pos = read_index(data, pos)
    else:
        pos += 1
        source_topic_index >>= 1
    source_topic = _INPUTTOPIC[source_topic_index]
    source_partition: i64 = data[pos]
    if source_partition < 128:
        pos += 1
        source_partition = (source_partition >> 1) ^ -(source_partition & 1)
    else:
        source_partition, pos = read_long(data, pos)
    source_offset: i64 = data[pos]
    if source_offset < 128:
        pos += 1
        source_offset = (source_offset >> 1) ^ -(source_offset & 1)
    else:
        source_offset, pos = read_long(data, pos)
    index: i64 = data[pos]
    if index < 128:
        pos += 1
        index = (index >> 1) ^ -(index & 1)
    else:
        index, pos = read_long(data, pos)
    count: i64 = data[pos]
    if count < 128:
        pos += 1
        count = (count >> 1) ^ -(count & 1)
    else:
        count, pos = read_long(data, pos)
    hash_version: i64 = data[pos]
    if hash_version < 128:
        pos += 1
        hash_version = (hash_version >> 1) ^ -(hash_version & 1)
    else:
        hash_version, pos = read_long(data, pos)
    prev_hash = data[pos : pos + 32]
    pos += 32
    facts, pos = read_EntryFacts(data, pos)
    hash = data[pos : pos + 32]
    pos += 32
    return LedgerEntry(
        partition_seq=partition_seq,
        source_topic=source_topic,
        source_partition=source_partition,
        source_offset=source_offset,
        index=index,
        count=count,
        hash_version=hash_version,
        prev_hash=prev_hash,
        facts=facts,
        hash=hash,
    ), pos


def write_LedgerEntry(out: BytesWriter, value: LedgerEntry) -> None:
    write_long(out, value.partition_seq)
    out.write(_INPUTTOPIC_BYTES[value.source_topic])
    write_long(out, value.source_partition)
    write_long(out, value.source_offset)
    write_long(out, value.index)
    write_long(out, value.count)
    write_long(out, value.hash_version)
    assert len(value.prev_hash) == 32
    out.write(value.prev_hash)
    write_EntryFacts(out, value.facts)
    assert len(value.hash) == 32
    out.write(value.hash)

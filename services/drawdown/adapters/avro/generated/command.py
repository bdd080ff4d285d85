"""Reads and writes `Grant` and its parts byte by byte; compiled, the hot path.

Generated from `schemas/command.v1.avsc` by `adapters.avro.generate`: don't edit.
"""

from typing import Final, Literal, assert_never

from librt.strings import BytesWriter
from mypy_extensions import i64

from drawdown.adapters.avro.generated.ledger_entry import read_PolicyChange, write_PolicyChange
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
    PolicyChange,
)
from drawdown.domain.inputs import (
    Adjust,
    ApplyRateCard,
    Batch,
    CaptureHold,
    ChangeExpiry,
    ChangePolicy,
    ClosePeriod,
    Command,
    ExtendHold,
    Freeze,
    Grant,
    HoldUsage,
    NoteDispute,
    ParkRecord,
    PlaceHold,
    RedriveRejected,
    RefundPurchase,
    RefundUsage,
    ReleaseHold,
    Tick,
    Unfreeze,
    Void,
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


def read_Grant(data: bytes, pos: i64) -> tuple[Grant, i64]:
    amount, pos = read_long(data, pos)
    kind_index, pos = read_index(data, pos)
    kind = _LOTKIND[kind_index]
    lot_id, pos = read_string(data, pos)
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
    effective_at: int | None = None
    effective_at_branch, pos = read_index(data, pos)
    if effective_at_branch == 1:
        effective_at_some, pos = read_long(data, pos)
        effective_at = effective_at_some
    elif effective_at_branch != 0:
        refuse("an unknown branch", pos)
    expires_at: int | None = None
    expires_at_branch, pos = read_index(data, pos)
    if expires_at_branch == 1:
        expires_at_some, pos = read_long(data, pos)
        expires_at = expires_at_some
    elif expires_at_branch != 0:
        refuse("an unknown branch", pos)
    payment_id, pos = read_string(data, pos)
    referral_id, pos = read_string(data, pos)
    freeze, pos = read_string(data, pos)
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
    return Grant(
        amount=amount,
        kind=kind,
        lot_id=lot_id,
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
        freeze=freeze,
        opens_at=opens_at,
        voids_at=voids_at,
    ), pos


def write_Grant(out: BytesWriter, value: Grant) -> None:
    write_long(out, value.amount)
    out.write(_LOTKIND_BYTES[value.kind])
    write_string(out, value.lot_id)
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
    effective_at = value.effective_at
    if effective_at is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, effective_at)
    expires_at = value.expires_at
    if expires_at is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, expires_at)
    write_string(out, value.payment_id)
    write_string(out, value.referral_id)
    write_string(out, value.freeze)
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


def read_Void(data: bytes, pos: i64) -> tuple[Void, i64]:
    lot_id, pos = read_string(data, pos)
    amount: int | None = None
    amount_branch, pos = read_index(data, pos)
    if amount_branch == 1:
        amount_some, pos = read_long(data, pos)
        amount = amount_some
    elif amount_branch != 0:
        refuse("an unknown branch", pos)
    return Void(
        lot_id=lot_id,
        amount=amount,
    ), pos


def write_Void(out: BytesWriter, value: Void) -> None:
    write_string(out, value.lot_id)
    amount = value.amount
    if amount is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, amount)


def read_RefundUsage(data: bytes, pos: i64) -> tuple[RefundUsage, i64]:
    refund_id, pos = read_string(data, pos)
    event_id, pos = read_string(data, pos)
    amount: int | None = None
    amount_branch, pos = read_index(data, pos)
    if amount_branch == 1:
        amount_some, pos = read_long(data, pos)
        amount = amount_some
    elif amount_branch != 0:
        refuse("an unknown branch", pos)
    return RefundUsage(
        refund_id=refund_id,
        event_id=event_id,
        amount=amount,
    ), pos


def write_RefundUsage(out: BytesWriter, value: RefundUsage) -> None:
    write_string(out, value.refund_id)
    write_string(out, value.event_id)
    amount = value.amount
    if amount is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, amount)


def read_RefundPurchase(data: bytes, pos: i64) -> tuple[RefundPurchase, i64]:
    refund_id, pos = read_string(data, pos)
    payment_id, pos = read_string(data, pos)
    amount, pos = read_long(data, pos)
    money_minor: int | None = None
    money_minor_branch, pos = read_index(data, pos)
    if money_minor_branch == 1:
        money_minor_some, pos = read_long(data, pos)
        money_minor = money_minor_some
    elif money_minor_branch != 0:
        refuse("an unknown branch", pos)
    return RefundPurchase(
        refund_id=refund_id,
        payment_id=payment_id,
        amount=amount,
        money_minor=money_minor,
    ), pos


def write_RefundPurchase(out: BytesWriter, value: RefundPurchase) -> None:
    write_string(out, value.refund_id)
    write_string(out, value.payment_id)
    write_long(out, value.amount)
    money_minor = value.money_minor
    if money_minor is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, money_minor)


def read_Adjust(data: bytes, pos: i64) -> tuple[Adjust, i64]:
    amount, pos = read_long(data, pos)
    expires_at: int | None = None
    expires_at_branch, pos = read_index(data, pos)
    if expires_at_branch == 1:
        expires_at_some, pos = read_long(data, pos)
        expires_at = expires_at_some
    elif expires_at_branch != 0:
        refuse("an unknown branch", pos)
    return Adjust(
        amount=amount,
        expires_at=expires_at,
    ), pos


def write_Adjust(out: BytesWriter, value: Adjust) -> None:
    write_long(out, value.amount)
    expires_at = value.expires_at
    if expires_at is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, expires_at)


def read_ChangeExpiry(data: bytes, pos: i64) -> tuple[ChangeExpiry, i64]:
    lot_id, pos = read_string(data, pos)
    expires_at: int | None = None
    expires_at_branch, pos = read_index(data, pos)
    if expires_at_branch == 1:
        expires_at_some, pos = read_long(data, pos)
        expires_at = expires_at_some
    elif expires_at_branch != 0:
        refuse("an unknown branch", pos)
    return ChangeExpiry(
        lot_id=lot_id,
        expires_at=expires_at,
    ), pos


def write_ChangeExpiry(out: BytesWriter, value: ChangeExpiry) -> None:
    write_string(out, value.lot_id)
    expires_at = value.expires_at
    if expires_at is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, expires_at)


def read_Freeze(data: bytes, pos: i64) -> tuple[Freeze, i64]:
    lot_id, pos = read_string(data, pos)
    return Freeze(
        lot_id=lot_id,
    ), pos


def write_Freeze(out: BytesWriter, value: Freeze) -> None:
    write_string(out, value.lot_id)


def read_Unfreeze(data: bytes, pos: i64) -> tuple[Unfreeze, i64]:
    lot_id, pos = read_string(data, pos)
    return Unfreeze(
        lot_id=lot_id,
    ), pos


def write_Unfreeze(out: BytesWriter, value: Unfreeze) -> None:
    write_string(out, value.lot_id)


def read_NoteDispute(data: bytes, pos: i64) -> tuple[NoteDispute, i64]:
    dispute_id, pos = read_string(data, pos)
    payment_id, pos = read_string(data, pos)
    state_index, pos = read_index(data, pos)
    state = _DISPUTESTATE[state_index]
    return NoteDispute(
        dispute_id=dispute_id,
        payment_id=payment_id,
        state=state,
    ), pos


def write_NoteDispute(out: BytesWriter, value: NoteDispute) -> None:
    write_string(out, value.dispute_id)
    write_string(out, value.payment_id)
    out.write(_DISPUTESTATE_BYTES[value.state])


def read_ChangePolicy(data: bytes, pos: i64) -> tuple[ChangePolicy, i64]:
    policy, pos = read_PolicyChange(data, pos)
    return ChangePolicy(
        policy=policy,
    ), pos


def write_ChangePolicy(out: BytesWriter, value: ChangePolicy) -> None:
    write_PolicyChange(out, value.policy)


def read_PlaceHold(data: bytes, pos: i64) -> tuple[PlaceHold, i64]:
    hold_id, pos = read_string(data, pos)
    amount, pos = read_long(data, pos)
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
    expires_at, pos = read_long(data, pos)
    return PlaceHold(
        hold_id=hold_id,
        amount=amount,
        meter=meter,
        properties=properties,
        expires_at=expires_at,
    ), pos


def write_PlaceHold(out: BytesWriter, value: PlaceHold) -> None:
    write_string(out, value.hold_id)
    write_long(out, value.amount)
    write_name(out, value.meter)
    properties = value.properties
    if properties:
        write_long(out, len(properties))
        for properties_key in sorted(properties) if len(properties) > 1 else properties:
            write_name(out, properties_key)
            write_string(out, properties[properties_key])
    out.append(0)
    write_long(out, value.expires_at)


def read_ExtendHold(data: bytes, pos: i64) -> tuple[ExtendHold, i64]:
    hold_id, pos = read_string(data, pos)
    amount, pos = read_long(data, pos)
    expires_at: int | None = None
    expires_at_branch, pos = read_index(data, pos)
    if expires_at_branch == 1:
        expires_at_some, pos = read_long(data, pos)
        expires_at = expires_at_some
    elif expires_at_branch != 0:
        refuse("an unknown branch", pos)
    return ExtendHold(
        hold_id=hold_id,
        amount=amount,
        expires_at=expires_at,
    ), pos


def write_ExtendHold(out: BytesWriter, value: ExtendHold) -> None:
    write_string(out, value.hold_id)
    write_long(out, value.amount)
    expires_at = value.expires_at
    if expires_at is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, expires_at)


def read_HoldUsage(data: bytes, pos: i64) -> tuple[HoldUsage, i64]:
    event_id, pos = read_string(data, pos)
    meter, pos = read_string(data, pos)
    occurred_at, pos = read_long(data, pos)
    status_index, pos = read_index(data, pos)
    status = _USAGESTATUS[status_index]
    properties: dict[str, str] = {}
    while True:
        properties_count, pos = read_count(data, pos)
        if properties_count == 0:
            break
        for _ in range(properties_count):
            properties_key, pos = read_string(data, pos)
            properties_item, pos = read_string(data, pos)
            properties[properties_key] = properties_item
    quantities: dict[str, int] = {}
    while True:
        quantities_count, pos = read_count(data, pos)
        if quantities_count == 0:
            break
        for _ in range(quantities_count):
            quantities_key, pos = read_string(data, pos)
            quantities_item, pos = read_long(data, pos)
            quantities[quantities_key] = quantities_item
    return HoldUsage(
        event_id=event_id,
        meter=meter,
        occurred_at=occurred_at,
        status=status,
        properties=properties,
        quantities=quantities,
    ), pos


def write_HoldUsage(out: BytesWriter, value: HoldUsage) -> None:
    write_string(out, value.event_id)
    write_name(out, value.meter)
    write_long(out, value.occurred_at)
    out.write(_USAGESTATUS_BYTES[value.status])
    properties = value.properties
    if properties:
        write_long(out, len(properties))
        for properties_key in sorted(properties) if len(properties) > 1 else properties:
            write_name(out, properties_key)
            write_string(out, properties[properties_key])
    out.append(0)
    quantities = value.quantities
    if quantities:
        write_long(out, len(quantities))
        for quantities_key in sorted(quantities) if len(quantities) > 1 else quantities:
            write_name(out, quantities_key)
            write_long(out, quantities[quantities_key])
    out.append(0)


def read_CaptureHold(data: bytes, pos: i64) -> tuple[CaptureHold, i64]:
    hold_id, pos = read_string(data, pos)
    amount: int | None = None
    amount_branch, pos = read_index(data, pos)
    if amount_branch == 1:
        amount_some, pos = read_long(data, pos)
        amount = amount_some
    elif amount_branch != 0:
        refuse("an unknown branch", pos)
    usage: HoldUsage | None = None
    usage_branch, pos = read_index(data, pos)
    if usage_branch == 1:
        usage_some, pos = read_HoldUsage(data, pos)
        usage = usage_some
    elif usage_branch != 0:
        refuse("an unknown branch", pos)
    final, pos = read_boolean(data, pos)
    return CaptureHold(
        hold_id=hold_id,
        amount=amount,
        usage=usage,
        final=final,
    ), pos


def write_CaptureHold(out: BytesWriter, value: CaptureHold) -> None:
    write_string(out, value.hold_id)
    amount = value.amount
    if amount is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, amount)
    usage = value.usage
    if usage is None:
        out.append(0)
    else:
        out.append(2)
        write_HoldUsage(out, usage)
    out.append(1 if value.final else 0)


def read_ReleaseHold(data: bytes, pos: i64) -> tuple[ReleaseHold, i64]:
    hold_id, pos = read_string(data, pos)
    return ReleaseHold(
        hold_id=hold_id,
    ), pos


def write_ReleaseHold(out: BytesWriter, value: ReleaseHold) -> None:
    write_string(out, value.hold_id)


def read_Batch(data: bytes, pos: i64) -> tuple[Batch, i64]:
    holds: list[PlaceHold] = []
    while True:
        holds_count, pos = read_count(data, pos)
        if holds_count == 0:
            break
        for _ in range(holds_count):
            holds_item, pos = read_PlaceHold(data, pos)
            holds.append(holds_item)
    return Batch(
        holds=holds,
    ), pos


def write_Batch(out: BytesWriter, value: Batch) -> None:
    holds = value.holds
    if holds:
        write_long(out, len(holds))
        for holds_item in holds:
            write_PlaceHold(out, holds_item)
    out.append(0)


def read_RedriveRejected(data: bytes, pos: i64) -> tuple[RedriveRejected, i64]:
    event_id, pos = read_string(data, pos)
    rate_card, pos = read_string(data, pos)
    return RedriveRejected(
        event_id=event_id,
        rate_card=rate_card,
    ), pos


def write_RedriveRejected(out: BytesWriter, value: RedriveRejected) -> None:
    write_string(out, value.event_id)
    write_name(out, value.rate_card)


def read_ParkRecord(data: bytes, pos: i64) -> tuple[ParkRecord, i64]:
    topic, pos = read_string(data, pos)
    partition, pos = read_long(data, pos)
    offset, pos = read_long(data, pos)
    return ParkRecord(
        topic=topic,
        partition=partition,
        offset=offset,
    ), pos


def write_ParkRecord(out: BytesWriter, value: ParkRecord) -> None:
    write_string(out, value.topic)
    write_long(out, value.partition)
    write_long(out, value.offset)


def read_ApplyRateCard(data: bytes, pos: i64) -> tuple[ApplyRateCard, i64]:
    card, pos = read_RateCard(data, pos)
    return ApplyRateCard(
        card=card,
    ), pos


def write_ApplyRateCard(out: BytesWriter, value: ApplyRateCard) -> None:
    write_RateCard(out, value.card)


def read_ClosePeriod(data: bytes, pos: i64) -> tuple[ClosePeriod, i64]:
    closed_until, pos = read_long(data, pos)
    return ClosePeriod(
        closed_until=closed_until,
    ), pos


def write_ClosePeriod(out: BytesWriter, value: ClosePeriod) -> None:
    write_long(out, value.closed_until)


def read_Tick(data: bytes, pos: i64) -> tuple[Tick, i64]:
    return Tick(), pos


def write_Tick(out: BytesWriter, value: Tick) -> None:
    pass


def read_Command(data: bytes, pos: i64) -> tuple[Command, i64]:
    command_id, pos = read_string(data, pos)
    issued_at, pos = read_long(data, pos)
    actor, pos = read_string(data, pos)
    customer_id, pos = read_string(data, pos)
    unit, pos = read_string(data, pos)
    reason, pos = read_string(data, pos)
    body: Grant | Void | RefundUsage | RefundPurchase | Adjust | ChangeExpiry | Freeze | Unfreeze | NoteDispute | ChangePolicy | PlaceHold | ExtendHold | CaptureHold | ReleaseHold | Batch | RedriveRejected | ParkRecord | ApplyRateCard | ClosePeriod | Tick
    body_branch, pos = read_index(data, pos)
    if body_branch == 0:
        body, pos = read_Grant(data, pos)
    elif body_branch == 1:
        body, pos = read_Void(data, pos)
    elif body_branch == 2:
        body, pos = read_RefundUsage(data, pos)
    elif body_branch == 3:
        body, pos = read_RefundPurchase(data, pos)
    elif body_branch == 4:
        body, pos = read_Adjust(data, pos)
    elif body_branch == 5:
        body, pos = read_ChangeExpiry(data, pos)
    elif body_branch == 6:
        body, pos = read_Freeze(data, pos)
    elif body_branch == 7:
        body, pos = read_Unfreeze(data, pos)
    elif body_branch == 8:
        body, pos = read_NoteDispute(data, pos)
    elif body_branch == 9:
        body, pos = read_ChangePolicy(data, pos)
    elif body_branch == 10:
        body, pos = read_PlaceHold(data, pos)
    elif body_branch == 11:
        body, pos = read_ExtendHold(data, pos)
    elif body_branch == 12:
        body, pos = read_CaptureHold(data, pos)
    elif body_branch == 13:
        body, pos = read_ReleaseHold(data, pos)
    elif body_branch == 14:
        body, pos = read_Batch(data, pos)
    elif body_branch == 15:
        body, pos = read_RedriveRejected(data, pos)
    elif body_branch == 16:
        body, pos = read_ParkRecord(data, pos)
    elif body_branch == 17:
        body, pos = read_ApplyRateCard(data, pos)
    elif body_branch == 18:
        body, pos = read_ClosePeriod(data, pos)
    elif body_branch == 19:
        body, pos = read_Tick(data, pos)
    else:
        refuse("an unknown branch", pos)
    return Command(
        command_id=command_id,
        issued_at=issued_at,
        actor=actor,
        customer_id=customer_id,
        unit=unit,
        reason=reason,
        body=body,
    ), pos


def write_Command(out: BytesWriter, value: Command) -> None:
    write_string(out, value.command_id)
    write_long(out, value.issued_at)
    write_name(out, value.actor)
    write_string(out, value.customer_id)
    write_name(out, value.unit)
    write_name(out, value.reason)
    body = value.body
    if isinstance(body, Grant):
        write_long(out, 0)
        write_Grant(out, body)
    elif isinstance(body, Void):
        write_long(out, 1)
        write_Void(out, body)
    elif isinstance(body, RefundUsage):
        write_long(out, 2)
        write_RefundUsage(out, body)
    elif isinstance(body, RefundPurchase):
        write_long(out, 3)
        write_RefundPurchase(out, body)
    elif isinstance(body, Adjust):
        write_long(out, 4)
        write_Adjust(out, body)
    elif isinstance(body, ChangeExpiry):
        write_long(out, 5)
        write_ChangeExpiry(out, body)
    elif isinstance(body, Freeze):
        write_long(out, 6)
        write_Freeze(out, body)
    elif isinstance(body, Unfreeze):
        write_long(out, 7)
        write_Unfreeze(out, body)
    elif isinstance(body, NoteDispute):
        write_long(out, 8)
        write_NoteDispute(out, body)
    elif isinstance(body, ChangePolicy):
        write_long(out, 9)
        write_ChangePolicy(out, body)
    elif isinstance(body, PlaceHold):
        write_long(out, 10)
        write_PlaceHold(out, body)
    elif isinstance(body, ExtendHold):
        write_long(out, 11)
        write_ExtendHold(out, body)
    elif isinstance(body, CaptureHold):
        write_long(out, 12)
        write_CaptureHold(out, body)
    elif isinstance(body, ReleaseHold):
        write_long(out, 13)
        write_ReleaseHold(out, body)
    elif isinstance(body, Batch):
        write_long(out, 14)
        write_Batch(out, body)
    elif isinstance(body, RedriveRejected):
        write_long(out, 15)
        write_RedriveRejected(out, body)
    elif isinstance(body, ParkRecord):
        write_long(out, 16)
        write_ParkRecord(out, body)
    elif isinstance(body, ApplyRateCard):
        write_long(out, 17)
        write_ApplyRateCard(out, body)
    elif isinstance(body, ClosePeriod):
        write_long(out, 18)
        write_ClosePeriod(out, body)
    elif isinstance(body, Tick):
        write_long(out, 19)
        write_Tick(out, body)
    else:
        assert_never(body)

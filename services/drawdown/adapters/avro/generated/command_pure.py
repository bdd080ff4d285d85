"""Packs `Grant` and its parts from tables of encoded pieces; for the interpreter.

Generated from `schemas/command.v1.avsc` by `adapters.avro.generate`: don't edit.
"""

from typing import Final, assert_never

from drawdown.adapters.avro.generated.ledger_entry_pure import pack_PolicyChange
from drawdown.adapters.avro.generated.rate_card_pure import pack_RateCard
from drawdown.adapters.avro.packing import LONG, STRING, pack_bytes
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

_LOTKIND_BYTES: Final[dict[str, bytes]] = {
    "purchased": b'\x00',
    "promotional": b'\x02',
    "included": b'\x04',
    "adjustment": b'\x06',
}
_DISPUTESTATE_BYTES: Final[dict[str, bytes]] = {
    "opened": b'\x00',
    "won": b'\x02',
    "lost": b'\x04',
    "reinstated": b'\x06',
}
_USAGESTATUS_BYTES: Final[dict[str, bytes]] = {
    "succeeded": b'\x00',
    "partial": b'\x02',
    "failed": b'\x04',
}


def pack_Grant(value: Grant) -> bytes:
    lot_id = value.lot_id.encode()
    campaign = value.campaign.encode()
    meters = value.meters
    properties = value.properties
    effective_at = value.effective_at
    expires_at = value.expires_at
    payment_id = value.payment_id.encode()
    referral_id = value.referral_id.encode()
    freeze = value.freeze.encode()
    opens_at = value.opens_at
    voids_at = value.voids_at
    return b"".join((
        LONG[value.amount],
        _LOTKIND_BYTES[value.kind],
        LONG[len(lot_id)],
        lot_id,
        LONG[len(campaign)],
        campaign,
        LONG[value.price_minor],
        STRING[value.currency],
        LONG[value.list_price_minor],
        LONG[value.priority],
        LONG[len(meters)],
        b"".join([STRING[meters_item] for meters_item in meters]) + b"\x00" if meters else b"",
        LONG[len(properties)],
        b"".join([STRING[properties_key] + STRING[properties[properties_key]] for properties_key in sorted(properties)]) + b"\x00" if properties else b"",
        b"\x00" if effective_at is None else b"\x02" + LONG[effective_at],
        b"\x00" if expires_at is None else b"\x02" + LONG[expires_at],
        LONG[len(payment_id)],
        payment_id,
        LONG[len(referral_id)],
        referral_id,
        LONG[len(freeze)],
        freeze,
        b"\x00" if opens_at is None else b"\x02" + LONG[opens_at],
        b"\x00" if voids_at is None else b"\x02" + LONG[voids_at],
    ))


def pack_Void(value: Void) -> bytes:
    lot_id = value.lot_id.encode()
    amount = value.amount
    return b"".join((
        LONG[len(lot_id)],
        lot_id,
        b"\x00" if amount is None else b"\x02" + LONG[amount],
    ))


def pack_RefundUsage(value: RefundUsage) -> bytes:
    refund_id = value.refund_id.encode()
    event_id = value.event_id.encode()
    amount = value.amount
    return b"".join((
        LONG[len(refund_id)],
        refund_id,
        LONG[len(event_id)],
        event_id,
        b"\x00" if amount is None else b"\x02" + LONG[amount],
    ))


def pack_RefundPurchase(value: RefundPurchase) -> bytes:
    refund_id = value.refund_id.encode()
    payment_id = value.payment_id.encode()
    money_minor = value.money_minor
    return b"".join((
        LONG[len(refund_id)],
        refund_id,
        LONG[len(payment_id)],
        payment_id,
        LONG[value.amount],
        b"\x00" if money_minor is None else b"\x02" + LONG[money_minor],
    ))


def pack_Adjust(value: Adjust) -> bytes:
    expires_at = value.expires_at
    return b"".join((
        LONG[value.amount],
        b"\x00" if expires_at is None else b"\x02" + LONG[expires_at],
    ))


def pack_ChangeExpiry(value: ChangeExpiry) -> bytes:
    lot_id = value.lot_id.encode()
    expires_at = value.expires_at
    return b"".join((
        LONG[len(lot_id)],
        lot_id,
        b"\x00" if expires_at is None else b"\x02" + LONG[expires_at],
    ))


def pack_Freeze(value: Freeze) -> bytes:
    lot_id = value.lot_id.encode()
    return b"".join((
        LONG[len(lot_id)],
        lot_id,
    ))


def pack_Unfreeze(value: Unfreeze) -> bytes:
    lot_id = value.lot_id.encode()
    return b"".join((
        LONG[len(lot_id)],
        lot_id,
    ))


def pack_NoteDispute(value: NoteDispute) -> bytes:
    dispute_id = value.dispute_id.encode()
    payment_id = value.payment_id.encode()
    return b"".join((
        LONG[len(dispute_id)],
        dispute_id,
        LONG[len(payment_id)],
        payment_id,
        _DISPUTESTATE_BYTES[value.state],
    ))


def pack_ChangePolicy(value: ChangePolicy) -> bytes:
    return b"".join((
        pack_PolicyChange(value.policy),
    ))


def pack_PlaceHold(value: PlaceHold) -> bytes:
    hold_id = value.hold_id.encode()
    properties = value.properties
    return b"".join((
        LONG[len(hold_id)],
        hold_id,
        LONG[value.amount],
        STRING[value.meter],
        LONG[len(properties)],
        b"".join([STRING[properties_key] + STRING[properties[properties_key]] for properties_key in sorted(properties)]) + b"\x00" if properties else b"",
        LONG[value.expires_at],
    ))


def pack_ExtendHold(value: ExtendHold) -> bytes:
    hold_id = value.hold_id.encode()
    expires_at = value.expires_at
    return b"".join((
        LONG[len(hold_id)],
        hold_id,
        LONG[value.amount],
        b"\x00" if expires_at is None else b"\x02" + LONG[expires_at],
    ))


def pack_HoldUsage(value: HoldUsage) -> bytes:
    event_id = value.event_id.encode()
    properties = value.properties
    quantities = value.quantities
    return b"".join((
        LONG[len(event_id)],
        event_id,
        STRING[value.meter],
        LONG[value.occurred_at],
        _USAGESTATUS_BYTES[value.status],
        LONG[len(properties)],
        b"".join([STRING[properties_key] + STRING[properties[properties_key]] for properties_key in sorted(properties)]) + b"\x00" if properties else b"",
        LONG[len(quantities)],
        b"".join([STRING[quantities_key] + LONG[quantities[quantities_key]] for quantities_key in sorted(quantities)]) + b"\x00" if quantities else b"",
    ))


def pack_CaptureHold(value: CaptureHold) -> bytes:
    hold_id = value.hold_id.encode()
    amount = value.amount
    usage = value.usage
    return b"".join((
        LONG[len(hold_id)],
        hold_id,
        b"\x00" if amount is None else b"\x02" + LONG[amount],
        b"\x00" if usage is None else b"\x02" + pack_HoldUsage(usage),
        (b"\x01" if value.final else b"\x00"),
    ))


def pack_ReleaseHold(value: ReleaseHold) -> bytes:
    hold_id = value.hold_id.encode()
    return b"".join((
        LONG[len(hold_id)],
        hold_id,
    ))


def pack_Batch(value: Batch) -> bytes:
    holds = value.holds
    return b"".join((
        LONG[len(holds)],
        b"".join([pack_PlaceHold(holds_item) for holds_item in holds]) + b"\x00" if holds else b"",
    ))


def pack_RedriveRejected(value: RedriveRejected) -> bytes:
    event_id = value.event_id.encode()
    return b"".join((
        LONG[len(event_id)],
        event_id,
        STRING[value.rate_card],
    ))


def pack_ParkRecord(value: ParkRecord) -> bytes:
    topic = value.topic.encode()
    return b"".join((
        LONG[len(topic)],
        topic,
        LONG[value.partition],
        LONG[value.offset],
    ))


def pack_ApplyRateCard(value: ApplyRateCard) -> bytes:
    return b"".join((
        pack_RateCard(value.card),
    ))


def pack_ClosePeriod(value: ClosePeriod) -> bytes:
    return b"".join((
        LONG[value.closed_until],
    ))


def pack_Tick(value: Tick) -> bytes:
    return b""


def pack_Command(value: Command) -> bytes:
    command_id = value.command_id.encode()
    customer_id = value.customer_id.encode()
    body = value.body
    if isinstance(body, Grant):
        body_bytes = LONG[0] + pack_Grant(body)
    elif isinstance(body, Void):
        body_bytes = LONG[1] + pack_Void(body)
    elif isinstance(body, RefundUsage):
        body_bytes = LONG[2] + pack_RefundUsage(body)
    elif isinstance(body, RefundPurchase):
        body_bytes = LONG[3] + pack_RefundPurchase(body)
    elif isinstance(body, Adjust):
        body_bytes = LONG[4] + pack_Adjust(body)
    elif isinstance(body, ChangeExpiry):
        body_bytes = LONG[5] + pack_ChangeExpiry(body)
    elif isinstance(body, Freeze):
        body_bytes = LONG[6] + pack_Freeze(body)
    elif isinstance(body, Unfreeze):
        body_bytes = LONG[7] + pack_Unfreeze(body)
    elif isinstance(body, NoteDispute):
        body_bytes = LONG[8] + pack_NoteDispute(body)
    elif isinstance(body, ChangePolicy):
        body_bytes = LONG[9] + pack_ChangePolicy(body)
    elif isinstance(body, PlaceHold):
        body_bytes = LONG[10] + pack_PlaceHold(body)
    elif isinstance(body, ExtendHold):
        body_bytes = LONG[11] + pack_ExtendHold(body)
    elif isinstance(body, CaptureHold):
        body_bytes = LONG[12] + pack_CaptureHold(body)
    elif isinstance(body, ReleaseHold):
        body_bytes = LONG[13] + pack_ReleaseHold(body)
    elif isinstance(body, Batch):
        body_bytes = LONG[14] + pack_Batch(body)
    elif isinstance(body, RedriveRejected):
        body_bytes = LONG[15] + pack_RedriveRejected(body)
    elif isinstance(body, ParkRecord):
        body_bytes = LONG[16] + pack_ParkRecord(body)
    elif isinstance(body, ApplyRateCard):
        body_bytes = LONG[17] + pack_ApplyRateCard(body)
    elif isinstance(body, ClosePeriod):
        body_bytes = LONG[18] + pack_ClosePeriod(body)
    elif isinstance(body, Tick):
        body_bytes = LONG[19] + pack_Tick(body)
    else:
        assert_never(body)
    return b"".join((
        LONG[len(command_id)],
        command_id,
        LONG[value.issued_at],
        STRING[value.actor],
        LONG[len(customer_id)],
        customer_id,
        STRING[value.unit],
        STRING[value.reason],
        body_bytes,
    ))

"""Packs `Allocation` and its parts from tables of encoded pieces; for the interpreter.

Generated from `schemas/ledger-entry.v1.avsc` by `adapters.avro.generate`: don't edit.
"""

from typing import Final, assert_never

from drawdown.adapters.avro.generated.rate_card_pure import pack_RateCard
from drawdown.adapters.avro.packing import LONG, STRING, pack_bytes
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

_LOTKIND_BYTES: Final[dict[str, bytes]] = {
    "purchased": b'\x00',
    "promotional": b'\x02',
    "included": b'\x04',
    "adjustment": b'\x06',
}
_USAGESTATUS_BYTES: Final[dict[str, bytes]] = {
    "succeeded": b'\x00',
    "partial": b'\x02',
    "failed": b'\x04',
}
_PERIOD_BYTES: Final[dict[str, bytes]] = {
    "day": b'\x00',
    "week": b'\x02',
    "month": b'\x04',
    "year": b'\x06',
}
_OVERAGEMODE_BYTES: Final[dict[str, bytes]] = {
    "hard_stop": b'\x00',
    "overdraft": b'\x02',
    "overage": b'\x04',
}
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
_HOLDSTATUS_BYTES: Final[dict[str, bytes]] = {
    "open": b'\x00',
    "released": b'\x02',
    "expired": b'\x04',
}
_DISPUTESTATE_BYTES: Final[dict[str, bytes]] = {
    "opened": b'\x00',
    "won": b'\x02',
    "lost": b'\x04',
    "reinstated": b'\x06',
}
_INPUTTOPIC_BYTES: Final[dict[str, bytes]] = {
    "usage_events": b'\x00',
    "ledger_commands": b'\x02',
}
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
_CAUSE_BYTES: Final[dict[str, bytes]] = {
    "usage": b'\x00',
    "command": b'\x02',
    "tick": b'\x04',
    "due": b'\x06',
}


def pack_Allocation(value: Allocation) -> bytes:
    lot_id = value.lot_id.encode()
    return b"".join((
        LONG[len(lot_id)],
        lot_id,
        LONG[value.amount],
        _LOTKIND_BYTES[value.kind],
        LONG[value.released_minor],
        STRING[value.currency],
        (b"\x01" if value.reserved else b"\x00"),
    ))


def pack_RatedLine(value: RatedLine) -> bytes:
    return b"".join((
        STRING[value.line_id],
        STRING[value.quantity],
        LONG[value.quantity_micro],
        LONG[value.rate_pico],
        LONG[value.amount],
        LONG[value.amount_atto],
    ))


def pack_Charge(value: Charge) -> bytes:
    properties = value.properties
    lines = value.lines
    hold_id = value.hold_id.encode()
    return b"".join((
        STRING[value.meter],
        _USAGESTATUS_BYTES[value.status],
        LONG[len(properties)],
        b"".join([STRING[properties_key] + STRING[properties[properties_key]] for properties_key in sorted(properties)]) + b"\x00" if properties else b"",
        STRING[value.rate_card],
        LONG[len(lines)],
        b"".join([pack_RatedLine(lines_item) for lines_item in lines]) + b"\x00" if lines else b"",
        LONG[value.rated],
        LONG[value.overdrawn],
        LONG[value.overage],
        LONG[value.uncovered],
        LONG[len(hold_id)],
        hold_id,
        (b"\x01" if value.hold_ended else b"\x00"),
        (b"\x01" if value.charged_before else b"\x00"),
    ))


def pack_LotTerms(value: LotTerms) -> bytes:
    lot_id = value.lot_id.encode()
    campaign = value.campaign.encode()
    meters = value.meters
    properties = value.properties
    expires_at = value.expires_at
    payment_id = value.payment_id.encode()
    referral_id = value.referral_id.encode()
    opens_at = value.opens_at
    voids_at = value.voids_at
    freezes = value.freezes
    period_at = value.period_at
    return b"".join((
        LONG[len(lot_id)],
        lot_id,
        LONG[value.lot_seq],
        _LOTKIND_BYTES[value.kind],
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
        LONG[value.effective_at],
        b"\x00" if expires_at is None else b"\x02" + LONG[expires_at],
        LONG[len(payment_id)],
        payment_id,
        LONG[len(referral_id)],
        referral_id,
        b"\x00" if opens_at is None else b"\x02" + LONG[opens_at],
        b"\x00" if voids_at is None else b"\x02" + LONG[voids_at],
        LONG[len(freezes)],
        b"".join([STRING[freezes_item] for freezes_item in freezes]) + b"\x00" if freezes else b"",
        b"\x00" if period_at is None else b"\x02" + LONG[period_at],
    ))


def pack_LotChange(value: LotChange) -> bytes:
    lot_id = value.lot_id.encode()
    expires_at = value.expires_at
    freezes = value.freezes
    frozen_since = value.frozen_since
    return b"".join((
        LONG[len(lot_id)],
        lot_id,
        b"\x00" if expires_at is None else b"\x02" + LONG[expires_at],
        LONG[len(freezes)],
        b"".join([STRING[freezes_item] for freezes_item in freezes]) + b"\x00" if freezes else b"",
        b"\x00" if frozen_since is None else b"\x02" + LONG[frozen_since],
        (b"\x01" if value.closed else b"\x00"),
        (b"\x01" if value.clawed else b"\x00"),
        LONG[value.debt],
    ))


def pack_RecurringGrant(value: RecurringGrant) -> bytes:
    life_us = value.life_us
    return b"".join((
        LONG[value.amount],
        _LOTKIND_BYTES[value.kind],
        LONG[value.price_minor],
        STRING[value.currency],
        LONG[value.anchor],
        _PERIOD_BYTES[value.period],
        LONG[value.every],
        b"\x00" if life_us is None else b"\x02" + LONG[life_us],
    ))


def pack_Rollover(value: Rollover) -> bytes:
    maximum = value.maximum
    return b"".join((
        LONG[value.share_pico],
        LONG[value.minimum],
        b"\x00" if maximum is None else b"\x02" + LONG[maximum],
        LONG[value.life_us],
    ))


def pack_PolicyChange(value: PolicyChange) -> bytes:
    overage_mode = value.overage_mode
    overdraft_limit = value.overdraft_limit
    grace_us = value.grace_us
    hold_life_us = value.hold_life_us
    refund_grace_us = value.refund_grace_us
    burn_order = value.burn_order
    breakage_method = value.breakage_method
    breakage_rate_pico = value.breakage_rate_pico
    recurring = value.recurring
    rollover = value.rollover
    return b"".join((
        b"\x00" if overage_mode is None else b"\x02" + _OVERAGEMODE_BYTES[overage_mode],
        b"\x00" if overdraft_limit is None else b"\x02" + LONG[overdraft_limit],
        b"\x00" if grace_us is None else b"\x02" + LONG[grace_us],
        b"\x00" if hold_life_us is None else b"\x02" + LONG[hold_life_us],
        b"\x00" if refund_grace_us is None else b"\x02" + LONG[refund_grace_us],
        b"\x00" if burn_order is None else b"\x02" + STRING[burn_order],
        b"\x00" if breakage_method is None else b"\x02" + STRING[breakage_method],
        b"\x00" if breakage_rate_pico is None else b"\x02" + LONG[breakage_rate_pico],
        b"\x00" if recurring is None else b"\x02" + pack_RecurringGrant(recurring),
        b"\x00" if rollover is None else b"\x02" + pack_Rollover(rollover),
    ))


def pack_Rejection(value: Rejection) -> bytes:
    detail = value.detail.encode()
    first_entry_id = value.first_entry_id.encode()
    return b"".join((
        _REJECTIONCODE_BYTES[value.code],
        LONG[len(detail)],
        detail,
        LONG[len(first_entry_id)],
        first_entry_id,
        pack_bytes(value.input),
    ))


def pack_HoldState(value: HoldState) -> bytes:
    hold_id = value.hold_id.encode()
    properties = value.properties
    return b"".join((
        LONG[len(hold_id)],
        hold_id,
        _HOLDSTATUS_BYTES[value.state],
        STRING[value.meter],
        LONG[len(properties)],
        b"".join([STRING[properties_key] + STRING[properties[properties_key]] for properties_key in sorted(properties)]) + b"\x00" if properties else b"",
        LONG[value.reserved],
        LONG[value.reserved_room],
        LONG[value.placed_at],
        LONG[value.expires_at],
    ))


def pack_MonthTotal(value: MonthTotal) -> bytes:
    month = value.month.encode()
    return b"".join((
        STRING[value.line_id],
        LONG[len(month)],
        month,
        LONG[value.quantity_micro],
    ))


def pack_Dispute(value: Dispute) -> bytes:
    dispute_id = value.dispute_id.encode()
    payment_id = value.payment_id.encode()
    return b"".join((
        LONG[len(dispute_id)],
        dispute_id,
        LONG[len(payment_id)],
        payment_id,
        _DISPUTESTATE_BYTES[value.state],
    ))


def pack_Refund(value: Refund) -> bytes:
    refund_id = value.refund_id.encode()
    event_id = value.event_id.encode()
    payment_id = value.payment_id.encode()
    return b"".join((
        LONG[len(refund_id)],
        refund_id,
        LONG[len(event_id)],
        event_id,
        LONG[len(payment_id)],
        payment_id,
        LONG[value.amount],
        LONG[value.money_minor],
        STRING[value.currency],
    ))


def pack_ParkedRecord(value: ParkedRecord) -> bytes:
    return b"".join((
        _INPUTTOPIC_BYTES[value.topic],
        LONG[value.offset],
    ))


def pack_EntryDetails(value: EntryDetails) -> bytes:
    lot = value.lot
    lot_changes = value.lot_changes
    policy = value.policy
    rate_card = value.rate_card
    rejection = value.rejection
    hold = value.hold
    month_totals = value.month_totals
    dispute = value.dispute
    refund = value.refund
    closed_until = value.closed_until
    account_frozen = value.account_frozen
    event_id = value.event_id.encode()
    first_recorded_at = value.first_recorded_at
    parked = value.parked
    return b"".join((
        b"\x00" if lot is None else b"\x02" + pack_LotTerms(lot),
        LONG[len(lot_changes)],
        b"".join([pack_LotChange(lot_changes_item) for lot_changes_item in lot_changes]) + b"\x00" if lot_changes else b"",
        b"\x00" if policy is None else b"\x02" + pack_PolicyChange(policy),
        b"\x00" if rate_card is None else b"\x02" + pack_RateCard(rate_card),
        b"\x00" if rejection is None else b"\x02" + pack_Rejection(rejection),
        b"\x00" if hold is None else b"\x02" + pack_HoldState(hold),
        LONG[len(month_totals)],
        b"".join([pack_MonthTotal(month_totals_item) for month_totals_item in month_totals]) + b"\x00" if month_totals else b"",
        b"\x00" if dispute is None else b"\x02" + pack_Dispute(dispute),
        b"\x00" if refund is None else b"\x02" + pack_Refund(refund),
        b"\x00" if closed_until is None else b"\x02" + LONG[closed_until],
        LONG[value.reserved_room],
        b"\x00" if account_frozen is None else b"\x02" + (b"\x01" if account_frozen else b"\x00"),
        LONG[len(event_id)],
        event_id,
        pack_bytes(value.event_digest),
        b"\x00" if first_recorded_at is None else b"\x02" + LONG[first_recorded_at],
        b"\x00" if parked is None else b"\x02" + pack_ParkedRecord(parked),
    ))


def pack_EntryFacts(value: EntryFacts) -> bytes:
    customer_id = value.customer_id.encode()
    allocations = value.allocations
    charge = value.charge
    cause_id = value.cause_id.encode()
    details = value.details
    return b"".join((
        STRING[value.namespace],
        LONG[len(customer_id)],
        customer_id,
        STRING[value.unit],
        LONG[value.account_seq],
        _ENTRYTYPE_BYTES[value.type],
        LONG[value.amount],
        LONG[value.balance],
        LONG[value.held],
        LONG[value.available],
        LONG[value.overdraft],
        LONG[value.debt],
        LONG[value.overage_total],
        LONG[value.residue],
        LONG[len(allocations)],
        b"".join([pack_Allocation(allocations_item) for allocations_item in allocations]) + b"\x00" if allocations else b"",
        b"\x00" if charge is None else b"\x02" + pack_Charge(charge),
        _CAUSE_BYTES[value.cause],
        LONG[len(cause_id)],
        cause_id,
        value.cause_digest,
        LONG[value.burn_order_version],
        STRING[value.reason],
        STRING[value.actor],
        LONG[value.occurred_at],
        LONG[value.recorded_at],
        LONG[value.effective_at],
        b"\x00" if details is None else b"\x02" + pack_EntryDetails(details),
    ))


def pack_LedgerEntry(value: LedgerEntry) -> bytes:
    return b"".join((
        LONG[value.partition_seq],
        _INPUTTOPIC_BYTES[value.source_topic],
        LONG[value.source_partition],
        LONG[value.source_offset],
        LONG[value.index],
        LONG[value.count],
        LONG[value.hash_version],
        value.prev_hash,
        pack_EntryFacts(value.facts),
        value.hash,
    ))

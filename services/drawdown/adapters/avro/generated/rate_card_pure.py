"""Packs `Package` and its parts from tables of encoded pieces; for the interpreter.

Generated from `schemas/rate-card.v1.avsc` by `adapters.avro.generate`: don't edit.
"""

from typing import Final, assert_never

from drawdown.adapters.avro.packing import LONG, STRING, pack_bytes
from drawdown.domain.rate_cards import (
    Line,
    Meter,
    Override,
    Package,
    RateCard,
    Tier,
)

_ROUNDING_BYTES: Final[dict[str, bytes]] = {
    "up": b'\x00',
    "down": b'\x02',
    "half_up": b'\x04',
}
_TIERMODE_BYTES: Final[dict[str, bytes]] = {
    "none": b'\x00',
    "graduated": b'\x02',
    "volume": b'\x04',
}
_OVER_BYTES: Final[dict[str, bytes]] = {
    "event": b'\x00',
    "month": b'\x02',
}


def pack_Package(value: Package) -> bytes:
    return b"".join((
        LONG[value.size_micro],
        _ROUNDING_BYTES[value.rounding],
    ))


def pack_Tier(value: Tier) -> bytes:
    up_to_micro = value.up_to_micro
    return b"".join((
        b"\x00" if up_to_micro is None else b"\x02" + LONG[up_to_micro],
        LONG[value.rate_pico],
        LONG[value.flat],
    ))


def pack_Line(value: Line) -> bytes:
    match = value.match
    package = value.package
    tiers = value.tiers
    return b"".join((
        STRING[value.line_id],
        STRING[value.quantity],
        LONG[len(match)],
        b"".join([STRING[match_key] + STRING[match[match_key]] for match_key in sorted(match)]) + b"\x00" if match else b"",
        LONG[value.rate_pico],
        LONG[value.per],
        b"\x00" if package is None else b"\x02" + pack_Package(package),
        _TIERMODE_BYTES[value.tier_mode],
        LONG[len(tiers)],
        b"".join([pack_Tier(tiers_item) for tiers_item in tiers]) + b"\x00" if tiers else b"",
        LONG[value.minimum],
        _OVER_BYTES[value.over],
    ))


def pack_Meter(value: Meter) -> bytes:
    name = value.name.encode()
    description = value.description.encode()
    exclusive = value.exclusive
    total = value.total.encode()
    lines = value.lines
    return b"".join((
        LONG[len(name)],
        name,
        LONG[len(description)],
        description,
        LONG[len(exclusive)],
        b"".join([STRING[exclusive_key] + STRING[exclusive[exclusive_key]] for exclusive_key in sorted(exclusive)]) + b"\x00" if exclusive else b"",
        LONG[len(total)],
        total,
        LONG[len(lines)],
        b"".join([pack_Line(lines_item) for lines_item in lines]) + b"\x00" if lines else b"",
    ))


def pack_Override(value: Override) -> bytes:
    customer_id = value.customer_id.encode()
    lines = value.lines
    return b"".join((
        LONG[len(customer_id)],
        customer_id,
        STRING[value.meter],
        LONG[len(lines)],
        b"".join([pack_Line(lines_item) for lines_item in lines]) + b"\x00" if lines else b"",
    ))


def pack_RateCard(value: RateCard) -> bytes:
    card_id = value.card_id.encode()
    version = value.version.encode()
    description = value.description.encode()
    meters = value.meters
    overrides = value.overrides
    return b"".join((
        LONG[len(card_id)],
        card_id,
        LONG[len(version)],
        version,
        STRING[value.unit],
        LONG[len(description)],
        description,
        LONG[value.effective_from],
        LONG[len(meters)],
        b"".join([pack_Meter(meters_item) for meters_item in meters]) + b"\x00" if meters else b"",
        LONG[len(overrides)],
        b"".join([pack_Override(overrides_item) for overrides_item in overrides]) + b"\x00" if overrides else b"",
    ))

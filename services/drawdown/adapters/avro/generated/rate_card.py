"""Reads and writes `Package` and its parts byte by byte; compiled, the hot path.

Generated from `schemas/rate-card.v1.avsc` by `adapters.avro.generate`: don't edit.
"""

from typing import Final, Literal, assert_never

from librt.strings import BytesWriter
from mypy_extensions import i64

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
from drawdown.domain.rate_cards import (
    Line,
    Meter,
    Override,
    Package,
    RateCard,
    Tier,
)

if __file__.endswith(".py"):
    from drawdown.adapters.avro.unpacking import read_long

_ROUNDING: Final[tuple[Literal["up", "down", "half_up"], ...]] = (
    "up",
    "down",
    "half_up",
)
_ROUNDING_BYTES: Final[dict[str, bytes]] = {
    "up": b'\x00',
    "down": b'\x02',
    "half_up": b'\x04',
}
_TIERMODE: Final[tuple[Literal["none", "graduated", "volume"], ...]] = (
    "none",
    "graduated",
    "volume",
)
_TIERMODE_BYTES: Final[dict[str, bytes]] = {
    "none": b'\x00',
    "graduated": b'\x02',
    "volume": b'\x04',
}
_OVER: Final[tuple[Literal["event", "month"], ...]] = (
    "event",
    "month",
)
_OVER_BYTES: Final[dict[str, bytes]] = {
    "event": b'\x00',
    "month": b'\x02',
}


def read_Package(data: bytes, pos: i64) -> tuple[Package, i64]:
    size_micro, pos = read_long(data, pos)
    rounding_index, pos = read_index(data, pos)
    rounding = _ROUNDING[rounding_index]
    return Package(
        size_micro=size_micro,
        rounding=rounding,
    ), pos


def write_Package(out: BytesWriter, value: Package) -> None:
    write_long(out, value.size_micro)
    out.write(_ROUNDING_BYTES[value.rounding])


def read_Tier(data: bytes, pos: i64) -> tuple[Tier, i64]:
    up_to_micro: int | None = None
    up_to_micro_branch, pos = read_index(data, pos)
    if up_to_micro_branch == 1:
        up_to_micro_some, pos = read_long(data, pos)
        up_to_micro = up_to_micro_some
    elif up_to_micro_branch != 0:
        refuse("an unknown branch", pos)
    rate_pico, pos = read_long(data, pos)
    flat, pos = read_long(data, pos)
    return Tier(
        up_to_micro=up_to_micro,
        rate_pico=rate_pico,
        flat=flat,
    ), pos


def write_Tier(out: BytesWriter, value: Tier) -> None:
    up_to_micro = value.up_to_micro
    if up_to_micro is None:
        out.append(0)
    else:
        out.append(2)
        write_long(out, up_to_micro)
    write_long(out, value.rate_pico)
    write_long(out, value.flat)


def read_Line(data: bytes, pos: i64) -> tuple[Line, i64]:
    line_id, pos = read_string(data, pos)
    quantity, pos = read_string(data, pos)
    match: dict[str, str] = {}
    while True:
        match_count, pos = read_count(data, pos)
        if match_count == 0:
            break
        for _ in range(match_count):
            match_key, pos = read_string(data, pos)
            match_item, pos = read_string(data, pos)
            match[match_key] = match_item
    rate_pico, pos = read_long(data, pos)
    per, pos = read_long(data, pos)
    package: Package | None = None
    package_branch, pos = read_index(data, pos)
    if package_branch == 1:
        package_some, pos = read_Package(data, pos)
        package = package_some
    elif package_branch != 0:
        refuse("an unknown branch", pos)
    tier_mode_index, pos = read_index(data, pos)
    tier_mode = _TIERMODE[tier_mode_index]
    tiers: list[Tier] = []
    while True:
        tiers_count, pos = read_count(data, pos)
        if tiers_count == 0:
            break
        for _ in range(tiers_count):
            tiers_item, pos = read_Tier(data, pos)
            tiers.append(tiers_item)
    minimum, pos = read_long(data, pos)
    over_index, pos = read_index(data, pos)
    over = _OVER[over_index]
    return Line(
        line_id=line_id,
        quantity=quantity,
        match=match,
        rate_pico=rate_pico,
        per=per,
        package=package,
        tier_mode=tier_mode,
        tiers=tiers,
        minimum=minimum,
        over=over,
    ), pos


def write_Line(out: BytesWriter, value: Line) -> None:
    write_name(out, value.line_id)
    write_name(out, value.quantity)
    match = value.match
    if match:
        write_long(out, len(match))
        for match_key in sorted(match) if len(match) > 1 else match:
            write_name(out, match_key)
            write_string(out, match[match_key])
    out.append(0)
    write_long(out, value.rate_pico)
    write_long(out, value.per)
    package = value.package
    if package is None:
        out.append(0)
    else:
        out.append(2)
        write_Package(out, package)
    out.write(_TIERMODE_BYTES[value.tier_mode])
    tiers = value.tiers
    if tiers:
        write_long(out, len(tiers))
        for tiers_item in tiers:
            write_Tier(out, tiers_item)
    out.append(0)
    write_long(out, value.minimum)
    out.write(_OVER_BYTES[value.over])


def read_Meter(data: bytes, pos: i64) -> tuple[Meter, i64]:
    name, pos = read_string(data, pos)
    description, pos = read_string(data, pos)
    exclusive: dict[str, str] = {}
    while True:
        exclusive_count, pos = read_count(data, pos)
        if exclusive_count == 0:
            break
        for _ in range(exclusive_count):
            exclusive_key, pos = read_string(data, pos)
            exclusive_item, pos = read_string(data, pos)
            exclusive[exclusive_key] = exclusive_item
    total, pos = read_string(data, pos)
    lines: list[Line] = []
    while True:
        lines_count, pos = read_count(data, pos)
        if lines_count == 0:
            break
        for _ in range(lines_count):
            lines_item, pos = read_Line(data, pos)
            lines.append(lines_item)
    return Meter(
        name=name,
        description=description,
        exclusive=exclusive,
        total=total,
        lines=lines,
    ), pos


def write_Meter(out: BytesWriter, value: Meter) -> None:
    write_string(out, value.name)
    write_string(out, value.description)
    exclusive = value.exclusive
    if exclusive:
        write_long(out, len(exclusive))
        for exclusive_key in sorted(exclusive) if len(exclusive) > 1 else exclusive:
            write_name(out, exclusive_key)
            write_string(out, exclusive[exclusive_key])
    out.append(0)
    write_string(out, value.total)
    lines = value.lines
    if lines:
        write_long(out, len(lines))
        for lines_item in lines:
            write_Line(out, lines_item)
    out.append(0)


def read_Override(data: bytes, pos: i64) -> tuple[Override, i64]:
    customer_id, pos = read_string(data, pos)
    meter, pos = read_string(data, pos)
    lines: list[Line] = []
    while True:
        lines_count, pos = read_count(data, pos)
        if lines_count == 0:
            break
        for _ in range(lines_count):
            lines_item, pos = read_Line(data, pos)
            lines.append(lines_item)
    return Override(
        customer_id=customer_id,
        meter=meter,
        lines=lines,
    ), pos


def write_Override(out: BytesWriter, value: Override) -> None:
    write_string(out, value.customer_id)
    write_name(out, value.meter)
    lines = value.lines
    if lines:
        write_long(out, len(lines))
        for lines_item in lines:
            write_Line(out, lines_item)
    out.append(0)


def read_RateCard(data: bytes, pos: i64) -> tuple[RateCard, i64]:
    card_id, pos = read_string(data, pos)
    version, pos = read_string(data, pos)
    unit, pos = read_string(data, pos)
    description, pos = read_string(data, pos)
    effective_from, pos = read_long(data, pos)
    meters: list[Meter] = []
    while True:
        meters_count, pos = read_count(data, pos)
        if meters_count == 0:
            break
        for _ in range(meters_count):
            meters_item, pos = read_Meter(data, pos)
            meters.append(meters_item)
    overrides: list[Override] = []
    while True:
        overrides_count, pos = read_count(data, pos)
        if overrides_count == 0:
            break
        for _ in range(overrides_count):
            overrides_item, pos = read_Override(data, pos)
            overrides.append(overrides_item)
    return RateCard(
        card_id=card_id,
        version=version,
        unit=unit,
        description=description,
        effective_from=effective_from,
        meters=meters,
        overrides=overrides,
    ), pos


def write_RateCard(out: BytesWriter, value: RateCard) -> None:
    write_string(out, value.card_id)
    write_string(out, value.version)
    write_name(out, value.unit)
    write_string(out, value.description)
    write_long(out, value.effective_from)
    meters = value.meters
    if meters:
        write_long(out, len(meters))
        for meters_item in meters:
            write_Meter(out, meters_item)
    out.append(0)
    overrides = value.overrides
    if overrides:
        write_long(out, len(overrides))
        for overrides_item in overrides:
            write_Override(out, overrides_item)
    out.append(0)

"""Reads and writes `UsageEvent` byte by byte; compiled, the hot path.

Generated from `schemas/usage-event.v1.avsc` by `adapters.avro.generate`: don't edit.
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
from drawdown.domain.inputs import (
    UsageEvent,
)

if __file__.endswith(".py"):
    from drawdown.adapters.avro.unpacking import read_long

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


def read_UsageEvent(data: bytes, pos: i64) -> tuple[UsageEvent, i64]:
    event_id_size: i64 = data[pos]
    if event_id_size & 129:
        event_id_size, pos = read_length(data, pos)
    else:
        pos += 1
        event_id_size >>= 1
    event_id_at = pos
    pos += event_id_size
    event_id = data[event_id_at:pos].decode()
    canonical = True
    body = pos
    customer_id_size: i64 = data[pos]
    if customer_id_size & 129:
        customer_id_size, pos = read_length(data, pos)
        if data[pos - 1] == 0:
            canonical = False
    else:
        pos += 1
        customer_id_size >>= 1
    customer_id_at = pos
    pos += customer_id_size
    customer_id = data[customer_id_at:pos].decode()
    unit_size: i64 = data[pos]
    if unit_size & 129:
        unit_size, pos = read_length(data, pos)
        if data[pos - 1] == 0:
            canonical = False
    else:
        pos += 1
        unit_size >>= 1
    unit_at = pos
    pos += unit_size
    unit = name_of(data[unit_at:pos])
    meter_size: i64 = data[pos]
    if meter_size & 129:
        meter_size, pos = read_length(data, pos)
        if data[pos - 1] == 0:
            canonical = False
    else:
        pos += 1
        meter_size >>= 1
    meter_at = pos
    pos += meter_size
    meter = name_of(data[meter_at:pos])
    occurred_at: i64 = data[pos]
    if occurred_at < 128:
        pos += 1
        occurred_at = (occurred_at >> 1) ^ -(occurred_at & 1)
    else:
        occurred_at, pos = read_long(data, pos)
        if data[pos - 1] == 0:
            canonical = False
    status_index: i64 = data[pos]
    if status_index & 129:
        status_index, pos = read_index(data, pos)
        if data[pos - 1] == 0:
            canonical = False
    else:
        pos += 1
        status_index >>= 1
    status = _USAGESTATUS[status_index]
    properties_at = pos
    properties_end = string_map_end(data, pos)
    properties_known = known_string_map(data[properties_at:properties_end]) if properties_end > 0 else None
    properties: dict[str, str] = {}
    if properties_known is not None:
        properties = properties_known
        pos = properties_end
    else:
        properties_previous = ""
        while True:
            properties_count: i64 = data[pos]
            if properties_count & 129:
                properties_count, pos = read_count(data, pos)
                canonical = False
            else:
                pos += 1
                properties_count >>= 1
            if properties_count == 0:
                break
            if properties:
                canonical = False
            for _ in range(properties_count):
                properties_key_size: i64 = data[pos]
                if properties_key_size & 129:
                    properties_key_size, pos = read_length(data, pos)
                    if data[pos - 1] == 0:
                        canonical = False
                else:
                    pos += 1
                    properties_key_size >>= 1
                properties_key_at = pos
                pos += properties_key_size
                properties_key = name_of(data[properties_key_at:pos])
                properties_item_size: i64 = data[pos]
                if properties_item_size & 129:
                    properties_item_size, pos = read_length(data, pos)
                    if data[pos - 1] == 0:
                        canonical = False
                else:
                    pos += 1
                    properties_item_size >>= 1
                properties_item_at = pos
                pos += properties_item_size
                properties_item = data[properties_item_at:pos].decode()
                if properties_key <= properties_previous:
                    canonical = False
                properties_previous = properties_key
                properties[properties_key] = properties_item
        if canonical and properties_end > 0:
            remember_string_map(data[properties_at:properties_end], properties)
    quantities: dict[str, int] = {}
    quantities_previous = ""
    while True:
        quantities_count: i64 = data[pos]
        if quantities_count & 129:
            quantities_count, pos = read_count(data, pos)
            canonical = False
        else:
            pos += 1
            quantities_count >>= 1
        if quantities_count == 0:
            break
        if quantities:
            canonical = False
        for _ in range(quantities_count):
            quantities_key_size: i64 = data[pos]
            if quantities_key_size & 129:
                quantities_key_size, pos = read_length(data, pos)
                if data[pos - 1] == 0:
                    canonical = False
            else:
                pos += 1
                quantities_key_size >>= 1
            quantities_key_at = pos
            pos += quantities_key_size
            quantities_key = name_of(data[quantities_key_at:pos])
            quantities_item: i64 = data[pos]
            if quantities_item < 128:
                pos += 1
                quantities_item = (quantities_item >> 1) ^ -(quantities_item & 1)
            else:
                quantities_item, pos = read_long(data, pos)
                if data[pos - 1] == 0:
                    canonical = False
            if quantities_key <= quantities_previous:
                canonical = False
            quantities_previous = quantities_key
            quantities[quantities_key] = quantities_item
    digest = sha256_of(data[body:pos]) if canonical else b""
    hold_id_size: i64 = data[pos]
    if hold_id_size & 129:
        hold_id_size, pos = read_length(data, pos)
    else:
        pos += 1
        hold_id_size >>= 1
    hold_id_at = pos
    pos += hold_id_size
    hold_id = data[hold_id_at:pos].decode()
    hold_final_byte: i64 = data[pos]
    if hold_final_byte > 1:
        refuse("neither true nor false", pos)
    pos += 1
    hold_final = hold_final_byte == 1
    return UsageEvent(
        event_id=event_id,
        customer_id=customer_id,
        unit=unit,
        meter=meter,
        occurred_at=occurred_at,
        status=status,
        properties=properties,
        quantities=quantities,
        hold_id=hold_id,
        hold_final=hold_final,
        digest=digest,
    ), pos


def write_UsageEvent(out: BytesWriter, value: UsageEvent) -> None:
    write_string(out, value.event_id)
    write_string(out, value.customer_id)
    write_name(out, value.unit)
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
    write_string(out, value.hold_id)
    out.append(1 if value.hold_final else 0)

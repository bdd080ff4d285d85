"""Packs `UsageEvent` from tables of encoded pieces; for the interpreter.

Generated from `schemas/usage-event.v1.avsc` by `adapters.avro.generate`: don't edit.
"""

from typing import Final, assert_never

from drawdown.adapters.avro.packing import LONG, STRING, pack_bytes
from drawdown.domain.inputs import (
    UsageEvent,
)

_USAGESTATUS_BYTES: Final[dict[str, bytes]] = {
    "succeeded": b'\x00',
    "partial": b'\x02',
    "failed": b'\x04',
}


def pack_UsageEvent(value: UsageEvent) -> bytes:
    event_id = value.event_id.encode()
    customer_id = value.customer_id.encode()
    properties = value.properties
    quantities = value.quantities
    hold_id = value.hold_id.encode()
    return b"".join((
        LONG[len(event_id)],
        event_id,
        LONG[len(customer_id)],
        customer_id,
        STRING[value.unit],
        STRING[value.meter],
        LONG[value.occurred_at],
        _USAGESTATUS_BYTES[value.status],
        LONG[len(properties)],
        b"".join([STRING[properties_key] + STRING[properties[properties_key]] for properties_key in sorted(properties)]) + b"\x00" if properties else b"",
        LONG[len(quantities)],
        b"".join([STRING[quantities_key] + LONG[quantities[quantities_key]] for quantities_key in sorted(quantities)]) + b"\x00" if quantities else b"",
        LONG[len(hold_id)],
        hold_id,
        (b"\x01" if value.hold_final else b"\x00"),
    ))

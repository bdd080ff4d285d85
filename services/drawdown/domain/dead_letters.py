"""Dead letters: records that are no input of the ledger, parked with their origin.

The attributes are the fields of `schemas/dead-letter.v1.avsc`, name by name.
"""

from dataclasses import dataclass
from typing import Final, Literal

from drawdown.domain.entries import PARTITION_CUSTOMER
from drawdown.domain.ids import valid_id
from drawdown.domain.inputs import Command, UsageEvent

DeadLetterReason = Literal["undecodable", "schema_unknown", "wrong_partition", "parked"]

KEPT_BYTES: Final = 64 * 1024
"""So much of a dead record's value is kept; its length and SHA-256 stand for the rest."""


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """A parked record; `length` and `sha256` are those of its whole value."""

    topic: str
    partition: int
    offset: int
    recorded_at: int
    reason: DeadLetterReason
    detail: str
    length: int
    sha256: bytes
    key: bytes | None
    value: bytes


def usage_fault(event: UsageEvent) -> str:
    """Why an event that decodes is no input all the same; empty: it is one."""
    if not valid_id(event.customer_id):
        return "customer_id must be 1–128 bytes without NUL"
    if not (valid_id(event.event_id) and valid_id(event.unit) and valid_id(event.meter)):
        return "event_id, unit and meter must be 1–128 bytes without NUL"
    for name, text in event.properties.items():
        if "\0" in text or "\0" in name:
            return f"property {name!r} contains NUL"
    return ""


def command_fault(command: Command) -> str:
    """Why a command that decodes is no input all the same; empty: it is one."""
    if command.customer_id != PARTITION_CUSTOMER and not valid_id(command.customer_id):
        return "customer_id must be 1–128 bytes without NUL"
    if not valid_id(command.command_id) or not valid_id(command.unit):
        return "command_id and unit must be 1–128 bytes without NUL"
    if "\0" in command.reason or "\0" in command.actor:
        return "reason or actor contains NUL"
    return ""

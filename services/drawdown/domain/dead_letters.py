"""Dead letters: records that are no input of the ledger, parked with their origin.

The attributes are the fields of `schemas/dead-letter.v1.avsc`, name by name.
"""

from dataclasses import dataclass
from typing import Final, Literal

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

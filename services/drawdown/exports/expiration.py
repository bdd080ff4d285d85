"""The expiration projection's tables as datasets."""

from typing import Final

from drawdown.exports.datasets import CUSTOMER, PARTITION, UNIT, Column, Dataset, micro, minor

_LOT: Final = Column("lot_id", "text", "the lot")

EXPIRATIONS: Final = Dataset(
    name="expirations",
    projection="expiration",
    table="expirations",
    rows_are="what of lots has expired",
    key=("customer_id", "unit", "lot_id", "partition_seq"),
    columns=(
        CUSTOMER,
        UNIT,
        _LOT,
        micro("amount", "what expired"),
        minor("breakage_minor", "revenue that this released"),
        Column("currency", "text", "ISO 4217; empty: the lot has no price"),
        Column("expired_at", "moment", "the lot's date"),
        Column("recorded_at", "moment", "when it was booked"),
        PARTITION,
        Column("partition_seq", "integer", "the entry that booked it"),
    ),
)

REMINDERS: Final = Dataset(
    name="reminders",
    projection="expiration",
    table="reminders",
    rows_are="reminders that were due, and those that will be",
    key=("customer_id", "unit", "lot_id", "expires_at", "days"),
    columns=(
        CUSTOMER,
        UNIT,
        _LOT,
        Column("expires_at", "moment", "the lot's date"),
        Column("days", "integer", "30, 7 or 1 before it; 0: the digest of its week"),
        Column("due_at", "moment", "when it is due"),
        micro("amount", "what will expire"),
        PARTITION,
    ),
)

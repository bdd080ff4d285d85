"""The revenue projection's tables as datasets."""

from collections.abc import Sequence
from typing import Final

from drawdown.exports.datasets import (
    CHANGED,
    CUSTOMER,
    PARTITION,
    UNIT,
    Column,
    Dataset,
    micro,
    minor,
)

_LOT: Final = Column("lot_id", "text", "the lot")
_DAY: Final = Column("day", "day", "the day of the reporting zone")
_KIND: Final = Column("kind", "text", "purchased, promotional, included or adjustment")
_CURRENCY: Final = Column("currency", "text", "ISO 4217; empty: the lot has no price")
_KEY: Final = ("customer_id", "unit", "lot_id", "day")
_MONEY: Final[Sequence[Column]] = (
    minor("billed_minor", "sold, or granted with a price"),
    minor("recognized_minor", "revenue from usage, less usage that was refunded"),
    minor("breakage_minor", "revenue from credits that expired, or are expected to"),
    minor("refunded_minor", "cost basis of credits that were voided or refunded"),
    minor("chargeback_minor", "cost basis of unspent credits of lost payments"),
    minor("adjusted_minor", "cost basis of credits that adjustments took"),
    minor("transferred_minor", "cost basis that rolled over: into the lot, or out (negative)"),
    minor("advance_minor", "of breakage: estimated before it expires"),
    minor("receivable_minor", "billed while its payment is pending; paid or gone (negative)"),
    minor("returned_minor", "money that refunds gave back, or that is no longer due"),
    minor("contra_minor", "money of refunds beyond the share of their credits"),
    minor("disputed_minor", "money that lost disputes took; reinstated (negative)"),
)

REVENUE: Final = Dataset(
    name="revenue",
    projection="revenue",
    table="running",
    rows_are="lots by day: billed, recognized, …, deferred at its end",
    key=_KEY,
    counted="SELECT count(*) FROM days",
    columns=(
        CUSTOMER,
        UNIT,
        _LOT,
        _DAY,
        PARTITION,
        CHANGED,
        _KIND,
        _CURRENCY,
        *_MONEY,
        micro("granted", "credits granted"),
        micro("spent", "credits used, less those refunded"),
        micro("expired", "credits expired"),
        micro("voided", "credits taken back"),
        micro("clawed_back", "credits taken back by a lost dispute"),
        minor("deferred_minor", "deferred revenue of the lot at the day's end"),
    ),
)

REVENUE_LOTS: Final = Dataset(
    name="revenue-lots",
    projection="revenue",
    table="lots",
    rows_are="lots as granted: what was paid, and for what",
    key=("customer_id", "unit", "lot_id"),
    columns=(
        CUSTOMER,
        UNIT,
        _LOT,
        _KIND,
        Column("reason", "text", "why it was granted"),
        Column("campaign", "text", "the campaign, if there was one"),
        micro("granted", "credits granted"),
        minor("price_minor", "what was paid for it"),
        _CURRENCY,
        minor("list_price_minor", "list price, where nobody paid"),
        Column("payment_id", "text", "the payment; empty: none"),
        Column("effective_at", "moment", "from when it may be drawn on"),
        PARTITION,
        CHANGED,
    ),
)

PROMOTIONAL: Final = Dataset(
    name="promotional",
    projection="revenue",
    table="promotional",
    rows_are="promotional lots by day, at list value",
    key=_KEY,
    columns=(
        CUSTOMER,
        UNIT,
        _LOT,
        _DAY,
        _CURRENCY,
        micro("granted", "credits granted"),
        micro("spent", "credits used"),
        micro("expired", "credits expired"),
        micro("taken", "credits taken back"),
        minor("granted_minor", "the same at list value"),
        minor("used_minor", "the same at list value"),
        minor("expired_minor", "the same at list value"),
        minor("taken_minor", "the same at list value"),
    ),
)

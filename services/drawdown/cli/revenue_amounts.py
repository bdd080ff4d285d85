"""What the reports of `drawdown revenue` have in common: amounts, days, freshness."""

from typing import Any

from drawdown.cli.reading import Freshness
from drawdown.settings import Settings
from drawdown.statements.explaining import money
from drawdown.statements.rollforward import Span


def amount(minor: int, currency: str) -> str:
    """Minor units as decimal text with the currency's places; credits without a currency: as they
    are."""
    return money(minor, currency).partition(" ")[0]


def span_document(settings: Settings, span: Span, fresh: list[Freshness]) -> dict[str, Any]:
    """What every report says of itself, as JSON."""
    return {
        "from": span.start.isoformat(),
        "until": span.until.isoformat(),
        "zone": settings.reporting_zone,
        "customer_id": span.customer_id or None,
        "freshness": [each.document() for each in fresh],
    }


def days_of(settings: Settings, span: Span) -> str:
    """The days of a report in words."""
    return f"{span.start} to {span.until} (not included), {settings.reporting_zone}"

"""The deferred-revenue roll-forward: from what was deferred to what is, by what happened between.

    opening + billed + transferred − recognized − breakage − refunded − chargeback − adjusted
    = closing

Opening and closing are sums of the same rows of the revenue projection, so that any two adjacent
periods meet. Currencies are never added. Money is in minor units, credits in micro-credits.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from typing import Any, Final, Literal, NamedTuple

from drawdown.adapters.postgres.connections import Connection
from drawdown.adapters.postgres.snapshots import rows

By = Literal["total", "customer", "lot", "day"]

ADDING: Final = ("billed", "transferred")
TAKING: Final = ("recognized", "breakage", "refunded", "chargeback", "adjusted")
MEMO: Final = ("advance", "receivable", "returned", "contra", "disputed")
"""What is told beside: it moves no deferred revenue."""
FIGURES: Final = (*ADDING, *TAKING, *MEMO)

_GROUPS: Final[dict[By, tuple[str, ...]]] = {
    "total": (),
    "customer": ("customer_id",),
    "lot": ("customer_id", "unit", "lot_id"),
    "day": ("day",),
}
_DEFERRED: Final = " + ".join(f"{name}_minor" for name in ADDING) + "".join(
    f" - {name}_minor" for name in TAKING
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """Days `[start, until)` of the reporting zone, and whose; empty: everybody's."""

    start: date
    until: date
    customer_id: str = ""


class Line(NamedTuple):
    """One line of a roll-forward; `name` is what it is grouped by, empty for a total."""

    name: tuple[str, ...]
    currency: str
    opening: int
    figures: dict[str, int]
    closing: int
    owed: int
    """What is receivable at the end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RollForward:
    """A period's roll-forward, and what is told beside it."""

    by: By
    lines: tuple[Line, ...]
    totals: tuple[Line, ...]
    """By currency."""
    adjustments: tuple[tuple[str, str, int], ...]
    """Currency, reason, minor units; part of `adjusted`."""
    promotional: tuple[dict[str, Any], ...]
    """By currency of the list price: `opening`, `granted`, `used`, `expired`, `taken`, `closing` at
    list value, and the same credits."""
    overage: tuple[tuple[str, int], ...]
    """Unit and micro-credits, to be billed with the next invoice."""


def read_rollforward(connection: Connection, span: Span, by: By) -> RollForward:
    """The roll-forward of a span, from one snapshot of the revenue projection."""
    totals = _lines(connection, span, "total")
    lines = totals if by == "total" else _lines(connection, span, by)
    if by == "day":
        lines = _running(lines, totals)
    for line in (*lines, *totals):
        assert line.closing == line.opening + _change(line.figures), f"{line} doesn't tie"
    return RollForward(
        by=by,
        lines=tuple(lines),
        totals=tuple(totals),
        adjustments=tuple(_adjustments(connection, span)),
        promotional=tuple(_promotional(connection, span)),
        overage=tuple(_overage(connection, span)),
    )


def _change(figures: dict[str, int]) -> int:
    return sum(figures[name] for name in ADDING) - sum(figures[name] for name in TAKING)


def _lines(connection: Connection, span: Span, by: By) -> list[Line]:
    group = _GROUPS[by]
    names = "".join(f"{name}, " for name in group)
    within = "FILTER (WHERE day >= %(start)s)"
    sums = ", ".join(
        f"coalesce(sum({name}_minor) {within}, 0)::bigint AS {name}" for name in FIGURES
    )
    found = rows(
        connection,
        f"""
        SELECT {names}currency,
            coalesce(sum({_DEFERRED}) FILTER (WHERE day < %(start)s), 0)::bigint AS opening,
            sum({_DEFERRED})::bigint AS closing,
            sum(receivable_minor)::bigint AS owed, {sums}
        FROM days
        WHERE day < %(until)s AND currency <> '' AND kind <> 'promotional'
            AND (%(customer)s = '' OR customer_id = %(customer)s)
            {"AND day >= %(start)s" if by == "day" else ""}
        GROUP BY {names}currency ORDER BY {names}currency
        """,
        _values(span),
    )
    lines = [
        Line(
            name=tuple(str(row[each]) for each in group),
            currency=row["currency"],
            opening=row["opening"],
            figures={name: row[name] for name in FIGURES},
            closing=row["closing"],
            owed=row["owed"],
        )
        for row in found
    ]
    return [each for each in lines if each.opening or each.owed or any(each.figures.values())]


def _running(days: Iterable[Line], totals: Iterable[Line]) -> list[Line]:
    """Days whose opening is the closing of the day before."""
    deferred = {each.currency: each.opening for each in totals}
    owed = {each.currency: each.owed - each.figures["receivable"] for each in totals}
    found: list[Line] = []
    for day in days:
        opening = deferred.get(day.currency, 0)
        closing = deferred[day.currency] = opening + _change(day.figures)
        due = owed[day.currency] = owed.get(day.currency, 0) + day.figures["receivable"]
        found.append(day._replace(opening=opening, closing=closing, owed=due))
    return found


def _adjustments(connection: Connection, span: Span) -> list[tuple[str, str, int]]:
    found = rows(
        connection,
        """
        SELECT lots.currency, adjustments.reason, sum(adjusted_minor)::bigint AS adjusted
        FROM adjustments JOIN lots USING (customer_id, unit, lot_id)
        WHERE day >= %(start)s AND day < %(until)s
            AND (%(customer)s = '' OR customer_id = %(customer)s)
        GROUP BY 1, 2 ORDER BY 1, 2
        """,
        _values(span),
    )
    return [(row["currency"], row["reason"], row["adjusted"]) for row in found]


_LISTED: Final = ("granted", "used", "expired", "taken")


def _promotional(connection: Connection, span: Span) -> list[dict[str, Any]]:
    """At list value and in credits, by currency of the list price; none: credits alone."""
    credits = {"granted": "granted", "used": "spent", "expired": "expired", "taken": "taken"}
    columns = ", ".join(
        f"coalesce(sum({name}_minor) FILTER (WHERE day >= %(start)s), 0)::bigint AS {name}, "
        f"coalesce(sum({credits[name]}) FILTER (WHERE day >= %(start)s), 0)::bigint "
        f"AS {name}_credits"
        for name in _LISTED
    )
    left = "granted_minor - used_minor - expired_minor - taken_minor"
    left_credits = "granted - spent - expired - taken"
    return rows(
        connection,
        f"""
        SELECT currency, {columns},
            coalesce(sum({left}) FILTER (WHERE day < %(start)s), 0)::bigint AS opening,
            sum({left})::bigint AS closing,
            coalesce(sum({left_credits}) FILTER (WHERE day < %(start)s), 0)::bigint
                AS opening_credits,
            sum({left_credits})::bigint AS closing_credits
        FROM promotional
        WHERE day < %(until)s AND (%(customer)s = '' OR customer_id = %(customer)s)
        GROUP BY currency ORDER BY currency
        """,
        _values(span),
    )


def _overage(connection: Connection, span: Span) -> list[tuple[str, int]]:
    found = rows(
        connection,
        """
        SELECT unit, sum(overage)::bigint AS overage FROM overage
        WHERE day >= %(start)s AND day < %(until)s
            AND (%(customer)s = '' OR customer_id = %(customer)s)
        GROUP BY unit HAVING sum(overage) <> 0 ORDER BY unit
        """,
        _values(span),
    )
    return [(row["unit"], row["overage"]) for row in found]


def _values(span: Span) -> dict[str, object]:
    return {"start": span.start, "until": span.until, "customer": span.customer_id}

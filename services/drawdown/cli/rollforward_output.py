"""The roll-forward of deferred revenue as tables, JSON and CSV."""

from typing import Any, Final

from drawdown.cli import freshness
from drawdown.cli.output import cells, out, table
from drawdown.cli.reading import Freshness
from drawdown.cli.revenue_amounts import amount, days_of, span_document
from drawdown.domain.numbers import format_credits
from drawdown.settings import Settings
from drawdown.statements.explaining import money
from drawdown.statements.rollforward import ADDING, MEMO, TAKING, By, Line, RollForward, Span

NAMES: Final[dict[By, tuple[str, ...]]] = {
    "total": (),
    "customer": ("customer_id",),
    "lot": ("customer_id", "unit", "lot_id"),
    "day": ("day",),
}
_MOVED: Final = (*ADDING, *TAKING)
_USUAL: Final = frozenset({"billed", "recognized", "breakage", "refunded"})
"""Columns that are shown though they are 0."""


def rollforward_columns(by: By) -> tuple[str, ...]:
    """The names of a line's columns."""
    return (*NAMES[by], "currency", "opening", *_MOVED, "closing", *MEMO, "owed")


def rollforward_row(line: Line) -> tuple[str, ...]:
    """A line's columns; money as decimal text."""
    told = [line.opening, *(line.figures[name] for name in _MOVED), line.closing]
    told += [*(line.figures[name] for name in MEMO), line.owed]
    return (*line.name, line.currency, *(amount(each, line.currency) for each in told))


def rollforward_document(
    settings: Settings, span: Span, found: RollForward, fresh: list[Freshness]
) -> dict[str, Any]:
    """A roll-forward as JSON; money as decimal text of its currency, credits too."""
    names = NAMES[found.by]
    return {
        **span_document(settings, span, fresh),
        "by": found.by,
        "lines": [_line_document(line, names) for line in found.lines],
        "totals": [_line_document(line, ()) for line in found.totals],
        "adjustments": [
            {"currency": currency, "reason": reason, "adjusted": amount(minor, currency)}
            for currency, reason, minor in found.adjustments
        ],
        "promotional": [_promotional_document(each) for each in found.promotional],
        "overage": [
            {"unit": unit, "credits": format_credits(credits)} for unit, credits in found.overage
        ],
    }


def _line_document(line: Line, names: tuple[str, ...]) -> dict[str, str]:
    columns = (*names, *rollforward_columns("total"))
    return dict(zip(columns, rollforward_row(line), strict=True))


_LISTED: Final = ("opening", "granted", "used", "expired", "taken", "closing")


def _promotional_document(told: dict[str, Any]) -> dict[str, Any]:
    return {
        "currency": told["currency"],
        **{name: amount(told[name], told["currency"]) for name in _LISTED},
        "credits": {name: format_credits(told[f"{name}_credits"]) for name in _LISTED},
    }


def show_rollforward(
    settings: Settings, span: Span, found: RollForward, fresh: list[Freshness]
) -> None:
    """Print a roll-forward, and below it what is told beside."""
    console = out()
    whose = f" of {span.customer_id}" if span.customer_id else ""
    console.print(f"Deferred revenue{whose}, {days_of(settings, span)}", markup=False)
    every = (*found.lines, *found.totals)
    moved = [name for name in _MOVED if name in _USUAL or any(each.figures[name] for each in every)]
    owed = ["receivable"] if any(each.owed for each in every) else []
    names = [each.removesuffix("_id") for each in NAMES[found.by]]
    columns = [*names, "currency", "opening", *moved, "closing", *owed]
    shown = table("", *columns, numbers=columns[len(names) + 1 :])
    for line in found.lines:
        shown.add_row(*_cells(line, moved, bool(owed)))
    if found.by != "total":
        for line in found.totals:
            blank = [""] * (len(names) - 1)
            shown.add_row("total", *blank, *_cells(line, moved, bool(owed)))
    console.print(shown)
    _show_beside(found)
    console.print(f"[dim]{freshness.sentence(fresh)}[/dim]")


def _cells(line: Line, moved: list[str], owed: bool) -> list[str]:
    told = [line.opening, *(line.figures[name] for name in moved), line.closing]
    told += [line.owed] if owed else []
    return cells(*line.name, line.currency, *(amount(each, line.currency) for each in told))


def _show_beside(found: RollForward) -> None:
    lines = [
        f"adjusted for {reason or 'no reason given'}: {money(minor, currency)}"
        for currency, reason, minor in found.adjustments
    ]
    for name, meaning in (
        ("advance", "of breakage, estimated before it expires"),
        ("contra", "refunded beyond the cost basis"),
        ("returned", "given back as money, or no longer due"),
        ("disputed", "taken by lost disputes"),
    ):
        told = ((line.figures[name], line.currency) for line in found.totals)
        lines += [f"{meaning}: {money(minor, currency)}" for minor, currency in told if minor]
    lines += [_promotional_line(each) for each in found.promotional]
    lines += [
        f"overage to be billed: {format_credits(credits)} ({unit})"
        for unit, credits in found.overage
    ]
    for line in lines:
        out().print(line, soft_wrap=True, markup=False)


def _promotional_line(told: dict[str, Any]) -> str:
    currency = told["currency"]
    parts = [
        f"{name} {money(told[name], currency) if currency else '–'} "
        f"({format_credits(told[f'{name}_credits'])} credits)"
        for name in _LISTED
        if name in ("opening", "closing") or told[f"{name}_credits"]
    ]
    return f"promotional, at list value: {', '.join(parts)}"

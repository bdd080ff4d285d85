"""The journal of revenue as tables, JSON and CSV."""

from collections.abc import Iterable, Iterator
from typing import Any, Final

from drawdown.cli import freshness
from drawdown.cli.output import cells, err, out, table
from drawdown.cli.reading import Freshness
from drawdown.cli.revenue_amounts import amount, days_of, span_document
from drawdown.settings import Settings
from drawdown.statements.journal import JournalEntry, TrialBalance
from drawdown.statements.rollforward import Span

_SIDES: Final = ("account", "debit", "credit")
POSTING_COLUMNS: Final = ("day", "customer_id", "unit", "lot_id", "currency", *_SIDES)
TRIAL_COLUMNS: Final = ("currency", *_SIDES, "balance")


def _sides(minor: int, currency: str) -> tuple[str, str]:
    """Debit and credit; one of them empty."""
    text = amount(abs(minor), currency)
    return (text, "") if minor > 0 else ("", text)


def postings(entries: Iterable[JournalEntry]) -> Iterator[tuple[str, ...]]:
    """The lines of entries, by `POSTING_COLUMNS`."""
    for entry in entries:
        key = (entry.day, entry.customer_id, entry.unit, entry.lot_id, entry.currency)
        for account, minor in entry.amounts.items():
            yield (*key, account, *_sides(minor, entry.currency))


def trial_rows(balance: TrialBalance) -> list[tuple[str, ...]]:
    """The sums by `TRIAL_COLUMNS`; the balance is debits less credits."""
    return [
        (
            currency,
            account,
            amount(debits, currency),
            amount(credits, currency),
            amount(debits - credits, currency),
        )
        for (currency, account), (debits, credits) in sorted(balance.sums.items())
    ]


def journal_document(
    settings: Settings,
    span: Span,
    entries: list[JournalEntry],
    balance: TrialBalance,
    fresh: list[Freshness],
) -> dict[str, Any]:
    """A journal and its trial balance as JSON."""
    trial = [dict(zip(TRIAL_COLUMNS, row, strict=True)) for row in trial_rows(balance)]
    written = [_entry_document(each) for each in entries]
    return {**span_document(settings, span, fresh), "entries": written, "trial_balance": trial}


def _entry_document(entry: JournalEntry) -> dict[str, Any]:
    return {
        "day": entry.day,
        "customer_id": entry.customer_id,
        "unit": entry.unit,
        "lot_id": entry.lot_id,
        "currency": entry.currency,
        "postings": [
            dict(zip(_SIDES, (account, *_sides(minor, entry.currency)), strict=True))
            for account, minor in entry.amounts.items()
        ],
    }


def print_journal(
    settings: Settings,
    span: Span,
    entries: list[JournalEntry],
    balance: TrialBalance,
    fresh: list[Freshness],
) -> None:
    """Print a journal and its trial balance."""
    console = out()
    console.print(f"Journal, {days_of(settings, span)}", markup=False)
    if entries:
        columns = [each.removesuffix("_id") for each in POSTING_COLUMNS]
        shown = table("", *columns, numbers=columns[-2:])
        for row in postings(entries):
            shown.add_row(*cells(*row))
        console.print(shown)
    shown = table("Trial balance", *TRIAL_COLUMNS, numbers=TRIAL_COLUMNS[2:])
    for row in trial_rows(balance):
        shown.add_row(*cells(*row))
    console.print(shown)
    wrong = balance.out_of_balance()
    if wrong:
        err().print(f"it doesn't balance: {wrong}", soft_wrap=True, markup=False)
    console.print(f"[dim]{freshness.sentence(fresh)}[/dim]")

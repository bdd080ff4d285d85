"""How an account differs from what a scenario expects of it."""

from collections.abc import Mapping, Sequence
from typing import Any

from drawdown.adapters.documents.entries import write_account
from drawdown.adapters.documents.times import format_time
from drawdown.domain.accounts import Account
from drawdown.domain.as_of import balance_as_of
from drawdown.domain.entries import LedgerEntry
from drawdown.domain.numbers import format_credits
from drawdown.domain.reminders import reminders
from drawdown.scenarios.expectations import REMINDER, AccountExpectation, Difference, differences


def unexpected_account(
    expected: AccountExpectation, account: Account | None, log: Sequence[LedgerEntry]
) -> list[Difference]:
    """Where the account isn't as expected; None: it has not begun. `log`: all entries so far."""
    if expected.empty:
        return []
    if account is None:
        return [Difference(what=expected.customer_id, expected="an account", got="none")]
    written = write_account(account)
    found = [
        each
        for name, value in expected.figures.items()
        for each in differences(value, written[name], f"{name} of {expected.customer_id}")
    ]
    lots = {lot["lot_id"]: lot for lot in written["lots"]}
    holds = {hold["hold_id"]: hold for hold in written["holds"]}
    found += _unexpected_parts("lot", expected.lots, lots)
    found += _unexpected_parts("hold", expected.holds, holds)
    own = [
        entry
        for entry in log
        if (entry.facts.customer_id, entry.facts.unit) == (account.customer_id, account.unit)
    ]
    found += [each for past in expected.as_of for each in _unexpected_past(past, own)]
    return found + _unexpected_reminders(expected.reminders, own)


def _unexpected_parts(
    what: str, expected: Mapping[str, Mapping[str, Any]], got: Mapping[str, Mapping[str, Any]]
) -> list[Difference]:
    return [
        each
        for part_id, fields in expected.items()
        for name, value in fields.items()
        for each in differences(
            value,
            got[part_id][name] if part_id in got else f"no such {what}",
            f"{name} of {what} {part_id}",
        )
    ]


def _unexpected_past(past: Mapping[str, Any], entries: Sequence[LedgerEntry]) -> list[Difference]:
    """`past` has the values of `expectations.AS_OF`."""
    known = past.get("known", "now")
    then = balance_as_of(entries, past["at"], known)
    name = f"as of {format_time(past['at'])}, as known {known}"
    found = []
    if "balance" in past:
        got = format_credits(then.balance)
        found += differences(format_credits(past["balance"]), got, f"balance {name}")
    for lot_id, amount in past.get("lots", {}).items():
        got = format_credits(then.lots[lot_id]) if lot_id in then.lots else "no such lot"
        found += differences(format_credits(amount), got, f"lot {lot_id} {name}")
    return found


def _unexpected_reminders(
    told: Mapping[str, Any] | None, entries: Sequence[LedgerEntry]
) -> list[Difference]:
    """`told` has the values of `expectations.REMINDERS`."""
    if told is None:
        return []
    facts = [entry.facts for entry in entries]
    due = [REMINDER.write(each) for each in reminders(facts, told.get("from", 0), told["until"])]
    expected = [REMINDER.write(each) for each in told["due"]]
    if len(due) == len(expected):
        return differences(expected, due, "reminder")
    return [Difference(what="reminders", expected=expected, got=due)]

"""`prove`, `check` and `explain`: what the ledger says, for people who don't take its word."""

from pathlib import Path
from typing import Annotated, Any

import typer

from drawdown.cli.output import JSON_HELP, cells, err, out, show_json, table
from drawdown.cli.session import connected
from drawdown.domain.numbers import format_credits
from drawdown.statements.checking import Checked, check_proof
from drawdown.statements.events import explain as explain_event
from drawdown.statements.proving import prove as write_proof

_JSON = Annotated[bool, typer.Option("--json", help=JSON_HELP)]
_CUSTOMER = Annotated[str, typer.Argument(help="The customer's id.")]


def prove(
    customer: _CUSTOMER,
    file: Annotated[Path, typer.Option("--out", help="Where the proof is written.")],
    unit: Annotated[str, typer.Option(help="The account's unit.")] = "credit",
    as_json: _JSON = False,
) -> None:
    """Write the proof of an account: every entry with its bytes, hash-chained from the first.

    `drawdown check FILE` verifies it anywhere, with no access to this ledger. Note the head that
    is printed: only with it can a later check tell that nothing was cut off at the end.
    """
    header = write_proof(connected(), customer, unit, file)
    if header is None:
        err().print(f"{customer} has no account in {unit} here", soft_wrap=True, markup=False)
        raise typer.Exit(1)
    if as_json:
        show_json(
            {
                "file": str(file),
                "namespace": header.namespace,
                "customer_id": header.customer_id,
                "unit": header.unit,
                "entries": header.entries,
                "head": header.head,
            }
        )
    else:
        out().print(f"{file}: {header.entries} entries", soft_wrap=True, markup=False)
        out().print(f"head {header.head}", soft_wrap=True, markup=False)


def check(
    file: Annotated[Path, typer.Argument(help="A proof that `drawdown prove` wrote.")],
    head: Annotated[
        str, typer.Option(help="The hash it must lead to, from a source other than the file.")
    ] = "",
    as_json: _JSON = False,
) -> None:
    """Verify a proof offline: chain, sequence, figures and invariants, entry by entry.

    Leaves with 1 where anything is wrong and says which line and how. A proof whose last
    entries were cut off is whole up to there: only --head tells.
    """
    checked = check_proof(file, head)
    if as_json:
        show_json(check_document(checked))
    elif checked.ok:
        _show_checked(file, checked)
    if not checked.ok:
        err().print(f"{file}:{checked.line}: {checked.wrong}", soft_wrap=True, markup=False)
        raise typer.Exit(1)


def check_document(checked: Checked) -> dict[str, Any]:
    """What a check found, as JSON; without a head given nothing vouches for the end."""
    header = checked.header
    return {
        "ok": checked.ok,
        "namespace": "" if header is None else header.namespace,
        "customer_id": "" if header is None else header.customer_id,
        "unit": "" if header is None else header.unit,
        "entries": checked.entries,
        "head": checked.head,
        "balance": format_credits(checked.balance),
        "available": format_credits(checked.available),
        "given_head": checked.given_head,
        "entries_up_to_given_head": checked.proven,
        "end_is_proven": checked.ok and checked.proven == checked.entries > 0,
        "line": checked.line,
        "wrong": checked.wrong,
    }


def _show_checked(file: Path, checked: Checked) -> None:
    header = checked.header
    assert header is not None
    whose = f"{header.customer_id} in {header.unit}, namespace {header.namespace}"
    lines = [
        f"{file}: {checked.entries} entries of {whose} hold",
        f"balance {format_credits(checked.balance)}",
        f"head {checked.head}",
    ]
    if checked.proven == checked.entries:
        lines.append("It ends at the head given: nothing is missing.")
    elif checked.proven:
        rest = checked.entries - checked.proven
        lines.append(
            f"It leads to the head given; {rest} entries follow, which it says nothing of."
        )
    else:
        lines.append("Entries cut off at the end don't show without --head.")
    for line in lines:
        out().print(line, soft_wrap=True, markup=False)


def explain(
    event_id: Annotated[str, typer.Argument(help="The usage event's id.")],
    customer: Annotated[
        str, typer.Option(help="Whose event; without it, all partitions are searched.")
    ] = "",
    as_json: _JSON = False,
) -> None:
    """Explain one usage event: rates, arithmetic, lots, balance, revenue; or why it was refused.

    Each step is exact and can be redone by hand. Read from the ledger topic; repeats that booked
    nothing are found in the usage topic as far as it is retained.
    """
    story = explain_event(connected(), event_id, customer)
    if story is None:
        err().print(f"the ledger has no event {event_id}", soft_wrap=True, markup=False)
        raise typer.Exit(1)
    if as_json:
        show_json(story)
        return
    for line in story_lines(story):
        out().print(line, soft_wrap=True, markup=False)
    if "charge" in story and story["charge"]["lots"]:
        _show_lots(story["charge"]["lots"])


def story_lines(story: dict[str, Any]) -> list[str]:
    """An event's story in sentences."""
    lines = [f"{story['event_id']} of {story['customer_id']}: {story['outcome']}"]
    if "charge" in story:
        lines += _charge_lines(story["charge"])
        for refund in story["refunds"]:
            when = f"{refund['refund_id']} at {refund['recorded_at']}"
            lines.append(f"Given back: {refund['given_back']} ({when}, {refund['entry_id']})")
        if story["refunds"]:
            left = story["left"]
            lines.append(f"Of {left['charged']} charged, {left['stands']} stands.")
    for rejection in story["rejections"]:
        reason = f"{rejection['code']}: {rejection['meaning']}"
        lines.append(f"Refused at {rejection['recorded_at']} ({rejection['entry_id']}): {reason}")
        if rejection["detail"]:
            lines.append(f"  {rejection['detail']}")
    for repeat in story["repeats"]:
        which = f"offset {repeat['offset']}, with {repeat['body']} body"
        lines.append(f"Sent again at {repeat['recorded_at']} ({which}): booked nothing")
    return lines


def _charge_lines(charge: dict[str, Any]) -> list[str]:
    card, total, split = charge["rate_card"], charge["sum"], charge["split"]
    lines = [
        f"Entry {charge['entry_id']}, {charge['meter']} ({charge['status']})"
        f", occurred {charge['occurred_at']}, recorded {charge['recorded_at']}"
    ]
    if card is not None:
        lines.append(f"Rated by {card['label']}, in force from {card['effective_from']}")
    for line in charge["lines"]:
        lines.append(f"  {line['quantity']} ({line['line_id']})")
        lines += [f"    {step}" for step in line["steps"]]
    lines += [f"  {step}" for step in total["steps"]]
    parts = [f"{name} {amount}" for name, amount in split.items() if amount != "0"]
    lines.append(f"Charged {charge['amount']}: {', '.join(parts) or 'nothing'}")
    if charge["hold_id"]:
        ended = ", which had ended" if charge["hold_ended"] else ""
        lines.append(f"For hold {charge['hold_id']}{ended}")
    balance = charge["balance"]
    lines.append(f"Balance {balance['before']} → {balance['after']}")
    for each in charge["revenue"]:
        lines.append(f"Revenue recognized: {each['released']}")
    return lines


def _show_lots(lots: list[dict[str, Any]]) -> None:
    columns = ("lot", "kind", "drawn", "left", "cost a credit", "released", "reckoned")
    shown = table("", *columns, numbers=("drawn", "left"))
    for lot in lots:
        drawn = lot["amount"] + (" (reserved)" if lot["reserved"] else "")
        row = (lot["lot_id"], lot["kind"], drawn, lot["remaining_after"], lot["cost_per_credit"])
        shown.add_row(*cells(*row, lot["released"], "; ".join(lot["steps"])))
    out().print(shown)

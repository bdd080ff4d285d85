"""What is asked of a customer's account: grants, holds, refunds, freezes, …, one command each."""

from collections.abc import Mapping
from typing import Final

import typer

from drawdown.cli.asking import Ask, add_command

PANEL: Final = "Customers"
CORRECTIONS: Final = "Corrections"

ASKS: Final[Mapping[str, tuple[str, Ask]]] = {
    "grant": (
        PANEL,
        Ask(type="grant", done="granted", arguments=("amount",), defaults={"kind": "promotional"}),
    ),
    "policy": (PANEL, Ask(type="change_policy", done="policy changed")),
    "void": (CORRECTIONS, Ask(type="void", done="voided", arguments=("lot_id", "amount?"))),
    "adjust": (CORRECTIONS, Ask(type="adjust", done="adjusted", arguments=("amount",))),
    "expiry": (
        CORRECTIONS,
        Ask(type="change_expiry", done="expiry changed", arguments=("lot_id", "expires_at")),
    ),
    "freeze": (CORRECTIONS, Ask(type="freeze", done="frozen", arguments=("lot_id?",))),
    "unfreeze": (CORRECTIONS, Ask(type="unfreeze", done="unfrozen", arguments=("lot_id?",))),
    "dispute": (
        CORRECTIONS,
        Ask(
            type="note_dispute",
            done="dispute noted",
            arguments=("dispute_id", "payment_id", "state"),
        ),
    ),
    "redrive": (
        CORRECTIONS,
        Ask(type="redrive_rejected", done="redriven", arguments=("event_id",)),
    ),
}
HOLDS: Final[Mapping[str, Ask]] = {
    "place": Ask(type="place_hold", done="hold placed", arguments=("hold_id", "amount")),
    "extend": Ask(type="extend_hold", done="hold extended", arguments=("hold_id",)),
    "capture": Ask(type="capture_hold", done="hold captured", arguments=("hold_id",)),
    "release": Ask(type="release_hold", done="hold released", arguments=("hold_id",)),
}
REFUNDS: Final[Mapping[str, Ask]] = {
    "usage": Ask(
        type="refund_usage", done="usage refunded", arguments=("refund_id", "event_id", "amount?")
    ),
    "purchase": Ask(
        type="refund_purchase",
        done="purchase refunded",
        arguments=("refund_id", "payment_id", "amount"),
    ),
}


def add_commands(app: typer.Typer) -> None:
    """Add each command to the application, and the groups of those about holds and refunds."""
    for name, (panel, ask) in ASKS.items():
        add_command(app, name, ask, panel=panel)
    for name, text, asks in (
        ("hold", "Reserve credits for work in flight, and charge or release them.", HOLDS),
        ("refund", "Give back usage, or a purchase.", REFUNDS),
    ):
        group = typer.Typer(help=text, no_args_is_help=True)
        for verb, ask in asks.items():
            add_command(group, verb, ask)
        app.add_typer(group, name=name, rich_help_panel=PANEL)

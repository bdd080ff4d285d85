"""The application: its global options, its commands, and how an error leaves it."""

import inspect
import os
import sys
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from drawdown import __version__, settings
from drawdown.cli import (
    accounts,
    benchmark,
    commands,
    dead_letters,
    demonstration,
    expirations,
    exports,
    grants,
    proofs,
    rates,
    rebuild,
    reconcile,
    referrals,
    rejections,
    reminders,
    revenue,
    scenarios,
    stack,
    statements,
    topics,
    usage,
    verify,
    whatif,
)
from drawdown.cli.output import prose
from drawdown.errors import DrawdownError


class _Application(TyperGroup):
    """Shows an operational failure as one line and leaves with its exit code."""

    def invoke(self, ctx: Any) -> Any:
        try:
            return super().invoke(ctx)
        except DrawdownError as error:
            if ctx.params.get("debug"):
                raise
            typer.echo(f"drawdown: {error}", err=True)
            raise typer.Exit(error.exit_code) from error


app = typer.Typer(
    cls=_Application,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="Drawdown: the credit ledger for AI companies. Usage in, balance out.",
    epilog="Begin with `drawdown demo`, or `drawdown up` and `drawdown topics --create`.",
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"drawdown {__version__}")
        raise typer.Exit


@app.callback()
def _global_options(
    ctx: typer.Context,
    namespace: Annotated[
        str, typer.Option(help="Which ledger: live, test, … (env DRAWDOWN_NAMESPACE)")
    ] = "",
    data_dir: Annotated[
        Path | None,
        typer.Option(help="Where local data are kept (env DRAWDOWN_DATA_DIR)"),
    ] = None,
    debug: Annotated[bool, typer.Option(help="Show where an error comes from.")] = False,
    version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show it.")
    ] = False,
) -> None:
    given = {"DRAWDOWN_NAMESPACE": namespace, "DRAWDOWN_DATA_DIR": str(data_dir or "")}
    chosen = {name: value for name, value in given.items() if value}
    before = {name: os.environ.get(name) for name in chosen}
    ctx.call_on_close(lambda: _restore(before))
    # Settings have one source, and child processes must see the same ones.
    os.environ.update(chosen)
    settings.current.cache_clear()


def _restore(before: dict[str, str | None]) -> None:
    for name, value in before.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
    settings.current.cache_clear()


app.command("up", rich_help_panel="This machine")(stack.up)
app.command("down", rich_help_panel="This machine")(stack.down)
app.command("status", rich_help_panel="This machine")(stack.status)
app.command("demo", rich_help_panel="This machine", help=demonstration.HELP)(demonstration.demo)
app.command("bench", rich_help_panel="This machine")(benchmark.bench)
app.command("topics", rich_help_panel="The ledger")(topics.topics)
app.add_typer(rates.app, name="rates", rich_help_panel="The ledger")
app.command("rebuild", rich_help_panel="The ledger")(rebuild.rebuild)
app.command("reconcile", rich_help_panel="The ledger")(reconcile.reconcile)
app.command("verify", rich_help_panel="The ledger")(verify.verify)
app.command("whatif", rich_help_panel="The ledger")(whatif.whatif)
app.command("export", rich_help_panel="The ledger", help=exports.HELP)(exports.export_dataset)
app.add_typer(revenue.app, name="revenue", rich_help_panel="The ledger")
app.command("check", rich_help_panel="The ledger")(proofs.check)
grants.add_commands(app)
app.command("refer", rich_help_panel="Customers")(referrals.refer)
app.command("balance", rich_help_panel="Customers")(accounts.balance)
app.command("ledger", rich_help_panel="Customers")(accounts.ledger)
app.command("statement", rich_help_panel="Customers")(statements.statement)
app.command("prove", rich_help_panel="Customers")(proofs.prove)
app.command("explain", rich_help_panel="Customers")(proofs.explain)
app.command("expirations", rich_help_panel="Customers")(expirations.expirations)
app.command("reminders", rich_help_panel="Customers")(reminders.reminders)
app.add_typer(usage.app, name="usage", rich_help_panel="Inputs")
app.add_typer(commands.app, name="commands", rich_help_panel="Inputs")
app.add_typer(dead_letters.app, name="dead-letters", rich_help_panel="Inputs")
app.add_typer(rejections.app, name="rejections", rich_help_panel="Inputs")
app.add_typer(scenarios.app, name="scenario", rich_help_panel="Inputs")


def _let_wrap(application: typer.Typer) -> None:
    """Have the terminal wrap the help that docstrings give, at any width."""
    for each in application.registered_commands:
        if each.callback is not None:
            each.help = prose(each.help or inspect.getdoc(each.callback) or "")
    for group in application.registered_groups:
        if group.typer_instance is not None:
            _let_wrap(group.typer_instance)


_let_wrap(app)


def main() -> None:
    """The console script."""
    sys.exit(app())

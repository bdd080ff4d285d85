"""`export`: a table of the read models as a file for analysts."""

from pathlib import Path
from typing import Annotated, Final, get_args

import typer

from drawdown.cli.output import JSON_HELP, err, out, progress, show_json, table
from drawdown.cli.session import connected
from drawdown.errors import UsageError
from drawdown.exports.catalogue import DATASETS, dataset
from drawdown.exports.datasets import Dataset
from drawdown.exports.exporting import Exported, Format, export

_FORMATS: Final[tuple[Format, ...]] = get_args(Format)
HELP: Final = f"""
Write a table of the read models to a file, all of it as of one moment.

WHAT is one of
{chr(10).join(f"  {each.name:<18}{each.rows_are}" for each in DATASETS.values())}

Credits are integers of micro-credits, money integers of minor units, times UTC. The file says up
to which entry of each partition it goes, and what its columns mean: Parquet in its metadata, the
others in FILE.about.json beside it. It takes its place when it is whole. Parquet needs
the extra `export`.
"""


def export_dataset(
    what: Annotated[str, typer.Argument(help="One of those above.", metavar="WHAT")],
    file: Annotated[
        Path | None, typer.Option("--out", help="Where to; what stands there is replaced.")
    ] = None,
    form: Annotated[
        str, typer.Option("--format", help="parquet, csv or jsonl; by the name of FILE if absent.")
    ] = "",
    columns: Annotated[
        bool, typer.Option("--columns", help="Only say what the columns are.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """Export; see `HELP`."""
    chosen = dataset(what)
    if columns:
        _show_columns(chosen, as_json=as_json)
        return
    if file is None:
        raise UsageError("say where to with --out FILE")
    settings = connected()
    with progress() as bar:
        task = bar.add_task(f"exporting {what}", total=None)
        done = export(
            settings,
            chosen,
            format_of(file, form),
            file,
            lambda rows, total: bar.update(task, completed=rows, total=total),
        )
    if as_json:
        positions = list(done.about.positions)
        show_json({"file": str(file), "rows": done.rows, "positions": positions})
    else:
        _show(done)


def format_of(file: Path, form: str) -> Format:
    """The format that is asked for, or that the file's name ends with. Raises `UsageError`."""
    asked = form or file.suffix.removeprefix(".")
    for each in _FORMATS:
        if each == asked:
            return each
    raise UsageError(f"--format must be one of {', '.join(_FORMATS)}")


def _show(done: Exported) -> None:
    out().print(f"{done.path}: {done.rows:,} rows", soft_wrap=True, markup=False)
    for each in done.about.positions:
        line = f"up to entry {each['partition_seq']:,} of partition {each['partition']}"
        err().print(line, soft_wrap=True, markup=False)


def _show_columns(chosen: Dataset, *, as_json: bool) -> None:
    if as_json:
        known = {each.name: {"kind": each.kind, "meaning": each.meaning} for each in chosen.columns}
        show_json({"key": list(chosen.key), "columns": known})
        return
    shown = table(f"{chosen.name}: {chosen.rows_are}", "column", "kind", "meaning")
    for each in chosen.columns:
        shown.add_row(each.name, each.kind, each.meaning)
    out().print(shown)

"""Exports of the real read model: the rows as they stand, whole, in each format."""

import csv
import json
import sys
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow.parquet  # type: ignore[import-untyped]
import pytest
from tests.integration.told import ToldLedger
from tests.plugins.sealed_ledger import SealedLedger
from tests.projection.batches import Given
from typer.testing import CliRunner, Result

from drawdown.adapters.postgres.migrations import migrate
from drawdown.adapters.postgres.snapshots import rows, snapshot
from drawdown.adapters.postgres.store import PostgresProjectionStore
from drawdown.balance_projector import __main__ as balance_projector
from drawdown.cli.application import app
from drawdown.domain.entries import LedgerEntry
from drawdown.errors import InvalidDocument
from drawdown.expiration_projector import __main__ as expiration_projector
from drawdown.exports.catalogue import DATASETS
from drawdown.exports.datasets import Dataset
from drawdown.exports.exporting import Format, export
from drawdown.exports.files import About
from drawdown.exports.parquet import ParquetFile
from drawdown.projection.projection import Projection
from drawdown.revenue_projector import __main__ as revenue_projector
from drawdown.settings import Settings

pytestmark = pytest.mark.integration

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PROJECTIONS: dict[str, Callable[[Settings], Projection]] = {
    "balance": balance_projector.build,
    "expiration": expiration_projector.build,
    "revenue": revenue_projector.build,
}
Readers = dict[str, Callable[[Any], Any]]
TABLE: Readers = {
    "moment": lambda us: EPOCH + timedelta(microseconds=us),
    "hour": lambda hour: hour.replace(tzinfo=UTC),
    "bytes": bytes,
}
PARQUET: Readers = {"json": json.loads}
JSON: Readers = {
    "hour": datetime.fromisoformat,
    "moment": datetime.fromisoformat,
    "bytes": bytes.fromhex,
    "day": date.fromisoformat,
}
CSV: Readers = {
    **JSON,
    "integer": int,
    "flag": {"true": True, "false": False}.__getitem__,
    "json": json.loads,
}
BALANCE = [each for each in DATASETS.values() if each.projection == "balance"]


@dataclass(frozen=True)
class Written:
    """The last entry of each partition."""

    last: dict[int, LedgerEntry]

    @property
    def positions(self) -> list[dict[str, int]]:
        """As a file tells them."""
        return [
            {
                "partition": partition,
                "partition_seq": entry.partition_seq,
                "recorded_at": entry.facts.recorded_at,
            }
            for partition, entry in sorted(self.last.items())
        ]


@pytest.fixture
def projected(settings: Settings) -> Written:
    """Two partitions in every read model: every kind of entry, and quotes, tabs and scripts."""
    told, odd = ToldLedger(settings, "every_kind_of_entry"), SealedLedger(settings, 1)
    odd.live(["zenith", 'quo"te\\d', "Ünïcødé\u2028,"], 25)
    for name, build in PROJECTIONS.items():
        projection, schema = build(settings), settings.database_schema(name)
        migrate(settings, schema, projection.migrations)
        store = PostgresProjectionStore(
            settings, schema=schema, application="test", writer=projection.write
        )
        for partition, entries in enumerate((told.entries, odd.entries)):
            store.write(store.claim(partition), Given(entries, len(entries)))
        store.close()
    return Written({0: told.entries[-1], 1: odd.entries[-1]})


def exported(settings: Settings, dataset: Dataset, form: Format, folder: Path) -> Path:
    path = folder / f"{dataset.name}.{form}"
    export(settings, dataset, form, path, lambda _rows, _total: None)
    return path


def expected(settings: Settings, dataset: Dataset) -> list[dict[str, Any]]:
    """The table's rows, every column, with instants for moments."""
    with snapshot(settings, dataset.projection) as connection:
        found = rows(connection, f"SELECT * FROM {dataset.table} ORDER BY {','.join(dataset.key)}")
    return [parsed(row, dataset, TABLE) for row in found]


def parsed(row: dict[str, Any], dataset: Dataset, read: Readers) -> dict[str, Any]:
    """A row's values, each read by its kind; a kind without a reader stays as it is."""
    kinds: dict[str, str] = {each.name: each.kind for each in dataset.columns}
    return {
        name: value if value is None else read.get(kinds[name], _same)(value)
        for name, value in row.items()
    }


def _same(value: Any) -> Any:
    return value


@pytest.mark.parametrize("dataset", DATASETS.values(), ids=lambda each: str(each.name))
def test_every_row_and_column_is_in_each_format(
    settings: Settings, projected: Written, dataset: Dataset, tmp_path: Path
) -> None:
    wanted = expected(settings, dataset)
    assert wanted, "nothing is there to be exported"
    for row in wanted:
        assert row.keys() == {each.name for each in dataset.columns}
    found = pyarrow.parquet.read_table(exported(settings, dataset, "parquet", tmp_path))
    assert [parsed(row, dataset, PARQUET) for row in found.to_pylist()] == wanted
    with exported(settings, dataset, "jsonl", tmp_path).open() as file:
        assert [parsed(json.loads(line), dataset, JSON) for line in file] == wanted
    with exported(settings, dataset, "csv", tmp_path).open(newline="") as file:
        cells = [parsed(_less(row), dataset, CSV) for row in csv.DictReader(file)]
    assert cells == [_less(row) for row in wanted]


def _less(row: dict[str, Any]) -> dict[str, Any]:
    """Without what is empty: in CSV null and an empty text are alike."""
    return {name: value for name, value in row.items() if value not in (None, "", b"")}


def test_a_file_says_of_what_moment_it_is(
    settings: Settings, projected: Written, tmp_path: Path
) -> None:
    for form in ("parquet", "csv"):
        path = exported(settings, DATASETS["balances"], form, tmp_path)
        if form == "parquet":
            schema = pyarrow.parquet.read_schema(path)
            about = json.loads(schema.metadata[b"drawdown"])
            assert schema.field("held").metadata[b"meaning"].endswith(b"micro-credits")
        else:
            about = json.loads(path.with_name("balances.csv.about.json").read_text())
        assert about["positions"] == projected.positions
        assert (about["export"], about["key"]) == ("balances", ["customer_id", "unit"])
        assert {each["name"] for each in about["columns"]} > {"held", "head"}


def test_row_groups_are_written_as_they_fill(settings: Settings, tmp_path: Path) -> None:
    about = About(namespace="n", dataset=DATASETS["usage-daily"], positions=[])
    file = ParquetFile(tmp_path / "x.parquet", about, group_rows=100)
    day = datetime(2026, 1, 1, tzinfo=UTC).date()
    for start in range(0, 250, 50):
        file.write([(f"c{n}", "credit", "m", day, *range(6)) for n in range(start, start + 50)])
    file.close()
    found = pyarrow.parquet.ParquetFile(tmp_path / "x.parquet")
    groups = [found.metadata.row_group(each).num_rows for each in range(found.num_row_groups)]
    assert groups == [100, 100, 50]


def test_what_stood_there_stays_until_the_new_file_is_whole(
    settings: Settings, projected: Written, tmp_path: Path
) -> None:
    path = exported(settings, DATASETS["entries"], "csv", tmp_path)
    before = path.read_bytes()

    def give_up(rows: int, total: int) -> None:
        assert total == sum(each["partition_seq"] for each in projected.positions)
        if rows:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        export(settings, DATASETS["entries"], "csv", path, give_up)
    assert path.read_bytes() == before
    assert sorted(each.name for each in tmp_path.iterdir()) == [
        "entries.csv",
        "entries.csv.about.json",
    ]
    with pytest.raises(InvalidDocument, match="can't be written"):
        exported(settings, DATASETS["entries"], "csv", tmp_path / "nowhere")


def run(settings: Settings, monkeypatch: pytest.MonkeyPatch, *arguments: str) -> Result:
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    return CliRunner().invoke(app, ["--namespace", settings.namespace, "export", *arguments])


def test_the_command_exports_and_says_how_far(
    settings: Settings,
    projected: Written,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    path = tmp_path / "lots.parquet"
    done = run(settings, monkeypatch, "lots", "--out", str(path), "--json")
    document = json.loads(done.stdout)
    lots = len(expected(settings, DATASETS["lots"]))
    assert document["rows"] == pyarrow.parquet.read_metadata(path).num_rows == lots
    assert document["positions"] == projected.positions
    shown = run(settings, monkeypatch, "lots", "--out", str(path))
    assert f"{path}: {lots} rows" in shown.stdout
    assert "micro-credits" in run(settings, monkeypatch, "lots", "--columns").stdout


def test_the_command_says_what_it_can_not_do(
    settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    out = ("--out", str(tmp_path / "x.parquet"))
    unknown = run(settings, monkeypatch, "ledger", *out)
    assert (unknown.exit_code, "there are entries, balances" in unknown.stderr) == (2, True)
    assert "--format must be one of" in run(settings, monkeypatch, "lots", "--out", "x").stderr
    assert "--out FILE" in run(settings, monkeypatch, "lots").stderr
    never = run(settings, monkeypatch, "lots", *out)
    assert (never.exit_code, "no balance_projector has run" in never.stderr) == (2, True)
    assert list(tmp_path.iterdir()) == []


def test_without_the_extra_it_says_what_to_install(
    settings: Settings,
    projected: Written,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    missing = run(settings, monkeypatch, "lots", "--out", str(tmp_path / "lots.parquet"))
    assert missing.exit_code == 2
    assert "pip install 'drawdown[export]'" in missing.stderr
    assert run(settings, monkeypatch, "lots", "--out", str(tmp_path / "lots.csv")).exit_code == 0

"""The generated codecs are those of the schemas as they stand."""

from pathlib import Path

import pytest

from drawdown.adapters.avro import generate
from drawdown.adapters.avro.generate import FOLDER, generated, main


def test_no_generated_module_is_stale() -> None:
    assert main(["--check"]) == 0, "run python -m drawdown.adapters.avro.generate"


def test_no_module_there_is_of_another_origin() -> None:
    expected = {path.name for path, _ in generated()} | {"__init__.py"}
    assert {path.name for path in FOLDER.glob("*.py")} == expected


def test_a_changed_module_is_found_and_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(generate, "FOLDER", tmp_path)
    assert main(["--check"]) == 1
    assert main([]) == 0
    assert main(["--check"]) == 0
    changed = tmp_path / "usage_event.py"
    changed.write_text(changed.read_text() + "\n")
    assert main(["--check"]) == 1

"""What runs is the code that stands here: no extension lags behind its source."""

import importlib.util
import json
import os
import subprocess
import sys
from importlib.machinery import EXTENSION_SUFFIXES, PathFinder
from pathlib import Path
from types import ModuleType

import pytest

from drawdown import compiled
from drawdown.adapters.avro import codec
from drawdown.compiled import MARK, SourcesOnly, library_path, runtime, stale

COMPILE = Path(__file__).resolve().parents[2] / "deploy/build/compile.py"


@pytest.fixture(scope="module")
def compiling() -> ModuleType:
    spec = importlib.util.spec_from_file_location("compiling", COMPILE)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def compiled_tree(tmp_path: Path) -> Path:
    """A package of two sources, and a library that says it was made of them."""
    domain = tmp_path / "drawdown" / "domain"
    domain.mkdir(parents=True)
    (domain / "__init__.py").write_text("")
    (domain / "usage.py").write_text("CHARGED = 1\n")
    (domain / "lots.py").write_text("REMAINING = 2\n")
    carried = MARK + json.dumps(compiled.digests(tmp_path)).encode()
    library_path(tmp_path).write_bytes(b"\0\1" + carried + b"\0\2")
    return tmp_path


def test_no_extension_is_stale() -> None:
    assert stale() == [], "run `make compile`, or delete the extensions (`make clean`)"


def test_one_runtime_runs_all() -> None:
    assert codec.COMPILED is (runtime() == "compiled")


def test_a_library_of_these_sources_is_not_stale(compiled_tree: Path) -> None:
    assert stale(compiled_tree) == []


def test_changed_new_and_deleted_sources_are_stale(compiled_tree: Path) -> None:
    domain = compiled_tree / "drawdown" / "domain"
    (domain / "usage.py").write_text("CHARGED = 2\n")
    (domain / "holds.py").write_text("")
    (domain / "lots.py").unlink()
    names = ["holds", "lots", "usage"]
    assert stale(compiled_tree) == [f"drawdown/domain/{name}.py" for name in names]


def test_a_library_without_digests_is_stale_whole(compiled_tree: Path) -> None:
    library_path(compiled_tree).write_bytes(b"of another origin")
    assert len(stale(compiled_tree)) == 2


def test_without_a_library_nothing_is_stale(compiled_tree: Path) -> None:
    library_path(compiled_tree).unlink()
    assert stale(compiled_tree) == []


def test_sources_only_passes_an_extension_over(tmp_path: Path) -> None:
    (tmp_path / "numbers.py").write_text("")
    (tmp_path / f"numbers{EXTENSION_SUFFIXES[0]}").write_bytes(b"")
    usual = PathFinder.find_spec("numbers", [str(tmp_path)])
    assert usual is not None
    assert (usual.origin or "").endswith(EXTENSION_SUFFIXES[0])
    found = SourcesOnly.find_spec("drawdown.numbers", [str(tmp_path)])
    assert found is not None
    assert found.origin == str(tmp_path / "numbers.py")
    assert SourcesOnly.find_spec("numbers", [str(tmp_path)]) is None


def test_the_environment_can_ask_for_the_sources() -> None:
    program = (
        "from drawdown import compiled; from drawdown.adapters.avro import codec;"
        "from drawdown.domain import ledger;"
        "print(compiled.runtime(), codec.COMPILED, ledger.__file__.endswith('.py'))"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program],
        env=os.environ | {"DRAWDOWN_PURE": "1"},
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    assert answer.stdout.split() == ["pure", "False", "True"]


def test_without_a_compiler_it_says_so_and_goes_on(
    compiling: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("CC", "no-such-compiler -O3")
    assert compiling.missing_tool() == "no C compiler (no-such-compiler)"
    assert compiling.main([]) == 0
    assert "runs uncompiled" in capsys.readouterr().out


def test_what_is_compiled_is_the_domain_and_the_codec(compiling: ModuleType) -> None:
    names = {path.stem for path in compiling.compiled_module().sources(compiling.SERVICES)}
    assert {"ledger", "numbers", "codec", "usage_event", "ledger_entry"} <= names
    assert not any(name.endswith("_pure") for name in names)

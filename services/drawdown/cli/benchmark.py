"""`bench`: the measurements of `tests/benchmarks`, in a checkout."""

import subprocess
import sys
from pathlib import Path
from typing import Annotated

import typer

import drawdown
from drawdown.errors import UsageError


def bench(
    only: Annotated[str, typer.Option(help="Measure these keys only, comma-separated.")] = "",
) -> None:
    """Measure this build against what it is compared with; writes .bench/latest.json."""
    root = Path(drawdown.__file__).resolve().parents[2]
    if not (root / "tests" / "benchmarks" / "__main__.py").exists():
        raise UsageError("the benchmarks are no part of an installation: run this in a checkout")
    command = [sys.executable, "-m", "tests.benchmarks", *([f"--only={only}"] if only else [])]
    raise typer.Exit(subprocess.run(command, cwd=root, check=False).returncode)

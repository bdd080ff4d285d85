"""The repository's own files, as the tests of its architecture read them."""

import ast
import subprocess
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "services" / "drawdown"
_IGNORED = {".git", ".venv", ".build", ".drawdown", ".bench", "dist", "__pycache__"}


def files() -> list[Path]:
    """Every file that belongs to the repository, tracked or about to be; readable as text."""
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "-z"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listed.returncode == 0:
        found = [ROOT / name for name in listed.stdout.decode().split("\0") if name]
    else:  # An unpacked archive has no history.
        found = [path for path in ROOT.rglob("*") if not _IGNORED & set(path.parts)]
    return [path for path in found if path.is_file() and b"\0" not in path.read_bytes()]


def modules(*folders: str) -> list[Path]:
    """The Python files below these folders that people write."""
    found = [path for folder in folders for path in sorted((ROOT / folder).rglob("*.py"))]
    return [path for path in found if "generated" not in path.parts]


def tree(path: Path) -> ast.Module:
    """The syntax tree of a module."""
    return ast.parse(path.read_text("utf-8"), str(path))


def functions(path: Path) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Every function and method of a module."""
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node


def shown(path: Path) -> str:
    """A path as a message shows it."""
    return path.relative_to(ROOT).as_posix()

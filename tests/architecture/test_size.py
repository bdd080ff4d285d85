"""Files and functions stay small enough to be read, and say what they are."""

import ast

import pytest

from tests.architecture.repository import functions, modules, shown, tree

FILE_LINES_MAX = 400
BODY_LINES_MAX = 50
"""Without signature and docstring: a value of twenty-five fields has a long constructor."""
VAGUE = {"utils", "util", "helpers", "helper", "common", "misc", "manager", "managers", "shared"}
WRITTEN = modules("services", "tests", "deploy")


def body_lines(function: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    """Lines from the first statement that isn't the docstring to the last."""
    documented = ast.get_docstring(function, clean=False) is not None
    statements = function.body[1:] if documented else function.body
    if not statements:
        return 0
    return (statements[-1].end_lineno or 0) - statements[0].lineno + 1


def test_no_file_is_long() -> None:
    lines = {shown(path): len(path.read_text("utf-8").splitlines()) for path in WRITTEN}
    assert {path: count for path, count in lines.items() if count >= FILE_LINES_MAX} == {}


def test_no_function_is_long() -> None:
    lengths = {
        f"{shown(path)}: {function.name}": body_lines(function)
        for path in modules("services", "deploy")
        for function in functions(path)
    }
    assert {name: count for name, count in lengths.items() if count >= BODY_LINES_MAX} == {}


def test_the_length_of_a_function_is_that_of_its_statements() -> None:
    source = 'def f(\n    a,\n    b,\n):\n    """Says\n    what."""\n    a = b\n\n    return a\n'
    [function] = ast.parse(source).body
    assert isinstance(function, ast.FunctionDef)
    assert body_lines(function) == 3


def test_no_name_is_vague() -> None:
    vague = [shown(path) for path in WRITTEN if VAGUE & {path.stem, *path.parent.parts[-2:]}]
    assert vague == []


@pytest.mark.parametrize("folder", ["services", "tests", "deploy"])
def test_every_module_says_what_it_is(folder: str) -> None:
    silent = [
        shown(path)
        for path in modules(folder)
        if ast.get_docstring(tree(path)) is None and path.read_text("utf-8").strip()
    ]
    assert silent == []

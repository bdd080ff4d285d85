"""What a module of the domain may not contain, found in its syntax tree."""

import ast
from collections.abc import Iterator
from typing import Final

ALLOWED: Final = frozenset(
    {"bisect", "calendar", "collections", "dataclasses", "datetime", "enum", "fractions"}
    | {"functools", "hashlib", "heapq", "itertools", "mypy_extensions", "typing", "drawdown"}
)
"""What the domain may import: nothing that has a clock, chance, a file or a socket."""
_CALLS: Final = frozenset({"open", "print", "input", "eval", "exec", "__import__"})
_ATTRIBUTES: Final = frozenset({"now", "utcnow", "today", "monotonic", "perf_counter", "time_ns"})


def impurities(module: ast.Module) -> list[str]:
    """Sentences, one an offence."""
    return [f"line {line}: {what}" for line, what in sorted(set(_offences(module)))]


def _offences(module: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(module):
        match node:
            case ast.Import(names=names):
                for name in names:
                    yield from _imported(node.lineno, name.name)
            case ast.ImportFrom(module=name):
                yield from _imported(node.lineno, name or "")
            case ast.Constant(value=float() | complex()):
                yield node.lineno, f"the float {node.value!r}"
            case ast.BinOp(op=ast.Div()) | ast.AugAssign(op=ast.Div()):
                yield node.lineno, "a true division"
            case ast.Name(id="float"):
                yield node.lineno, "the name float"
            case ast.Call(func=ast.Name(id=name)) if name in _CALLS:
                yield node.lineno, f"a call of {name}"
            case ast.Attribute(attr=name) if name in _ATTRIBUTES:
                yield node.lineno, f"the attribute {name}"


def _imported(line: int, name: str) -> Iterator[tuple[int, str]]:
    top, _, rest = name.partition(".")
    inside = rest.partition(".")[0]
    if top not in ALLOWED or (top == "drawdown" and inside != "domain"):
        yield line, f"the import of {name or 'a relative module'}"

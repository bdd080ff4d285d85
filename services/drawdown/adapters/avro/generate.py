"""Writes `adapters/avro/generated/` from the newest `schemas/*.avsc`.

    python -m drawdown.adapters.avro.generate           writes the modules
    python -m drawdown.adapters.avro.generate --check   exits 1 where one is stale

A record named `X` in a schema is the class `X` of the domain, field by field. Per record there
are `read_x(data, pos)`, `write_x(out, value)` and, for the interpreter, `pack_x(value)`.
"""

import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from drawdown.adapters.avro import emit_pack, emit_read, emit_write, schema_files
from drawdown.adapters.avro.schema_model import Enum, Record, parse, records_of, types_of

FOLDER: Final = Path(__file__).parent / "generated"
PACKAGE: Final = "drawdown.adapters.avro.generated"
SCHEMAS: Final = ("rate-card", "usage-event", "ledger-entry", "command", "reply")
"""In this order: a record belongs to the module of the first schema that defines it."""
READING: Final = (
    "known_string_map",
    "name_of",
    "read_boolean",
    "read_bytes",
    "read_count",
    "read_index",
    "read_length",
    "read_long",
    "read_string",
    "refuse",
    "remember_string_map",
    "string_map_end",
)
WRITING: Final = ("write_bytes", "write_long", "write_name", "write_string")
HEADER: Final = '''"""{what}

Generated from `schemas/{source}` by `adapters.avro.generate`: don't edit.
"""
'''


def main(arguments: list[str]) -> int:
    """Write the modules, or check them. Gives the exit code."""
    stale = [path for path, text in generated() if not path.exists() or path.read_text() != text]
    if "--check" in arguments:
        for path in stale:
            sys.stderr.write(f"{path} is stale: run python -m {__spec__.name}\n")
        return 1 if stale else 0
    for path, text in generated():
        path.write_text(text)
    return 0


def generated() -> Iterator[tuple[Path, str]]:
    """Each module's path and text."""
    homes: dict[str, str] = {}
    for schema in SCHEMAS:
        newest = schema_files.newest(schema)
        root = parse(newest.definition)
        module = schema.replace("-", "_")
        own = [record for record in records_of(root) if record.name not in homes]
        homes |= {record.name: module for record in own}
        yield FOLDER / f"{module}.py", _module(own, homes, newest.path.name)
        yield FOLDER / f"{module}_pure.py", _pure_module(own, homes, newest.path.name)


def _module(own: list[Record], homes: dict[str, str], source: str) -> str:
    what = f"Reads and writes {_title(own)} byte by byte; compiled, the hot path."
    imports = [
        "from typing import Final, Literal, assert_never",
        "",
        "from librt.strings import BytesWriter",
        "from mypy_extensions import i64",
        "",
        *_sibling_imports(own, homes, ("read", "write"), ""),
        "from drawdown.adapters.avro.hashing import sha256_of",
        "from drawdown.adapters.avro.reading import (",
        *(f"    {name}," for name in READING),
        ")",
        "from drawdown.adapters.avro.writing import (",
        *(f"    {name}," for name in WRITING),
        ")",
        *_class_imports(own),
        "",
        'if __file__.endswith(".py"):',
        "    from drawdown.adapters.avro.unpacking import read_long",
    ]
    constants = [line for enum in _enums(own) for line in emit_read.constants(enum)]
    functions = [
        line
        for record in own
        for line in (*emit_read.function(record), *emit_write.function(record))
    ]
    return _text(what, source, imports, constants, functions)


def _pure_module(own: list[Record], homes: dict[str, str], source: str) -> str:
    what = f"Packs {_title(own)} from tables of encoded pieces; for the interpreter."
    imports = [
        "from typing import Final, assert_never",
        "",
        *_sibling_imports(own, homes, ("pack",), "_pure"),
        "from drawdown.adapters.avro.packing import LONG, STRING, pack_bytes",
        *_class_imports(own),
    ]
    constants = [line for enum in _enums(own) for line in emit_pack.constants(enum)]
    functions = [line for record in own for line in emit_pack.function(record)]
    return _text(what, source, imports, constants, functions)


def _text(
    what: str, source: str, imports: list[str], constants: list[str], functions: list[str]
) -> str:
    lines = [HEADER.format(what=what, source=source), *imports, "", *constants, *functions]
    return "\n".join(lines).rstrip("\n") + "\n"


def _title(own: list[Record]) -> str:
    return f"`{own[0].name}`" + (" and its parts" if len(own) > 1 else "")


def _enums(own: list[Record]) -> list[Enum]:
    found = {each.name: each for each in types_of(own) if isinstance(each, Enum)}
    return list(found.values())


def _sibling_imports(
    own: list[Record], homes: dict[str, str], verbs: tuple[str, ...], suffix: str
) -> list[str]:
    names = {record.name for record in own}
    foreign = {
        each.name for each in types_of(own) if isinstance(each, Record) and each.name not in names
    }
    return [
        f"from {PACKAGE}.{homes[name]}{suffix} import "
        + ", ".join(f"{verb}_{name}" for verb in verbs)
        for name in sorted(foreign, key=lambda name: (homes[name], name))
    ]


def _class_imports(own: list[Record]) -> list[str]:
    modules: dict[str, set[str]] = {}
    for each in [*own, *(each for each in types_of(own) if isinstance(each, Record))]:
        modules.setdefault(each.domain_class.__module__, set()).add(each.name)
    return [
        line
        for module, names in sorted(modules.items())
        for line in (f"from {module} import (", *(f"    {n}," for n in sorted(names)), ")")
    ]


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))

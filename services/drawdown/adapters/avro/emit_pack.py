"""Emits the encoders that join pieces from tables, for the interpreter."""

from collections.abc import Iterator

from drawdown.adapters.avro.schema_model import (
    REPEATING,
    Array,
    Enum,
    Fixed,
    Map,
    Optional,
    Primitive,
    Record,
    Type,
    Union,
)


def constants(enum: Enum) -> list[str]:
    """The enum's encoded indices by symbol."""
    return [
        f"_{enum.name.upper()}_BYTES: Final[dict[str, bytes]] = {{",
        *(f'    "{symbol}": {bytes((index * 2,))!r},' for index, symbol in enumerate(enum.symbols)),
        "}",
    ]


def function(record: Record) -> list[str]:
    """`pack_<record>(value)`: its encoded form."""
    head = ["", "", f"def pack_{record.name}(value: {record.name}) -> bytes:"]
    if not record.fields:
        return [*head, '    return b""']
    before: list[str] = []
    pieces: list[str] = []
    for name, each in record.fields:
        before += [f"    {line}" for line in _before(each, name)]
        pieces += [f"        {piece}," for piece in _pieces(each, f"value.{name}", name)]
    return [*head, *before, '    return b"".join((', *pieces, "    ))"]


def _before(each: Type, name: str) -> Iterator[str]:
    """Lines that come before the join: locals that its pieces name."""
    match each:
        case Primitive("string") if name not in REPEATING:
            yield f"{name} = value.{name}.encode()"
        case Array() | Map() | Optional():
            yield f"{name} = value.{name}"
        case Union(branches):
            yield f"{name} = value.{name}"
            for index, branch in enumerate(branches):
                yield f"{'if' if index == 0 else 'elif'} isinstance({name}, {branch.name}):"
                yield f"    {name}_bytes = LONG[{index}] + pack_{branch.name}({name})"
            yield "else:"
            yield f"    assert_never({name})"
        case _:
            pass


def _pieces(each: Type, source: str, name: str) -> list[str]:
    match each:
        case Primitive("string") if name not in REPEATING:
            return [f"LONG[len({name})]", name]
        case Array(items):
            inner = _one(items, f"{name}_item")
            join = f'b"".join([{inner} for {name}_item in {name}])'
            return [f"LONG[len({name})]", f'{join} + b"\\x00" if {name} else b""']
        case Map(values):
            pair = f"STRING[{name}_key] + {_one(values, f'{name}[{name}_key]')}"
            join = f'b"".join([{pair} for {name}_key in sorted({name})])'
            return [f"LONG[len({name})]", f'{join} + b"\\x00" if {name} else b""']
        case Optional(item):
            return [f'b"\\x00" if {name} is None else b"\\x02" + {_one(item, name)}']
        case Union():
            return [f"{name}_bytes"]
        case _:
            return [_one(each, source)]


def _one(each: Type, source: str) -> str:
    """One expression of the encoded value."""
    match each:
        case Primitive("boolean"):
            return f'(b"\\x01" if {source} else b"\\x00")'
        case Primitive("long"):
            return f"LONG[{source}]"
        case Primitive("string"):
            return f"STRING[{source}]"
        case Primitive("bytes"):
            return f"pack_bytes({source})"
        case Fixed():
            return source
        case Enum():
            return f"_{each.name.upper()}_BYTES[{source}]"
        case Record():
            return f"pack_{each.name}({source})"
        case _:
            raise TypeError(f"{each} within another type")

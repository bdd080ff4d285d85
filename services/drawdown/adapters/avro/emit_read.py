"""Emits the decoders.

Those of the hot path read one-byte numbers in place, for the interpreter's sake: a call costs it
more than the arithmetic. In what they digest, maps of strings and names are remembered: the same
few come again and again. 129 are the bits of a first byte that say that the number goes on (128)
or is negative (1); then `reading` takes over, as it does for all numbers of the other records.
"""

from collections.abc import Iterator
from typing import Final

from drawdown.adapters.avro.schema_model import (
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

HOT: Final = frozenset(
    ("UsageEvent", "LedgerEntry", "EntryFacts", "Allocation", "Charge", "RatedLine")
)
"""Records that every usage event makes somebody read."""

DIGESTED: Final = {"UsageEvent": ("customer_id", "quantities")}
"""Records whose decoder takes a digest, and the first and last of the fields that it covers.

Where these aren't canonically encoded, the digest is left empty for the caller to take.
"""


NAMES: Final = frozenset(("unit", "meter"))
"""Fields of few different strings; map keys are too."""


def constants(enum: Enum) -> list[str]:
    """The enum's symbols by index, and its encoded indices by symbol."""
    name = enum.name.upper()
    literal = ", ".join(f'"{symbol}"' for symbol in enum.symbols)
    return [
        f"_{name}: Final[tuple[Literal[{literal}], ...]] = (",
        *(f'    "{symbol}",' for symbol in enum.symbols),
        ")",
        f"_{name}_BYTES: Final[dict[str, bytes]] = {{",
        *(f'    "{symbol}": {bytes((index * 2,))!r},' for index, symbol in enumerate(enum.symbols)),
        "}",
    ]


def function(record: Record) -> list[str]:
    """`read_<record>(data, pos)`: the value, and the position after it."""
    first, last = DIGESTED.get(record.name, ("", ""))
    lines = ["", "", f"def read_{record.name}(data: bytes, pos: i64) -> tuple[{record.name}, i64]:"]
    canonical = ""
    for name, each in record.fields:
        if name == first:
            canonical = "canonical"
            lines += ["    canonical = True", "    body = pos"]
        hot = record.name in HOT
        emitted = _value(each, name, canonical) if hot else _called(each, name)
        lines += [f"    {line}" for line in emitted]
        if name == last:
            canonical = ""
            lines.append('    digest = sha256_of(data[body:pos]) if canonical else b""')
    if not record.fields:
        return [*lines, f"    return {record.name}(), pos"]
    names = [name for name, _ in record.fields] + (["digest"] if first else [])
    return [
        *lines,
        f"    return {record.name}(",
        *(f"        {name}={name}," for name in names),
        "    ), pos",
    ]


def _value(each: Type, name: str, canonical: str) -> Iterator[str]:
    """Lines that set the local `name` to what stands at `pos`, and move `pos` behind it."""
    match each:
        case Primitive("boolean"):
            yield f"{name}_byte: i64 = data[pos]"
            yield f"if {name}_byte > 1:"
            yield '    refuse("neither true nor false", pos)'
            yield "pos += 1"
            yield f"{name} = {name}_byte == 1"
        case Primitive("long"):
            yield f"{name}: i64 = data[pos]"
            yield f"if {name} < 128:"
            yield "    pos += 1"
            yield f"    {name} = ({name} >> 1) ^ -({name} & 1)"
            yield "else:"
            yield from _slow(name, "read_long", canonical)
        case Primitive(kind):
            yield f"{name}_size: i64 = data[pos]"
            yield f"if {name}_size & 129:"
            yield from _slow(f"{name}_size", "read_length", canonical)
            yield "else:"
            yield "    pos += 1"
            yield f"    {name}_size >>= 1"
            yield f"{name}_at = pos"
            yield f"pos += {name}_size"
            piece = f"data[{name}_at:pos]"
            if kind == "bytes":
                yield f"{name} = {piece}"
            elif canonical and (name in NAMES or name.endswith("_key")):
                yield f"{name} = name_of({piece})"
            else:
                yield f"{name} = {piece}.decode()"
        case Fixed(size):
            yield f"{name} = data[pos : pos + {size}]"
            yield f"pos += {size}"
        case Enum():
            yield from _index(f"{name}_index", canonical)
            yield f"{name} = _{each.name.upper()}[{name}_index]"
        case Record():
            yield f"{name}, pos = read_{each.name}(data, pos)"
        case _:
            yield from _container(each, name, canonical)


def _container(each: Type, name: str, canonical: str) -> Iterator[str]:
    match each:
        case Array(items):
            yield f"{name}: list[{_type_name(items)}] = []"
            yield from _blocks(
                name,
                canonical,
                [
                    *_value(items, f"{name}_item", canonical),
                    f"{name}.append({name}_item)",
                ],
            )
        case Map(values):
            if canonical and values == Primitive("string"):
                yield from _string_map(name, canonical)
            else:
                yield f"{name}: dict[str, {_type_name(values)}] = {{}}"
                yield from _map(name, values, canonical)
        case Optional(item):
            yield from _optional(item, name, canonical)
        case Union():
            raise TypeError(f"{each} on the hot path")


def _called(each: Type, name: str) -> Iterator[str]:
    """The same by calls only; for what is read seldom."""
    match each:
        case Primitive(kind):
            yield f"{name}, pos = read_{kind}(data, pos)"
        case Fixed():
            yield from _value(each, name, "")
        case Enum():
            yield f"{name}_index, pos = read_index(data, pos)"
            yield f"{name} = _{each.name.upper()}[{name}_index]"
        case Record():
            yield f"{name}, pos = read_{each.name}(data, pos)"
        case _:
            yield from _called_container(each, name)


def _called_container(each: Type, name: str) -> Iterator[str]:
    match each:
        case Array(items):
            yield f"{name}: list[{_type_name(items)}] = []"
            yield from _called_blocks(
                name,
                [
                    *_called(items, f"{name}_item"),
                    f"{name}.append({name}_item)",
                ],
            )
        case Map(values):
            yield f"{name}: dict[str, {_type_name(values)}] = {{}}"
            yield from _called_blocks(
                name,
                [
                    f"{name}_key, pos = read_string(data, pos)",
                    *_called(values, f"{name}_item"),
                    f"{name}[{name}_key] = {name}_item",
                ],
            )
        case Optional(item):
            yield f"{name}: {_type_name(item)} | None = None"
            yield f"{name}_branch, pos = read_index(data, pos)"
            yield f"if {name}_branch == 1:"
            for line in _called(item, f"{name}_some"):
                yield f"    {line}"
            yield f"    {name} = {name}_some"
            yield f"elif {name}_branch != 0:"
            yield '    refuse("an unknown branch", pos)'
        case Union(branches):
            yield f"{name}: {' | '.join(branch.name for branch in branches)}"
            yield f"{name}_branch, pos = read_index(data, pos)"
            for index, branch in enumerate(branches):
                yield f"{'if' if index == 0 else 'elif'} {name}_branch == {index}:"
                yield f"    {name}, pos = read_{branch.name}(data, pos)"
            yield "else:"
            yield '    refuse("an unknown branch", pos)'


def _called_blocks(name: str, item: list[str]) -> Iterator[str]:
    yield "while True:"
    yield f"    {name}_count, pos = read_count(data, pos)"
    yield f"    if {name}_count == 0:"
    yield "        break"
    yield f"    for _ in range({name}_count):"
    for line in item:
        yield f"        {line}"


def _slow(target: str, reader: str, canonical: str) -> Iterator[str]:
    yield f"    {target}, pos = {reader}(data, pos)"
    if canonical:
        # A number of several bytes that ends with zero bits has a shorter form.
        yield "    if data[pos - 1] == 0:"
        yield f"        {canonical} = False"


def _index(name: str, canonical: str) -> Iterator[str]:
    yield f"{name}: i64 = data[pos]"
    yield f"if {name} & 129:"
    yield from _slow(name, "read_index", canonical)
    yield "else:"
    yield "    pos += 1"
    yield f"    {name} >>= 1"


def _blocks(name: str, canonical: str, item: list[str]) -> Iterator[str]:
    """Blocks of items up to the empty one. Only one block, at most, is canonical."""
    count = f"{name}_count"
    yield "while True:"
    yield f"    {count}: i64 = data[pos]"
    yield f"    if {count} & 129:"
    yield f"        {count}, pos = read_count(data, pos)"
    if canonical:
        # Many items, a negative count, or a zero of two bytes: the encoder will tell.
        yield f"        {canonical} = False"
    yield "    else:"
    yield "        pos += 1"
    yield f"        {count} >>= 1"
    yield f"    if {count} == 0:"
    yield "        break"
    if canonical:
        yield f"    if {name}:"
        yield f"        {canonical} = False"
    yield f"    for _ in range({count}):"
    for line in item:
        yield f"        {line}"


def _map(name: str, values: Type, canonical: str) -> Iterator[str]:
    item = [
        *_value(Primitive("string"), f"{name}_key", canonical),
        *_value(values, f"{name}_item", canonical),
    ]
    if canonical:
        yield f'{name}_previous = ""'
        item += [
            f"if {name}_key <= {name}_previous:",
            f"    {canonical} = False",
            f"{name}_previous = {name}_key",
        ]
    item.append(f"{name}[{name}_key] = {name}_item")
    yield from _blocks(name, canonical, item)


def _string_map(name: str, canonical: str) -> Iterator[str]:
    """A map that is looked up by its bytes, and read where they weren't seen before."""
    known, piece = f"{name}_known", f"data[{name}_at:{name}_end]"
    yield f"{name}_at = pos"
    yield f"{name}_end = string_map_end(data, pos)"
    yield f"{known} = known_string_map({piece}) if {name}_end > 0 else None"
    yield f"{name}: dict[str, str] = {{}}"
    yield f"if {known} is not None:"
    yield f"    {name} = {known}"
    yield f"    pos = {name}_end"
    yield "else:"
    for line in _map(name, Primitive("string"), canonical):
        yield f"    {line}"
    yield f"    if {canonical} and {name}_end > 0:"
    yield f"        remember_string_map({piece}, {name})"


def _optional(item: Type, name: str, canonical: str) -> Iterator[str]:
    yield f"{name}: {_type_name(item)} | None = None"
    yield from _index(f"{name}_branch", canonical)
    yield f"if {name}_branch == 1:"
    for line in _value(item, f"{name}_some", canonical):
        yield f"    {line}"
    yield f"    {name} = {name}_some"
    yield f"elif {name}_branch != 0:"
    yield '    refuse("an unknown branch", pos)'


def _type_name(each: Type) -> str:
    match each:
        case Primitive(kind):
            return {"long": "int", "string": "str", "boolean": "bool"}.get(kind, kind)
        case Record(name):
            return name
        case Enum(_, symbols):
            return "Literal[" + ", ".join(f'"{symbol}"' for symbol in symbols) + "]"
        case Fixed():
            return "bytes"
        case _:
            raise TypeError(f"{each} within another type")

"""Emits the encoders that write byte by byte, for the compiled codec."""

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


def function(record: Record) -> list[str]:
    """`write_<record>(out, value)`."""
    return [
        "",
        "",
        f"def write_{record.name}(out: BytesWriter, value: {record.name}) -> None:",
        *(
            f"    {line}"
            for name, each in record.fields
            for line in _value(each, f"value.{name}", name)
        ),
        *([] if record.fields else ["    pass"]),
    ]


def _value(each: Type, source: str, name: str) -> Iterator[str]:
    """Lines that write the expression `source`; locals begin with `name`."""
    match each:
        case Primitive("boolean"):
            yield f"out.append(1 if {source} else 0)"
        case Primitive("string") if name in REPEATING:
            yield f"write_name(out, {source})"
        case Primitive(kind):
            yield f"write_{kind}(out, {source})"
        case Fixed(size):
            yield f"assert len({source}) == {size}"
            yield f"out.write({source})"
        case Enum():
            yield f"out.write(_{each.name.upper()}_BYTES[{source}])"
        case Record():
            yield f"write_{each.name}(out, {source})"
        case _:
            yield from _container(each, source, name)


def _container(each: Type, source: str, name: str) -> Iterator[str]:
    match each:
        case Array(items):
            yield f"{name} = {source}"
            yield from _block(name, f"{name}_item", name, list(_value(items, f"{name}_item", name)))
        case Map(values):
            yield f"{name} = {source}"
            yield from _block(
                name,
                f"{name}_key",
                f"sorted({name}) if len({name}) > 1 else {name}",
                [
                    f"write_name(out, {name}_key)",
                    *_value(values, f"{name}[{name}_key]", name),
                ],
            )
        case Optional(item):
            yield f"{name} = {source}"
            yield f"if {name} is None:"
            yield "    out.append(0)"
            yield "else:"
            yield "    out.append(2)"
            for line in _value(item, name, f"{name}_some"):
                yield f"    {line}"
        case Union(branches):
            yield f"{name} = {source}"
            for index, branch in enumerate(branches):
                yield f"{'if' if index == 0 else 'elif'} isinstance({name}, {branch.name}):"
                yield f"    write_long(out, {index})"
                yield f"    write_{branch.name}(out, {name})"
            yield "else:"
            yield f"    assert_never({name})"


def _block(name: str, item: str, items: str, lines: list[str]) -> Iterator[str]:
    yield f"if {name}:"
    yield f"    write_long(out, len({name}))"
    yield f"    for {item} in {items}:"
    for line in lines:
        yield f"        {line}"
    yield "out.append(0)"

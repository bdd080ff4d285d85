"""Whether a reader's schema can read all that a writer's wrote: the rules of the Avro
specification, "Schema Resolution", for the types that we use."""

from collections.abc import Iterator
from typing import Any

PROMOTED = {
    "int": {"long", "float", "double"},
    "long": {"float", "double"},
    "float": {"double"},
    "string": {"bytes"},
    "bytes": {"string"},
}


def obstacles(writer: Any, reader: Any) -> list[str]:
    """What in the writer's schema the reader's can't take; empty where it takes all."""
    return list(_obstacles(_expanded(writer, {}), _expanded(reader, {}), ""))


def _obstacles(writer: Any, reader: Any, at: str) -> Iterator[str]:
    if isinstance(writer, list):
        for branch in writer:
            yield from _obstacles(branch, reader, at)
    elif isinstance(reader, list):
        if all(list(_obstacles(writer, branch, at)) for branch in reader):
            yield f"{at}: no branch takes {_kind(writer)}"
    elif _kind(writer) != _kind(reader):
        if _kind(reader) not in PROMOTED.get(_kind(writer), ()):
            yield f"{at}: {_kind(writer)} isn't {_kind(reader)}"
    else:
        yield from _within(writer, reader, at)


def _within(writer: Any, reader: Any, at: str) -> Iterator[str]:
    match _kind(writer):
        case "array":
            yield from _obstacles(writer["items"], reader["items"], f"{at}[]")
        case "map":
            yield from _obstacles(writer["values"], reader["values"], f"{at}{{}}")
        case "fixed" | "enum" | "record" if not _same_name(writer, reader):
            yield f"{at}: {writer['name']} isn't {reader['name']}"
        case "fixed":
            if writer["size"] != reader["size"]:
                yield f"{at}: {writer['size']} bytes aren't {reader['size']}"
        case "enum":
            missing = set(writer["symbols"]) - set(reader["symbols"])
            if missing and "default" not in reader:
                yield f"{at}: no symbols {sorted(missing)}"
        case "record":
            yield from _fields(writer, reader, at)


def _fields(writer: Any, reader: Any, at: str) -> Iterator[str]:
    written = {field["name"]: field for field in writer["fields"]}
    for field in reader["fields"]:
        names = [field["name"], *field.get("aliases", ())]
        found = next((written[name] for name in names if name in written), None)
        if found is not None:
            yield from _obstacles(found["type"], field["type"], f"{at}.{field['name']}")
        elif "default" not in field:
            yield f"{at}.{field['name']}: new, without a default"


def _same_name(writer: Any, reader: Any) -> bool:
    return writer["name"] in (reader["name"], *reader.get("aliases", ()))


def _kind(node: Any) -> str:
    kind: str = node if isinstance(node, str) else node["type"]
    return kind


def _expanded(node: Any, known: dict[str, Any]) -> Any:
    """The schema with each named type written out where it is used."""
    if isinstance(node, str):
        return known.get(node, node)
    if isinstance(node, list):
        return [_expanded(each, known) for each in node]
    made = dict(node)
    if "name" in made:
        known[made["name"]] = made
    for inner in ("items", "values"):
        if inner in made:
            made[inner] = _expanded(made[inner], known)
    if "fields" in made:
        made["fields"] = [
            field | {"type": _expanded(field["type"], known)} for field in made["fields"]
        ]
    return made

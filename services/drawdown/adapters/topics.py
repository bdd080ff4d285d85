"""Topics, as `schemas/topics/*.yaml` describes them: the one place for what a topic is."""

from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, Literal, get_args

import yaml

from drawdown.adapters.avro import schema_files
from drawdown.errors import InvalidDocument

LEDGER: Final = "ledger-entries"
REPLIES: Final = "ledger-replies"
DEAD_LETTERS: Final = "dead-letters"
OUTPUTS: Final = frozenset((LEDGER, REPLIES, DEAD_LETTERS))
"""The topics whose partitions of one number only that partition's owner writes, and leaves barriers
in."""

Compatibility = Literal["backward", "full"]


@dataclass(frozen=True, kw_only=True)
class Topic:
    """One topic. `name` lacks the namespace; `config` is the broker's, name by name."""

    name: str
    description: str
    schema: str
    key: str
    partitions: int
    owner: str
    producers: tuple[str, ...]
    consumers: tuple[str, ...]
    compatibility: Compatibility
    config: dict[str, str]


@cache
def load_topics() -> dict[str, Topic]:
    """Every topic by name. Raises `InvalidDocument` naming the file that can't be read."""
    paths = sorted((schema_files.folder() / "topics").glob("*.yaml"))
    return {path.stem: read_topic(path) for path in paths}


def read_topic(path: Path) -> Topic:
    """The topic of one file. Raises `InvalidDocument` where the file isn't one."""
    try:
        document = yaml.safe_load(path.read_text("utf-8"))
        topic = _topic(document)
    except (yaml.YAMLError, TypeError, KeyError, AttributeError, ValueError) as error:
        raise InvalidDocument(f"{path.name}: {type(error).__name__} {error}") from error
    if topic.name != path.stem:
        raise InvalidDocument(f"{path.name} describes the topic {topic.name}")
    return topic


def _topic(document: dict[str, Any]) -> Topic:
    fields = dict(document)
    fields["producers"] = tuple(fields["producers"])
    fields["consumers"] = tuple(fields["consumers"])
    fields["config"] = {name: _config(value) for name, value in fields["config"].items()}
    topic = Topic(**fields)
    if topic.compatibility not in get_args(Compatibility):
        raise ValueError(f"compatibility {topic.compatibility!r}")
    if topic.partitions < 1:
        raise ValueError(f"{topic.partitions} partitions")
    return topic


def _config(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)

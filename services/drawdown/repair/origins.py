"""Origins: where an input record stands, as the keys of dead letters write it."""

import re
from dataclasses import dataclass
from typing import Final

from drawdown.domain.parking import INPUTS
from drawdown.errors import UsageError
from drawdown.settings import Settings

_ORIGIN: Final = re.compile(
    r"(?:(?P<space>[^.]+)\.)?(?P<name>.+)-(?P<partition>\d+)-(?P<offset>\d+)"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """One record of an input topic, by the topic's short name."""

    topic: str
    partition: int
    offset: int

    def __str__(self) -> str:
        return f"{self.topic}-{self.partition}-{self.offset}"

    def key(self, settings: Settings) -> bytes:
        """The key of its dead letter."""
        return f"{settings.topic(self.topic)}-{self.partition}-{self.offset}".encode()


def parse_origin(settings: Settings, text: str) -> Origin:
    """`usage-events-3-1240`, with or without the namespace before it. Raises `UsageError`."""
    found = _ORIGIN.fullmatch(text)
    if found is None or found["name"] not in INPUTS:
        raise UsageError(
            f"{text!r} is no origin: write <topic>-<partition>-<offset>, such as "
            "usage-events-3-1240 or ledger-commands-0-17"
        )
    if found["space"] not in (None, settings.namespace):
        raise UsageError(f"{text} isn't of namespace {settings.namespace}: see --namespace")
    return Origin(
        topic=found["name"], partition=int(found["partition"]), offset=int(found["offset"])
    )

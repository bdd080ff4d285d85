"""Origins as people write them, and bytes as people look at them."""

import pytest

from drawdown.errors import UsageError
from drawdown.repair.hexadecimal import dump
from drawdown.repair.origins import Origin, parse_origin
from drawdown.settings import load

SETTINGS = load(namespace="live-2")


@pytest.mark.parametrize("prefix", ["", "live-2."])
@pytest.mark.parametrize("topic", ["usage-events", "ledger-commands"])
def test_an_origin_is_read_with_or_without_its_namespace(prefix: str, topic: str) -> None:
    origin = parse_origin(SETTINGS, f"{prefix}{topic}-3-1240")
    assert origin == Origin(topic=topic, partition=3, offset=1240)
    assert str(origin) == f"{topic}-3-1240"
    assert origin.key(SETTINGS) == f"live-2.{topic}-3-1240".encode()


@pytest.mark.parametrize(
    "text",
    ["", "usage-events", "usage-events-3", "ledger-entries-3-1", "usage-events-3--1", "live.a-1-1"],
)
def test_what_is_no_origin_says_how_one_is_written(text: str) -> None:
    with pytest.raises(UsageError, match="such as usage-events-3-1240"):
        parse_origin(SETTINGS, text)


def test_an_origin_of_another_namespace_is_refused() -> None:
    with pytest.raises(UsageError, match="isn't of namespace live-2"):
        parse_origin(SETTINGS, "live.usage-events-3-1240")


def test_a_dump_has_sixteen_bytes_a_line() -> None:
    assert list(dump(b"")) == []
    assert list(dump(b"not a record\x00\xff\n~!")) == [
        "00000000  6e 6f 74 20 61 20 72 65  63 6f 72 64 00 ff 0a 7e  |not a record...~|",
        "00000010  21                                                |!|",
    ]

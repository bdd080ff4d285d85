"""The topics' files are read whole, and keep what the ledger relies on."""

from pathlib import Path

import pytest

from drawdown.adapters.avro import schema_files
from drawdown.adapters.topics import Topic, load_topics, read_topic
from drawdown.errors import InvalidDocument

DAY_MS = 86_400_000
DEDUPE_DAYS = 35
TOPICS = load_topics()
EACH = pytest.mark.parametrize("topic", TOPICS.values(), ids=list(TOPICS))
INPUTS = [TOPICS["usage-events"], TOPICS["ledger-commands"]]


@EACH
def test_a_topic_has_a_schema_and_somebody_at_both_ends(topic: Topic) -> None:
    assert schema_files.newest(topic.schema)
    assert topic.producers
    assert topic.consumers
    assert topic.description


@EACH
def test_records_may_be_as_large_as_a_large_rate_card(topic: Topic) -> None:
    assert topic.config["max.message.bytes"] == str(8 * 1024 * 1024)


def test_what_enters_a_partition_leaves_in_the_same() -> None:
    names = [*(each.name for each in INPUTS), "ledger-entries", "ledger-replies", "dead-letters"]
    assert len({TOPICS[name].partitions for name in names}) == 1


@pytest.mark.parametrize("topic", INPUTS, ids=lambda topic: topic.name)
def test_inputs_are_dated_by_the_broker_and_outlive_the_dedupe_window(topic: Topic) -> None:
    assert topic.config["message.timestamp.type"] == "LogAppendTime"
    assert int(topic.config["retention.ms"]) > DEDUPE_DAYS * DAY_MS
    assert topic.config["retention.bytes"] == "-1"


def test_the_ledger_is_kept_for_ever() -> None:
    config = TOPICS["ledger-entries"].config
    assert config["cleanup.policy"] == "delete"
    assert config["retention.ms"] == config["retention.bytes"] == "-1"


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        ("schema: reply\n", "", "schema"),
        ("partitions: 8", "partitions: 0", "0 partitions"),
        ("compatibility: backward", "compatibility: none", "compatibility 'none'"),
        ("owner:", "colour: red\nowner:", "colour"),
        ("name: ledger-replies", "name: other", "describes the topic other"),
        ("config:", "config: [", "ParserError"),
    ],
)
def test_a_file_that_is_no_topic_is_refused(tmp_path: Path, old: str, new: str, why: str) -> None:
    text = (schema_files.folder() / "topics" / "ledger-replies.yaml").read_text("utf-8")
    path = tmp_path / "ledger-replies.yaml"
    path.write_text(text)
    assert read_topic(path) == TOPICS["ledger-replies"]
    assert old in text
    path.write_text(text.replace(old, new))
    with pytest.raises(InvalidDocument, match=why):
        read_topic(path)

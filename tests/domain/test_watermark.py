"""The watermark: the earlier of two inputs, one that was read to its end counting as the other."""

from drawdown.domain.watermark import Watermark


def test_it_is_the_earlier_of_both() -> None:
    watermark = Watermark()
    assert watermark.value == 0
    watermark.consumed("usage_events", 10)
    assert watermark.value == 0
    watermark.consumed("ledger_commands", 7)
    assert watermark.value == 7
    watermark.consumed("ledger_commands", 12)
    assert watermark.value == 10
    watermark.consumed("usage_events", 11)
    assert watermark.value == 11


def test_an_input_that_was_read_to_its_end_counts_as_the_others_time() -> None:
    watermark = Watermark()
    watermark.consumed("usage_events", 10)
    watermark.ended("ledger_commands")
    assert watermark.value == 10
    watermark.consumed("usage_events", 20)
    assert watermark.value == 20
    watermark.consumed("ledger_commands", 15)
    assert watermark.value == 20
    watermark.consumed("usage_events", 30)
    assert watermark.value == 20
    watermark.ended("ledger_commands")
    assert watermark.value == 30


def test_the_same_of_the_other_input() -> None:
    watermark = Watermark()
    watermark.consumed("ledger_commands", 10)
    watermark.ended("usage_events")
    assert watermark.value == 10
    watermark.consumed("usage_events", 5)
    watermark.consumed("ledger_commands", 20)
    assert watermark.value == 10
    watermark.ended("usage_events")
    assert watermark.value == 20


def test_both_read_to_their_ends_reach_the_later() -> None:
    watermark = Watermark()
    watermark.consumed("ledger_commands", 10)
    watermark.consumed("usage_events", 30)
    watermark.ended("usage_events")
    assert watermark.value == 10
    watermark.ended("ledger_commands")
    assert watermark.value == 30


def test_it_never_goes_back() -> None:
    watermark = Watermark()
    watermark.consumed("usage_events", 10)
    watermark.consumed("ledger_commands", 10)
    watermark.consumed("usage_events", 3)
    watermark.consumed("ledger_commands", 4)
    assert watermark.value == 10
    watermark.consumed("ledger_commands", 12)
    assert watermark.value == 10


def test_an_input_with_records_that_wait_was_not_read_to_its_end() -> None:
    watermark = Watermark()
    watermark.consumed("usage_events", 10)
    watermark.consumed("ledger_commands", 10)
    watermark.ended("ledger_commands")
    watermark.waiting("ledger_commands")
    watermark.consumed("usage_events", 30)
    assert watermark.value == 10
    watermark.ended("usage_events")
    watermark.waiting("usage_events")
    watermark.consumed("ledger_commands", 50)
    assert watermark.value == 30

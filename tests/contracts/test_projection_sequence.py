"""Which records are new, and when something is missing."""

import pytest
from confluent_kafka import Message
from tests.plugins.sealed_ledger import SealedLedger

from drawdown.adapters.avro.wire import Wire
from drawdown.backoff import Backoff
from drawdown.domain.numbers import NEVER
from drawdown.errors import DecodeFailed, LedgerCorrupt
from drawdown.projection import sequence
from drawdown.projection.sequence import NewEntries, SequenceGap
from drawdown.settings import load

_SETTINGS = load(namespace="contract")
_LEDGER = SealedLedger(_SETTINGS)
_LEDGER.live(["acme"], 8)
HASHES = [entry.hash for entry in _LEDGER.entries]


def _record(offset: int, value: bytes) -> Message:
    return Message(partition=0, offset=offset, value=value)


# A transaction marker follows every third record.
RECORDS = [_record(n + n // 3, value) for n, value in enumerate(_LEDGER.values)]


def _new(
    records: list[Message], *, after_seq: int = 0, from_offset: int = 0, up_to_seq: int = NEVER
) -> NewEntries:
    return NewEntries(
        records,
        Wire(_SETTINGS).decode_entry,
        after_seq=after_seq,
        from_offset=from_offset,
        up_to_seq=up_to_seq,
    )


def _all(batch: NewEntries) -> list[bytes]:
    """The hashes of its entries."""
    return [entry.hash for entries in batch for entry in entries]


def test_what_follows_is_new() -> None:
    batch = _new(RECORDS[:4])
    assert batch.any()
    assert _all(batch) == HASHES[:4]
    assert (batch.last_seq, batch.next_offset, batch.any()) == (4, 5, False)


def test_what_was_read_before_is_left_out() -> None:
    assert _all(_new(RECORDS[1:6], after_seq=3, from_offset=4)) == HASHES[3:6]
    batch = _new(RECORDS[:3], after_seq=3, from_offset=4)
    assert not batch.any()
    assert _all(batch) == []


def test_a_repeated_record_counts_once() -> None:
    assert _all(_new([*RECORDS[:3], *RECORDS[1:5]])) == HASHES[:5]


@pytest.mark.parametrize("records", [RECORDS[1:3], [RECORDS[0], RECORDS[2]]])
def test_a_missing_entry_is_a_gap(records: list[Message]) -> None:
    with pytest.raises(SequenceGap, match="should follow"):
        _all(_new(records))


def test_an_entry_written_twice_is_corruption() -> None:
    doubled = [*RECORDS[:3], _record(4, _LEDGER.values[2])]
    with pytest.raises(LedgerCorrupt, match="entry 3 stands at offset 4"):
        _all(_new(doubled))


def test_an_old_entry_at_a_new_offset_is_of_another_topic() -> None:
    with pytest.raises(LedgerCorrupt, match="another topic"):
        _all(_new([_record(90, _LEDGER.values[0])], after_seq=3, from_offset=80))


def test_entries_end_before_what_can_t_be_decoded() -> None:
    batch = _new([*RECORDS[:2], _record(2, b"garbage"), *RECORDS[2:]])
    assert _all(batch) == HASHES[:2]
    assert isinstance(batch.fault, DecodeFailed)
    assert "offset 2" in str(batch.fault)
    assert batch.next_offset == 2


def test_what_lies_beyond_the_last_entry_wanted_isn_t_looked_at() -> None:
    batch = _new([*RECORDS[:2], _record(2, b"garbage")], up_to_seq=2)
    assert _all(batch) == HASHES[:2]
    assert batch.fault is None


def test_many_come_slice_by_slice() -> None:
    ledger = SealedLedger(_SETTINGS)
    ledger.live(["acme"], 2 * sequence.SLICE + 50)
    records = [_record(n, value) for n, value in enumerate(ledger.values)]
    slices = [[entry.hash for entry in entries] for entries in _new(records)]
    assert [each for hashes in slices for each in hashes] == [e.hash for e in ledger.entries]
    assert [len(hashes) for hashes in slices[:2]] == [sequence.SLICE] * 2


def test_a_gap_in_a_later_slice_is_one() -> None:
    ledger = SealedLedger(_SETTINGS)
    ledger.live(["acme"], sequence.SLICE + 50)
    records = [_record(n, value) for n, value in enumerate(ledger.values)]
    del records[sequence.SLICE + 10]
    batch = _new(records)
    assert batch.any()
    with pytest.raises(SequenceGap):
        _all(batch)


def test_delays_double_up_to_ten_seconds_and_begin_anew() -> None:
    backoff = Backoff()
    delays = [backoff.next_s() for _ in range(9)]
    assert delays == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0, 10.0]
    assert backoff.over()
    assert not backoff.over()
    assert (backoff.next_s(), backoff.just_began) == (0.2, True)

"""Which records are new, and when something is missing."""

import pytest
from tests.plugins.sealed_ledger import SealedLedger

from drawdown.backoff import Backoff
from drawdown.errors import LedgerCorrupt
from drawdown.projection.sequence import Read, SequenceGap, new_entries
from drawdown.settings import load

_LEDGER = SealedLedger(load(namespace="contract"))
_LEDGER.live(["acme"], 8)
# A transaction marker follows every third record.
READS = [Read(n + n // 3, entry) for n, entry in enumerate(_LEDGER.entries)]


def test_what_follows_is_new() -> None:
    assert new_entries(READS[:4], after_seq=0, from_offset=0) == _LEDGER.entries[:4]


def test_what_was_read_before_is_left_out() -> None:
    assert new_entries(READS[1:6], after_seq=3, from_offset=4) == _LEDGER.entries[3:6]
    assert new_entries(READS[:3], after_seq=3, from_offset=4) == []


def test_a_repeated_record_counts_once() -> None:
    twice = [*READS[:3], *READS[1:5]]
    assert new_entries(twice, after_seq=0, from_offset=0) == _LEDGER.entries[:5]


@pytest.mark.parametrize("reads", [READS[1:3], [READS[0], READS[2]]])
def test_a_missing_entry_is_a_gap(reads: list[Read]) -> None:
    with pytest.raises(SequenceGap, match="should follow"):
        new_entries(reads, after_seq=0, from_offset=0)


def test_an_entry_written_twice_is_corruption() -> None:
    doubled = [*READS[:3], Read(READS[3].offset, READS[2].entry)]
    with pytest.raises(LedgerCorrupt, match="entry 3 stands at offset 4"):
        new_entries(doubled, after_seq=0, from_offset=0)


def test_an_old_entry_at_a_new_offset_is_of_another_topic() -> None:
    with pytest.raises(LedgerCorrupt, match="another topic"):
        new_entries([Read(90, READS[0].entry)], after_seq=3, from_offset=80)


def test_delays_double_up_to_ten_seconds_and_begin_anew() -> None:
    backoff = Backoff()
    delays = [backoff.next_s() for _ in range(9)]
    assert delays == [0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 10.0, 10.0, 10.0]
    assert backoff.over()
    assert not backoff.over()
    assert (backoff.next_s(), backoff.just_began) == (0.2, True)

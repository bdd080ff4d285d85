"""The breaker: how many dead letters are too many, also across a restart."""

import pytest

from drawdown.errors import PartitionPoisoned
from drawdown.ledger_processor.breaker import Breaker
from tests.ledger_processor.test_deciding import Partition, entries, event, with_card

TOPIC = "live.usage-events"


def parked_until_it_trips(breaker: Breaker, offsets: list[int]) -> list[int]:
    """Those of the offsets that are parked before it trips."""
    parked = []
    for offset in offsets:
        try:
            breaker.count(TOPIC, offset)
        except PartitionPoisoned:
            break
        parked.append(offset)
    return parked


@pytest.mark.parametrize(
    ("most", "offsets", "parked"),
    [
        (3, [0, 1, 2, 3, 4], [0, 1, 2]),
        (0, [7], []),
        # The window is ten records: 0 to 9, then 1 to 10.
        (3, [0, 4, 8, 9], [0, 4, 8]),
        (3, [0, 4, 8, 10], [0, 4, 8, 10]),
        (3, [0, 1, 2, 12, 13, 14, 15], [0, 1, 2, 12, 13, 14]),
        (10, list(range(1_000)), list(range(1_000))),
    ],
)
def test_it_trips_at_more_than_so_many_of_the_last_records(
    most: int, offsets: list[int], parked: list[int]
) -> None:
    breaker = Breaker(most=most, window=10, parked=())
    assert parked_until_it_trips(breaker, offsets) == parked


def test_a_restart_counts_on_and_trips_at_the_same_record() -> None:
    first = Breaker(most=3, window=10, parked=())
    parked = parked_until_it_trips(first, [0, 2, 4, 6])
    again = Breaker(most=3, window=10, parked={(TOPIC, offset) for offset in parked})
    assert parked_until_it_trips(again, [6]) == []
    higher = Breaker(most=4, window=10, parked={(TOPIC, offset) for offset in parked})
    assert parked_until_it_trips(higher, [6, 7]) == [6]


def test_inputs_are_counted_apart() -> None:
    breaker = Breaker(most=1, window=10, parked=[("live.ledger-commands", 0)])
    assert parked_until_it_trips(breaker, [0, 1]) == [0]


def test_it_says_what_happened_and_what_to_do() -> None:
    breaker = Breaker(most=0, window=10_000, parked=())
    with pytest.raises(PartitionPoisoned, match=r"usage-events .* offset 5 .*POISON_MAX to 10000"):
        breaker.count(TOPIC, 5)


def test_what_stands_before_and_between_is_decided_and_the_next_is_not_passed_over() -> None:
    partition: Partition = with_card()
    decided = []
    for number in range(3):
        outbox = partition.usage(b"garbage")
        assert len(outbox.dead_letters) == 1
        decided += entries(partition.usage(event(f"e{number}", input=1_000_000)))
    assert len(decided) == 3
    before = partition.offset
    with pytest.raises(PartitionPoisoned):
        partition.usage(b"garbage")
    outbox = partition.decider.take()
    assert outbox.dead_letters == []
    assert outbox.next_usage_offset == before + 1

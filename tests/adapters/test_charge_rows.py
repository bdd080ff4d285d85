"""Rows of charges: what is saved comes back, whatever it holds."""

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from drawdown.adapters.local_state.charge_rows import charged_row, read_charged
from drawdown.domain.charges import Charged
from drawdown.domain.numbers import NEVER

offsets = st.integers(0, 2**63 - 1)
ids = st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=1)


@st.composite
def charges(draw: st.DrawFn, returned: st.SearchStrategy[int]) -> Charged:
    """A charge by itself."""
    charged = Charged(
        unit=draw(ids),
        digest=draw(st.binary(max_size=64)),
        until=draw(st.one_of(offsets, st.just(NEVER))),
        returned=draw(returned),
        before=None,
    )
    charged.stands_at(
        draw(offsets),
        draw(st.sampled_from(["usage_events", "ledger_commands"])),
        draw(st.integers(0, 2**31 - 1)),
        draw(offsets),
        draw(st.integers(0, 2**31 - 1)),
    )
    return charged


def figures(charged: Charged | None) -> list[tuple[Any, ...]]:
    """All that a row says of a charge and those before it."""
    found: list[tuple[Any, ...]] = []
    while charged is not None:
        place = (charged.partition_seq, charged.topic, charged.partition, charged.offset)
        found.append((charged.unit, charged.digest, charged.until, charged.returned, place))
        found.append((charged.index, charged.refundable, charged.record))
        charged = charged.before
    return found


@given(charges(st.just(0)))
def test_a_plain_charge_comes_back(charged: Charged) -> None:
    assert figures(read_charged(charged_row(charged))) == figures(charged)


@given(st.lists(charges(st.integers(0, 2**62)), min_size=1, max_size=4))
def test_charges_of_one_id_come_back_in_their_order(chain: list[Charged]) -> None:
    before: Charged | None = None
    for each in chain:
        each.before = before
        before = each
    assert before is not None
    assert figures(read_charged(charged_row(before))) == figures(before)


def test_a_plain_charge_is_small() -> None:
    """A million events an hour for 35 days are 840 million of these."""
    charged = Charged(unit="credit", digest=bytes(32), until=1, returned=0, before=None)
    assert len(charged_row(charged)) < 80

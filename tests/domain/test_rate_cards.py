"""What makes a rate card refusable, one rule at a time."""

from dataclasses import replace
from typing import Any

import pytest

from drawdown.domain.rate_card_rules import check_card
from drawdown.domain.rate_cards import Line, Package, RateCard, Tier
from tests.domain.cards import card, line, meter, override

FREE = Tier(up_to_micro=None, rate_pico=1, flat=0)


def of(*lines: Line) -> list[str]:
    """What is wrong with a card of these lines."""
    return check_card(card(meter(*lines)))


def with_line(**fields: Any) -> list[str]:
    return of(replace(line(), **fields))


def test_a_card_of_every_kind_of_line_is_accepted() -> None:
    everything = card(
        meter(
            line("input", "1"),
            line("cached", "0.1", match={"model": "a"}),
            line("cached", mode="volume", tiers=(("5", "1", "0"), (None, "0", "0"))),
            line("images", "4", package=("10", "up"), minimum="1"),
            total="total",
            cached="input",
        ),
        overrides=(override("vip", line("input", "0", line_id="vip")),),
    )
    assert check_card(everything) == []


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"card_id": ""}, "card: must be 1–128 bytes, not 0"),
        ({"card_id": "a@b"}, "card: must not contain '@', which parts it from the version"),
        ({"version": "v" * 129}, "version: must be 1–128 bytes, not 129"),
        ({"unit": "ü" * 65}, "unit: must be 1–128 bytes, not 130"),
        ({"effective_from": 2**63}, "effective_from: is out of range"),
        ({"meters": []}, "meters: the card has none, so that it could rate nothing"),
    ],
)
def test_the_card_itself(change: dict[str, Any], sentence: str) -> None:
    assert check_card(replace(card(meter(line())), **change)) == [sentence]


@pytest.mark.parametrize(
    ("refused", "sentence"),
    [
        (card(meter()), "meters.m.lines: there are none"),
        (card(meter(line(), name="")), "meters.: must be 1–128 bytes, not 0"),
        (
            card(meter(line(line_id="a")), meter(line(line_id="b"))),
            "meters: 'm' is defined twice",
        ),
        (
            card(meter(line("total"), total="total")),
            "meters.m.total: 'total' has a line, but a total is never rated",
        ),
        (
            card(meter(line(), total="t" * 129)),
            "meters.m.total: must be at most 128 bytes",
        ),
        (
            card(meter(line("a"), a="b")),
            "meters.m.exclusive.a: 'b' has no line in this meter",
        ),
        (card(meter(line("a"), a="a")), "meters.m.exclusive.a: leads back to itself"),
        (
            card(meter(line(line_id="x"), line("b", line_id="x"))),
            "lines: 'x' is the id of more than one line",
        ),
        (
            card(meter(line()), overrides=(override("c", line(line_id="c"), of="n"),)),
            "overrides.c.n: the card has no such meter",
        ),
        (
            card(meter(line()), overrides=(override("", line(line_id="c")),)),
            "overrides..m: must be 1–128 bytes, not 0",
        ),
        (
            card(meter(line()), overrides=(override("c"), override("c"))),
            "overrides.c.m: is defined twice",
        ),
        (
            card(meter(line()), overrides=(override("c", line("", line_id="c")),)),
            "overrides.c.m.lines[0].quantity: must be 1–128 bytes, not 0",
        ),
    ],
)
def test_meters_and_overrides(refused: RateCard, sentence: str) -> None:
    assert check_card(refused) == [sentence]


def test_exclusive_classes_that_run_in_a_circle() -> None:
    circle = meter(line("a"), line("b"), line("c"), line("d"), a="b", b="c", c="b", d="a")
    assert check_card(card(circle)) == [
        "meters.m.exclusive.b: leads back to itself",
        "meters.m.exclusive.c: leads back to itself",
    ]


def test_an_override_s_line_counts_as_a_line_of_the_meter() -> None:
    own = override("vip", line("b", line_id="vip"))
    assert check_card(card(meter(line("a"), b="a"), overrides=(own,))) == []


@pytest.mark.parametrize(
    ("fields", "sentence"),
    [
        ({"line_id": ""}, "id: must be 1–128 bytes, not 0"),
        ({"quantity": "q" * 129}, "quantity: must be 1–128 bytes, not 129"),
        ({"match": {"": "x"}}, "match: must be 1–128 bytes, not 0"),
        ({"match": {"k": "x" * 129}}, "match.k: must be at most 128 bytes"),
        ({"minimum": -1}, "minimum: must be 0 or more, and at most 2⁶² micro-credits"),
        ({"minimum": 2**62 + 1}, "minimum: must be 0 or more, and at most 2⁶² micro-credits"),
        ({"per": 0}, "per: must be a power of ten up to 10¹²"),
        ({"per": 20}, "per: must be a power of ten up to 10¹²"),
        ({"per": 10**13}, "per: must be a power of ten up to 10¹²"),
        ({"over": "month"}, "over: only a package or graduated tiers are priced over a month"),
        (
            {"package": Package(size_micro=1, rounding="up"), "per": 10},
            "per: doesn't go with a package, whose rate is for one package",
        ),
        (
            {"package": Package(size_micro=0, rounding="up")},
            "package.size: must be more than 0, and fit 64 bits in micro-units",
        ),
        (
            {"package": Package(size_micro=2**63, rounding="up")},
            "package.size: must be more than 0, and fit 64 bits in micro-units",
        ),
        ({"tiers": [FREE]}, "tiers: there are steps, but no mode"),
        ({"tier_mode": "volume"}, "tiers: there are no steps"),
        (
            {"tier_mode": "volume", "tiers": [FREE], "rate_pico": 1},
            "tiers: a line with tiers has its rates in the steps, and none of its own",
        ),
        (
            {"tier_mode": "volume", "tiers": [replace(FREE, up_to_micro=5)]},
            "tiers: the last step must be open-ended (without up_to)",
        ),
        (
            {"tier_mode": "volume", "tiers": [FREE, FREE]},
            "tiers.steps[0].up_to: only the last step may be open-ended",
        ),
        (
            {"tier_mode": "volume", "tiers": [replace(FREE, flat=-1)]},
            "tiers.steps[0].flat: must be 0 or more, and at most 2⁶² micro-credits",
        ),
    ],
)
def test_lines(fields: dict[str, Any], sentence: str) -> None:
    assert with_line(**fields) == [f"meters.m.lines[0].{sentence}"]


@pytest.mark.parametrize("rate_pico", [-1, 2**63])
def test_rates_are_positive_and_fit_64_bits(rate_pico: int) -> None:
    expected = ": must be 0 or more, and less than 9,223,372.036854775808 credits a unit"
    assert with_line(rate_pico=rate_pico) == [f"meters.m.lines[0].rate{expected}"]
    tiers = [replace(FREE, rate_pico=rate_pico)]
    assert with_line(tier_mode="graduated", tiers=tiers) == [
        f"meters.m.lines[0].tiers.steps[0].rate{expected}"
    ]
    assert with_line(rate_pico=2**63 - 1) == []


@pytest.mark.parametrize("ends", [(0,), (5, 5), (5, 4), (2**63,)])
def test_tiers_ascend(ends: tuple[int, ...]) -> None:
    tiers = [*(replace(FREE, up_to_micro=end) for end in ends), FREE]
    place = len(ends) - 1
    assert with_line(tier_mode="graduated", tiers=tiers) == [
        f"meters.m.lines[0].tiers.steps[{place}].up_to: "
        "must be more than the step before, and fit 64 bits"
    ]


def test_a_line_has_a_package_or_tiers() -> None:
    both = {"package": Package(size_micro=1, rounding="up"), "tier_mode": "volume", "tiers": [FREE]}
    assert with_line(**both) == [
        "meters.m.lines[0]: has a package and tiers; a line is priced by one of them"
    ]


def test_everything_is_said_at_once() -> None:
    assert len(of(line(""), replace(line("b"), per=3), replace(line("c"), over="month"))) == 4

"""Rate cards as documents: the four examples, round trips, and what is refused."""

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drawdown.adapters.documents.card_text import format_text, read_text, write_text
from drawdown.adapters.documents.rate_card import (
    parse_rate_card,
    read_rate_card,
    write_rate_card,
)
from drawdown.domain.numbers import format_decimal, parse_decimal
from drawdown.domain.rate_card_rules import check_card
from drawdown.domain.rate_cards import Line, Meter, Override, Package, RateCard, Tier
from drawdown.domain.rating import CompiledCard
from drawdown.errors import InvalidDocument

EXAMPLES = Path(__file__).parents[2] / "schemas" / "examples" / "rate-cards"
SOONEST = 1_800_000_000_000_000


def credits_for(
    name: str, meter: str, properties: dict[str, str], customer: str = "c", **quantities: str
) -> str:
    compiled = CompiledCard(read_rate_card(EXAMPLES / name, soonest=SOONEST))
    amounts = {quantity: parse_decimal(text, 6) for quantity, text in quantities.items()}
    rated = compiled.rate(customer, meter, properties, amounts)
    assert rated is not None
    return format_decimal(rated.total_atto, 18)


@pytest.mark.parametrize("path", sorted(EXAMPLES.iterdir()), ids=lambda path: path.stem)
def test_examples_read_and_round_trip(path: Path, tmp_path: Path) -> None:
    card = read_rate_card(path, soonest=SOONEST)
    assert check_card(card) == []
    for name in ("again.yaml", "again.json"):
        write_text(write_rate_card(card), tmp_path / name)
        assert read_rate_card(tmp_path / name) == card


def test_direct_cost() -> None:
    assert credits_for("direct-cost.yaml", "llm.tokens", {}, input="1500", output="500") == "2"


def test_value_units() -> None:
    price = {
        (kind, tasks): credits_for(
            "value-units.yaml", "task.completed", {"kind": kind}, tasks=tasks
        )
        for kind, tasks in (("any", "3"), ("draft", "3"), ("bulk", "100"), ("bulk", "200"))
    }
    assert list(price.values()) == ["3", "0", "100", "160"]


def test_abstract_currency() -> None:
    card = "abstract-currency.yaml"
    large = {"model": "large"}
    assert credits_for(card, "chat.message", {}, messages="2") == "2"
    assert credits_for(card, "chat.message", large, messages="2") == "10"
    assert credits_for(card, "chat.message", large, "acme", messages="2") == "8"
    photo = {"resolution": "4k", "style": "photo"}
    assert credits_for(card, "image.generated", photo, images="1") == "30"
    assert credits_for(card, "document.read", {}, pages="11") == "8"
    assert credits_for(card, "email.sent", {}, emails="1500") == "26"
    assert credits_for(card, "workflow.run", {}, steps="2") == "0.5"


def test_time_units() -> None:
    assert credits_for("time-units.yaml", "gpu.time", {"gpu": "large"}, minutes="1.5") == "3.75"
    assert credits_for("time-units.yaml", "agent.runtime", {}, minutes="0.1") == "0.25"


def test_the_demo_s_card() -> None:
    sage = {"model": "sage-1"}
    quantities = {"input": "1000", "cached_input": "1000", "output": "100"}
    assert credits_for("llm-demo.yaml", "llm.tokens", sage, **quantities) == "3.75"
    own = credits_for("llm-demo.yaml", "llm.tokens", sage, "customer-0001", **quantities)
    assert own == "3.05"
    assert credits_for("llm-demo.yaml", "llm.tokens", {"model": "new"}, output="1000") == "16"


def document(*lines: dict[str, Any], **fields: Any) -> dict[str, Any]:
    return {
        "card": "c",
        "version": "1",
        "effective_from": "2026-01-01T00:00:00Z",
        "meters": {"m": {"lines": list(lines) or [{"quantity": "a", "rate": "1"}]}},
        **fields,
    }


def refusal(data: object) -> list[str]:
    with pytest.raises(InvalidDocument) as raised:
        parse_rate_card(data, where="f")
    return str(raised.value).split("\n")


def parsed_line(**fields: Any) -> Line:
    return parse_rate_card(document({"quantity": "a", **fields}), where="f").meters[0].lines[0]


def test_per_is_divided_out() -> None:
    line = parsed_line(rate="2.5", per=1_000_000)
    assert (line.rate_pico, line.per) == (2_500_000, 1_000_000)
    tiers = {"mode": "volume", "steps": [{"rate": "3"}]}
    assert parsed_line(tiers=tiers, per="1000").tiers[0].rate_pico == 3_000_000_000


def test_ids_come_from_what_a_line_matches_and_are_unique() -> None:
    lines = (
        {"quantity": "a", "rate": "1", "match": {"z": "1", "b": "two"}},
        {"quantity": "a", "rate": "1", "match": {"b": "two", "z": "1"}},
        {"quantity": "a", "rate": "1", "id": "mine"},
    )
    own = {"acme": {"m": [{"quantity": "a", "rate": "1"}]}}
    card = parse_rate_card(document(*lines, overrides=own), where="f")
    ids = [line.line_id for line in card.meters[0].lines]
    assert ids == ["m.a.two.1", "m.a.two.1.2", "mine"]
    assert card.overrides[0].lines[0].line_id == "m.a.acme"


def test_long_ids_are_cut_and_stay_apart() -> None:
    lines = [{"quantity": "ü" * 60, "rate": "1", "match": {"k": f"{n}" * 100}} for n in (1, 2)]
    first, second = parse_rate_card(document(*lines), where="f").meters[0].lines
    assert first.line_id != second.line_id
    assert max(len(line.line_id.encode()) for line in (first, second)) <= 128


@pytest.mark.parametrize(
    ("line", "finding"),
    [
        ({}, "rate: is missing"),
        ({"rate": "1e-6"}, "rate: '1e-6' is not a decimal number"),
        ({"rate": 0.5}, 'rate: 0.5 stands without quotes: write "0.5", so that it is exact'),
        ({"rate": True}, "rate: True is no number"),
        (
            {"rate": "0.0000015", "per": 1_000_000},
            "rate: 0.0000015 per 1000000 has more than 12 decimal places a unit; "
            'the nearest that fits is "0.000002" (per 1000000)',
        ),
        (
            {"rate": "0.0000000000014"},
            "rate: 0.0000000000014 has more than 12 decimal places a unit; "
            'the nearest that fits is "0.000000000001"',
        ),
        ({"rate": "1", "per": 3}, "per: must be a power of ten up to 10¹²"),
        ({"rate": "1", "per": 0}, "per: must be a power of ten up to 10¹²"),
        ({"rate": "1", "qantity": "a"}, "qantity: is unknown; did you mean quantity?"),
        ({"rate": "1", "match": {"k": True}}, "match.k: True is no text (put it in quotes)"),
        ({"rate": "1", "match": []}, "match: must be an object of named fields, not []"),
        (
            {"rate": "1", "match": {"k": "\ud800"}},
            "match.k: holds half of a surrogate pair, which is no text",
        ),
        (
            {"rate": "1", "minimum": "0.0000001"},
            "minimum: '0.0000001' has more than 6 decimal places",
        ),
        ({"rate": "1", "package": {}}, "package.size: is missing"),
        (
            {"rate": "1", "package": {"size": 0}},
            "package.size: must be more than 0, and fit 64 bits in micro-units",
        ),
        ({"rate": "1", "over": "year"}, "over: 'year' is none of event, month"),
        ({"tiers": {"mode": "volume"}}, "tiers.steps: is missing"),
        ({"tiers": {"mode": "volume", "steps": {}}}, "tiers.steps: must be a list"),
        (
            {"tiers": {"mode": "volume", "steps": [{}]}},
            "tiers.steps[0].rate: is missing, and so is flat; a free step has the rate 0",
        ),
        (
            {"rate": "1", "tiers": {"mode": "volume", "steps": [{"rate": 1}]}},
            "rate: doesn't go with tiers: each step has its own",
        ),
    ],
)
def test_wrong_lines_are_refused_with_their_place(line: dict[str, Any], finding: str) -> None:
    assert refusal(document({"quantity": "a", **line})) == [f"f: meters.m.lines[0].{finding}"]


@pytest.mark.parametrize(
    ("fields", "finding"),
    [
        (
            {"effective_from": "now"},
            "'now' can't stand here: write the time, such as 2026-08-01T00:00:00Z",
        ),
        ({"effective_from": "2026-01-01T00:00:00"}, "'2026-01-01T00:00:00' has no zone"),
        ({"effective_from": None}, "None is no time"),
    ],
)
def test_times_need_a_zone(fields: dict[str, Any], finding: str) -> None:
    (line,) = refusal(document(**fields))
    assert line.startswith(f"f: effective_from: {finding}")


def test_now_is_as_soon_as_is_allowed() -> None:
    data = document(effective_from="now")
    assert parse_rate_card(data, where="f", soonest=SOONEST).effective_from == SOONEST


def test_every_finding_is_reported_and_a_flood_is_cut() -> None:
    assert refusal(4) == [
        "f: must be an object of named fields, not 4",
        "f: card: is missing",
        "f: version: is missing",
        "f: effective_from: is missing",
        "f: meters: is missing",
    ]
    flood = refusal(document(*({"quantity": "a"} for _ in range(80))))
    assert (len(flood), flood[-1]) == (51, "f: … and 30 more")
    odd: dict[object, object] = {7: "x"}
    odd.update(document())
    assert refusal(odd) == ["f: 7 must be a name (put it in quotes)"]


YAML = """
card: no            # a word, not false
version: 1.10
effective_from: 2026-01-01T00:00:00Z
meters: {m: {lines: [{quantity: a, rate: RATE, match: {model: 4.5}}]}}
"""


@pytest.mark.parametrize("number", ["0.25", ".5", "1.", "1e-6", "-0.5"])
def test_decimals_without_quotes_are_refused_in_a_file(number: str, tmp_path: Path) -> None:
    path = tmp_path / "card.yaml"
    path.write_text(YAML.replace("RATE", number))
    with pytest.raises(InvalidDocument, match="stands without quotes: write"):
        read_rate_card(path)


def test_words_dates_and_numbers_stay_what_was_written(tmp_path: Path) -> None:
    path = tmp_path / "card.yaml"
    path.write_text(YAML.replace("RATE", "3"))
    card = read_rate_card(path)
    assert (card.card_id, card.version) == ("no", "1.10")
    assert card.meters[0].lines[0].match == {"model": "4.5"}


@pytest.mark.parametrize(
    ("name", "text", "finding"),
    [
        ("c.yaml", "a: 1\nb: {c: 1, c: 2}", "'c' is given twice in the object at line 2"),
        ("c.yaml", "a: [", "can't be understood"),
        ("c.json", '{"a": 1, "a": 2}', "'a' is given twice in one object"),
        ("c.json", "{", "can't be understood"),
    ],
)
def test_texts_that_can_t_be_understood(name: str, text: str, finding: str, tmp_path: Path) -> None:
    path = tmp_path / name
    path.write_text(text)
    with pytest.raises(InvalidDocument, match=finding):
        read_text(path)


def test_files_that_can_t_be_read_or_written(tmp_path: Path) -> None:
    with pytest.raises(InvalidDocument, match="can't be read"):
        read_text(tmp_path / "absent.yaml")
    with pytest.raises(InvalidDocument, match="can't be written"):
        write_text({}, tmp_path / "absent" / "c.yaml")


def test_merged_objects_may_be_overridden(tmp_path: Path) -> None:
    path = tmp_path / "c.yaml"
    path.write_text("a: &a {x: 1}\nb: &b {<<: *a, x: 2}\nc: {<<: *b, x: 3}\n")
    assert read_text(path) == {"a": {"x": 1}, "b": {"x": 2}, "c": {"x": 3}}


NAME = st.text(min_size=1, max_size=6)
LONG = st.integers(0, 2**63 - 1)
AMOUNT = st.integers(0, 2**62)


@st.composite
def a_line(draw: st.DrawFn, line_id: str) -> Line:
    """A line that a card may have, of any kind."""
    kind = draw(st.sampled_from(["linear", "package", "graduated", "volume"]))
    tiered = kind in ("graduated", "volume")
    ends = sorted(draw(st.sets(st.integers(1, 2**63 - 1), max_size=3))) if tiered else []
    return Line(
        line_id=line_id,
        quantity=draw(NAME),
        match=draw(st.dictionaries(NAME, st.text(max_size=6), max_size=3)),
        rate_pico=0 if tiered else draw(LONG),
        per=1 if kind == "package" else 10 ** draw(st.integers(0, 12)),
        package=Package(
            size_micro=draw(st.integers(1, 2**63 - 1)),
            rounding=draw(st.sampled_from(("up", "down", "half_up"))),
        )
        if kind == "package"
        else None,
        tier_mode="graduated" if kind == "graduated" else "volume" if tiered else "none",
        tiers=[
            Tier(up_to_micro=end, rate_pico=draw(LONG), flat=draw(AMOUNT))
            for end in ([*ends, None] if tiered else [])
        ],
        minimum=draw(AMOUNT),
        over="event",
    )


@st.composite
def a_card(draw: st.DrawFn) -> RateCard:
    ids = iter(range(100))

    def lines() -> list[Line]:
        return [draw(a_line(f"line {next(ids)}")) for _ in range(draw(st.integers(1, 3)))]

    names = draw(st.lists(NAME, min_size=1, max_size=2, unique=True))
    customers = draw(st.lists(NAME, max_size=2, unique=True))
    return RateCard(
        card_id=draw(NAME.filter(lambda name: "@" not in name)),
        version=draw(NAME),
        unit=draw(NAME),
        description=draw(st.text(max_size=20)),
        effective_from=draw(st.integers(0, 2**62)),
        meters=[
            Meter(
                name=name,
                description=draw(st.text(max_size=9)),
                exclusive={},
                total="",
                lines=lines(),
            )
            for name in names
        ],
        overrides=[
            Override(customer_id=customer, meter=names[0], lines=lines()) for customer in customers
        ],
    )


@given(a_card())
def test_what_is_written_reads_the_same(card: RateCard) -> None:
    assert check_card(card) == []
    assert parse_rate_card(write_rate_card(card), where="f") == card
    assert format_text(write_rate_card(card))

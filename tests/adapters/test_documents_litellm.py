"""Cards made from LiteLLM's price table: every field's meaning, and the whole real table."""

import gzip
import json
from decimal import Decimal
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from drawdown.adapters.documents.prices_litellm import (
    ImportNote,
    import_litellm,
    read_price_table,
)
from drawdown.domain.numbers import format_decimal, parse_decimal
from drawdown.domain.rate_cards import RateCard
from drawdown.domain.rating import CompiledCard
from drawdown.errors import DrawdownError, InvalidDocument, UsageError
from tests.real_data import real_data


def imported(
    entry: dict[str, Any], *, markup: str = "1", credits_per_usd: str = "1000"
) -> tuple[RateCard, list[ImportNote]]:
    """A card of one model, `x`, whose prices are given as text."""
    table = json.loads(json.dumps({"x": entry}), parse_float=Decimal)
    return import_litellm(
        table,
        markup=Decimal(markup),
        credits_per_usd=Decimal(credits_per_usd),
        version="1",
        effective_from=0,
    )


def rate_of(card: RateCard, meter: str, quantity: str, **properties: str) -> str | None:
    line = CompiledCard(card).line("c", meter, {"model": "x", **properties}, quantity)
    return None if line is None else format_decimal(line.rate_pico, 12)


CHAT = {
    "mode": "chat",
    "input_cost_per_token": 1e-06,
    "output_cost_per_token": 4e-06,
    "cache_read_input_token_cost": 1e-07,
    "input_cost_per_token_batches": 5e-07,
    "output_cost_per_token_batches": 2e-06,
    "input_cost_per_token_above_200k_tokens": 2e-06,
    "output_cost_per_token_above_200k_tokens": 6e-06,
    "input_cost_per_token_above_200k_tokens_priority": 4e-06,
}


def test_tokens_are_classes_that_exclude_one_another() -> None:
    card, notes = imported(CHAT, markup="1.3")
    tokens = card.meters[0]
    assert tokens.exclusive == {"cached_input": "input", "reasoning": "output"}
    assert tokens.total == "total"
    assert rate_of(card, "llm.tokens", "input") == "0.0013"
    assert rate_of(card, "llm.tokens", "cached_input") == "0.00013"
    assert [note.kind for note in notes] == ["kept"] * 3


def test_a_class_without_a_price_costs_what_its_whole_costs() -> None:
    card, _ = imported(CHAT)
    assert rate_of(card, "llm.tokens", "reasoning") == "0.004"
    assert rate_of(card, "llm.tokens", "reasoning", service_tier="batch") == "0.002"
    assert rate_of(card, "llm.tokens", "reasoning", context="above_200k") == "0.006"


def test_a_discounted_class_keeps_its_price_where_a_variant_has_none() -> None:
    card, notes = imported(CHAT)
    assert rate_of(card, "llm.tokens", "cached_input", service_tier="batch") == "0.0001"
    assert "cached_input has no price under service_tier batch: it keeps its usual one" in {
        note.detail for note in notes
    }


def test_size_and_tier_of_service_are_properties() -> None:
    card, _ = imported(CHAT)
    tokens = "llm.tokens"
    assert rate_of(card, tokens, "input", service_tier="batch") == "0.0005"
    assert rate_of(card, tokens, "input", context="above_200k") == "0.002"
    both = {"context": "above_200k", "service_tier": "priority"}
    assert rate_of(card, tokens, "input", **both) == "0.004"
    assert rate_of(card, tokens, "input", context="above_200k", service_tier="batch") == "0.002"


@pytest.mark.parametrize(
    ("entry", "meter", "quantity", "properties"),
    [
        ({"output_cost_per_image": 0.04}, "llm.images", "output", {}),
        ({"output_cost_per_second_1080p": 0.04}, "llm.seconds", "output", {"resolution": "1080p"}),
        ({"input_cost_per_character": 0.04}, "llm.characters", "input", {}),
        ({"ocr_cost_per_page": 0.04}, "llm.pages", "ocr", {}),
        (
            {"search_context_cost_per_query": {"search_context_size_low": 0.04}},
            "llm.searches",
            "queries",
            {"search_context_size": "low"},
        ),
        (
            {"tiered_pricing": [{"range": [32000, 64000.0], "input_cost_per_token": 0.04}]},
            "llm.tokens",
            "input",
            {"context": "above_32k"},
        ),
        (
            {"tiered_pricing": [{"range": [0, 500], "input_cost_per_token": 0.04}]},
            "llm.tokens",
            "input",
            {},
        ),
        (
            {"tiered_pricing": [{"range": [500, 900], "input_cost_per_token": 0.04}]},
            "llm.tokens",
            "input",
            {"context": "above_500"},
        ),
        (
            {"tiered_pricing": [{"max_results_range": [1, 25], "input_cost_per_query": 0.04}]},
            "llm.queries",
            "queries",
            {"max_results": "1-25"},
        ),
        (
            {"cache_creation_input_token_cost_above_1hr_above_200k_tokens": 0.04},
            "llm.tokens",
            "cache_write_1h",
            {"context": "above_200k"},
        ),
    ],
)
def test_other_prices_have_meters_of_their_own(
    entry: dict[str, Any], meter: str, quantity: str, properties: dict[str, str]
) -> None:
    card, notes = imported(entry)
    assert rate_of(card, meter, quantity, **properties) == "40"
    assert notes == []


@pytest.mark.parametrize(
    ("entry", "field", "detail"),
    [
        ({"input_dbu_cost_per_token": 1}, "input_dbu_cost_per_token", "the provider's own units"),
        ({"odd_cost": 1}, "odd_cost", "no meter that could express it"),
        ({"input_cost_per_image": -1}, "input_cost_per_image", "-1 is no price"),
        ({"input_cost_per_image": "free"}, "input_cost_per_image", "'free' is no price"),
        ({"input_cost_per_image": True}, "input_cost_per_image", "True is no price"),
        (
            {"regional_processing_uplift_multiplier_eu": 1.1},
            "regional_processing_uplift_multiplier_eu",
            "multiplies every price",
        ),
        (
            {"provider_specific_entry": {"fast": 6.0, "name": "titan"}},
            "provider_specific_entry.fast",
            "multiplies every price",
        ),
        (
            {"tiered_pricing": [{"range": [0], "input_cost_per_token": 1}]},
            "tiered_pricing[0].input_cost_per_token",
            "a range that can't be understood",
        ),
        (
            {
                "input_cost_per_token": 1,
                "tiered_pricing": [{"range": [0, 9], "input_cost_per_token": 2}],
            },
            "tiered_pricing[0].input_cost_per_token",
            "input_cost_per_token says otherwise, and stands first",
        ),
    ],
)
def test_what_no_line_can_express_is_listed(entry: dict[str, Any], field: str, detail: str) -> None:
    _, notes = imported({"output_cost_per_image": 1, **entry})
    assert [(note.kind, note.field) for note in notes] == [("not_imported", field)]
    assert detail in notes[0].detail


def test_models_without_a_price_are_listed() -> None:
    card, notes = import_litellm(
        {"sample_spec": {}, "free": {"mode": "chat", "input_cost_per_token": None}, "x": CHAT_TEXT},
        markup=Decimal(1),
        credits_per_usd=Decimal(1),
        version="1",
        effective_from=0,
    )
    assert [(note.kind, note.model) for note in notes] == [("no_price", "free")]
    assert {line.match["model"] for line in card.meters[0].lines} == {"x"}


CHAT_TEXT = {"input_cost_per_token": Decimal("0.000001")}


@pytest.mark.parametrize(
    ("usd", "credits", "note"),
    [
        ("0.0000000000015", "0.000000000002", "0.0000000000015 → 0.000000000002"),
        ("0.0000000000025", "0.000000000002", "0.0000000000025 → 0.000000000002"),
        ("0.0000000000025000001", "0.000000000003", "→ 0.000000000003"),
    ],
)
def test_rates_are_rounded_half_even_and_listed(usd: str, credits: str, note: str) -> None:
    card, notes = import_litellm(
        {"x": {"output_cost_per_image": Decimal(usd)}},
        markup=Decimal(1),
        credits_per_usd=Decimal(1),
        version="1",
        effective_from=0,
    )
    assert rate_of(card, "llm.images", "output") == credits
    assert [each.kind for each in notes] == ["rounded"]
    assert note in notes[0].detail


def test_rates_that_fit_no_card_are_refused() -> None:
    with pytest.raises(InvalidDocument, match=r"imported card: meters\.llm\.images"):
        imported({"output_cost_per_image": 10**9})


@pytest.mark.parametrize("factor", ["0", "-1", "NaN", "Infinity"])
def test_factors_are_positive(factor: str) -> None:
    with pytest.raises(UsageError, match="must be more than 0"):
        imported(CHAT, markup=factor)


@pytest.mark.parametrize("content", [b"[]", b"{", b"\xff"])
def test_tables_that_can_t_be_read(content: bytes, tmp_path: Path) -> None:
    for name, written in (("t.json", content), ("t.json.gz", gzip.compress(content)[:-1])):
        (tmp_path / name).write_bytes(written)
        with pytest.raises(InvalidDocument, match=name):
            read_price_table(tmp_path / name)
    with pytest.raises(DrawdownError):
        read_price_table(tmp_path / "absent.json")


def test_the_whole_public_table() -> None:
    """Every token price of the table is at its line, to 12 places, and each rounding is listed."""
    table = read_price_table(real_data("prices/litellm_model_prices.2026-08-01.json.gz"))
    card, notes = import_litellm(
        table,
        markup=Decimal("1.3"),
        credits_per_usd=Decimal(1000),
        version="1",
        effective_from=0,
    )
    compiled = CompiledCard(card)
    rounded = {(note.model, note.field) for note in notes if note.kind == "rounded"}
    fields = {"input_cost_per_token": "input", "output_cost_per_token": "output"}
    prices = 0
    for model, entry in table.items():
        for field in fields.keys() & entry.keys() if model != "sample_spec" else ():
            line = compiled.line("c", "llm.tokens", {"model": model}, fields[field])
            assert line is not None
            exact = Fraction(entry[field]) * 1300 * 10**12
            assert abs(line.rate_pico - exact) <= Fraction(1, 2)
            assert (line.rate_pico == exact) == ((model, field) not in rounded)
            prices += 1
    assert prices == 2_511 + 2_508
    usage = {"input": parse_decimal("1000000", 6), "reasoning": parse_decimal("1000", 6)}
    assert compiled.rate("c", "llm.tokens", {"model": "gpt-4o-mini"}, usage) is not None

"""What the price fields of LiteLLM's public table mean, as meters, quantities and properties.

Source: `model_prices_and_context_window.json` of github.com/BerriAI/litellm (MIT); prices are USD.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal
from typing import Any, Final

TOKENS: Final = "llm.tokens"


@dataclass(frozen=True, slots=True)
class Slot:
    """What one price is for: a quantity of a meter under some properties beside the model."""

    meter: str
    quantity: str
    match: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class Price:
    """A price in USD for one unit, and the field that says so."""

    slot: Slot
    usd: Decimal
    field: str


@dataclass(frozen=True, slots=True)
class Unexpressed:
    """A price field that no line can express, and why."""

    field: str
    reason: str


_QUANTITIES: Final[Mapping[str, tuple[str, str]]] = {
    "input_cost_per_token": (TOKENS, "input"),
    "cache_read_input_token_cost": (TOKENS, "cached_input"),
    "input_cost_per_token_cache_hit": (TOKENS, "cached_input"),
    "cache_creation_input_token_cost": (TOKENS, "cache_write"),
    "cache_creation_input_token_cost_above_1hr": (TOKENS, "cache_write_1h"),
    "input_cost_per_audio_token": (TOKENS, "audio_input"),
    "cache_read_input_audio_token_cost": (TOKENS, "cached_audio_input"),
    "cache_creation_input_audio_token_cost": (TOKENS, "audio_cache_write"),
    "input_cost_per_image_token": (TOKENS, "image_input"),
    "output_cost_per_token": (TOKENS, "output"),
    "output_cost_per_reasoning_token": (TOKENS, "reasoning"),
    "output_cost_per_audio_token": (TOKENS, "audio_output"),
    "output_cost_per_image_token": (TOKENS, "image_output"),
    "output_cost_per_video_token": (TOKENS, "video_output"),
    "citation_cost_per_token": (TOKENS, "citation"),
    "input_cost_per_image": ("llm.images", "input"),
    "output_cost_per_image": ("llm.images", "output"),
    "input_cost_per_pixel": ("llm.pixels", "input"),
    "output_cost_per_pixel": ("llm.pixels", "output"),
    "input_cost_per_second": ("llm.seconds", "input"),
    "output_cost_per_second": ("llm.seconds", "output"),
    "input_cost_per_audio_per_second": ("llm.seconds", "audio_input"),
    "input_cost_per_video_per_second": ("llm.seconds", "video_input"),
    "output_cost_per_video_per_second": ("llm.seconds", "video_output"),
    "input_cost_per_character": ("llm.characters", "input"),
    "output_cost_per_character": ("llm.characters", "output"),
    "input_cost_per_query": ("llm.queries", "queries"),
    "input_cost_per_request": ("llm.requests", "requests"),
    "ocr_cost_per_page": ("llm.pages", "ocr"),
    "annotation_cost_per_page": ("llm.pages", "annotation"),
    "code_interpreter_cost_per_session": ("llm.sessions", "code_interpreter"),
}
PART_OF: Final[Mapping[str, str]] = {
    "cached_input": "input",
    "cache_write": "input",
    "cache_write_1h": "cache_write",
    "audio_input": "input",
    "cached_audio_input": "cached_input",
    "audio_cache_write": "cache_write",
    "image_input": "input",
    "reasoning": "output",
    "audio_output": "output",
    "image_output": "output",
    "video_output": "output",
}
"""The classes of tokens that are parts of another one in what providers report."""

_TIER: Final = re.compile(r"(.+)_(batches|priority|flex)")
_TIER_NAMES: Final = {"batches": "batch", "priority": "priority", "flex": "flex"}
_ABOVE: Final = re.compile(r"(.+)_above_(\d+k)_tokens")
_RESOLUTION: Final = re.compile(r"(.+)_(\d+p)")
_NOT_IN_USD: Final = re.compile(r".*dbu_cost.*|ocr_cost_per_credit")
_UPLIFT: Final = re.compile(r"regional_processing_uplift_multiplier_.*")
_NESTED: Final = ("tiered_pricing", "search_context_cost_per_query", "provider_specific_entry")


def prices_of(entry: Mapping[str, Any]) -> Iterator[Price | Unexpressed]:
    """Every price of one model's entry, the plain fields before the nested ones."""
    for field, value in entry.items():
        if value is not None and field not in _NESTED:
            yield from _plain(field, value)
    for place, tier in enumerate(_objects(entry.get("tiered_pricing"))):
        yield from _tiered(f"tiered_pricing[{place}]", tier)
    searches = entry.get("search_context_cost_per_query")
    if isinstance(searches, Mapping):
        for name, value in searches.items():
            size = name.removeprefix("search_context_size_")
            slot = Slot("llm.searches", "queries", (("search_context_size", size),))
            yield _price(f"search_context_cost_per_query.{name}", value, slot)
    specific = entry.get("provider_specific_entry")
    if isinstance(specific, Mapping):
        for name, value in specific.items():
            if re.fullmatch(r"[0-9.]+", str(value)):
                yield Unexpressed(f"provider_specific_entry.{name}", _MULTIPLIES)


_MULTIPLIES: Final = "multiplies every price of the model; use another --markup for such usage"


def _plain(field: str, value: object) -> Iterator[Price | Unexpressed]:
    slot = _slot(field)
    if slot is not None:
        yield _price(field, value, slot)
    elif _UPLIFT.fullmatch(field):
        yield Unexpressed(field, _MULTIPLIES)
    elif _NOT_IN_USD.fullmatch(field):
        yield Unexpressed(field, "is counted in the provider's own units, not in USD")
    elif "cost" in field:
        yield Unexpressed(field, "has no meter that could express it")


def _slot(field: str) -> Slot | None:
    """`input_cost_per_token_above_200k_tokens_priority` as the meter, quantity and properties."""
    match: list[tuple[str, str]] = []
    base = field
    if found := _TIER.fullmatch(base):
        base = found[1]
        match.append(("service_tier", _TIER_NAMES[found[2]]))
    if found := _ABOVE.fullmatch(base):
        base = found[1]
        match.append(("context", f"above_{found[2]}"))
    if base not in _QUANTITIES and (found := _RESOLUTION.fullmatch(base)):
        base = found[1]
        match.append(("resolution", found[2]))
    if base not in _QUANTITIES:
        return None
    return Slot(*_QUANTITIES[base], tuple(sorted(match)))


def _tiered(path: str, tier: Mapping[str, Any]) -> Iterator[Price | Unexpressed]:
    """The prices of one range of prompt sizes or of results."""
    match = _range(tier)
    for field, value in tier.items():
        slot = _slot(field)
        if slot is not None and match is not None:
            yield _price(f"{path}.{field}", value, Slot(slot.meter, slot.quantity, match))
        elif "cost" in field:
            yield Unexpressed(f"{path}.{field}", "stands in a range that can't be understood")


def _range(tier: Mapping[str, Any]) -> tuple[tuple[str, str], ...] | None:
    results = tier.get("max_results_range")
    if isinstance(results, list) and len(results) == 2:
        return (("max_results", f"{results[0]}-{results[1]}"),)
    sizes = tier.get("range")
    if not isinstance(sizes, list) or len(sizes) != 2 or not _is_number(sizes[0]):
        return None
    above = Decimal(sizes[0])
    if above == 0:
        return ()
    whole = above % 1000 == 0
    return (("context", f"above_{int(above / 1000)}k" if whole else f"above_{int(above)}"),)


def _price(field: str, value: object, slot: Slot) -> Price | Unexpressed:
    assert not isinstance(value, float), "a price table is read without floats"
    if not _is_number(value):
        return Unexpressed(field, f"{value!r:.40} is no price")
    usd = Decimal(value)  # type: ignore[arg-type]  # It is an int or a Decimal.
    if not usd.is_finite() or usd < 0:
        return Unexpressed(field, f"{value!s:.40} is no price")
    return Price(slot, usd, field)


def _is_number(value: object) -> bool:
    return isinstance(value, int | Decimal) and not isinstance(value, bool)


def _objects(value: object) -> list[Mapping[str, Any]]:
    return [each for each in value if isinstance(each, Mapping)] if isinstance(value, list) else []

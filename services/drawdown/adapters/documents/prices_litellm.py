"""LiteLLM's public price table → a rate card."""

import gzip
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from fnmatch import fnmatchcase
from fractions import Fraction
from pathlib import Path
from typing import Any, Final, Literal

from drawdown.adapters.documents.litellm_fields import (
    PART_OF,
    TOKENS,
    Price,
    Slot,
    Unexpressed,
    prices_of,
)
from drawdown.adapters.documents.rate_card import LineIds
from drawdown.domain.numbers import PICO, format_decimal
from drawdown.domain.rate_card_rules import check_card
from drawdown.domain.rate_cards import Line, Meter, RateCard
from drawdown.errors import InvalidDocument, UsageError

_SPECIMEN: Final = "sample_spec"
"""The table's first entry, which explains the fields and prices nothing."""
_GENERATES: Final = ("chat", "completion", "responses", "realtime")
"""Modes whose usage may report cached and reasoning tokens, whatever the table prices."""
_PER: Final[Mapping[str, int]] = {
    TOKENS: 1_000_000,
    "llm.characters": 1_000_000,
    "llm.pixels": 1_000_000,
}
"""Rates of these meters are written per million, as people compare them."""
_DESCRIPTIONS: Final[Mapping[str, str]] = {
    TOKENS: (
        "Tokens of one request, each class apart. A class without a price of its own costs what "
        "the class does that it is a part of. context and service_tier are the producer's to state."
    ),
    "llm.searches": "Web searches, by search_context_size.",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportNote:
    """What an import had to round, kept at a base price, or couldn't express."""

    kind: Literal["rounded", "kept", "not_imported", "no_price"]
    model: str
    field: str
    detail: str


def read_price_table(path: Path) -> dict[str, Any]:
    """The table of a `.json` or `.json.gz` file, its decimals exact. Raises `InvalidDocument`."""
    try:
        text = path.read_bytes()
        if path.suffix == ".gz":
            text = gzip.decompress(text)
        table = json.loads(text, parse_float=Decimal)
    except (OSError, EOFError, ValueError, RecursionError) as error:
        raise InvalidDocument(f"{path}: can't be read as a price table: {error}") from error
    if not isinstance(table, dict):
        raise InvalidDocument(f"{path}: must be an object of models")
    return table


def import_litellm(
    table: Mapping[str, Any],
    *,
    markup: Decimal,
    credits_per_usd: Decimal,
    version: str,
    effective_from: int,
    card_id: str = "litellm",
    models: str = "*",
) -> tuple[RateCard, list[ImportNote]]:
    """The card of the models that match a pattern, and notes on what isn't as in the table.

    A rate is USD × markup × credits_per_usd, rounded half-even to 12 places of a credit.
    Raises `UsageError` and `InvalidDocument`.
    """
    factor = _factor(markup, "--markup") * _factor(credits_per_usd, "--credits-per-usd")
    lines = _Lines(factor)
    for model, entry in table.items():
        if model != _SPECIMEN and isinstance(entry, Mapping) and fnmatchcase(model, models):
            lines.add_model(model, entry)
    card = RateCard(
        card_id=card_id,
        version=version,
        unit="credit",
        description=f"From LiteLLM's price table: USD × {markup} × {credits_per_usd} credits.",
        effective_from=effective_from,
        meters=[_meter(name, found) for name, found in sorted(lines.by_meter.items())],
        overrides=[],
    )
    if wrong := check_card(card):
        raise InvalidDocument("\n".join(f"imported card: {sentence}" for sentence in wrong))
    return card, lines.notes


def _factor(value: Decimal, option: str) -> Fraction:
    if not value.is_finite() or value <= 0:
        raise UsageError(f"{option} must be more than 0, not {value}")
    return Fraction(value)


def _meter(name: str, lines: list[Line]) -> Meter:
    rated = {line.quantity for line in lines}
    pairs = PART_OF.items() if name == TOKENS else ()
    return Meter(
        name=name,
        description=_DESCRIPTIONS.get(name, ""),
        exclusive={part: whole for part, whole in pairs if part in rated and whole in rated},
        total="total" if name == TOKENS else "",
        lines=lines,
    )


class _Lines:
    """The lines made so far, by meter, and the notes on them."""

    def __init__(self, factor: Fraction) -> None:
        self.by_meter: dict[str, list[Line]] = {}
        self.notes: list[ImportNote] = []
        self._factor = factor
        self._ids = LineIds()

    def add_model(self, model: str, entry: Mapping[str, Any]) -> None:
        """Make the lines of one model, those with fewest conditions first."""
        prices: dict[Slot, Price] = {}
        for found in prices_of(entry):
            if isinstance(found, Unexpressed):
                self._note("not_imported", model, found.field, found.reason)
            elif found.slot not in prices:
                prices[found.slot] = found
            elif prices[found.slot].usd != found.usd:
                why = f"{prices[found.slot].field} says otherwise, and stands first"
                self._note("not_imported", model, found.field, why)
        if not prices:
            self._note("no_price", model, "", "the table has no price that could be imported")
        self._fill(model, entry, prices)
        for price in sorted(prices.values(), key=lambda price: _order(price.slot)):
            self._add(model, price)

    def _fill(self, model: str, entry: Mapping[str, Any], prices: dict[Slot, Price]) -> None:
        """Price every class that usage may state, in each variant that prices its whole."""
        variants = sorted({slot.match for slot in prices if slot.meter == TOKENS}, key=len)
        for part in _parts(entry, prices):
            own, whole = (prices.get(Slot(TOKENS, name)) for name in (part, PART_OF[part]))
            follows = own is None or (whole is not None and own.usd == whole.usd)
            for match in variants:
                slot = Slot(TOKENS, part, match)
                priced = prices.get(Slot(TOKENS, PART_OF[part], match))
                if slot in prices or priced is None:
                    continue
                if follows:
                    prices[slot] = Price(slot, priced.usd, priced.field)
                else:
                    under = ", ".join(f"{key} {value}" for key, value in match)
                    detail = f"{part} has no price under {under}: it keeps its usual one"
                    self._note("kept", model, priced.field, detail)

    def _add(self, model: str, price: Price) -> None:
        slot = price.slot
        exact = Fraction(price.usd) * self._factor * PICO
        rate_pico = round(exact)
        match = {"model": model, **dict(slot.match)}
        line_id = self._ids.take(self._ids.default(slot.meter, slot.quantity, match, ""))
        if exact != rate_pico:
            detail = f"{line_id}: {_digits(exact / PICO)} → {format_decimal(rate_pico, 12)}"
            self._note("rounded", model, price.field, detail)
        line = Line(
            line_id=line_id,
            quantity=slot.quantity,
            match=match,
            rate_pico=rate_pico,
            per=_PER.get(slot.meter, 1),
            package=None,
            tier_mode="none",
            tiers=[],
            minimum=0,
            over="event",
        )
        self.by_meter.setdefault(slot.meter, []).append(line)

    def _note(
        self,
        kind: Literal["rounded", "kept", "not_imported", "no_price"],
        model: str,
        field: str,
        detail: str,
    ) -> None:
        self.notes.append(ImportNote(kind=kind, model=model, field=field, detail=detail))


def _order(slot: Slot) -> tuple[int, bool]:
    """Fewest conditions first; of as many, a size of context before a service tier, so that it
    wins where a request is of both and the table doesn't price the two together."""
    return (len(slot.match), "context" not in dict(slot.match))


def _parts(entry: Mapping[str, Any], slots: Iterable[Slot]) -> list[str]:
    """The classes that the model's usage may state, wholes before their parts."""
    stated = {slot.quantity for slot in slots if slot.meter == TOKENS}
    if entry.get("mode") in _GENERATES:
        stated |= {"cached_input", "reasoning"}
    if entry.get("supports_prompt_caching") or "cache_write" in stated:
        stated |= {"cache_write", "cache_write_1h"}
    if entry.get("supports_audio_input"):
        stated.add("audio_input")
    if entry.get("supports_audio_output"):
        stated.add("audio_output")
    if "audio_input" in stated and "cached_input" in stated:
        stated.add("cached_audio_input")
    return [part for part in PART_OF if part in stated]


def _digits(exact: Fraction) -> str:
    """The decimal digits of a product of decimals, all of them."""
    places = 12
    while (exact * 10**places).denominator != 1:
        places += 1
    return format_decimal(int(exact * 10**places), places)

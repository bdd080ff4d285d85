"""Rate cards as people write them, YAML or JSON ↔ `domain.rate_cards.RateCard`.

    card: llm                       # with the version, the card's label: llm@2026-08
    version: 2026-08
    unit: credit                    # the default
    effective_from: 2026-08-01T00:00:00Z      # with a zone; or: now (as soon as is allowed)
    description: What our models cost.
    meters:
      llm.tokens:
        description: Tokens of a request.
        exclusive: {cached_input: input}      # input doesn't contain cached_input
        total: total                # never rated; where stated, the sum of the others
        lines:
          - quantity: input         # a quantity of the usage event
            match: {model: swift-1} # properties it must have; most conditions, then first, wins
            rate: "0.25"            # credits for each `per` units, a decimal in quotes
            per: 1000               # a power of ten; default 1
          - {quantity: image, rate: "4", package: {size: "10", rounding: up}}    # for each 10
          - quantity: output        # id: (default) llm.tokens.output
            minimum: "0.01"         # credits that an event is charged at least
            tiers:
              mode: graduated       # or volume
              steps: [{up_to: "1000", rate: "0.002", flat: "1"}, {rate: "0.001"}]
    overrides:
      acme:                         # a customer's lines go before the card's own
        llm.tokens: [{quantity: input, rate: "0.0002"}]

Decimals are text, exact, and never floats: rates have up to 12 places after dividing by `per`,
quantities and credits up to 6. Integers may stand without quotes.
"""

from pathlib import Path
from typing import Any, Final, cast

from drawdown.adapters.documents.card_fields import Fields, Findings
from drawdown.adapters.documents.card_text import read_text
from drawdown.adapters.documents.times import format_time, parse_time
from drawdown.domain.ids import ID_BYTES_MAX
from drawdown.domain.numbers import format_decimal
from drawdown.domain.rate_card_rules import check_card
from drawdown.domain.rate_cards import (
    Line,
    Meter,
    Over,
    Override,
    Package,
    RateCard,
    Rounding,
    Tier,
    TierMode,
)

_SUFFIX_BYTES: Final = 8
"""Room for the number that parts two default ids."""


def read_rate_card(path: Path, *, soonest: int | None = None) -> RateCard:
    """The card of a YAML or (by its name) JSON file.

    `soonest` is what `effective_from: now` means, in microseconds; without it, `now` is refused.
    Raises `InvalidDocument` with a line for each thing that is wrong.
    """
    return parse_rate_card(read_text(path), where=str(path), soonest=soonest)


def parse_rate_card(data: object, *, where: str, soonest: int | None = None) -> RateCard:
    """The card of a document's values; otherwise as `read_rate_card`."""
    findings = Findings(where)
    card = _card(Fields(data, "", _CARD, findings), soonest)
    findings.raise_if_any()
    findings.add_all(check_card(card))
    findings.raise_if_any()
    return card


_CARD: Final = (
    "card",
    "version",
    "unit",
    "effective_from",
    "description",
    "meters",
    "overrides",
)
_METER: Final = ("description", "exclusive", "total", "lines")
_LINE: Final = ("id", "quantity", "match", "rate", "per", "package", "tiers", "minimum", "over")
_PACKAGE: Final = ("size", "rounding")
_TIERS: Final = ("mode", "steps")
_STEP: Final = ("up_to", "rate", "flat")


def _card(fields: Fields, soonest: int | None) -> RateCard:
    ids = LineIds()
    return RateCard(
        card_id=fields.text("card"),
        version=fields.text("version"),
        unit=fields.text("unit", "credit"),
        description=fields.text("description", ""),
        effective_from=fields.read("effective_from", lambda value: _instant(value, soonest), 0),
        meters=[
            _meter(name, fields.inner("meters", name, _METER), ids)
            for name in fields.names("meters")
        ],
        overrides=[
            Override(
                customer_id=customer,
                meter=meter,
                lines=_lines(of_customer.several(meter, _LINE), meter, customer, ids),
            )
            for customer in fields.names("overrides", "")
            for of_customer in [fields.inner("overrides", customer, None)]
            for meter in of_customer.given
        ],
    )


def _instant(value: object, soonest: int | None) -> int:
    if value != "now":
        return parse_time(value)
    if soonest is None:
        raise ValueError("'now' can't stand here: write the time, such as 2026-08-01T00:00:00Z")
    return soonest


def _meter(name: str, fields: Fields, ids: "LineIds") -> Meter:
    return Meter(
        name=name,
        description=fields.text("description", ""),
        exclusive=fields.texts("exclusive"),
        total=fields.text("total", ""),
        lines=_lines(fields.several("lines", _LINE), name, "", ids),
    )


def _lines(given: list[Fields], meter: str, customer: str, ids: "LineIds") -> list[Line]:
    return [_line(fields, meter, customer, ids) for fields in given]


def _line(fields: Fields, meter: str, customer: str, ids: "LineIds") -> Line:
    quantity = fields.text("quantity")
    match = fields.texts("match")
    per = fields.integer("per", 1)
    tiers = fields.inner("tiers", None, _TIERS) if "tiers" in fields.given else None
    if tiers is not None and "rate" in fields.given:
        fields.wrong("rate", "doesn't go with tiers: each step has its own")
    default = ids.default(meter, quantity, match, customer)
    return Line(
        line_id=ids.take(fields.text("id", default)),
        quantity=quantity,
        match=match,
        rate_pico=fields.rate("rate", per) if tiers is None else 0,
        per=per,
        package=_package(fields),
        tier_mode="none" if tiers is None else cast(TierMode, tiers.choice("mode", _MODES)),
        tiers=[] if tiers is None else [_step(each, per) for each in tiers.several("steps", _STEP)],
        minimum=fields.decimal("minimum", 6, 0),
        over=cast(Over, fields.choice("over", ("event", "month"), "event")),
    )


_MODES: Final = ("graduated", "volume")


def _package(fields: Fields) -> Package | None:
    if "package" not in fields.given:
        return None
    package = fields.inner("package", None, _PACKAGE)
    rounding = package.choice("rounding", ("up", "down", "half_up"), "up")
    return Package(size_micro=package.decimal("size", 6), rounding=cast(Rounding, rounding))


def _step(fields: Fields, per: int) -> Tier:
    if "rate" not in fields.given and "flat" not in fields.given:
        fields.wrong("rate", "is missing, and so is flat; a free step has the rate 0")
    return Tier(
        up_to_micro=None if fields.given.get("up_to") is None else fields.decimal("up_to", 6),
        rate_pico=fields.rate("rate", per, 0),
        flat=fields.decimal("flat", 6, 0),
    )


class LineIds:
    """The ids of a card's lines, in the order of the document; reader and writer agree on them."""

    def __init__(self) -> None:
        self._taken: set[str] = set()
        self._repeats: dict[str, int] = {}

    def default(self, meter: str, quantity: str, match: dict[str, str], customer: str) -> str:
        """`meter.quantity.value…[.customer]`, made unique by a number where it was taken."""
        parts = [meter, quantity, *(match[key] for key in sorted(match)), customer]
        name = ".".join(part for part in parts if part)
        cut = name.encode(errors="replace")[: ID_BYTES_MAX - _SUFFIX_BYTES]
        base = cut.decode(errors="ignore")
        if base not in self._taken:
            return base
        number = self._repeats.get(base, 2)
        while f"{base}.{number}" in self._taken:
            number += 1
        self._repeats[base] = number
        return f"{base}.{number}"

    def take(self, line_id: str) -> str:
        """`line_id`, from now on in use."""
        self._taken.add(line_id)
        return line_id


def write_rate_card(card: RateCard) -> dict[str, Any]:
    """The document that reads as `card`, without what is a default."""
    ids = LineIds()
    overrides: dict[str, dict[str, Any]] = {}
    meters = {meter.name: _write_meter(meter, ids) for meter in card.meters}
    for override in card.overrides:
        lines = [
            _write_line(line, override.meter, override.customer_id, ids) for line in override.lines
        ]
        overrides.setdefault(override.customer_id, {})[override.meter] = lines
    return _filled(
        card=card.card_id,
        version=card.version,
        unit=card.unit,
        effective_from=_write_instant(card.effective_from),
        description=card.description,
        meters=meters,
        overrides=overrides,
    )


def _write_instant(us: int) -> str | int:
    """ISO 8601; an instant beyond the calendar stays an integer."""
    text = format_time(us)
    return text if text.endswith("Z") else us


def _write_meter(meter: Meter, ids: LineIds) -> dict[str, Any]:
    return _filled(
        description=meter.description,
        exclusive=dict(meter.exclusive),
        total=meter.total,
        lines=[_write_line(line, meter.name, "", ids) for line in meter.lines],
    )


def _write_line(line: Line, meter: str, customer: str, ids: LineIds) -> dict[str, Any]:
    default = ids.default(meter, line.quantity, line.match, customer)
    ids.take(line.line_id)
    tiered = line.tier_mode != "none"
    return _filled(
        id="" if line.line_id == default else line.line_id,
        quantity=line.quantity,
        match=dict(line.match),
        rate="" if tiered else format_decimal(line.rate_pico * line.per, 12),
        per="" if line.per == 1 else line.per,
        package="" if line.package is None else _write_package(line.package),
        tiers=_write_tiers(line) if tiered else "",
        minimum=format_decimal(line.minimum, 6) if line.minimum else "",
        over="" if line.over == "event" else line.over,
    )


def _write_package(package: Package) -> dict[str, Any]:
    return {"size": format_decimal(package.size_micro, 6), "rounding": package.rounding}


def _write_tiers(line: Line) -> dict[str, Any]:
    steps = [
        _filled(
            up_to="" if tier.up_to_micro is None else format_decimal(tier.up_to_micro, 6),
            rate=format_decimal(tier.rate_pico * line.per, 12),
            flat=format_decimal(tier.flat, 6) if tier.flat else "",
        )
        for tier in line.tiers
    ]
    return {"mode": line.tier_mode, "steps": steps}


def _filled(**fields: Any) -> dict[str, Any]:
    return {name: value for name, value in fields.items() if value not in ("", {}, [])}

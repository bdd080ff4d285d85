"""Every balance worked out anew from the files of a run, with fractions and nothing else.

Deliberately naive, and shares no code with the ledger: what it knows is in `rate-card.yaml`,
`grants.jsonl` and `events.jsonl`. It knows no lots: a balance is what was granted less what was
charged. Grants that expire or are scoped are beyond it; the demo makes none that matter here.
"""

import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import yaml


@dataclass(slots=True)
class Tally:
    """What one customer should come to, in credits."""

    granted: Fraction = Fraction(0)
    rated: Fraction = Fraction(0)
    charged: Fraction = Fraction(0)
    overage: Fraction = Fraction(0)
    uncovered: Fraction = Fraction(0)
    residue: Fraction = Fraction(0)
    mode: str = "hard_stop"
    limit: Fraction = Fraction(0)

    @property
    def balance(self) -> Fraction:
        """Granted less drawn and overdrawn."""
        return self.granted - self.charged

    def charge(self, cost: Fraction) -> None:
        """Charge whole micro-credits of the exact cost, and keep the rest for the next time."""
        exact = self.residue + cost
        whole = Fraction(math.floor(exact * 1_000_000), 1_000_000)
        self.residue = exact - whole
        self.rated += whole
        room = self.limit if self.mode == "overdraft" else Fraction(0)
        covered = min(whole, max(Fraction(0), self.balance + room))
        self.charged += covered
        if self.mode == "overage":
            self.overage += whole - covered
        else:
            self.uncovered += whole - covered


@dataclass(slots=True)
class Recalculation:
    """What a whole run should come to."""

    customers: dict[str, Tally] = field(default_factory=dict)
    events: int = 0
    duplicates: int = 0
    failed: int = 0
    rejected: int = 0

    def of(self, customer_id: str) -> Tally:
        """The tally of a customer."""
        return self.customers.setdefault(customer_id, Tally())


def recalculate(folder: Path) -> Recalculation:
    """Work out the run whose files are in `folder`."""
    card = yaml.load((folder / "rate-card.yaml").read_text(), yaml.BaseLoader)
    result = Recalculation()
    for command in _lines(folder / "grants.jsonl"):
        _grant(result.of(command["customer_id"]), command)
    charged: dict[tuple[str, str], object] = {}
    refused: set[str] = set()
    for event in _lines(folder / "events.jsonl"):
        result.events += 1
        _decide(result, card, event, charged, refused)
    return result


def _decide(
    result: Recalculation,
    card: Mapping[str, Any],
    event: dict[str, Any],
    charged: dict[tuple[str, str], object],
    refused: set[str],
) -> None:
    key = (event["customer_id"], event["event_id"])
    if charged.get(key) == event:
        result.duplicates += 1
        return
    failed = event.get("status") == "failed"
    cost = Fraction(0) if failed else price(card, event)
    if key in charged or not _well_formed(event) or cost is None:
        # The same refusal again is a repetition.
        text = json.dumps(event, sort_keys=True)
        result.duplicates += text in refused
        result.rejected += text not in refused
        refused.add(text)
        return
    charged[key] = event
    result.failed += failed
    if not failed:
        result.of(event["customer_id"]).charge(cost)


def _well_formed(event: Mapping[str, Any]) -> bool:
    quantities = event["quantities"].values()
    return bool(quantities) and all(Fraction(each) >= 0 for each in quantities)


def _lines(path: Path) -> Iterable[dict[str, Any]]:
    with path.open() as lines:
        yield from map(json.loads, lines)


def _grant(tally: Tally, command: Mapping[str, Any]) -> None:
    if command["type"] == "grant":
        tally.granted += Fraction(command["amount"])
    elif command["type"] == "change_policy":
        tally.mode = command["policy"].get("overage_mode", tally.mode)
        tally.limit = Fraction(command["policy"].get("overdraft_limit", tally.limit))


def price(card: Mapping[str, Any], event: Mapping[str, Any]) -> Fraction | None:
    """What an event costs in credits; None where the card has no answer for its quantities."""
    meter = card["meters"].get(event["meter"])
    if meter is None or event.get("unit", "credit") != card.get("unit", "credit"):
        return None
    own = card.get("overrides", {}).get(event["customer_id"], {}).get(event["meter"], [])
    quantities = {name: Fraction(each) for name, each in event["quantities"].items()}
    total = quantities.pop(meter.get("total", ""), None)
    if total is not None and total != sum(quantities.values()):
        return None
    cost = Fraction(0)
    for name, quantity in quantities.items():
        line = _line(own, name, event) or _line(meter["lines"], name, event)
        if line is None:
            return None
        cost += _line_price(line, quantity)
    return cost


def _line(
    lines: Iterable[Mapping[str, Any]], quantity: str, event: Mapping[str, Any]
) -> Mapping[str, Any] | None:
    """Of the lines that match, the one with the most conditions; of those the first."""
    properties = event.get("properties", {})
    matching = [
        line
        for line in lines
        if line["quantity"] == quantity
        and all(properties.get(name) == value for name, value in line.get("match", {}).items())
    ]
    return max(matching, key=lambda line: len(line.get("match", {})), default=None)


def _line_price(line: Mapping[str, Any], quantity: Fraction) -> Fraction:
    if quantity == 0:
        return Fraction(0)
    per = Fraction(line.get("per", 1))
    rate = Fraction(line.get("rate", 0)) / per
    if "package" in line:
        cost = _blocks(quantity / Fraction(line["package"]["size"]), line["package"]) * rate
    elif "tiers" in line:
        cost = _tiered(quantity, line["tiers"], per)
    else:
        cost = quantity * rate
    return max(cost, Fraction(line.get("minimum", 0)))


def _blocks(exact: Fraction, package: Mapping[str, Any]) -> int:
    match package.get("rounding", "up"):
        case "up":
            return math.ceil(exact)
        case "down":
            return math.floor(exact)
        case _:
            return math.floor(exact + Fraction(1, 2))


def _tiered(quantity: Fraction, tiers: Mapping[str, Any], per: Fraction) -> Fraction:
    cost, below = Fraction(0), Fraction(0)
    for step in tiers["steps"]:
        # The last tier has no end.
        end = Fraction(step["up_to"]) if step.get("up_to") not in (None, "", "null") else quantity
        rate, flat = Fraction(step.get("rate", 0)) / per, Fraction(step.get("flat", 0))
        if tiers["mode"] == "volume":
            if quantity <= end:
                return quantity * rate + flat
            continue
        cost += (min(quantity, end) - below) * rate + flat
        below = end
        if quantity <= end:
            break
    return cost

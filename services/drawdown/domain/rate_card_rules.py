"""What a rate card must keep to; the ledger and the document reader refuse by the same rules."""

from typing import Final

from drawdown.domain.ids import ID_BYTES_MAX
from drawdown.domain.numbers import AMOUNT_MAX
from drawdown.domain.rate_cards import Line, Meter, RateCard, Tier

_LONG_MAX: Final = 2**63 - 1
_PER_MAX: Final = 10**12
"""Beyond, a rate would need more than 12 places whatever it is."""


def check_card(card: RateCard) -> list[str]:
    """Everything that makes a card refusable: sentences that begin with the part's path."""
    wrong = _check_id("card", card.card_id)
    if "@" in card.card_id:
        wrong.append("card: must not contain '@', which parts it from the version")
    wrong += _check_id("version", card.version)
    wrong += _check_id("unit", card.unit)
    if not -_LONG_MAX <= card.effective_from <= _LONG_MAX:
        wrong.append("effective_from: is out of range")
    if not card.meters:
        wrong.append("meters: the card has none, so that it could rate nothing")
    wrong += _repeated("meters", [meter.name for meter in card.meters], "is defined twice")
    for meter in card.meters:
        wrong += _check_meter(card, meter)
    wrong += _check_overrides(card)
    wrong += _check_line_ids(card)
    return wrong


def _check_meter(card: RateCard, meter: Meter) -> list[str]:
    path = f"meters.{meter.name}"
    wrong = _check_id(path, meter.name)
    if not meter.lines:
        wrong.append(f"{path}.lines: there are none")
    wrong += _check_lines(path, meter.lines)
    rated = {line.quantity for line in meter.lines}
    for override in card.overrides:
        if override.meter == meter.name:
            rated.update(line.quantity for line in override.lines)
    wrong += _check_exclusive(path, meter, rated)
    if meter.total and meter.total in rated:
        wrong.append(f"{path}.total: {meter.total!r} has a line, but a total is never rated")
    if len(meter.total.encode()) > ID_BYTES_MAX:
        wrong.append(f"{path}.total: must be at most {ID_BYTES_MAX} bytes")
    return wrong


def _check_exclusive(path: str, meter: Meter, rated: set[str]) -> list[str]:
    wrong: list[str] = []
    for part, whole in sorted(meter.exclusive.items()):
        wrong += [
            f"{path}.exclusive.{part}: {name!r} has no line in this meter"
            for name in dict.fromkeys((part, whole))
            if name not in rated
        ]
        if _runs_in_a_circle(meter.exclusive, part):
            wrong.append(f"{path}.exclusive.{part}: leads back to itself")
    return wrong


def _runs_in_a_circle(exclusive: dict[str, str], start: str) -> bool:
    """Whether going from part to whole, again and again, comes back to where it began."""
    at = exclusive.get(start)
    seen: set[str] = set()
    while at is not None and at != start and at not in seen:
        seen.add(at)
        at = exclusive.get(at)
    return at == start


def _check_overrides(card: RateCard) -> list[str]:
    wrong: list[str] = []
    meters = {meter.name for meter in card.meters}
    seen: set[tuple[str, str]] = set()
    for override in card.overrides:
        path = f"overrides.{override.customer_id}.{override.meter}"
        wrong += _check_id(path, override.customer_id)
        if override.meter not in meters:
            wrong.append(f"{path}: the card has no such meter")
        if (override.customer_id, override.meter) in seen:
            wrong.append(f"{path}: is defined twice")
        seen.add((override.customer_id, override.meter))
        wrong += _check_lines(path, override.lines)
    return wrong


def _check_line_ids(card: RateCard) -> list[str]:
    """Line ids stand on entries without their meter, so they are unique in the whole card."""
    ids = [line.line_id for meter in card.meters for line in meter.lines]
    ids += [line.line_id for override in card.overrides for line in override.lines]
    return _repeated("lines", ids, "is the id of more than one line")


def _check_lines(path: str, lines: list[Line]) -> list[str]:
    wrong: list[str] = []
    for place, line in enumerate(lines):
        wrong += _check_line(f"{path}.lines[{place}]", line)
    return wrong


def _check_line(path: str, line: Line) -> list[str]:
    wrong = _check_id(f"{path}.id", line.line_id)
    wrong += _check_id(f"{path}.quantity", line.quantity)
    for key, value in line.match.items():
        wrong += _check_id(f"{path}.match", key)
        if len(value.encode()) > ID_BYTES_MAX:
            wrong.append(f"{path}.match.{key}: must be at most {ID_BYTES_MAX} bytes")
    wrong += _check_rate(f"{path}.rate", line.rate_pico)
    wrong += _check_amount(f"{path}.minimum", line.minimum)
    if not _is_power_of_ten(line.per):
        wrong.append(f"{path}.per: must be a power of ten up to 10¹²")
    if line.over == "month" and line.package is None and line.tier_mode != "graduated":
        wrong.append(f"{path}.over: only a package or graduated tiers are priced over a month")
    return wrong + _check_package(path, line) + _check_tiers(path, line)


def _check_package(path: str, line: Line) -> list[str]:
    if line.package is None:
        return []
    wrong: list[str] = []
    if not 0 < line.package.size_micro <= _LONG_MAX:
        wrong.append(f"{path}.package.size: must be more than 0, and fit 64 bits in micro-units")
    if line.per != 1:
        wrong.append(f"{path}.per: doesn't go with a package, whose rate is for one package")
    if line.tier_mode != "none":
        wrong.append(f"{path}: has a package and tiers; a line is priced by one of them")
    return wrong


def _check_tiers(path: str, line: Line) -> list[str]:
    path = f"{path}.tiers"
    if line.tier_mode == "none":
        return [f"{path}: there are steps, but no mode"] if line.tiers else []
    if not line.tiers:
        return [f"{path}: there are no steps"]
    wrong: list[str] = []
    if line.rate_pico != 0:
        wrong.append(f"{path}: a line with tiers has its rates in the steps, and none of its own")
    if line.tiers[-1].up_to_micro is not None:
        wrong.append(f"{path}: the last step must be open-ended (without up_to)")
    below = 0
    for place, tier in enumerate(line.tiers):
        wrong += _check_step(f"{path}.steps[{place}]", tier, below, place == len(line.tiers) - 1)
        below = below if tier.up_to_micro is None else tier.up_to_micro
    return wrong


def _check_step(path: str, tier: Tier, below: int, last: bool) -> list[str]:
    wrong = _check_rate(f"{path}.rate", tier.rate_pico)
    wrong += _check_amount(f"{path}.flat", tier.flat)
    if tier.up_to_micro is None:
        if not last:
            wrong.append(f"{path}.up_to: only the last step may be open-ended")
    elif not below < tier.up_to_micro <= _LONG_MAX:
        wrong.append(f"{path}.up_to: must be more than the step before, and fit 64 bits")
    return wrong


def _check_rate(path: str, rate_pico: int) -> list[str]:
    if 0 <= rate_pico <= _LONG_MAX:
        return []
    return [f"{path}: must be 0 or more, and less than 9,223,372.036854775808 credits a unit"]


def _check_amount(path: str, amount: int) -> list[str]:
    if 0 <= amount <= AMOUNT_MAX:
        return []
    return [f"{path}: must be 0 or more, and at most 2⁶² micro-credits"]


def _check_id(path: str, name: str) -> list[str]:
    if 0 < len(name.encode()) <= ID_BYTES_MAX:
        return []
    return [f"{path}: must be 1–{ID_BYTES_MAX} bytes, not {len(name.encode())}"]


def _is_power_of_ten(per: int) -> bool:
    if per > _PER_MAX:
        return False
    while per > 1 and per % 10 == 0:
        per //= 10
    return per == 1


def _repeated(path: str, names: list[str], what: str) -> list[str]:
    counts: dict[str, int] = {}
    for name in names:
        counts[name] = counts.get(name, 0) + 1
    return [f"{path}: {name!r} {what}" for name, count in counts.items() if count > 1]

"""Rating: which line of which card prices a quantity, and the exact amount it comes to."""

from typing import Final, final

from mypy_extensions import i64, mypyc_attr

from drawdown.domain.entries import MonthTotal, RatedLine
from drawdown.domain.numbers import ATTO_PER_MICRO, MICRO
from drawdown.domain.periods import month_of
from drawdown.domain.rate_cards import Line, Package, RateCard

_MEMO_MAX: Final = 4_096
"""Combinations of property values remembered per meter. Values come from outside, so that the memo
must not grow with them; being forgotten costs a look-up and changes nothing."""
_WORD_MAX: Final = 2**62
"""Compiled, a product below it is one of machine words; a larger one would wrap silently."""
_NO_TOTALS: Final[list[MonthTotal]] = []
"""Shared by what has none; nobody may change it."""


def month_key(line_id: str, month: str) -> str:
    """The key of a month's total: ids hold no NUL, so this is one-to-one."""
    return f"{line_id}\0{month}"


def charge_atto(line: Line, quantity_micro: int) -> int:
    """The exact price, in atto-credits, of a quantity ≥ 0 in micro-units at one line.

    Nothing costs nothing: no flat and no minimum is owed for a quantity of 0.
    """
    if quantity_micro == 0:
        return 0
    if line.package is not None:
        exact = _blocks(line.package, quantity_micro) * line.rate_pico * MICRO
    elif line.tier_mode == "graduated":
        exact = _graduated_atto(line, quantity_micro)
    elif line.tier_mode == "volume":
        exact = _volume_atto(line, quantity_micro)
    else:
        exact = quantity_micro * line.rate_pico
    least = line.minimum * ATTO_PER_MICRO
    return exact if exact > least else least


def _blocks(package: Package, quantity_micro: int) -> int:
    """How many whole blocks a quantity counts as."""
    size = package.size_micro
    if package.rounding == "up":
        return -(-quantity_micro // size)
    if package.rounding == "down":
        return quantity_micro // size
    return (2 * quantity_micro + size) // (2 * size)


def _graduated_atto(line: Line, quantity_micro: int) -> int:
    """Each tier's units at its own rate, and the flat of each tier that is entered."""
    exact = 0
    below = 0
    for tier in line.tiers:
        if quantity_micro <= below:
            break
        top = quantity_micro
        if tier.up_to_micro is not None and tier.up_to_micro < quantity_micro:
            top = tier.up_to_micro
        exact += (top - below) * tier.rate_pico + tier.flat * ATTO_PER_MICRO
        below = top
    return exact


def _volume_atto(line: Line, quantity_micro: int) -> int:
    """All units at the rate of the tier that the quantity falls in, and that tier's flat."""
    reached = line.tiers[-1]
    for tier in line.tiers:
        if tier.up_to_micro is not None and quantity_micro <= tier.up_to_micro:
            reached = tier
            break
    return quantity_micro * reached.rate_pico + reached.flat * ATTO_PER_MICRO


@mypyc_attr(acyclic=True, free_list_len=1)
@final
class Price:
    """What usage costs by a card: its lines, and their exact sum in atto-credits.

    `month_totals` are the totals, after it, of lines that are priced over the month.
    """

    def __init__(
        self,
        *,
        rate_card: str,
        lines: list[RatedLine],
        total_atto: int,
        month_totals: list[MonthTotal],
    ) -> None:
        self.rate_card: Final = rate_card
        self.lines: Final = lines
        self.total_atto: Final = total_atto
        self.month_totals: Final = month_totals


FREE: Final = Price(rate_card="", lines=[], total_atto=0, month_totals=[])
"""What a failed request costs."""


@final
class _PricedLine:
    """A line with what rating reads of it, and its place in the document.

    `linear_up_to` is the largest quantity whose price is quantity × rate and fits a machine word;
    −1 where the price is another one.
    """

    def __init__(self, line: Line, place: int) -> None:
        self.line: Final = line
        self.line_id: Final = line.line_id
        self.quantity: Final = line.quantity
        self.rate_pico: Final = line.rate_pico
        self.place: Final = place
        self.monthly: Final[bool] = line.over == "month"
        linear = line.package is None and line.tier_mode == "none" and line.minimum == 0
        self.linear_up_to: Final[int] = (
            (_WORD_MAX - 1) // max(line.rate_pico, 1) if linear and not self.monthly else -1
        )

    def rated(self, quantity_micro: int, exact: int) -> RatedLine:
        """A quantity that comes to `exact` atto-credits at this line."""
        return RatedLine(
            line_id=self.line_id,
            quantity=self.quantity,
            quantity_micro=quantity_micro,
            rate_pico=self.rate_pico,
            amount=exact // ATTO_PER_MICRO,
            amount_atto=exact % ATTO_PER_MICRO,
        )


@final
class _Months:
    """The totals of one charge's lines that are priced over the month."""

    def __init__(self, occurred_at: int, before: dict[str, int]) -> None:
        self._month: Final = month_of(occurred_at)
        self._before: Final = before
        self._after: Final[dict[str, int]] = {}

    def added(self, line: Line, quantity_micro: int) -> int:
        """What a quantity adds to its line's price, in atto-credits: price(after) − price(before).

        A quantity of 0 adds nothing and leaves the total unmentioned.
        """
        if quantity_micro == 0:
            return 0
        total = self._after.get(line.line_id)
        if total is None:
            total = self._before.get(month_key(line.line_id, self._month), 0)
        self._after[line.line_id] = total + quantity_micro
        return charge_atto(line, total + quantity_micro) - charge_atto(line, total)

    def totals(self) -> list[MonthTotal]:
        """Each total after the charge."""
        return [
            MonthTotal(line_id=line_id, month=self._month, quantity_micro=total)
            for line_id, total in self._after.items()
        ]


@final
class _KeySet:
    """The lines of one quantity that match on the same properties, by the values they ask for."""

    def __init__(self, keys: list[str]) -> None:
        self.keys: Final = keys
        self.by_values: Final[dict[tuple[str, ...], _PricedLine]] = {}

    def add(self, line: _PricedLine) -> None:
        """Keep a line, unless one before it asks for the same values."""
        self.by_values.setdefault(tuple([line.line.match[key] for key in self.keys]), line)

    def find(self, properties: dict[str, str]) -> _PricedLine | None:
        """The line whose every condition the properties meet."""
        values: list[str] = []
        for key in self.keys:
            value = properties.get(key)
            if value is None:
                return None
            values.append(value)
        return self.by_values.get(tuple(values))


@final
class _LineIndex:
    """A meter's lines, found by their conditions, so that no look-up scans them.

    A look-up costs one probe per distinct set of condition keys, however many lines there are,
    and one probe in all for properties seen before.
    """

    def __init__(self, lines: list[Line], total: str, fallback: "_LineIndex | None") -> None:
        self.total: Final = total
        self._fallback: Final = fallback
        self._sets: Final = _key_sets(lines)
        keys = {key for line in lines for key in line.match}
        if fallback is not None:
            keys.update(fallback._keys)
        self._keys: Final[list[str]] = sorted(keys)
        self._only_key: Final[str] = self._keys[0] if len(keys) == 1 else ""
        self._memo: Final[dict[object, dict[str, _PricedLine]]] = {}

    def remembered(self, properties: dict[str, str]) -> dict[str, _PricedLine]:
        """The lines found so far, by quantity, for the properties that conditions can see."""
        key: object
        if self._only_key:
            key = properties.get(self._only_key)
        else:
            key = tuple([properties.get(name) for name in self._keys])
        found = self._memo.get(key)
        if found is None:
            if len(self._memo) >= _MEMO_MAX:
                self._memo.clear()
            found = {}
            self._memo[key] = found
        return found

    def find(self, quantity: str, properties: dict[str, str]) -> _PricedLine | None:
        """The line with most conditions met, the first of several; else the fallback's."""
        best: _PricedLine | None = None
        conditions = 0
        for key_set in self._sets.get(quantity, []):
            if best is not None and len(key_set.keys) < conditions:
                break
            line = key_set.find(properties)
            if line is not None and (best is None or line.place < best.place):
                best = line
                conditions = len(key_set.keys)
        if best is None and self._fallback is not None:
            return self._fallback.find(quantity, properties)
        return best


def _key_sets(lines: list[Line]) -> dict[str, list[_KeySet]]:
    """Per quantity, the lines by their set of condition keys, the largest sets first."""
    sets: dict[str, dict[tuple[str, ...], _KeySet]] = {}
    for place, line in enumerate(lines):
        keys = sorted(line.match)
        of_quantity = sets.setdefault(line.quantity, {})
        key_set = of_quantity.get(tuple(keys))
        if key_set is None:
            key_set = _KeySet(keys)
            of_quantity[tuple(keys)] = key_set
        key_set.add(_PricedLine(line, place))
    return {
        quantity: sorted(of_quantity.values(), key=lambda key_set: -len(key_set.keys))
        for quantity, of_quantity in sets.items()
    }


@final
class CompiledCard:
    """A rate card, indexed. The card must have passed `check_card`."""

    def __init__(self, card: RateCard) -> None:
        self.card: Final = card
        self.label: Final = card.label
        self.unit: Final = card.unit
        self.effective_from: Final = card.effective_from
        self._meters: Final[dict[str, _LineIndex]] = {
            meter.name: _LineIndex(meter.lines, meter.total, None) for meter in card.meters
        }
        self._overrides: Final[dict[str, dict[str, _LineIndex]]] = {}
        for override in card.overrides:
            base = self._meters[override.meter]
            of_customer = self._overrides.setdefault(override.customer_id, {})
            of_customer[override.meter] = _LineIndex(override.lines, base.total, base)

    def rate(
        self,
        customer_id: str,
        meter: str,
        properties: dict[str, str],
        quantities: dict[str, int],
        occurred_at: int = 0,
        totals: dict[str, int] | None = None,
    ) -> Price | None:
        """The charge for quantities ≥ 0, in micro-units, before the account's residue.

        None: no such meter, or a quantity has no line. A quantity of 0 needs one too; the meter's
        stated total doesn't. `totals` holds the account's running totals of lines that are priced
        over the month, in micro-units, by `month_key`.
        """
        index = self._meters.get(meter)
        if self._overrides:
            index = self._index(customer_id, meter)
        if index is None:
            return None
        remembered = index.remembered(properties)
        lines: list[RatedLine] = []
        total_atto = 0
        months: _Months | None = None
        for quantity, quantity_micro in quantities.items():
            line = remembered.get(quantity)
            if line is None:
                if quantity == index.total and quantity:
                    continue
                line = index.find(quantity, properties)
                if line is None:
                    return None
                remembered[quantity] = line
            exact: int
            if quantity_micro <= line.linear_up_to:
                micro: i64 = quantity_micro
                rate: i64 = line.rate_pico
                exact = micro * rate
            elif line.monthly:
                if months is None:
                    months = _Months(occurred_at, {} if totals is None else totals)
                exact = months.added(line.line, quantity_micro)
            else:
                exact = charge_atto(line.line, quantity_micro)
            total_atto += exact
            lines.append(line.rated(quantity_micro, exact))
        return Price(
            rate_card=self.label,
            lines=lines,
            total_atto=total_atto,
            month_totals=_NO_TOTALS if months is None else months.totals(),
        )

    def check(self, meter: str, quantities: dict[str, int]) -> bool:
        """Whether the meter's total, where it is stated, is the sum of the other quantities."""
        index = self._meters.get(meter)
        if index is None or not index.total:
            return True
        stated = quantities.get(index.total)
        return stated is None or 2 * stated == sum(quantities.values())

    def line(
        self, customer_id: str, meter: str, properties: dict[str, str], quantity: str
    ) -> Line | None:
        """The line that prices a quantity; None: there is none."""
        index = self._index(customer_id, meter)
        found = None if index is None else index.find(quantity, properties)
        return None if found is None else found.line

    def _index(self, customer_id: str, meter: str) -> _LineIndex | None:
        of_customer = self._overrides.get(customer_id)
        if of_customer is not None:
            own = of_customer.get(meter)
            if own is not None:
                return own
        return self._meters.get(meter)


@final
class RateBook:
    """The cards that one partition has applied."""

    def __init__(self) -> None:
        self._applied: Final[list[CompiledCard]] = []
        self._timelines: Final[dict[str, list[CompiledCard]]] = {}

    def apply(self, card: RateCard) -> None:
        """Add a card; it is in force from its date, before any that was applied earlier."""
        compiled = CompiledCard(card)
        self._applied.append(compiled)
        timeline = self._timelines.setdefault(card.unit, [])
        place = len(timeline)
        while place > 0 and timeline[place - 1].effective_from > card.effective_from:
            place -= 1
        timeline.insert(place, compiled)

    def in_force(self, unit: str, occurred_at: int) -> CompiledCard | None:
        """The unit's card in force at an instant, in microseconds; None: none was yet.

        Read from the newest: usage is mostly of now, and at most 35 days old.
        """
        timeline = self._timelines.get(unit)
        if timeline is None:
            return None
        for compiled in reversed(timeline):
            if compiled.effective_from <= occurred_at:
                return compiled
        return None

    def labelled(self, label: str) -> CompiledCard | None:
        """The card with this label, the later applied of several; None: there is none."""
        for compiled in reversed(self._applied):
            if compiled.label == label:
                return compiled
        return None

    def cards(self) -> list[RateCard]:
        """Every card, in the order of application."""
        return [compiled.card for compiled in self._applied]

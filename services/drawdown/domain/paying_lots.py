"""The lots of an account that can pay, found by scope and in burn order without a scan."""

from bisect import bisect_left, insort
from collections.abc import Iterable
from heapq import heappop, heappush, merge
from typing import Final, final

from mypy_extensions import mypyc_attr

from drawdown.domain.burn_order import BurnKey
from drawdown.domain.lots import Lot

_EVERY_METER: Final = ""
_ByValues = dict[tuple[str, ...], list[Lot]]


@mypyc_attr(acyclic=True)
@final
class PayingLots:
    """Lots with unreserved credits that aren't frozen and have begun, each list in burn order.

    A look-up costs one probe per distinct set of property names that lots are scoped to, however
    many lots there are; lots that are out of scope, frozen, pending or used up are never looked at.
    """

    def __init__(self, order: str) -> None:
        self.order: Final = order
        self._unscoped: Final[list[Lot]] = []
        self._scoped: Final[dict[str, dict[tuple[str, ...], _ByValues]]] = {}
        self._scoped_count = 0
        self._upcoming: Final[list[tuple[int, int, Lot]]] = []
        self._pushed = 0

    def place(self, lot: Lot) -> None:
        """List a lot, move it, or take it out, as its state asks."""
        able = lot.remaining > lot.reserved and not lot.freezes
        if lot.listed is not None:
            if able and lot.listed == lot.burn_key(self.order):
                return
            self._take_out(lot)
        if able:
            # The number keeps lots from being compared.
            self._pushed += 1
            heappush(self._upcoming, (lot.effective_at, self._pushed, lot))

    def used_up(self, lot: Lot) -> None:
        """Take out a lot whose unreserved credits are gone."""
        if lot.listed is not None:
            self._take_out(lot)

    def unscoped(self, at: int) -> list[Lot]:
        """Those that pay for everything and have begun by `at` (µs); not to be changed."""
        self._begin(at)
        return self._unscoped

    def paying_for(self, meter: str, properties: dict[str, str], at: int) -> Iterable[Lot]:
        """Those whose scope takes usage of `meter` with `properties`, in burn order."""
        self._begin(at)
        if self._scoped_count == 0:
            return self._unscoped
        lists: list[list[Lot]] = [self._unscoped] if self._unscoped else []
        for name in (_EVERY_METER, meter) if meter else (_EVERY_METER,):
            for names, by_values in self._scoped.get(name, {}).items():
                values = tuple([properties.get(each, "\0") for each in names])
                found = by_values.get(values)
                if found:
                    lists.append(found)
        if len(lists) == 1:
            return lists[0]
        return merge(*lists, key=_place)

    def _begin(self, at: int) -> None:
        """List the lots that have begun by `at`. What begins later than an earlier record that is
        decided after a later one is passed over by whoever asks."""
        while self._upcoming and self._upcoming[0][0] <= at:
            lot = heappop(self._upcoming)[2]
            if lot.listed is None and lot.remaining > lot.reserved and not lot.freezes:
                lot.listed = lot.burn_key(self.order)
                for each in self._lists(lot):
                    insort(each, lot, key=_place)
                self._scoped_count += 1 if lot.scoped else 0

    def _take_out(self, lot: Lot) -> None:
        assert lot.listed is not None
        for each in self._lists(lot):
            at = bisect_left(each, lot.listed, key=_place)
            assert each[at] is lot
            del each[at]
        lot.listed = None
        self._scoped_count -= 1 if lot.scoped else 0

    def _lists(self, lot: Lot) -> list[list[Lot]]:
        """The lists that a lot stands in: one, or one for each meter of its scope."""
        if not lot.scoped:
            return [self._unscoped]
        names = tuple(sorted(lot.properties))
        values = tuple([lot.properties[name] for name in names])
        lists: list[list[Lot]] = []
        for meter in dict.fromkeys(lot.meters or [_EVERY_METER]):
            by_values = self._scoped.setdefault(meter, {}).setdefault(names, {})
            lists.append(by_values.setdefault(values, []))
        return lists


def _place(lot: Lot) -> BurnKey:
    assert lot.listed is not None
    return lot.listed

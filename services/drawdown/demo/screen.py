"""The live table: balances moving, and the rate at which they do."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Final, Self

from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from drawdown.demo.watching import AccountView
from drawdown.domain.numbers import format_decimal

_ROWS_MAX: Final = 16
_CHROME_ROWS: Final = 6
"""Lines of the screen that aren't rows of the table."""
_LINE_EVERY_S: Final = 3.0
_FADE: Final = 0.7
"""How much of an account's past movement counts against its newest, at each look."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """What is known at one look."""

    accounts: Sequence[AccountView]
    sent: int
    planned: int
    backlog: int
    at_us: int
    state: str

    @property
    def charged(self) -> int:
        """Micro-credits charged so far."""
        return sum(each.charged for each in self.accounts)

    @property
    def events(self) -> int:
        """Events charged so far and projected."""
        return sum(each.events for each in self.accounts)

    @property
    def freshness_ms(self) -> int:
        """The age of the newest entry that the projection has; 0 when all is through."""
        newest = max((each.updated_at for each in self.accounts), default=self.at_us)
        return (
            0 if self.state != "playing" or not self.sent else max(0, self.at_us - newest) // 1_000
        )


@dataclass(slots=True)
class Screen:
    """A table that is redrawn on a terminal, and a line every few seconds elsewhere."""

    console: Console
    namespace: str
    _live: Live | None = None
    _before: dict[str, int] = field(default_factory=dict)
    _movement: dict[str, float] = field(default_factory=dict)
    _last: tuple[float, int] = (0.0, 0)
    _rate: float = 0.0
    _line_at: float = 0.0
    _line: str = ""

    def __enter__(self) -> Self:
        if self.console.is_terminal:
            self._live = Live(console=self.console, auto_refresh=False, transient=False)
            self._live.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._live is not None:
            self._live.stop()

    def show(self, moment: Moment) -> None:
        """Show what is known now."""
        self._measure(moment)
        if self._live is not None:
            self._live.update(self._page(moment), refresh=True)
            return
        now = time.monotonic()
        line = self._summary(moment)
        if line != self._line and now - self._line_at >= _LINE_EVERY_S:
            self._line, self._line_at = line, now
            self.console.print(line, soft_wrap=True)

    def _measure(self, moment: Moment) -> None:
        now = time.monotonic()
        then, events = self._last
        if then and now > then:
            newest = (moment.events - events) / (now - then)
            self._rate = newest if not self._rate else 0.6 * self._rate + 0.4 * newest
        self._last = (now, moment.events)
        for each in moment.accounts:
            moved = each.charged - self._before.get(each.customer_id, 0)
            past = self._movement.get(each.customer_id, 0.0)
            self._movement[each.customer_id] = past * _FADE + moved
            self._before[each.customer_id] = each.charged

    def _summary(self, moment: Moment) -> str:
        rate = f" ({max(0, self._rate):,.0f}/s)" if moment.state == "playing" else ""
        return (
            f"{moment.state}: {moment.sent:,} of {moment.planned:,} events sent, "
            f"{moment.events:,} charged{rate}, {_credits(moment.charged)} credits; "
            f"to be decided {moment.backlog:,}, balances {moment.freshness_ms} ms old"
        )

    def _page(self, moment: Moment) -> Group:
        shown = Table(title=f"Drawdown, namespace {self.namespace}", title_justify="left", box=None)
        shown.add_column("customer")
        for name in ("granted", "charged", "balance", "available", "overage", "events"):
            shown.add_column(name, justify="right")
        rows = max(3, min(_ROWS_MAX, self.console.height - _CHROME_ROWS))
        for each in self._moving(moment)[:rows]:
            moves = self._movement.get(each.customer_id, 0) >= 1
            shown.add_row(*_cells(each), style="" if moves else "dim")
        summary = [Text(part, "bold") for part in self._summary(moment).split("; ")]
        hint = "Ctrl-C stops everything; the data stay."
        return Group(shown, Text(), *summary, Text(hint, "dim"))

    def _moving(self, moment: Moment) -> list[AccountView]:
        return sorted(
            moment.accounts,
            key=lambda each: (-self._movement.get(each.customer_id, 0.0), -each.charged),
        )


def _cells(each: AccountView) -> list[Text]:
    balance = "red" if each.balance < 0 else ("yellow" if each.balance == 0 else "green")
    return [
        Text(each.customer_id),
        Text(_credits(each.granted)),
        Text(_credits(each.charged)),
        Text(_credits(each.balance), balance),
        Text(_credits(each.available)),
        Text(_credits(each.overage_total) if each.overage_total else "–"),
        Text(f"{each.events:,}"),
    ]


def _credits(micro: int) -> str:
    """Credits to two places, cut, for a glance."""
    sign = "-" if micro < 0 else ""
    whole, _, fraction = format_decimal(abs(micro) // 10_000, 2).partition(".")
    return f"{sign}{int(whole):,}.{fraction:0<2}"

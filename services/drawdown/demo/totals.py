"""The totals of a run, and whether they add up: projection, audit and recalculation agree."""

from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from typing import Any, Final

from drawdown.demo.recalculation import Recalculation
from drawdown.demo.watching import AccountView
from drawdown.domain.numbers import format_credits
from drawdown.verification import Report

_TOP: Final = 10
_MICRO: Final = 1_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """What a run came to. Amounts in micro-credits."""

    sent: int
    accounts: Sequence[AccountView]
    report: Report
    expected: Recalculation

    @property
    def charged(self) -> int:
        """Credits charged: drawn, overdrawn, or left to the next invoice."""
        return sum(each.charged for each in self.accounts)

    @property
    def top(self) -> list[AccountView]:
        """The customers that were charged most."""
        return sorted(self.accounts, key=lambda each: -each.charged)[:_TOP]

    def differences(self) -> list[str]:
        """Sentences of what doesn't add up; none if all does."""
        wrong = [] if self.report.ok else [f"audit: {text}" for text in self.report.differences]
        wrong += self._counts()
        views = {each.customer_id: each for each in self.accounts}
        for customer_id, tally in sorted(self.expected.customers.items()):
            view = views.pop(customer_id, None)
            if view is None:
                wrong.append(f"{customer_id}: recalculated, but not in the projection")
                continue
            pairs = (
                ("granted", _micro(tally.granted), view.granted),
                ("balance", _micro(tally.balance), view.balance),
                ("charged", _micro(tally.charged + tally.overage), view.charged),
                ("overage", _micro(tally.overage), view.overage_total),
            )
            wrong += [
                f"{customer_id}: {name} is {format_credits(got)}, "
                f"recalculated {format_credits(want)}"
                for name, want, got in pairs
                if want != got
            ]
        return wrong + [f"{each}: in the projection, but not recalculated" for each in views]

    def document(self) -> dict[str, Any]:
        """Everything, as JSON."""
        return {
            "events": self.sent,
            "credits_charged": format_credits(self.charged),
            "uncovered": format_credits(self.report.uncovered),
            "top": [
                {"customer_id": each.customer_id, "charged": format_credits(each.charged)}
                for each in self.top
            ],
            "rejected": dict(self.report.rejected),
            "duplicates": self.report.duplicates,
            "failed": self.expected.failed,
            "dead_letters": self.report.dead_letters.total(),
            "accounts": len(self.accounts),
            "differences": self.differences(),
        }

    def _counts(self) -> list[str]:
        expected = self.expected
        # A card that came too late for its own date was applied again with a later one.
        cards = self.report.rejected["invalid_rate_card"]
        pairs = (
            ("events sent", expected.events, self.sent),
            ("duplicates", expected.duplicates, self.report.duplicates),
            ("events rejected", expected.rejected, self.report.rejected.total() - cards),
            ("granted", _micro(self._sum("granted")), self.report.granted),
            ("charged", _micro(self._sum("charged")), self.report.credits_charged),
            ("overage", _micro(self._sum("overage")), self.report.overage),
            ("uncovered", _micro(self._sum("uncovered")), self.report.uncovered),
        )
        return [f"{name}: {got}, recalculated {want}" for name, want, got in pairs if want != got]

    def _sum(self, name: str) -> Fraction:
        tallies = self.expected.customers.values()
        return sum((getattr(each, name) for each in tallies), Fraction(0))


def _micro(credits: Fraction) -> int:
    """Recalculated credits, which are whole micro-credits."""
    assert (credits * _MICRO).denominator == 1
    return int(credits * _MICRO)

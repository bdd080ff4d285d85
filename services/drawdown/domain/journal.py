"""A journal: what a decision that is being tried has changed, so that it can be taken back."""

from typing import Final, final

from drawdown.domain.charges import Settled
from drawdown.domain.holds import Hold, SavedHold
from drawdown.domain.lots import Lot, SavedLot


@final
class Journal:
    """Figures as they were before the decision, and lots and holds, each noted when it is first
    touched."""

    def __init__(
        self,
        figures: list[int],
        settled_overdraft: Settled | None,
        settled_debt: Settled | None,
        *,
        frozen: bool,
    ) -> None:
        self.figures: Final = figures
        self.settled_overdraft: Final = settled_overdraft
        self.settled_debt: Final = settled_debt
        self.frozen: Final = frozen
        self.lots: Final[dict[str, tuple[Lot, SavedLot]]] = {}
        self.holds: Final[dict[str, tuple[Hold, SavedHold]]] = {}
        self.opened: Final[list[str]] = []
        self.placed: Final[list[str]] = []

    def lot(self, lot: Lot) -> None:
        """Note a lot before it changes."""
        if lot.lot_id not in self.lots:
            self.lots[lot.lot_id] = (lot, lot.saved())

    def hold(self, hold: Hold) -> None:
        """Note a hold before it changes."""
        if hold.hold_id not in self.holds:
            self.holds[hold.hold_id] = (hold, hold.saved())

"""Lots: what one grant opened, and what became of its credits."""

from typing import Final, final

from mypy_extensions import mypyc_attr

from drawdown.domain.burn_order import BurnKey, burn_key
from drawdown.domain.entries import LotKind, LotTerms
from drawdown.domain.numbers import NEVER, round_half_even

ACCOUNT: Final = "account"
"""Why a lot is frozen whose account is."""
PENDING: Final = ("payment_pending", "verification")
"""Why a grant may open frozen."""
ROLLOVER: Final = "rollover"
"""The reason of a lot that goes on with what another one didn't use."""

SavedLot = tuple[int, int, int, int, int, int, int, int, int | None, bool, bool, int, list[str]]


@mypyc_attr(acyclic=True)
@final
class Lot:
    """What one grant opened. `granted = remaining + spent + expired + voided + clawed_back`."""

    def __init__(
        self,
        *,
        lot_id: str,
        lot_seq: int,
        kind: LotKind,
        reason: str,
        campaign: str,
        granted: int,
        accepted_at: int,
        price_minor: int,
        currency: str,
        list_price_minor: int,
        priority: int,
        meters: list[str],
        properties: dict[str, str],
        effective_at: int,
        expires_at: int,
        payment_id: str,
        opens_at: int | None,
        voids_at: int | None,
        period_at: int | None,
        freezes: list[str],
    ) -> None:
        self.lot_id: Final = lot_id
        self.lot_seq: Final = lot_seq
        self.kind: Final[LotKind] = kind
        self.reason: Final = reason
        self.campaign: Final = campaign
        self.granted: Final = granted
        self.remaining = granted
        self.reserved = 0
        self.spent = 0
        self.expired = 0
        self.voided = 0
        self.clawed_back = 0
        self.price_minor: Final = price_minor
        self.currency: Final = currency
        self.list_price_minor: Final = list_price_minor
        self.released_minor = 0
        self.priority: Final = priority
        self.meters: Final = meters
        self.properties: Final = properties
        self.effective_at: Final = effective_at
        self.expires_at = expires_at
        self.payment_id: Final = payment_id
        self.opens_at: Final = opens_at
        self.voids_at: Final = voids_at
        self.period_at: Final = period_at
        self.accepted_at: Final = accepted_at
        self.freezes = freezes
        self.frozen_since: int | None = accepted_at if freezes else None
        """Since when its expiry stands still; None while it is frozen: it had passed."""
        self.closed = False
        """What returns to it is voided."""
        self.clawed = False
        """Its payment was lost: what returns to it is clawed back."""
        self.debt = 0
        """How much of `spent` became debt when its payment was lost."""
        self.listed: BurnKey | None = None
        """Where it stands among the lots that can pay; None: it doesn't."""

    @property
    def scoped(self) -> bool:
        """Whether it pays for some usage only."""
        return bool(self.meters) or bool(self.properties)

    @property
    def unreserved(self) -> int:
        """Credits that no hold has reserved."""
        return self.remaining - self.reserved

    @property
    def stands_still(self) -> bool:
        """Whether its expiry does: it is frozen, or its payment is lost."""
        return bool(self.freezes) or self.clawed

    @property
    def pending(self) -> bool:
        """Whether it opened frozen and still is."""
        return any(reason in PENDING for reason in self.freezes)

    def burn_key(self, order: str) -> BurnKey:
        """Where it stands in a burn order."""
        return burn_key(
            order,
            priority=self.priority,
            expires_at=self.expires_at,
            price_minor=self.price_minor,
            currency=self.currency,
            granted=self.granted,
            kind=self.kind,
            conditions=len(self.properties) + (1 if self.meters else 0),
            effective_at=self.effective_at,
            lot_seq=self.lot_seq,
            meters=len(self.meters),
            rolled_over=self.reason == ROLLOVER,
        )

    def usable_at(self, at: int) -> bool:
        """Effective, unexpired and not frozen at `at` (µs)."""
        return self.effective_at <= at < self.expires_at and not self.freezes

    def past_at(self, at: int) -> bool:
        """Whether it has passed its expiry at `at` (µs); frozen time doesn't count."""
        return self.expires_at <= at and self.frozen_since is None

    def pays_for(self, meter: str, properties: dict[str, str]) -> bool:
        """Whether usage of `meter` with `properties` is in its scope."""
        if self.meters and meter not in self.meters:
            return False
        return all(properties.get(name) == value for name, value in self.properties.items())

    def released_by(self, amount: int) -> int:
        """Minor units that consuming `amount` more of it releases; negative: `amount` comes back.

        One cumulative figure, `round_half_even(price × consumed / granted)`, so that the parts
        add up to the price whatever they are.
        """
        if self.price_minor == 0:
            return 0
        consumed = self.granted - self.remaining + amount
        return round_half_even(self.price_minor * consumed, self.granted) - self.released_minor

    def saved(self) -> SavedLot:
        """All that may change, to be restored."""
        return (
            self.remaining,
            self.reserved,
            self.spent,
            self.expired,
            self.voided,
            self.clawed_back,
            self.released_minor,
            self.expires_at,
            self.frozen_since,
            self.closed,
            self.clawed,
            self.debt,
            self.freezes,
        )

    def restore(self, saved: SavedLot) -> None:
        """Be as `saved` says. Where it is listed is its account's business."""
        self.remaining, self.reserved, self.spent = saved[0], saved[1], saved[2]
        self.expired, self.voided, self.clawed_back = saved[3], saved[4], saved[5]
        self.released_minor, self.expires_at, self.frozen_since = saved[6], saved[7], saved[8]
        self.closed, self.clawed, self.debt, self.freezes = (
            saved[9],
            saved[10],
            saved[11],
            saved[12],
        )


def lot_of(terms: LotTerms, *, granted: int, reason: str, accepted_at: int) -> Lot:
    """The lot that a grant of these terms opens."""
    return Lot(
        lot_id=terms.lot_id,
        lot_seq=terms.lot_seq,
        kind=terms.kind,
        reason=reason,
        campaign=terms.campaign,
        granted=granted,
        accepted_at=accepted_at,
        price_minor=terms.price_minor,
        currency=terms.currency,
        list_price_minor=terms.list_price_minor,
        priority=terms.priority,
        meters=terms.meters,
        properties=terms.properties,
        effective_at=terms.effective_at,
        expires_at=NEVER if terms.expires_at is None else terms.expires_at,
        payment_id=terms.payment_id,
        opens_at=terms.opens_at,
        voids_at=terms.voids_at,
        period_at=terms.period_at,
        freezes=list(terms.freezes),
    )

"""Accounts and lots: the state that entries fold into."""

from bisect import insort
from typing import Final, final

from drawdown.domain.burn_order import BurnKey, burn_key
from drawdown.domain.entries import LotKind, LotTerms, PolicyChange
from drawdown.domain.numbers import NEVER, round_half_even
from drawdown.domain.policies import DEFAULT_POLICY, Policy


@final
class Lot:
    """What one grant opened. `granted = remaining + spent + expired + voided + clawed_back`."""

    def __init__(self, terms: LotTerms, *, granted: int, reason: str, accepted_at: int) -> None:
        self.lot_id: Final = terms.lot_id
        self.lot_seq: Final = terms.lot_seq
        self.kind: Final[LotKind] = terms.kind
        self.reason: Final = reason
        self.campaign: Final = terms.campaign
        self.granted: Final = granted
        self.remaining = granted
        self.reserved = 0
        self.spent = 0
        self.expired = 0
        self.voided = 0
        self.clawed_back = 0
        self.price_minor: Final = terms.price_minor
        self.currency: Final = terms.currency
        self.list_price_minor: Final = terms.list_price_minor
        self.released_minor = 0
        self.priority: Final = terms.priority
        self.meters: Final = terms.meters
        self.properties: Final = terms.properties
        self.effective_at: Final = terms.effective_at
        self.expires_at = NEVER if terms.expires_at is None else terms.expires_at
        self.payment_id: Final = terms.payment_id
        self.accepted_at: Final = accepted_at
        self.freezes: list[str] = list(terms.freezes)

    def copied(self) -> "Lot":
        """A lot of the same terms and figures that moves on its own."""
        terms = LotTerms(
            lot_id=self.lot_id,
            lot_seq=self.lot_seq,
            kind=self.kind,
            campaign=self.campaign,
            price_minor=self.price_minor,
            currency=self.currency,
            list_price_minor=self.list_price_minor,
            priority=self.priority,
            meters=self.meters,
            properties=self.properties,
            effective_at=self.effective_at,
            expires_at=self.expires_at,
            payment_id=self.payment_id,
            referral_id="",
            opens_at=None,
            voids_at=None,
            freezes=self.freezes,
        )
        other = Lot(terms, granted=self.granted, reason=self.reason, accepted_at=self.accepted_at)
        other.remaining, other.reserved, other.spent = self.remaining, self.reserved, self.spent
        other.expired, other.voided = self.expired, self.voided
        other.clawed_back, other.released_minor = self.clawed_back, self.released_minor
        return other

    @property
    def scoped(self) -> bool:
        """Whether it pays for some usage only."""
        return bool(self.meters) or bool(self.properties)

    def burn_key(self) -> BurnKey:
        """Where it stands in the burn order."""
        return burn_key(
            priority=self.priority,
            expires_at=self.expires_at,
            price_minor=self.price_minor,
            currency=self.currency,
            granted=self.granted,
            conditions=len(self.properties) + (1 if self.meters else 0),
            effective_at=self.effective_at,
            lot_seq=self.lot_seq,
        )

    def usable_at(self, at: int) -> bool:
        """Effective, unexpired and not frozen at `at` (µs)."""
        return self.effective_at <= at < self.expires_at and not self.freezes

    def pays_for(self, meter: str, properties: dict[str, str]) -> bool:
        """Whether usage of `meter` with `properties` is in its scope."""
        if self.meters and meter not in self.meters:
            return False
        return all(properties.get(name) == value for name, value in self.properties.items())

    def released_by(self, amount: int) -> int:
        """Minor units that consuming `amount` more of it releases.

        One cumulative figure, `round_half_even(price × consumed / granted)`, so that the parts
        add up to the price whatever they are.
        """
        if self.price_minor == 0:
            return 0
        consumed = self.granted - self.remaining + amount
        return round_half_even(self.price_minor * consumed, self.granted) - self.released_minor


@final
class Account:
    """The ledger of one customer in one unit, as of its last entry. Amounts in micro-credits."""

    def __init__(self, customer_id: str, unit: str) -> None:
        self.customer_id: Final = customer_id
        self.unit: Final = unit
        self.account_seq = 0
        self.head = b""
        """Hash of its last entry; empty before its first."""
        self.balance = 0
        self.held = 0
        self.available = 0
        self.overdraft = 0
        self.debt = 0
        self.overage_total = 0
        self.residue = 0
        self.policy_change = PolicyChange()
        self.policy: Policy = DEFAULT_POLICY
        self.policy_version = 0
        self.lots: Final[dict[str, Lot]] = {}
        self.live: Final[list[Lot]] = []
        """Lots with credits left, in burn order."""
        # The sum of the free credits of usable lots, right from `_free_from` until `_free_until`:
        # counted once, so that an event doesn't look at every lot.
        self._free = 0
        self._free_from = NEVER
        self._free_until = 0

    def copied(self) -> "Account":
        """An account of the same figures that moves on its own."""
        other = Account(self.customer_id, self.unit)
        other.head = self.head
        other.account_seq, other.balance, other.held = self.account_seq, self.balance, self.held
        other.available, other.overdraft, other.debt = self.available, self.overdraft, self.debt
        other.overage_total, other.residue = self.overage_total, self.residue
        other.policy_change, other.policy = self.policy_change, self.policy
        other.policy_version = self.policy_version
        for lot in self.lots.values():
            other.open_lot(lot.copied())
        other.live[:] = [lot for lot in other.live if lot.remaining > 0]
        return other

    def free_at(self, at: int) -> int:
        """Σ (remaining − reserved) of lots that are usable at `at`."""
        if not self._free_from <= at < self._free_until:
            self._count_free(at)
        return self._free

    def _count_free(self, at: int) -> None:
        self._free, self._free_from, self._free_until = 0, 0, NEVER + 1
        for lot in self.live:
            self._count_lot(lot, at)

    def _count_lot(self, lot: Lot, at: int) -> None:
        if lot.usable_at(at):
            self._free += lot.remaining - lot.reserved
        for moment in (lot.effective_at, lot.expires_at):
            if moment <= at:
                self._free_from = max(self._free_from, moment)
            else:
                self._free_until = min(self._free_until, moment)

    def open_lot(self, lot: Lot) -> None:
        """Add a lot that a grant opened."""
        assert lot.lot_id not in self.lots, f"lot {lot.lot_id} opened twice"
        self.lots[lot.lot_id] = lot
        insort(self.live, lot, key=_key)
        if self._free_from <= lot.accepted_at < self._free_until:
            self._count_lot(lot, lot.accepted_at)

    def spend(self, lot: Lot, amount: int, released_minor: int) -> None:
        """Consume credits of a lot."""
        assert 0 < amount <= lot.remaining, f"{amount} of lot {lot.lot_id} can't be spent"
        if lot.usable_at(self._free_from):
            self._free -= amount
        lot.remaining -= amount
        lot.spent += amount
        lot.released_minor += released_minor
        if lot.remaining == 0:
            self.live.remove(lot)


def _key(lot: Lot) -> BurnKey:
    return lot.burn_key()

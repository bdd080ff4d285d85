"""What entries add up to, from the meaning of each type as the specification states it.

Nothing of the ledger's own code is used here.
"""

from collections import defaultdict
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final

from tests.chaos.reading import avro_string

_SPENT: Final = ("deduction", "hold_captured", "overdraft_settled")
_RESERVED: Final = {"hold_placed": 1, "hold_extended": 1, "hold_released": -1, "hold_expired": -1}
_STILL: Final = ("rejected", "rate_card_applied", "policy_changed", "period_closed")


class Wrong(Exception):
    """An entry that doesn't follow from what stands before it."""


@dataclass(slots=True)
class Lot:
    """One grant's credits and what became of them."""

    granted: int
    price_minor: int
    effective_at: int
    expires_at: int | None
    spent: int = 0
    reserved: int = 0
    expired: int = 0
    voided: int = 0
    clawed_back: int = 0
    released_minor: int = 0
    partition_seq: int = 0

    @property
    def remaining(self) -> int:
        """Credits that are left."""
        return self.granted - self.spent - self.expired - self.voided - self.clawed_back

    def counts_at(self, at: int) -> bool:
        """Whether its free credits are available then (µs)."""
        return self.effective_at <= at and (self.expires_at is None or at < self.expires_at)

    def released_should_be(self) -> int:
        """The share of the price that has left the lot, rounded half to even."""
        share, rest = divmod(self.price_minor * (self.granted - self.remaining), self.granted)
        twice = 2 * rest
        return share + (twice > self.granted or (twice == self.granted and share % 2 == 1))


@dataclass(slots=True)
class Account:
    """An account as its entries add up."""

    head: bytes
    seq: int = 0
    partition_seq: int = 0
    balance: int = 0
    held: int = 0
    available: int = 0
    residue: int = 0
    overdraft: int = 0
    debt: int = 0
    overage_total: int = 0
    rated: int = 0
    uncovered: int = 0
    deductions: int = 0
    lots: dict[str, Lot] = field(default_factory=dict)
    open_lots: dict[str, Lot] = field(default_factory=dict)
    """Those with credits left."""
    holds: dict[str, int] = field(default_factory=dict)
    """Reserved by each open hold."""


@dataclass(slots=True)
class Hold:
    """A hold as its last entry states it."""

    state: str
    reserved: int
    partition_seq: int


class Fold:
    """The accounts of one partition."""

    def __init__(self, namespace: str) -> None:
        self._namespace = namespace
        self.seq = 0
        self.accounts: Final[dict[tuple[str, str], Account]] = {}
        self.hashes: list[bytes] = []
        """Of the entries since the tables were compared last."""
        self.touched_lots: set[tuple[str, str, str]] = set()
        self.touched_holds: dict[tuple[str, str, str], Hold] = {}
        self.totals: Final[dict[str, int]] = defaultdict(int)

    def account(self, customer_id: str, unit: str) -> Account:
        """The account, begun where it has no entry yet."""
        account = self.accounts.get((customer_id, unit))
        if account is None:
            words = (self._namespace, customer_id, unit)
            genesis = sha256(b"".join(map(avro_string, words))).digest()
            account = self.accounts[customer_id, unit] = Account(head=genesis)
        return account

    def add(self, entry: dict[str, Any], facts_bytes: bytes) -> None:
        """Apply the next entry. Raises `Wrong` for whatever doesn't follow."""
        facts = entry["facts"]
        expect("partition_seq", entry["partition_seq"], self.seq + 1)
        self.seq += 1
        account = self.account(facts["customer_id"], facts["unit"])
        self._chain(account, entry, facts, facts_bytes)
        self._move(account, entry, facts)
        self._figures(account, facts)
        account.partition_seq = self.seq
        self.hashes.append(entry["hash"])
        self.totals[facts["type"]] += 1

    def _chain(
        self, account: Account, entry: dict[str, Any], facts: dict[str, Any], facts_bytes: bytes
    ) -> None:
        expect("account_seq", facts["account_seq"], account.seq + 1)
        expect("prev_hash", entry["prev_hash"], account.head)
        expect("hash", entry["hash"], sha256(account.head + facts_bytes).digest())
        account.seq += 1
        account.head = entry["hash"]

    def _move(self, account: Account, entry: dict[str, Any], facts: dict[str, Any]) -> None:
        type_, details = facts["type"], facts["details"] or {}
        moved = sum(part["amount"] for part in facts["allocations"])
        amount = 0
        if type_ in ("grant", "adjustment") and details.get("lot"):
            amount = facts["amount"]
            self._open(account, facts, details["lot"])
        elif type_ in _SPENT:
            amount = -moved if type_ != "overdraft_settled" else 0
            self._each(account, facts, "spent", 1)
        elif type_ in _RESERVED:
            self._each(account, facts, "reserved", _RESERVED[type_])
        elif type_ == "expiration":
            amount = -moved
            self._each(account, facts, "expired", 1)
        elif type_ in ("void", "adjustment"):
            amount = -moved
            self._each(account, facts, "voided", 1)
        elif type_ == "refund":
            amount = moved
            self._each(account, facts, "spent", -1)
        elif type_ not in _STILL:
            raise Wrong(f"{type_} is nothing that was asked for")
        expect(f"amount of {type_}", facts["amount"], amount)
        account.balance += amount
        for change in details.get("lot_changes", ()):
            lot = account.lots[change["lot_id"]]
            lot.expires_at = change["expires_at"]
            self._touch(facts, change["lot_id"], lot)
        if details.get("hold"):
            self._hold(account, facts, details["hold"])

    def _open(self, account: Account, facts: dict[str, Any], terms: dict[str, Any]) -> None:
        lot = Lot(facts["amount"], terms["price_minor"], terms["effective_at"], terms["expires_at"])
        if account.lots.setdefault(terms["lot_id"], lot) is not lot:
            raise Wrong(f"lot {terms['lot_id']} is opened twice")
        account.open_lots[terms["lot_id"]] = lot
        self._touch(facts, terms["lot_id"], lot)

    def _each(self, account: Account, facts: dict[str, Any], what: str, sign: int) -> None:
        for part in facts["allocations"]:
            lot_id = part["lot_id"]
            lot = account.lots.get(lot_id)
            if lot is None:
                raise Wrong(f"lot {lot_id} was never granted")
            setattr(lot, what, getattr(lot, what) + sign * part["amount"])
            if part["reserved"] and what == "spent":
                lot.reserved -= part["amount"]
            lot.released_minor += part["released_minor"]
            self._touch(facts, lot_id, lot)
            if not 0 <= lot.reserved <= lot.remaining:
                raise Wrong(f"lot {lot_id}: {lot.reserved} reserved of {lot.remaining}")
            expect(f"released of lot {lot_id}", lot.released_minor, lot.released_should_be())
            if lot.remaining:
                account.open_lots[lot_id] = lot
            else:
                account.open_lots.pop(lot_id, None)

    def _touch(self, facts: dict[str, Any], lot_id: str, lot: Lot) -> None:
        lot.partition_seq = self.seq
        self.touched_lots.add((facts["customer_id"], facts["unit"], lot_id))

    def _hold(self, account: Account, facts: dict[str, Any], hold: dict[str, Any]) -> None:
        hold_id = hold["hold_id"]
        parts = sum(p["amount"] for p in facts["allocations"] if p["reserved"])
        if facts["type"] in _RESERVED:
            parts = sum(p["amount"] for p in facts["allocations"]) * -_RESERVED[facts["type"]]
        if (facts["type"] == "hold_placed") == (hold_id in account.holds):
            raise Wrong(f"{facts['type']} of hold {hold_id}, which is open or isn't")
        reserved = account.holds.get(hold_id, 0) - parts
        expect(f"reserved by hold {hold_id}", hold["reserved"], reserved)
        account.holds[hold_id] = reserved
        if hold["state"] != "open":
            expect(f"reserved by ended hold {hold_id}", reserved, 0)
            del account.holds[hold_id]
        key = (facts["customer_id"], facts["unit"], hold_id)
        self.touched_holds[key] = Hold(hold["state"], reserved, self.seq)

    def _figures(self, account: Account, facts: dict[str, Any]) -> None:
        at = facts["recorded_at"]
        lots = account.open_lots.values()
        remaining = sum(lot.remaining for lot in lots)
        account.held = sum(lot.reserved for lot in lots)
        account.available = sum(lot.remaining - lot.reserved for lot in lots if lot.counts_at(at))
        expect("balance", facts["balance"], account.balance)
        expect("balance as the sum of lots", account.balance, remaining)
        expect("held", facts["held"], account.held)
        expect("held as the sum of holds", account.held, sum(account.holds.values()))
        expect("available", facts["available"], account.available)
        for name in ("overdraft", "debt", "overage_total"):
            expect(name, facts[name], 0)
        charge = facts["charge"]
        if charge:
            account.rated += charge["rated"]
            account.uncovered += charge["uncovered"]
            account.deductions += facts["type"] == "deduction"
            expect("collected", charge["rated"] - charge["uncovered"], -facts["amount"])


def expect(what: str, found: object, expected: object) -> None:
    """Raise `Wrong` unless they are equal."""
    if found != expected:
        raise Wrong(f"{what} is {found!r}, not {expected!r}")

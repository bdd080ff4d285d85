"""The auditor's own books: what the committed entries of one partition come to."""

from typing import Final

from tests.simulation.reading import Fields, first_hash

MOVES: Final = {
    "grant": 1,
    "refund": 1,
    "deduction": -1,
    "hold_captured": -1,
    "expiration": -1,
    "void": -1,
    "overdraft_settled": -1,
}
"""Which way an entry moves the lots that it allocates; others by the sign of its amount."""
RESERVES: Final = {
    "hold_placed": 1,
    "hold_extended": 1,
    "hold_released": -1,
    "hold_expired": -1,
}
SIGNED: Final = frozenset({"adjustment", "clawback"})


class Wrong(BaseException):
    """What was committed breaks a promise.

    It is raised from within the calls of a paused process too, where nothing may catch it.
    """


class AccountBook:
    """One account: its chain, its balance, its lots."""

    def __init__(self, namespace: str, customer_id: str, unit: str) -> None:
        self.head = first_hash(namespace, customer_id, unit)
        self.seq = 0
        self.balance = 0
        self.held = 0
        self.lots: dict[str, int] = {}

    def fold(self, entry: Fields) -> None:
        """Take an entry in."""
        facts = entry["facts"]
        if facts["account_seq"] != self.seq + 1:
            raise Wrong(f"account_seq {facts['account_seq']} follows {self.seq}")
        if entry["prev_hash"] != self.head or entry["hash"] != entry["chained"]:
            raise Wrong("the hash chain breaks")
        self.seq += 1
        self.head = entry["hash"]
        self.balance += facts["amount"]
        if self.balance != facts["balance"]:
            raise Wrong(f"the amounts come to {self.balance}, the entry says {facts['balance']}")
        self._move(facts)
        owed = facts["overdraft"] + facts["debt"]
        if sum(self.lots.values()) - owed != self.balance:
            raise Wrong(f"the lots {self.lots} less {owed} owed aren't {self.balance}")
        if self.held != facts["held"]:
            raise Wrong(f"reserved is {self.held}, the entry says {facts['held']}")

    def _move(self, facts: Fields) -> None:
        type_ = facts["type"]
        moves, reserves = MOVES.get(type_, 0), RESERVES.get(type_, 0)
        if type_ in SIGNED:
            moves = 1 if facts["amount"] > 0 else -1
        for each in facts["allocations"]:
            lot_id, amount = each["lot_id"], each["amount"]
            self.held += reserves * amount
            if moves:
                self.lots[lot_id] = self.lots.get(lot_id, 0) + moves * amount
                if self.lots[lot_id] < 0:
                    raise Wrong(f"lot {lot_id} has {self.lots[lot_id]} left")
                if each["reserved"]:
                    self.held += moves * amount


class Booking:
    """What fell due at `moment` (µs) and was booked before the input of so high an order."""

    def __init__(self, topic: str, order: int, moment: int, entry_id: str, lots: set[str]) -> None:
        self.topic = topic
        self.order = order
        self.moment = moment
        self.entry_id = entry_id
        self.lots = lots


class PartitionBook:
    """One partition: its sequence, its decisions, its accounts, and what was charged."""

    def __init__(self, namespace: str, number: int) -> None:
        self.number = number
        self.entries: list[tuple[int, bytes]] = []
        """(partition_seq, hash) of each entry."""
        self.accounts: dict[tuple[str, str], AccountBook] = {}
        self.decided: dict[str, set[int]] = {"usage_events": set(), "ledger_commands": set()}
        self.charged: dict[tuple[str, str], str] = {}
        """The entry that charged an event, by customer and event id."""
        self.known: set[tuple[str, str]] = set()
        """(customer, id) of each event and command that was charged, refused or carried out."""
        self._namespace = namespace
        self._last: dict[str, int] = {"usage_events": -1, "ledger_commands": -1}
        self._place: tuple[str, int, int] = ("", -1, 0)
        self._next_index = 0

    def fold(self, entry: Fields) -> str:
        """Take an entry in; its id."""
        facts, source = entry["facts"], entry["source_topic"]
        offset, index, count = entry["source_offset"], entry["index"], entry["count"]
        name = f"{source[0] if source[0] == 'u' else 'c'}-{self.number}-{offset}-{index}"
        if entry["partition_seq"] != len(self.entries) + 1:
            raise Wrong(f"{name} is entry {entry['partition_seq']} after {len(self.entries)}")
        self.entries.append((entry["partition_seq"], entry["hash"]))
        self._check_decision(name, source, offset, index, count)
        key = (facts["customer_id"], facts["unit"])
        book = self.accounts.get(key)
        if book is None:
            book = self.accounts[key] = AccountBook(self._namespace, *key)
        try:
            book.fold(entry)
        except Wrong as wrong:
            raise Wrong(f"{name}, {facts['type']} of {key[0]}: {wrong}") from wrong
        self._check_charge(name, facts)
        return name

    def finish_look(self) -> None:
        """What is readable now ends with a whole decision."""
        if self._next_index:
            raise Wrong(f"the decision of {self._place[:2]} is torn after {self._next_index}")

    def _check_decision(self, name: str, source: str, offset: int, index: int, count: int) -> None:
        if index != self._next_index or (index and (source, offset, count) != self._place):
            raise Wrong(f"{name} isn't what follows {self._place} index {self._next_index - 1}")
        if index == 0:
            if offset <= self._last[source]:
                raise Wrong(f"{name} was decided before, or after what came behind it")
            self._last[source] = offset
            self.decided[source].add(offset)
        self._place = (source, offset, count)
        self._next_index = 0 if index + 1 == count else index + 1

    def _check_charge(self, name: str, facts: Fields) -> None:
        customer = facts["customer_id"]
        if facts["cause"] in ("usage", "command"):
            self.known.add((customer, facts["cause_id"]))
        if facts["type"] != "deduction":
            return
        details = facts["details"]
        by_command = facts["cause"] == "command" and details is not None
        event_id = details["event_id"] if by_command else facts["cause_id"]
        key = (customer, event_id)
        if key in self.charged:
            raise Wrong(f"{name} charges {event_id} again, which {self.charged[key]} charged")
        self.charged[key] = name
        self.known.add(key)

"""The shelf of a partition's books in a store: which row stands under which key."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from drawdown.adapters.local_state import charge_rows, rows
from drawdown.adapters.local_state.past import Past
from drawdown.adapters.local_state.store import Row, Store
from drawdown.domain.cabinet import BUSINESS_KEY, COMMAND, DISPUTE, REFUSAL, REJECTED, Cabinet
from drawdown.domain.charges import Charged, Charges, Refundable, refundable_in
from drawdown.domain.customers import Customer
from drawdown.domain.holds import Hold
from drawdown.domain.memory import RejectedUsage, Remembered, key_of
from drawdown.domain.parking import Parked
from drawdown.domain.rate_cards import RateCard
from drawdown.domain.shelf import Parts
from drawdown.errors import PartitionHalted

_CUSTOMER: Final = b"a"
_CHARGE: Final = b"c"
_HOLD: Final = b"h"
_DUE: Final = b"q"
_CARD: Final = b"t"
_PARKED: Final = b"p"
_PLACE: Final = b"o"
_TABLES: Final = {
    COMMAND: b"m",
    REFUSAL: b"f",
    REJECTED: b"r",
    DISPUTE: b"d",
    BUSINESS_KEY: b"k",
}
_USED: Final = b""
_SEQ_MAX: Final = 2**63 - 1

Put = Callable[[bytes, bytes], None]
"""Adds a row to a batch."""


class RowShelf:
    """Finds what was saved; `drawdown.domain.shelf.Shelf` says what each method gives."""

    def __init__(self, store: Store, cabinet: Cabinet, past: Past) -> None:
        """`past` reads the entries again that rows only name."""
        self._store: Final = store
        self._charges: Final = cabinet.charges
        self._past: Final = past

    def customer(self, customer_id: str) -> Customer | None:
        """A customer with its open holds."""
        row = self._store.get(_CUSTOMER + customer_id.encode())
        return None if row is None else self._customer(customer_id, row)

    def customers(self) -> Iterator[Customer]:
        """Every customer."""
        for key, row in self._store.scan(_CUSTOMER):
            yield self._customer(key[1:].decode(), row)

    def _customer(self, customer_id: str, row: bytes) -> Customer:
        charges = Charges(customer_id, self._charges, self.refundable)
        customer, open_holds = rows.read_customer(row, customer_id, charges)
        for account, hold_ids in open_holds:
            keys = [_hold_key(customer_id, account.unit, hold_id) for hold_id in hold_ids]
            for found in self._store.get_many(keys):
                assert found is not None, f"an open hold of {customer_id} has no row"
                account.take_in_hold(rows.read_hold(found))
        return customer

    def charge(self, key: str) -> Charged | None:
        """An event's charges."""
        row = self._store.get(_CHARGE + key.encode())
        return None if row is None else charge_rows.read_charged(row)

    def refundable(self, charged: Charged) -> Refundable:
        """What a charge drew, by its entry's record, or its entry in the ledger."""
        if charged.record:
            return refundable_in(self._past.read(charged.record).facts)
        seq = charged.partition_seq
        entry = self._past.entry(seq, self._not_before(seq))
        if entry.entry_id != charged.entry_id:
            raise PartitionHalted(
                f"entry {seq} isn't {charged.entry_id}, which charged, but {entry.entry_id}"
            )
        return refundable_in(entry.facts)

    def _not_before(self, partition_seq: int) -> int:
        """The offset of the ledger at which an entry stands, or behind which by no more than
        markers and what was aborted."""
        begin = _place_key(partition_seq)
        found = next(self._store.scan(_PLACE, begin), None)
        assert found is not None, "the place of a charge's entry is saved before the charge"
        seq = _SEQ_MAX - int.from_bytes(found[0][1:], "big")
        return int.from_bytes(found[1], "big") + partition_seq - seq

    def uncharged(self, keys: list[str]) -> list[str]:
        """Those of these keys under which no charge stands."""
        found = self._store.get_many([_CHARGE + key.encode() for key in keys])
        return [key for key, row in zip(keys, found, strict=True) if row is None]

    def hold(self, customer_id: str, unit: str, hold_id: str) -> Hold | None:
        """A hold of an account."""
        row = self._store.get(_hold_key(customer_id, unit, hold_id))
        return None if row is None else rows.read_hold(row)

    def command(self, key: str) -> Remembered | None:
        """A command's first decision."""
        row = self._of_table(COMMAND, key)
        return None if row is None else rows.read_remembered(row)

    def refusal(self, key: str) -> Remembered | None:
        """A refused event's first refusal for a reason."""
        row = self._of_table(REFUSAL, key)
        return None if row is None else rows.read_remembered(row)

    def rejected(self, key: str) -> RejectedUsage | None:
        """A refused event, as it came."""
        row = self._of_table(REJECTED, key)
        return None if row is None else rows.read_rejected(row)

    def dispute(self, key: str) -> str | None:
        """The payment that a dispute names."""
        row = self._of_table(DISPUTE, key)
        return None if row is None else row.decode()

    def business_key(self, key: str) -> bool | None:
        """Whether a business key was used."""
        return None if self._of_table(BUSINESS_KEY, key) is None else True

    def cards(self) -> list[RateCard]:
        """The rate cards, in the order in which they were applied."""
        return [rows.read_card(row) for _, row in self._store.scan(_CARD)]

    def parked(self) -> list[Parked]:
        """The records that were parked, in the order of their entries."""
        return [rows.read_parked(row) for _, row in self._store.scan(_PARKED)]

    def dues(self) -> Iterator[tuple[str, int]]:
        """When something may fall due (µs), by account."""
        for key, row in self._store.scan(_DUE):
            yield key[1:].decode(), int.from_bytes(row, "big")

    def _of_table(self, table: str, key: str) -> bytes | None:
        return self._store.get(_TABLES[table] + key.encode())


def put_parts(put: Put, parts: Parts) -> None:
    """Put what is to be written of a customer."""
    customer = parts.customer
    put(_CUSTOMER + customer.customer_id.encode(), rows.customer_row(customer))
    put_charges(put, parts.charges)
    for account, hold in parts.holds:
        place = _hold_key(account.customer_id, account.unit, hold.hold_id)
        put(place, rows.hold_row(hold))
    for table, key, value in parts.kept:
        put_kept(put, table, key, value)


def put_charges(put: Put, charges: Mapping[str, Charged]) -> None:
    """Put charges, by `key_of` customer and event."""
    for key, charged in charges.items():
        put(_CHARGE + key.encode(), charge_rows.charged_row(charged))


def put_kept(put: Put, table: str, key: str, value: object) -> None:
    """Put something that is looked up by key."""
    if isinstance(value, Remembered):
        row = rows.remembered_row(value)
    elif isinstance(value, RejectedUsage):
        row = rows.rejected_row(value)
    elif isinstance(value, str):
        row = value.encode()
    else:
        row = _USED
    put(_TABLES[table] + key.encode(), row)


def due_row(key: str, moment: int) -> Row:
    """When something may fall due on an account."""
    return _DUE + key.encode(), moment.to_bytes(8, "big")


def card_row(number: int, card: RateCard) -> Row:
    """The rate card that was applied as so manyth."""
    return _CARD + number.to_bytes(8, "big"), rows.card_row(card)


def parked_row(number: int, parked: Parked) -> Row:
    """The record that was parked as so manyth."""
    return _PARKED + number.to_bytes(8, "big"), rows.parked_row(parked)


def place_row(partition_seq: int, offset: int) -> Row:
    """Where an entry stands in the ledger; the next ones are looked for from there."""
    return _place_key(partition_seq), offset.to_bytes(8, "big")


def _place_key(partition_seq: int) -> bytes:
    """The last place that isn't behind an entry's is the first one from its key on."""
    return _PLACE + (_SEQ_MAX - partition_seq).to_bytes(8, "big")


def _hold_key(customer_id: str, unit: str, hold_id: str) -> bytes:
    return _HOLD + key_of(key_of(customer_id, unit), hold_id).encode()

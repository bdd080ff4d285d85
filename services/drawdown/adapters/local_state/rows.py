"""Rows: what is saved of customers, and how they come back. On the hot path.

Values are MessagePack arrays, whose places are this version's own: `FORMAT` counts them. A
directory of another format is rebuilt from the ledger, so that nothing here reads an older one.
Charges have rows of their own kind (`charge_rows.py`).
"""

from sys import intern
from typing import Any, Final

from librt.strings import BytesWriter
from msgspec.msgpack import Decoder, Encoder

from drawdown.adapters.avro.generated.command import read_ChangePolicy, write_ChangePolicy
from drawdown.adapters.avro.generated.rate_card import read_RateCard, write_RateCard
from drawdown.domain.accounts import Account, Payment
from drawdown.domain.charges import Charges, Settled
from drawdown.domain.customers import Customer
from drawdown.domain.entries import Dispute, HoldState
from drawdown.domain.holds import Hold
from drawdown.domain.inputs import ChangePolicy
from drawdown.domain.lots import Lot
from drawdown.domain.memory import RejectedUsage, Remembered
from drawdown.domain.numbers import NEVER
from drawdown.domain.parking import Parked
from drawdown.domain.policies import NO_CHANGE
from drawdown.domain.rate_cards import RateCard

FORMAT: Final = 4
"""Of all rows, and of what folding makes of entries, which a new schema may change: a change of
either takes the next number."""

_encode: Final = Encoder().encode
_decode: Final = Decoder().decode
_OPEN: Final = "open"


# ---- Customers.


def customer_row(customer: Customer) -> bytes:
    """A customer's accounts with their lots; holds have rows of their own."""
    return _encode([_account(account) for account in customer.accounts.values()])


OpenHolds = list[tuple[Account, list[str]]]
"""The ids of an account's open holds, in the order in which they were placed."""


def read_customer(row: bytes, customer_id: str, charges: Charges) -> tuple[Customer, OpenHolds]:
    """A customer, and the open holds that are still to be put back."""
    accounts: Any = _decode(row)
    open_holds: OpenHolds = []
    customer: Customer | None = None
    for values in accounts:
        account = _read_account(values, customer_id, charges)
        if customer is None:
            customer = Customer(account)
        else:
            customer.accounts[account.unit] = account
        if values[17]:
            open_holds.append((account, values[17]))
    assert customer is not None, "a customer has an account"
    return customer, open_holds


def _account(account: Account) -> list[object]:
    return [
        account.unit,
        account.account_seq,
        account.head,
        account.begun_at,
        account.balance,
        account.held,
        account.available,
        account.overdraft,
        account.debt,
        account.overage_total,
        account.residue,
        account.reserved_room,
        account.frozen,
        _policy(account),
        account.recurring_set_at,
        account.recurred_at,
        account.holds_placed,
        [hold.hold_id for hold in account.holds.values() if hold.state == _OPEN],
        [_lot(lot) for lot in account.lots.values()],
        [_payment(payment) for payment in account.payments.values()],
        account.month_totals,
        _chain(account.settled_overdraft),
        _chain(account.settled_debt),
        account.dues.activations(),
    ]


def _read_account(values: Any, customer_id: str, charges: Charges) -> Account:
    account = Account(customer_id, intern(values[0]), charges)
    account.account_seq, account.head, account.begun_at = values[1], values[2], values[3]
    account.balance, account.held, account.available = values[4], values[5], values[6]
    account.overdraft, account.debt, account.overage_total = values[7], values[8], values[9]
    account.residue, account.reserved_room, account.frozen = values[10], values[11], values[12]
    if values[13]:
        account.policy_change = read_ChangePolicy(values[13], 0)[0].policy
    account.recurring_set_at, account.recurred_at = values[14], values[15]
    account.holds_placed = values[16]
    for lot in values[18]:
        account.take_in(_read_lot(lot))
    for each in values[19]:
        payment = account.payment(each[0])
        payment.lot_id, payment.returned_minor = each[1], each[2]
        payment.dispute = None if each[3] is None else _read_dispute(each[3])
    account.month_totals.update(values[20])
    account.settled_overdraft, account.settled_debt = (
        _read_chain(values[21]),
        _read_chain(values[22]),
    )
    account.dues.await_activations([(at, seq, lot_id) for at, seq, lot_id in values[23]])
    return account


def _policy(account: Account) -> bytes:
    change = account.policy_change
    if change is NO_CHANGE or change == NO_CHANGE:
        return b""
    out = BytesWriter()
    write_ChangePolicy(out, ChangePolicy(policy=change))
    return out.getvalue()


def _payment(payment: Payment) -> list[object]:
    dispute = payment.dispute
    return [
        payment.payment_id,
        payment.lot_id,
        payment.returned_minor,
        None if dispute is None else [dispute.dispute_id, dispute.payment_id, dispute.state],
    ]


def _read_dispute(values: Any) -> Dispute:
    return Dispute(dispute_id=values[0], payment_id=values[1], state=values[2])


def _chain(settled: Settled | None) -> list[tuple[str, int]]:
    """What settled, the latest first."""
    chain: list[tuple[str, int]] = []
    while settled is not None:
        chain.append((settled.lot_id, settled.amount))
        settled = settled.before
    return chain


def _read_chain(chain: Any) -> Settled | None:
    settled: Settled | None = None
    for lot_id, amount in reversed(chain):
        settled = Settled(lot_id, amount, settled)
    return settled


def _lot(lot: Lot) -> list[object]:
    return [
        lot.lot_id,
        lot.lot_seq,
        lot.kind,
        lot.reason,
        lot.campaign,
        lot.granted,
        lot.accepted_at,
        lot.price_minor,
        lot.currency,
        lot.list_price_minor,
        lot.priority,
        lot.meters,
        lot.properties,
        lot.effective_at,
        lot.payment_id,
        lot.opens_at,
        lot.voids_at,
        lot.period_at,
        lot.saved(),
    ]


def _read_lot(values: Any) -> Lot:
    lot = Lot(
        lot_id=values[0],
        lot_seq=values[1],
        kind=values[2],
        reason=values[3],
        campaign=values[4],
        granted=values[5],
        accepted_at=values[6],
        price_minor=values[7],
        currency=values[8],
        list_price_minor=values[9],
        priority=values[10],
        meters=values[11],
        properties=values[12],
        effective_at=values[13],
        expires_at=NEVER,
        payment_id=values[14],
        opens_at=values[15],
        voids_at=values[16],
        period_at=values[17],
        freezes=[],
    )
    lot.restore(tuple(values[18]))
    return lot


# ---- What is looked up by key.


def hold_row(hold: Hold) -> bytes:
    """A hold, open or ended."""
    return _encode(
        [
            hold.hold_id,
            hold.number,
            hold.meter,
            hold.properties,
            hold.placed_at,
            hold.state,
            hold.reserved,
            hold.reserved_room,
            hold.expires_at,
            hold.ended_at,
            list(hold.reservations.items()),
            hold.commands,
        ]
    )


def read_hold(row: bytes) -> Hold:
    """A hold."""
    values: Any = _decode(row)
    state = HoldState(
        hold_id=values[0],
        state=values[5],
        meter=values[2],
        properties=values[3],
        reserved=values[6],
        reserved_room=values[7],
        placed_at=values[4],
        expires_at=values[8],
    )
    hold = Hold(state, values[1])
    hold.reserved, hold.reserved_room, hold.ended_at = values[6], values[7], values[9]
    hold.reservations = dict(values[10])
    hold.commands = values[11]
    return hold


def remembered_row(first: Remembered) -> bytes:
    """A first decision, of a command or a refusal."""
    return _encode(
        [
            first.digest,
            first.topic,
            first.partition,
            first.offset,
            first.index,
            first.code,
            first.until,
            first.holds,
        ]
    )


def read_remembered(row: bytes) -> Remembered:
    """A first decision."""
    values: Any = _decode(row)
    return Remembered(
        values[0],
        topic=values[1],
        partition=values[2],
        offset=values[3],
        index=values[4],
        code=values[5],
        until=values[6],
        holds=values[7],
    )


def rejected_row(rejected: RejectedUsage) -> bytes:
    """A refused event, as it came."""
    return _encode([rejected.raw, rejected.digest, rejected.recorded_at])


def read_rejected(row: bytes) -> RejectedUsage:
    """A refused event."""
    values: Any = _decode(row)
    return RejectedUsage(values[0], values[1], values[2])


def card_row(card: RateCard) -> bytes:
    """A rate card."""
    out = BytesWriter()
    write_RateCard(out, card)
    return out.getvalue()


def read_card(row: bytes) -> RateCard:
    """A rate card."""
    return read_RateCard(row, 0)[0]


def parked_row(parked: Parked) -> bytes:
    """A record that was parked."""
    return _encode([parked.topic, parked.offset, parked.entry_id, parked.said])


def read_parked(row: bytes) -> Parked:
    """A record that was parked."""
    values: Any = _decode(row)
    return Parked(values[0], values[1], values[2], values[3])

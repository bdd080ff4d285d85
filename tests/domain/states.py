"""What an account and a ledger know, as plain values that can be compared."""

from drawdown.domain.accounts import Account, Payment
from drawdown.domain.charges import Charged, Charges, Settled
from drawdown.domain.ledger import Ledger


def account_state(account: Account) -> dict[str, object]:
    """Every figure of an account, for comparing two."""
    names = (
        "customer_id unit account_seq head begun_at balance held available overdraft debt "
        "overage_total residue reserved_room frozen policy_change recurring_set_at "
        "recurring_since recurred_at month_totals"
    )
    state: dict[str, object] = {name: getattr(account, name) for name in names.split()}
    policy = "overage_mode overdraft_limit grace_us hold_life_us refund_grace_us burn_order"
    state["policy"] = {name: getattr(account.policy, name) for name in policy.split()}
    state["lots"] = {lot_id: _lot_state(lot) for lot_id, lot in account.lots.items()}
    state["live"] = [lot.lot_id for lot in account.live]
    state["holds"] = {hold_id: hold_state(hold) for hold_id, hold in account.holds.items()}
    state["charges"] = {
        key: _charged(account.charges, each)
        for key, each in account.charges.kept.items()
        if key.startswith(f"{account.customer_id}\0")
    }
    state["payments"] = {name: _payment(each) for name, each in account.payments.items()}
    state["settled"] = (_chain(account.settled_debt), _chain(account.settled_overdraft))
    return _apart(state)


def _charged(charges: Charges, charged: Charged | None) -> list[tuple[object, ...]]:
    found: list[tuple[object, ...]] = []
    while charged is not None:
        drawn = charges.refundable(charged)
        parts = [(part.lot_id, part.amount, part.reserved) for part in drawn.allocations]
        found.append((charged.unit, charged.returned, charged.digest, charged.until, parts))
        found.append((charged.entry_id, drawn.overdrawn, drawn.overage, drawn.collected))
        charged = charged.before
    return found


def _payment(payment: Payment) -> tuple[object, ...]:
    return payment.lot_id, payment.returned_minor, payment.dispute


def _chain(settled: Settled | None) -> list[tuple[str, int]]:
    chain: list[tuple[str, int]] = []
    while settled is not None:
        chain.append((settled.lot_id, settled.amount))
        settled = settled.before
    return chain


def _lot_state(lot: object) -> dict[str, object]:
    names = (
        "lot_id lot_seq kind reason campaign granted remaining reserved spent expired voided "
        "clawed_back price_minor currency list_price_minor released_minor priority meters "
        "properties effective_at expires_at payment_id accepted_at freezes frozen_since closed "
        "clawed debt opens_at voids_at period_at"
    )
    return {name: getattr(lot, name) for name in names.split()}


def hold_state(hold: object) -> dict[str, object]:
    """Every figure of a hold."""
    names = (
        "hold_id number meter properties placed_at state reserved reserved_room expires_at "
        "ended_at reservations commands"
    )
    return {name: getattr(hold, name) for name in names.split()}


def ledger_state(ledger: Ledger) -> dict[str, object]:
    """Everything that a ledger's later decisions depend on, for comparing two."""
    accounts = {(each.customer_id, each.unit): account_state(each) for each in ledger.accounts()}
    policy = ledger.default_policy
    state = {
        "partition_seq": ledger.partition_seq,
        "closed_until": ledger.closed_until,
        "parked": sorted(ledger.parking.records()),
        "accounts": accounts,
        "cards": [each.label for each in ledger.rate_book.cards()],
        "default": (policy.overage_mode, policy.overdraft_limit, policy.grace_us),
        "refused": len(ledger.refused),
        "rejected": {key: each.recorded_at for key, each in ledger.rejected.items()},
        "commands": {
            key: (first.digest, first.entry_id, first.code, first.until, first.holds)
            for key, first in ledger.commands.first.items()
        },
        "business_keys": sorted(key for key, _ in ledger.cabinet.business_keys.items()),
        "disputes": dict(ledger.disputes.items()),
    }
    return _apart(state)


def _apart(state: dict[str, object]) -> dict[str, object]:
    """The state with containers of its own, so that it stays when the ledger moves on."""
    return {name: _own(value) for name, value in state.items()}


def _own(value: object) -> object:
    if isinstance(value, dict):
        return {key: _own(each) for key, each in value.items()}
    if isinstance(value, list | tuple):
        return [_own(each) for each in value]
    return value

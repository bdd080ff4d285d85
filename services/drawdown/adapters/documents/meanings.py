"""What each command does and each of its fields means, in the words of its documents.

The help of the command line and the format of scenarios are written from here; a test holds it
against the shapes.
"""

from collections.abc import Iterator, Mapping
from typing import Final

from drawdown.adapters.documents.shapes import Shape

COMMANDS: Final[Mapping[str, str]] = {
    "grant": "add credits: opens one lot",
    "void": "take back what is left of a lot; without an amount, all unreserved, and close it",
    "refund_usage": "give back credits of a charge, to the lots that paid it",
    "refund_purchase": "void credits of a payment and return their share of its price",
    "adjust": "correct a balance: add credits in a new lot, or take free ones; say why in reason",
    "change_expiry": "set a lot's expiry",
    "freeze": "freeze a lot, or the whole account",
    "unfreeze": "lift a manual freeze, open a lot that opened frozen, or thaw the account",
    "note_dispute": "a dispute of a payment reached a state",
    "change_policy": "change an account's policy; with customer_id $partition: everyone's default",
    "place_hold": "reserve credits for work in flight, whole or not at all",
    "extend_hold": "give a hold a later expiry, more credits, or both",
    "capture_hold": "charge a hold: with its usage, with an amount, or with all that it reserves",
    "release_hold": "end a hold without a charge",
    "batch": "several holds of one customer, all or none",
    "redrive_rejected": "decide a rejected usage event anew",
    "park_record": "skip an input record that can't be decided: it becomes a dead letter",
    "apply_rate_card": "put a rate card in force from its date",
    "close_period": "close what was reported up to an instant",
    "tick": "book what has fallen due, in every account",
}

FIELDS: Final[Mapping[str, str]] = {
    "amount": "credits",
    "anchor": "the start of one period; the others are counted from it",
    "breakage_method": "how revenue of credits that expire is recognized (not carried out yet)",
    "breakage_rate": "the share expected to expire, as a decimal (not carried out yet)",
    "burn_order": "default, stripe, orb, metronome, lago or openmeter",
    "campaign": "a customer gets one grant of each campaign",
    "card": "a rate card, as in `drawdown rates apply`",
    "closed_until": "up to when the books are closed",
    "currency": "of the price, ISO 4217, such as USD",
    "dispute_id": "names the dispute; one a payment",
    "effective_at": "when the lot starts; at once if absent or null",
    "event_id": "the usage event's id",
    "every": "how many of them make a period; 1",
    "expires_at": "when it expires; null or absent: never",
    "final": "whether it ends the hold, releasing the rest; true",
    "freeze": "opens frozen: payment_pending or verification",
    "grace": "how long after its expiry a lot pays for usage that occurred before; 5m",
    "hold_id": "names the hold; used once in an account",
    "hold_life": "how long a hold may live, extensions included; 24h",
    "holds": "what place_hold has, for each",
    "kind": "purchased, promotional, included or adjustment",
    "life": "how long its credits live, such as 30d",
    "list_price_minor": "what promotional credits would have cost, in minor units",
    "lot_id": "names the lot in its account",
    "maximum": "credits that go on at most; null or absent: without limit",
    "meter": "the rate card's meter",
    "meters": "only usage of these meters draws it; none: of all",
    "minimum": "credits that go on at least, as far as they are there; 0",
    "money_minor": "money to return instead of the credits' share, in minor units",
    "occurred_at": "when it happened",
    "offset": "of the record",
    "opens_at": "when a lot that opens frozen thaws by itself",
    "overage_mode": "hard_stop, overdraft or overage: what happens when lots run out; hard_stop",
    "overdraft_limit": "credits that an overdraft may reach; 0",
    "partition": "of the record",
    "payment_id": "the payment, granted once",
    "period": "day, week, month or year",
    "policy": "the fields that change; what is absent keeps its value",
    "price_minor": "what was paid for all of it, in minor units (cents)",
    "priority": "0–100, lower ones are drawn first; 50",
    "properties": "of the usage, such as model: {name: value}",
    "quantities": "what was used, such as input: {name: quantity}",
    "rate_card": "label of the version to rate with, such as llm@2; absent: the one in force then",
    "recurring": "an allowance: credits granted at the start of each period, each in its own lot",
    "referral_id": "the referral; each of its two customers is granted once",
    "refund_grace": "how long an ended lot reopens for credits that are refunded; 30d",
    "refund_id": "names the refund; used once",
    "rollover": "what of a recurring lot's unreserved rest goes on, in a new lot, when it ends",
    "share": "of the rest that goes on, a decimal from 0 to 1",
    "state": "opened, won, lost or reinstated",
    "status": "succeeded, partial, or failed (which costs nothing)",
    "topic": "of the record: usage-events or ledger-commands",
    "usage": "a usage event; charged once per event_id, on whichever way it comes",
    "voids_at": "when a lot that is still frozen is taken back",
}
"""By the field's name; `SPECIAL` goes before."""

SPECIAL: Final[Mapping[str, str]] = {
    "adjust.amount": "credits; below 0: taken from free ones of any lot, whole or not at all",
    "adjust.expires_at": "when the added credits expire; null or absent: never",
    "capture_hold.amount": "credits; neither it nor usage: all that is reserved",
    "extend_hold.amount": "credits to reserve more; 0",
    "extend_hold.expires_at": "the later expiry; null or absent: as it is",
    "freeze.lot_id": "the lot; absent: the account, with all its lots",
    "grant.lot_id": "names the lot in its account; the command's id if absent",
    "grant.properties": "only usage with these properties draws it: {name: value}",
    "place_hold.expires_at": "when it ends by itself, at most 24 h ahead (policy hold_life)",
    "recurring.amount": "credits a period; 0: none any more",
    "recurring.life": "how long each lot lives; null or absent: until the next period",
    "refund_purchase.amount": "credits to void, of those that no hold has reserved; may be 0",
    "refund_usage.amount": "credits; null or absent: all that is left of the charge",
    "unfreeze.lot_id": "the lot; absent: the account",
    "void.amount": "credits; null or absent: all that is unreserved, and the lot is closed",
}
"""By `<command, or field that holds an object>.<field>`."""


def meaning(owner: str, name: str) -> str:
    """What a field of a command, or of an object within, means."""
    return SPECIAL.get(f"{owner}.{name}") or FIELDS[name]


def explained(owner: str, shape: Shape, indent: str = "    ") -> Iterator[str]:
    """A line for each field of an object, those of objects within it too; `*`: must be there."""
    for name, kind in shape.fields.items():
        mark = "*" if name in shape.required else ""
        yield f"{indent}{name + mark:<18} {meaning(owner, name)}"
        if kind.inner is not None:
            yield from explained(name, kind.inner, indent + "  ")


def explained_commands(bodies: Mapping[str, Shape]) -> Iterator[str]:
    """The commands with what they do, and their fields."""
    for name, shape in bodies.items():
        yield f"  {name}: {COMMANDS[name]}"
        yield from explained(name, shape)

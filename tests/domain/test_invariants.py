"""Invariants: each finds what it is there to find."""

from collections.abc import Callable

import pytest

from drawdown.domain.accounts import Account
from drawdown.domain.entries import Allocation, Charge, EntryFacts, EntryType, RatedLine
from drawdown.domain.invariants import check_account, check_entry, check_lot, check_settled
from drawdown.domain.numbers import AMOUNT_MAX
from tests.domain.building import CREDIT, T, World, card


def sound() -> Account:
    """An account of two lots, of which one is drawn down in part."""
    world = World(card())
    world.grant("a", 3 * CREDIT, kind="purchased", price_minor=300, currency="USD")
    world.grant("b", 5 * CREDIT)
    world.use("e", 6)
    return world.account()


def _set(name: str, value: int) -> Callable[[Account], None]:
    return lambda account: setattr(account, name, value)


def _set_lot(name: str, value: int) -> Callable[[Account], None]:
    return lambda account: setattr(account.lots["a"], name, value)


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        (_set("balance", 1), "balance 1 isn't 2000000 remaining − 0 overdraft − 0 debt"),
        (_set("overdraft", 1), "balance 2000000 isn't 2000000 remaining − 1 overdraft"),
        (_set("debt", 1), "balance 2000000 isn't 2000000 remaining − 0 overdraft − 1 debt"),
        (_set("held", 1), "held 1 isn't the 0 reserved in lots"),
        (_set("overage_total", -1), "overdraft, debt, overage or reserved room is negative"),
        (_set("residue", -1), "residue -1 is outside 0–10¹²"),
        (_set("residue", 10**12), "residue 1000000000000 is outside"),
        (_set("reserved_room", -1), "overdraft, debt, overage or reserved room is negative"),
        (_set("reserved_room", 1), "reserved room 1 isn't the 0 of its holds"),
        (_set_lot("debt", -1), "lot a: -1 of 1000000 spent became debt"),
        (_set_lot("debt", 1_000_001), "lot a: 1000001 of 1000000 spent became debt"),
        (_set_lot("reserved", 1), "lot a: 1 reserved by no open hold"),
        (_set_lot("reserved", -1), "lot a: reserved -1 is outside"),
        (_set_lot("reserved", 2_000_001), "lot a: reserved 2000001 is outside 0–2000000"),
        (_set_lot("spent", 1), "lot a: granted 3000000 but 2000000 remain and 1 went"),
        (_set_lot("expired", 1), "lot a: granted 3000000 but 2000000 remain and 1000001 went"),
        (_set_lot("voided", 1), "lot a: granted 3000000 but 2000000 remain and 1000001 went"),
        (_set_lot("clawed_back", -1), "lot a: granted 3000000 but 2000000 remain and 999999"),
        (_set_lot("released_minor", 99), "lot a: released 99 minor units instead of 100"),
    ],
)
def test_what_is_wrong_with_an_account_is_found(
    damage: Callable[[Account], None], sentence: str
) -> None:
    account = sound()
    assert check_account(account) == []
    damage(account)
    assert any(each.startswith(f"acme (credit): {sentence}") for each in check_account(account))


def test_what_is_wrong_with_holds_is_found() -> None:
    world = World(card())
    world.policy("p", overage_mode="overdraft", overdraft_limit=9 * CREDIT)
    world.grant("lot", 3 * CREDIT)
    world.hold("one", 2)
    world.hold("two", 4)
    account = world.account()
    assert check_account(account) == []
    account.holds["one"].reserved += 1
    account.lots["lot"].reserved -= 1
    account.holds["two"].reserved_room -= 1
    assert check_account(account) == [
        "acme (credit): held 3000000 isn't the 2999999 reserved in lots",
        "acme (credit): hold one: its reservations aren't its 2000001",
        "acme (credit): lot lot: 2999999 reserved by no open hold",
        "acme (credit): reserved room 3000000 isn't the 2999999 of its holds",
    ]


def test_an_ended_hold_that_holds_something_is_found() -> None:
    world = World(card())
    world.grant("lot", 3 * CREDIT)
    world.hold("one", 2)
    account = world.account()
    account.holds["one"].state = "released"
    assert any("hold one" in each for each in check_account(account))


def test_a_residue_below_a_microcredit_is_sound() -> None:
    account = sound()
    account.residue = 10**12 - 1
    assert check_account(account) == []


def test_a_lot_may_be_reserved_whole() -> None:
    account = sound()
    lot = account.lots["a"]
    lot.reserved = lot.remaining
    assert check_lot(lot) == []


def test_what_is_owed_beside_free_credits_is_found() -> None:
    account = sound()
    assert check_settled(account, T) == []
    account.overdraft = 1
    assert check_settled(account, T) == ["acme (credit): owes 1 beside 2000000 free credits"]
    assert check_settled(account, T - 1) == []
    account.overdraft, account.debt = 0, 1
    assert len(check_settled(account, T)) == 1
    account.lots["a"].reserved = account.lots["a"].remaining
    assert check_settled(account, T) == []


def facts(
    entry_type: EntryType,
    *,
    amount: int = 0,
    balance: int = 0,
    held: int = 0,
    available: int = 0,
    residue: int = 0,
    allocated: tuple[int, ...] = (),
    charge: Charge | None = None,
) -> EntryFacts:
    return EntryFacts(
        namespace="test",
        customer_id="acme",
        unit="credit",
        account_seq=7,
        type=entry_type,
        amount=amount,
        balance=balance,
        held=held,
        available=available,
        overdraft=0,
        debt=0,
        overage_total=0,
        residue=residue,
        allocations=[
            Allocation(
                lot_id="lot",
                amount=each,
                kind="included",
                released_minor=0,
                currency="",
                reserved=False,
            )
            for each in allocated
        ],
        charge=charge,
        cause="usage",
        cause_id="e",
        cause_digest=b"",
        burn_order_version=1,
        reason="",
        actor="",
        occurred_at=T,
        recorded_at=T,
        effective_at=T,
        details=None,
    )


def charge(
    *,
    rated: int,
    overdrawn: int = 0,
    overage: int = 0,
    uncovered: int = 0,
    amount: int = 0,
    atto: int = 0,
) -> Charge:
    """A charge of one line, which comes to `amount` and `atto`."""
    return Charge(
        meter="tokens",
        status="succeeded",
        properties={},
        rate_card="card@1",
        lines=[
            RatedLine(
                line_id="tokens",
                quantity="tokens",
                quantity_micro=1,
                rate_pico=1,
                amount=amount,
                amount_atto=atto,
            )
        ],
        rated=rated,
        overdrawn=overdrawn,
        overage=overage,
        uncovered=uncovered,
        hold_id="",
        hold_ended=False,
        charged_before=False,
    )


PARTS = charge(rated=10, overdrawn=2, overage=3, uncovered=1, amount=10)
PARTS_OF_A_CAPTURE = charge(rated=10, overdrawn=2, overage=3, uncovered=1)
"""Its lines come to nothing: a capture in credits isn't rated."""


@pytest.mark.parametrize(
    "entry",
    [
        facts("deduction", amount=-6, allocated=(1, 3), charge=PARTS),
        facts("deduction", residue=5, charge=charge(rated=0, atto=5)),
        facts(
            "deduction",
            amount=-1,
            residue=0,
            allocated=(1,),
            charge=charge(rated=1, atto=1),
        ),
        facts("grant", amount=5, balance=5, available=5, allocated=(5,)),
        facts("overdraft_settled", allocated=(5,)),
        facts("void", amount=-5, allocated=(5,)),
        facts("void"),
        facts("adjustment", amount=5, balance=5, available=5, allocated=(5,)),
        facts("adjustment", amount=-5, allocated=(5,)),
        facts("refund", amount=7, allocated=(5,)),
        facts("refund"),
        facts("clawback", amount=-7, allocated=(5,)),
        facts("clawback", amount=7, allocated=(5,)),
        facts("hold_captured", amount=-6, allocated=(1, 3), charge=PARTS_OF_A_CAPTURE),
        facts("rejected", balance=AMOUNT_MAX, available=-AMOUNT_MAX, held=AMOUNT_MAX),
    ],
)
def test_a_sound_entry_passes(entry: EntryFacts) -> None:
    assert check_entry(entry) == []


@pytest.mark.parametrize(
    ("entry", "sentence"),
    [
        (facts("void", amount=-1, allocated=(1, 0)), "an allocation isn't positive"),
        (facts("rejected", balance=AMOUNT_MAX + 1), "an amount is out of range"),
        (facts("rejected", held=AMOUNT_MAX + 1), "an amount is out of range"),
        (facts("rejected", available=-AMOUNT_MAX - 1), "an amount is out of range"),
        (facts("refund", amount=AMOUNT_MAX + 1), "an amount is out of range"),
        (facts("grant", amount=0), "a grant of 0 that allocates 0"),
        (facts("grant", amount=-5, allocated=(5,)), "a grant of -5 that allocates 5"),
        (facts("grant", amount=5, allocated=(4,)), "a grant of 5 that allocates 4"),
        (facts("void", amount=5, allocated=(5,)), "a void of 5 that allocates 5"),
        (facts("expiration", amount=5, allocated=(5,)), "a expiration of 5 that allocates 5"),
        (facts("adjustment", amount=-5, allocated=(4,)), "a adjustment of -5 that allocates 4"),
        (facts("refund", amount=4, allocated=(5,)), "a refund of 4 that allocates 5"),
        (facts("refund", amount=-5, allocated=(5,)), "a refund of -5 that allocates 5"),
        (facts("clawback", amount=-4, allocated=(5,)), "a clawback of -4 that allocates 5"),
        (facts("hold_captured"), "a deduction without a charge"),
        (facts("deduction"), "a deduction without a charge"),
        (
            facts("deduction", amount=-7, allocated=(1, 4), charge=PARTS),
            "rated 10 isn't drawn + overdrawn + overage + uncovered 11",
        ),
        (
            facts("deduction", amount=-4, allocated=(1, 3), charge=PARTS),
            "amount -4 isn't −(drawn 4 + 2 overdrawn)",
        ),
        (
            facts("deduction", charge=charge(rated=0, overage=1, uncovered=-1)),
            "a part of the charge is negative",
        ),
        (
            facts("deduction", amount=1, charge=charge(rated=0, overdrawn=-1, overage=1)),
            "a part of the charge is negative",
        ),
        (
            facts("deduction", charge=charge(rated=0, atto=1)),
            "the lines, the residue and the rated amount don't fit together",
        ),
        (
            facts("deduction", amount=-1, allocated=(1,), charge=charge(rated=1)),
            "the lines, the residue and the rated amount don't fit together",
        ),
        *(
            (facts(still, amount=1, allocated=(1,)), f"{still} moves the balance by 1")
            for still in (
                "overdraft_settled",
                "policy_changed",
                "rejected",
                "rate_card_applied",
                "freeze",
                "unfreeze",
                "expiry_changed",
                "dispute_noted",
                "period_closed",
                "record_parked",
                "hold_placed",
                "hold_extended",
                "hold_released",
                "hold_expired",
            )
        ),
    ],
)
def test_what_is_wrong_with_an_entry_is_found(entry: EntryFacts, sentence: str) -> None:
    assert check_entry(entry) == [f"acme (credit) entry 7: {sentence}"]

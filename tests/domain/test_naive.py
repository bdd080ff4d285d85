"""The naive model by examples of its own, before anything is compared with it."""

from drawdown.domain.entries import PARTITION_CUSTOMER, PolicyChange, RecurringGrant, Rollover
from drawdown.domain.inputs import (
    Adjust,
    ApplyRateCard,
    CaptureHold,
    ChangePolicy,
    CommandBody,
    Freeze,
    Grant,
    HoldUsage,
    NoteDispute,
    PlaceHold,
    RefundPurchase,
    RefundUsage,
    ReleaseHold,
    Tick,
    Unfreeze,
    Void,
)
from drawdown.domain.numbers import DAY_US, MINUTE_US
from tests.domain.building import CREDIT, LEAD_US, UNIT, T, card, command, usage
from tests.domain.naive import Booked, NaiveLedger
from tests.domain.streams import of_hold

GRACE_US = 5 * MINUTE_US


class Model:
    """A naive ledger with a card at a credit a token, and short ways to ask it."""

    def __init__(self) -> None:
        self.ledger = NaiveLedger(lead_us=LEAD_US)
        self.number = 0
        self.ask(ApplyRateCard(card=card()), T - LEAD_US, customer=PARTITION_CUSTOMER)

    def ask(self, body: CommandBody, at: int = T, *, customer: str = "acme") -> list[Booked]:
        self.number += 1
        given = command(body, f"c{self.number}", customer_id=customer, issued_at=at)
        outcome, code, booked = self.ledger.take(given, at)
        assert outcome == "accepted", code
        return booked

    def refused(self, body: CommandBody, at: int = T) -> str:
        self.number += 1
        outcome, code, booked = self.ledger.take(command(body, f"c{self.number}", issued_at=at), at)
        assert (outcome, booked[-1].type) == ("rejected", "rejected")
        return code

    def grant(self, lot_id: str, credits: int, at: int = T, **terms: object) -> list[Booked]:
        body = Grant(amount=credits * CREDIT, kind="purchased", lot_id=lot_id, **terms)  # type: ignore[arg-type]
        return self.ask(body, at)

    def use(
        self, event_id: str, tokens: int, at: int = T, *, hold_id: str = "", final: bool = False
    ) -> list[Booked]:
        event = usage(event_id, occurred_at=at, quantities={"tokens": tokens * UNIT})
        outcome, code, booked = self.ledger.take(of_hold(event, hold_id, final=final), at)
        assert outcome == "accepted", code
        return booked

    def hold(self, hold_id: str, credits: int, at: int = T, *, life: int = DAY_US) -> list[Booked]:
        return self.ask(
            PlaceHold(
                hold_id=hold_id, amount=credits * CREDIT, meter="tokens", expires_at=at + life
            ),
            at,
        )

    def policy(self, at: int = T, **fields: object) -> None:
        self.ask(ChangePolicy(policy=PolicyChange(**fields)), at)  # type: ignore[arg-type]


def said(booked: list[Booked]) -> list[tuple[str, float, dict[str, float]]]:
    """Type, credits, and credits by lot of each entry."""
    return [
        (each.type, each.amount / CREDIT, {part[0]: part[1] / CREDIT for part in each.parts})
        for each in booked
    ]


def test_use_before_the_expiry_and_what_is_left_after_it() -> None:
    """Published: +100 at T1 expiring T10, −30 at T5; T10 expires 70."""
    model = Model()
    model.grant("l", 100, T + DAY_US, expires_at=T + 10 * DAY_US)
    model.use("e", 30, T + 5 * DAY_US)
    early = model.ask(Tick(), T + 10 * DAY_US + GRACE_US - 1, customer=PARTITION_CUSTOMER)
    assert early == []
    (expired,) = model.ask(Tick(), T + 30 * DAY_US, customer=PARTITION_CUSTOMER)
    assert said([expired]) == [("expiration", -70, {"l": 70})]
    assert (expired.effective_at, expired.balance) == (T + 10 * DAY_US, 0)


def test_a_final_capture_gives_back_the_rest_and_what_is_past_its_date_expires() -> None:
    model = Model()
    model.grant("l", 10, expires_at=T + 60 * MINUTE_US)
    assert said(model.hold("h", 8)) == [("hold_placed", 0, {"l": 8})]
    usage_of = HoldUsage(
        event_id="e",
        meter="tokens",
        occurred_at=T + 61 * MINUTE_US,
        status="succeeded",
        properties={},
        quantities={"tokens": 3 * UNIT},
    )
    booked = model.ask(CaptureHold(hold_id="h", usage=usage_of), T + 61 * MINUTE_US)
    assert said(booked) == [
        ("deduction", -3, {"l": 3}),
        ("hold_released", 0, {"l": 5}),
        ("expiration", -5, {"l": 5}),
    ]
    assert booked[-1].balance == 2 * CREDIT
    assert booked[-1].effective_at == T + 60 * MINUTE_US


def test_what_a_capture_takes_beyond_its_hold_and_what_nobody_pays() -> None:
    model = Model()
    model.grant("l", 10)
    model.hold("h", 4)
    model.hold("other", 3)
    (deduction, released) = model.use("e", 9, hold_id="h", final=True)
    assert deduction.parts == [("l", 4 * CREDIT, 0, True), ("l", 3 * CREDIT, 0, False)]
    assert deduction.charge == (9 * CREDIT, 0, 0, 2 * CREDIT)
    assert (released.held, released.available) == (3 * CREDIT, 0)


def test_overdraft_room_is_reserved_counts_and_settles_what_a_release_frees() -> None:
    model = Model()
    model.policy(overage_mode="overdraft", overdraft_limit=5 * CREDIT)
    model.grant("l", 4)
    (placed,) = model.hold("h", 7)
    assert placed.hold == ("h", "open", 4 * CREDIT, 3 * CREDIT, T + DAY_US)
    body = PlaceHold(hold_id="i", amount=2 * CREDIT + 1, meter="tokens", expires_at=T + 1)
    assert model.refused(body) == "insufficient_credits"
    (overdrawn,) = model.use("e", 5)
    assert overdrawn.charge == (5 * CREDIT, 2 * CREDIT, 0, 3 * CREDIT)
    assert said(model.ask(ReleaseHold(hold_id="h"))) == [
        ("hold_released", 0, {"l": 4}),
        ("overdraft_settled", 0, {"l": 2}),
    ]


def test_a_hold_expires_by_itself_and_what_it_returns_to_a_closed_lot_is_voided() -> None:
    model = Model()
    model.grant("l", 10)
    model.hold("h", 4, life=60 * MINUTE_US)
    assert said(model.ask(Void(lot_id="l"))) == [("void", -6, {"l": 6})]
    booked = model.ask(Tick(), T + DAY_US, customer=PARTITION_CUSTOMER)
    assert said(booked) == [("hold_expired", 0, {"l": 4}), ("void", -4, {"l": 4})]
    assert {each.effective_at for each in booked} == {T + 60 * MINUTE_US}


def test_a_correction_goes_the_reverse_way() -> None:
    """Published: use of 5 (T10) and 5 (T15); a correction of 7 is 5 to T15, then 2 to T10."""
    model = Model()
    model.grant("T10", 5, expires_at=T + 10 * DAY_US)
    model.grant("T15", 15, expires_at=T + 15 * DAY_US)
    model.use("e", 10)
    body = RefundUsage(refund_id="r", event_id="e", amount=7 * CREDIT)
    assert said(model.ask(body)) == [("refund", 7, {"T15": 5, "T10": 2})]
    more = RefundUsage(refund_id="r2", event_id="e", amount=3 * CREDIT + 1)
    assert model.refused(more) == "exceeds_charge"


def test_a_refund_expires_what_is_past_its_date_and_reopens_the_lot() -> None:
    model = Model()
    model.grant("l", 5, expires_at=T + 10 * MINUTE_US)
    model.use("e", 2)
    at = T + 12 * MINUTE_US
    assert said(model.ask(RefundUsage(refund_id="r", event_id="e"), at)) == [
        ("expiration", -3, {"l": 3}),
        ("refund", 2, {"l": 2}),
    ]
    lot = model.ledger.account("acme", "credit").lots[0]
    assert lot.expires_at == at + 30 * DAY_US


def test_a_refund_of_what_was_settled_goes_to_the_settling_lots_latest_first() -> None:
    model = Model()
    model.policy(overage_mode="overdraft", overdraft_limit=10 * CREDIT)
    model.use("e", 8)
    model.grant("one", 3)
    model.grant("two", 4)
    body = RefundUsage(refund_id="r", event_id="e", amount=6 * CREDIT)
    (refund,) = model.ask(body)
    assert said([refund]) == [("refund", 6, {"two": 4, "one": 1})]
    assert (refund.overdraft, refund.balance) == (0, 5 * CREDIT)


def test_a_lost_dispute_claws_back_makes_debt_and_reinstatement_undoes_it() -> None:
    model = Model()
    model.grant("paid", 10, payment_id="p", price_minor=1000, currency="USD")
    model.use("e", 6)
    model.grant("free", 3)
    opened, lost, back = (
        NoteDispute(dispute_id="d", payment_id="p", state=state)
        for state in ("opened", "lost", "reinstated")
    )
    assert said(model.ask(opened, T + 1)) == [("freeze", 0, {})]
    clawback, settled = model.ask(lost, T + 2)
    assert said([clawback, settled]) == [
        ("clawback", -10, {"paid": 4}),
        ("overdraft_settled", 0, {"free": 3}),
    ]
    assert clawback.parts == [("paid", 4 * CREDIT, 400, False)]
    assert (settled.debt, settled.balance) == (3 * CREDIT, -3 * CREDIT)
    (again,) = model.ask(back, T + 3)
    assert said([again]) == [("clawback", 10, {"paid": 4, "free": 3})]
    assert (again.debt, again.balance, again.available) == (0, 7 * CREDIT, 7 * CREDIT)


def test_a_notice_for_an_unknown_payment_acts_when_its_lot_opens() -> None:
    model = Model()
    noted = NoteDispute(dispute_id="d", payment_id="p", state="lost")
    assert said(model.ask(noted)) == [("dispute_noted", 0, {})]
    booked = model.grant("l", 5, payment_id="p")
    assert said(booked) == [("grant", 5, {"l": 5}), ("clawback", -5, {"l": 5})]


def test_captured_credits_of_a_lost_payment_become_debt() -> None:
    model = Model()
    model.grant("paid", 10, payment_id="p")
    model.hold("h", 7)
    model.ask(NoteDispute(dispute_id="d", payment_id="p", state="lost"))
    booked = model.use("e", 5, hold_id="h", final=True)
    assert said(booked) == [
        ("deduction", -5, {"paid": 5}),
        ("hold_released", 0, {"paid": 2}),
        ("clawback", -7, {"paid": 2}),
    ]
    assert (booked[-1].debt, booked[-1].balance) == (5 * CREDIT, -5 * CREDIT)


def test_frozen_time_is_the_union_of_its_freezes_and_moves_the_date() -> None:
    model = Model()
    model.grant("l", 5, expires_at=T + DAY_US)
    model.ask(Freeze(lot_id="l"), T + 10)
    model.ask(Freeze(), T + 20)
    assert model.use("e", 1, T + 21)[0].charge == (CREDIT, 0, 0, CREDIT)
    model.ask(Unfreeze(lot_id="l"), T + 30)
    model.ask(Unfreeze(), T + 45)
    lot = model.ledger.account("acme", "credit").lots[0]
    assert (lot.expires_at, lot.freezes) == (T + DAY_US + 35, [])


def test_a_grant_that_is_pending_opens_by_itself_or_is_voided() -> None:
    model = Model()
    model.grant("l", 5, freeze="payment_pending", opens_at=T + 10, expires_at=T + DAY_US)
    model.grant("v", 5, freeze="verification", voids_at=T + 10)
    booked = model.ask(Tick(), T + 10, customer=PARTITION_CUSTOMER)
    assert said(booked) == [("unfreeze", 0, {}), ("void", -5, {"v": 5})]
    assert booked[-1].available == 5 * CREDIT


def test_an_allowance_of_200_of_which_half_goes_on() -> None:
    """Published: 200 a month; 50 used, then 300 (100 go on)."""
    model = Model()
    month = RecurringGrant(amount=200 * CREDIT, anchor=T + DAY_US, period="month")
    half = Rollover(share_pico=10**12, maximum=100 * CREDIT, life_us=31 * DAY_US)
    model.policy(recurring=month, rollover=half)
    model.use("e", 50, T + 2 * DAY_US)
    booked = model.ask(Tick(), T + 32 * DAY_US + GRACE_US, customer=PARTITION_CUSTOMER)
    assert [(each.type, each.amount // CREDIT) for each in booked] == [
        ("grant", 200),
        ("expiration", -50),
        ("void", -100),
        ("grant", 100),
    ]


def test_free_credits_of_any_scope_are_adjusted_away_whole_or_not_at_all() -> None:
    model = Model()
    model.grant("l", 2, meters=["images"])
    model.grant("m", 2)
    assert model.refused(Adjust(amount=-5 * CREDIT)) == "insufficient_credits"
    assert said(model.ask(Adjust(amount=-3 * CREDIT))) == [("adjustment", -3, {"l": 2, "m": 1})]


def test_a_purchase_refund_returns_the_share_of_the_price_up_to_the_price() -> None:
    model = Model()
    model.grant("l", 10, price_minor=1000, currency="USD", payment_id="p")
    refund = RefundPurchase(refund_id="r", payment_id="p", amount=4 * CREDIT)
    assert model.ask(refund)[0].money == 400
    more = RefundPurchase(refund_id="r2", payment_id="p", amount=0, money_minor=601)
    assert model.refused(more) == "exceeds_price"
    model.ask(RefundPurchase(refund_id="r3", payment_id="p", amount=6 * CREDIT, money_minor=600))
    assert model.refused(Void(lot_id="l")) == "lot_closed"

"""The ledger says what an independent, deliberately naive model says, entry by entry."""

from typing import Literal

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from drawdown.domain.entries import PARTITION_CUSTOMER, PolicyChange
from drawdown.domain.inputs import (
    ApplyRateCard,
    ChangePolicy,
    Command,
    CommandBody,
    Grant,
    NoteDispute,
    RefundUsage,
)
from tests.domain.agreement import assert_agree
from tests.domain.building import CREDIT, LEAD_US, UNIT, T, account_state, card, command, usage
from tests.domain.streams import Recorded, streams


@settings(
    deadline=None, derandomize=True, max_examples=150, suppress_health_check=list(HealthCheck)
)
@given(streams())
def test_the_ledger_says_what_the_naive_model_says(stream: list[Recorded]) -> None:
    assert_agree(stream)


@st.composite
def payments_lost_and_back(draw: st.DrawFn) -> list[Recorded]:
    """One customer's purchases, whose payments are lost and come back while others settle debt."""
    stream = [Recorded(priced(T), T - LEAD_US)]
    paid: list[str] = []
    lost: list[str] = []
    used: list[str] = []
    for number in range(draw(st.integers(6, 30))):
        at, credits = T + number + 1, draw(st.sampled_from([4, 10, 20]))
        kinds = ["buy", "use", "limit"] + ["lost"] * 2 * bool(paid) + ["back"] * 2 * bool(lost)
        kind = draw(st.sampled_from(kinds + ["refund"] * bool(used)))
        name, amount = f"{kind}-{number}", credits * CREDIT
        body: CommandBody
        if kind == "use":
            used.append(name)
            units = {"tokens": UNIT * credits}
            stream.append(Recorded(usage(name, occurred_at=at, quantities=units), at))
            continue
        if kind == "buy":
            paid.append(name)
            body = Grant(
                amount=amount,
                kind="purchased",
                lot_id=name,
                payment_id=name,
                price_minor=draw(st.integers(0, 300)),
                currency="USD",
            )
        elif kind == "refund":
            event_id = draw(st.sampled_from(used))
            body = RefundUsage(refund_id=name, event_id=event_id, amount=amount)
        elif kind == "limit":
            policy = PolicyChange(overage_mode="overdraft", overdraft_limit=amount)
            body = ChangePolicy(policy=policy)
        elif kind == "lost":
            lost.append(paid.pop(draw(st.integers(0, len(paid) - 1))))
            body = notice(lost[-1], "lost")
        else:
            body = notice(lost.pop(draw(st.integers(0, len(lost) - 1))), "reinstated")
        stream.append(Recorded(command(body, name, issued_at=at), at))
    return stream


def notice(payment_id: str, state: Literal["lost", "reinstated"]) -> NoteDispute:
    return NoteDispute(dispute_id=f"d-{payment_id}", payment_id=payment_id, state=state)


def priced(effective_from: int) -> Command:
    """A credit for a token."""
    body = ApplyRateCard(card=card(effective_from=effective_from))
    return command(body, "card", customer_id=PARTITION_CUSTOMER, issued_at=effective_from - LEAD_US)


@settings(deadline=None, max_examples=150, suppress_health_check=list(HealthCheck))
@given(payments_lost_and_back())
def test_they_agree_on_payments_that_are_lost_and_come_back(stream: list[Recorded]) -> None:
    world = assert_agree(stream)
    again = world.replayed()
    assert [account_state(each) for each in again.accounts()] == [
        account_state(each) for each in world.ledger.accounts()
    ]

"""Policies: what changes and what stays, what is refused."""

from typing import Any

import pytest

from drawdown.domain.entries import PARTITION_CUSTOMER, PolicyChange, RecurringGrant, Rollover
from drawdown.domain.inputs import ChangePolicy
from drawdown.domain.numbers import AMOUNT_MAX, DAY_US, MINUTE_US
from drawdown.domain.policies import DEFAULT_POLICY, changed, merged, refusal
from tests.domain.building import CREDIT, T, World, card, command, paid


def recurring(**fields: Any) -> PolicyChange:
    plain: dict[str, Any] = {"amount": CREDIT, "anchor": T, "period": "month"}
    return PolicyChange(recurring=RecurringGrant(**{**plain, **fields}))


def rollover(**fields: Any) -> PolicyChange:
    plain: dict[str, Any] = {"share_pico": 0, "life_us": DAY_US}
    return PolicyChange(rollover=Rollover(**{**plain, **fields}))


def test_by_default_nothing_is_owed_and_grace_is_five_minutes() -> None:
    assert DEFAULT_POLICY.overage_mode == "hard_stop"
    assert DEFAULT_POLICY.overdraft_limit == 0
    assert DEFAULT_POLICY.grace_us == 5 * MINUTE_US
    assert DEFAULT_POLICY.burn_order == "default"
    assert DEFAULT_POLICY.hold_life_us == DAY_US
    assert DEFAULT_POLICY.refund_grace_us == 30 * DAY_US
    assert (DEFAULT_POLICY.recurring, DEFAULT_POLICY.rollover) == (None, None)


def test_what_a_change_leaves_out_keeps_its_value() -> None:
    every = PolicyChange(
        overage_mode="overdraft",
        overdraft_limit=7,
        grace_us=8,
        hold_life_us=9,
        refund_grace_us=10,
        burn_order="stripe",
        recurring=recurring().recurring,
        rollover=rollover().rollover,
    )
    policy = changed(DEFAULT_POLICY, every)
    for again in (policy, changed(policy, PolicyChange())):
        assert again.overage_mode == "overdraft"
        assert again.overdraft_limit == 7
        assert again.grace_us == 8
        assert (again.hold_life_us, again.refund_grace_us) == (9, 10)
        assert (again.burn_order, again.burn_order_version) == ("stripe", 2)
        assert again.recurring == every.recurring
        assert again.rollover == every.rollover
    assert changed(policy, PolicyChange(grace_us=0, overdraft_limit=0)).grace_us == 0
    assert changed(policy, PolicyChange(grace_us=0, overdraft_limit=0)).overdraft_limit == 0


def test_merging_takes_the_later_value_of_every_field() -> None:
    first = PolicyChange(
        overage_mode="overage",
        overdraft_limit=1,
        grace_us=2,
        hold_life_us=3,
        refund_grace_us=4,
        burn_order="a",
        breakage_method="remote",
        breakage_rate_pico=5,
        recurring=recurring().recurring,
        rollover=rollover().rollover,
    )
    then = PolicyChange(
        overage_mode="hard_stop",
        overdraft_limit=0,
        grace_us=0,
        hold_life_us=0,
        refund_grace_us=0,
        burn_order="b",
        breakage_method="proportional",
        breakage_rate_pico=0,
        recurring=recurring(amount=0).recurring,
        rollover=rollover(life_us=1).rollover,
    )
    assert merged(first, then) == then
    assert merged(first, PolicyChange()) == first
    assert merged(PolicyChange(), first) == first


@pytest.mark.parametrize(
    "change",
    [
        PolicyChange(),
        PolicyChange(overdraft_limit=0),
        PolicyChange(overdraft_limit=AMOUNT_MAX),
        PolicyChange(grace_us=0, hold_life_us=0, refund_grace_us=0),
        PolicyChange(grace_us=3_660 * DAY_US),
        PolicyChange(burn_order="default"),
        PolicyChange(breakage_method="proportional", breakage_rate_pico=0),
        PolicyChange(breakage_method="remote", breakage_rate_pico=10**12),
        recurring(amount=0, every=1_000, anchor=0),
        recurring(amount=AMOUNT_MAX, every=1, anchor=200 * 366 * DAY_US),
        recurring(life_us=1, price_minor=AMOUNT_MAX, currency="JPY"),
        recurring(life_us=3_660 * DAY_US, kind="promotional", currency="JPY"),
        rollover(share_pico=0, minimum=AMOUNT_MAX, maximum=0, life_us=1),
        rollover(share_pico=10**12, maximum=AMOUNT_MAX, life_us=3_660 * DAY_US),
    ],
)
def test_a_change_within_its_ranges_is_accepted(change: PolicyChange) -> None:
    assert refusal(change) == ""


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        (PolicyChange(overdraft_limit=-1), "overdraft_limit -1 is outside"),
        (PolicyChange(overdraft_limit=AMOUNT_MAX + 1), "overdraft_limit 46116860184273879"),
        (PolicyChange(grace_us=-1), "grace_us -1 is outside 0–10 years"),
        (PolicyChange(grace_us=3_660 * DAY_US + 1), "grace_us 31622"),
        (PolicyChange(hold_life_us=-1), "hold_life_us -1"),
        (PolicyChange(refund_grace_us=-1), "refund_grace_us -1"),
        (PolicyChange(burn_order="lifo"), "burn_order 'lifo' is none of default"),
        (PolicyChange(breakage_method="never"), "breakage_method 'never' is none of remote"),
        (PolicyChange(breakage_rate_pico=-1), "breakage_rate_pico -1 is outside 0–10¹²"),
        (PolicyChange(breakage_rate_pico=10**12 + 1), "breakage_rate_pico 1000000000001 is"),
        (recurring(amount=-1), "recurring: amount -1 is outside"),
        (recurring(amount=AMOUNT_MAX + 1), "recurring: amount 4611686018427387905 is outside"),
        (recurring(every=0), "recurring: every 0 is outside 1–1000"),
        (recurring(every=1_001), "recurring: every 1001 is outside"),
        (recurring(anchor=-1), "recurring: anchor -1 is outside 1970–2169"),
        (recurring(anchor=200 * 366 * DAY_US + 1), "recurring: anchor 6324480000000001 is"),
        (recurring(life_us=0), "recurring: life_us 0 is outside 0–10 years"),
        (recurring(life_us=3_660 * DAY_US + 1), "recurring: life_us 316224000000001 is"),
        (recurring(price_minor=-1, currency="USD"), "recurring: price_minor -1 is negative"),
        (recurring(price_minor=AMOUNT_MAX + 1, currency="USD"), "recurring: price_minor 46116"),
        (recurring(price_minor=1), "recurring: '' is no ISO 4217 currency"),
        (recurring(currency="XYZ"), "recurring: 'XYZ' is no ISO 4217 currency"),
        (
            recurring(price_minor=1, currency="USD", kind="promotional"),
            "recurring: promotional credits have no price",
        ),
        (rollover(share_pico=-1), "rollover: share_pico -1 is outside 0–10¹²"),
        (rollover(share_pico=10**12 + 1), "rollover: share_pico 1000000000001 is"),
        (rollover(minimum=-1), "rollover: minimum -1 is outside"),
        (rollover(minimum=AMOUNT_MAX + 1), "rollover: minimum 4611686018427387905 is"),
        (rollover(maximum=-1), "rollover: maximum -1 is outside"),
        (rollover(maximum=AMOUNT_MAX + 1), "rollover: maximum 4611686018427387905 is"),
        (rollover(life_us=0), "rollover: life_us 0 is outside 0–10 years"),
        (rollover(life_us=3_660 * DAY_US + 1), "rollover: life_us 316224000000001 is"),
    ],
)
def test_a_change_out_of_its_range_is_refused(change: PolicyChange, sentence: str) -> None:
    assert refusal(change).startswith(sentence)
    decision = World().decide(command(ChangePolicy(policy=change)))
    assert (decision.outcome, decision.code) == ("rejected", "invalid_policy")
    assert decision.detail.startswith(sentence)


def test_a_policy_change_moves_nothing_and_takes_effect_with_the_next_decision() -> None:
    world = World(card())
    world.grant("lot", 5 * CREDIT)
    assert paid(world.use("before", 6)) == (6, 0, 0, 1)
    (facts,) = world.policy("p", T + 9, overage_mode="overage").facts
    assert (facts.type, facts.amount, facts.balance) == ("policy_changed", 0, 0)
    assert (facts.effective_at, facts.recorded_at, facts.allocations) == (T + 9, T + 9, [])
    assert facts.details is not None
    assert facts.details.policy == PolicyChange(overage_mode="overage")
    assert paid(world.use("after", 6, T + 9)) == (6, 0, 6, 0)


def test_the_default_of_a_partition_reaches_accounts_old_and_new_but_not_their_own_fields() -> None:
    world = World(card())
    world.grant("lot", CREDIT, customer_id="old")
    world.policy("own", customer_id="own", overage_mode="hard_stop")
    world.policy(
        "default", customer_id=PARTITION_CUSTOMER, overage_mode="overdraft", overdraft_limit=9
    )
    world.grant("lot", CREDIT, customer_id="new")
    modes = {
        name: (world.account(name).policy.overage_mode, world.account(name).policy.overdraft_limit)
        for name in ("old", "own", "new")
    }
    assert modes == {"old": ("overdraft", 9), "own": ("hard_stop", 9), "new": ("overdraft", 9)}
    world.policy("default 2", customer_id=PARTITION_CUSTOMER, grace_us=7)
    assert world.account("new").policy.grace_us == 7
    assert world.account("new").policy.overage_mode == "overdraft"
    assert {each.policy.grace_us for each in world.ledger.accounts()} == {7}

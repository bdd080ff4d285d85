"""Policies: what changes and what stays, what is refused."""

import pytest

from drawdown.domain.entries import PARTITION_CUSTOMER, PolicyChange
from drawdown.domain.inputs import ChangePolicy
from drawdown.domain.numbers import AMOUNT_MAX, DAY_US, MINUTE_US
from drawdown.domain.policies import DEFAULT_POLICY, changed, merged, refusal
from tests.domain.building import CREDIT, T, World, card, command, paid


def test_by_default_nothing_is_owed_and_grace_is_five_minutes() -> None:
    assert DEFAULT_POLICY.overage_mode == "hard_stop"
    assert DEFAULT_POLICY.overdraft_limit == 0
    assert DEFAULT_POLICY.grace_us == 5 * MINUTE_US
    assert DEFAULT_POLICY.burn_order == "default"


def test_what_a_change_leaves_out_keeps_its_value() -> None:
    every = PolicyChange(
        overage_mode="overdraft", overdraft_limit=7, grace_us=8, burn_order="default"
    )
    policy = changed(DEFAULT_POLICY, every)
    for again in (policy, changed(policy, PolicyChange())):
        assert again.overage_mode == "overdraft"
        assert again.overdraft_limit == 7
        assert again.grace_us == 8
        assert again.burn_order == "default"
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
        (PolicyChange(breakage_method="remote"), "breakage policies"),
        (PolicyChange(breakage_rate_pico=0), "breakage policies"),
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

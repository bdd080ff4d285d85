"""Disputes of payments whose credits had settled what another lost payment owed (ruling 35)."""

from drawdown.domain.inputs import NoteDispute, RefundUsage
from tests.domain.building import CREDIT, CUSTOMER, World, card
from tests.domain.test_disputes import State, buy


def bought(world: World, name: str, credits: int) -> None:
    buy(world, credits, payment_id=name, lot_id=name)


def note(world: World, name: str, state: State) -> int:
    """By how many credits a notice moves the balance."""
    body = NoteDispute(dispute_id=f"d-{name}", payment_id=name, state=state)
    return sum(each.amount for each in world.accept(body, "")) // CREDIT


def used_up_lost_and_settled(world: World) -> None:
    """All of `a` is used and its payment lost; `b` pays the debt, and is lost too."""
    bought(world, "a", 10)
    world.use("e", 10)
    assert note(world, "a", "lost") == -10
    bought(world, "b", 10)
    assert world.remaining() == {"a": 0, "b": 0}
    assert note(world, "b", "lost") == -10


def spent(world: World) -> dict[str, int]:
    return {lot_id: lot.spent // CREDIT for lot_id, lot in world.account().lots.items()}


def test_both_payments_come_back_while_the_second_debt_is_outstanding() -> None:
    world = World(card())
    used_up_lost_and_settled(world)
    assert note(world, "a", "reinstated") == 10
    assert (world.account().debt, world.account().lots["b"].debt) == (0, 0)
    assert note(world, "b", "reinstated") == 10
    assert world.remaining() == {"a": 0, "b": 10}
    assert spent(world) == {"a": 10, "b": 0}
    assert world.account().settled_debt is None


def test_both_payments_come_back_after_a_third_one_paid() -> None:
    world = World(card())
    used_up_lost_and_settled(world)
    bought(world, "c", 20)
    assert world.remaining() == {"a": 0, "b": 0, "c": 10}
    assert note(world, "a", "reinstated") == 10
    assert world.remaining() == {"a": 0, "b": 0, "c": 20}
    assert note(world, "b", "reinstated") == 10
    assert world.remaining() == {"a": 0, "b": 10, "c": 20}
    assert spent(world) == {"a": 10, "b": 0, "c": 0}
    assert world.account().balance == 30 * CREDIT


def test_the_settling_payment_comes_back_first_and_has_settled_still() -> None:
    world = World(card())
    used_up_lost_and_settled(world)
    bought(world, "c", 20)
    assert note(world, "b", "reinstated") == 10
    assert world.remaining() == {"a": 0, "b": 0, "c": 20}
    assert spent(world) == {"a": 10, "b": 10, "c": 0}
    assert note(world, "a", "reinstated") == 10
    assert world.remaining() == {"a": 0, "b": 10, "c": 20}


def test_a_refund_of_usage_undoes_what_a_lost_payment_had_settled() -> None:
    world = World(card())
    used_up_lost_and_settled(world)
    bought(world, "c", 20)
    world.accept(RefundUsage(refund_id="r", event_id="e", amount=4 * CREDIT))
    account = world.account()
    assert {each: account.lots[each].debt // CREDIT for each in "abc"} == {"a": 6, "b": 0, "c": 0}
    assert world.remaining() == {"a": 0, "b": 0, "c": 14}
    assert note(world, "b", "reinstated") == 10
    assert note(world, "a", "reinstated") == 10
    assert world.remaining() == {"a": 4, "b": 10, "c": 20}
    again = world.replayed().account(CUSTOMER, "credit")
    assert again is not None
    assert again.balance == account.balance == 34 * CREDIT
    assert again.settled_debt is None

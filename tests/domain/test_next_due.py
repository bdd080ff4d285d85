"""When a partition's owner has to look again: the first moment at which something falls due."""

from drawdown.domain.inputs import PlaceHold
from drawdown.domain.numbers import DAY_US, MINUTE_US, NEVER
from tests.domain.building import CREDIT, T, World, card, command


def test_nothing_is_ever_due_without_an_expiry() -> None:
    world = World(card())
    assert world.ledger.next_due_at() == NEVER
    world.grant("g", 5 * CREDIT)
    assert world.ledger.next_due_at() == NEVER


def test_the_earliest_of_all_accounts_counts() -> None:
    world = World(card())
    grace_us = 5 * MINUTE_US
    world.grant("g", 5 * CREDIT, customer_id="one", expires_at=T + 2 * DAY_US)
    assert world.ledger.next_due_at() == T + 2 * DAY_US + grace_us
    world.grant("g", 5 * CREDIT, customer_id="two", expires_at=T + DAY_US)
    assert world.ledger.next_due_at() == T + DAY_US + grace_us
    body = PlaceHold(hold_id="h", amount=CREDIT, meter="tokens", expires_at=T + MINUTE_US)
    world.decide(command(body, "place", customer_id="one"))
    assert world.ledger.next_due_at() == T + MINUTE_US

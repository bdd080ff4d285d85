"""Holds, their captures and disputes made short for tests."""

from typing import Any

from drawdown.domain.entries import EntryFacts, HoldState
from drawdown.domain.inputs import (
    HoldUsage,
    NoteDispute,
    PlaceHold,
)
from tests.domain.building import (
    CREDIT,
    HOUR_US,
    UNIT,
    T,
    World,
    card,
)


def hold_world(*lots: tuple[str, int]) -> World:
    """Lots of a cent a credit, drawn in the order given."""
    world = World(card())
    for place, (lot_id, credits) in enumerate(lots):
        world.grant(
            lot_id,
            credits * CREDIT,
            kind="purchased",
            price_minor=credits,
            currency="USD",
            priority=place,
        )
    return world


def placing(hold_id: str = "h", credits: int = 1, **fields: Any) -> PlaceHold:
    """A hold of whole credits for an hour."""
    plain = {"meter": "tokens", "expires_at": T + HOUR_US}
    return PlaceHold(**{"hold_id": hold_id, "amount": credits * CREDIT, **plain, **fields})


def used(event_id: str, tokens: int, *, occurred_at: int = T, **fields: Any) -> HoldUsage:
    """The usage of a capture; its digest tells its amount."""
    return HoldUsage(
        event_id=event_id,
        meter="tokens",
        occurred_at=occurred_at,
        properties={},
        quantities={"tokens": tokens * UNIT},
        digest=f"{tokens} of {event_id}".encode(),
        **{"status": "succeeded", **fields},
    )


def state_of(facts: EntryFacts) -> HoldState:
    """The hold after an entry."""
    assert facts.details is not None
    assert facts.details.hold is not None
    return facts.details.hold


def reservations(world: World, hold_id: str = "h") -> list[tuple[str, int]]:
    """Whole credits by lot, in the order of their reservation."""
    hold = world.account().holds[hold_id]
    return [(lot_id, amount // CREDIT) for lot_id, amount in hold.reservations.items()]


def lose(world: World, payment_id: str, at: int = T) -> list[EntryFacts]:
    """A payment is lost to a dispute."""
    body = NoteDispute(dispute_id=f"d {payment_id}", payment_id=payment_id, state="lost")
    return world.accept(body, "", at)

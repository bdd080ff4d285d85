"""Holds: credits reserved for work in flight, lot by lot."""

from typing import Final, Literal, final

from drawdown.domain.entries import HoldState

HoldStatus = Literal["open", "released", "expired"]
SavedHold = tuple[HoldStatus, int, int, int, int, dict[str, int], list[str]]


@final
class Hold:
    """A reservation. `reservations` are credits by lot, in the order in which they were reserved;
    `reserved_room` is overdraft room."""

    def __init__(self, state: HoldState, number: int) -> None:
        self.number: Final = number
        """How many holds the account had placed with it."""
        self.hold_id: Final = state.hold_id
        self.meter: Final = state.meter
        self.properties: Final = state.properties
        self.placed_at: Final = state.placed_at
        self.state: HoldStatus = state.state
        self.reserved = 0
        self.reserved_room = 0
        self.expires_at = state.expires_at
        self.ended_at = 0
        """When it was released, or expired (µs); 0 while it is open."""
        self.reservations: dict[str, int] = {}
        self.commands: list[str] = []
        """Keys of the commands that named it, while it is open: they are kept as long as it is."""

    def named_by(self, key: str) -> bool:
        """Note a command by its key. False: the same one has just named it."""
        if key in self.commands[-1:]:
            return False
        self.commands.append(key)
        return True

    def open_at(self, at: int) -> bool:
        """Whether it can be captured, extended and released at `at` (µs)."""
        return self.state == "open" and at < self.expires_at

    def reserve(self, lot_id: str, amount: int) -> None:
        """Reserve more of a lot; a lot keeps its place while any of its reservation stands."""
        self.reservations[lot_id] = self.reservations.get(lot_id, 0) + amount
        self.reserved += amount

    def give_up(self, lot_id: str, amount: int) -> None:
        """Take `amount` out of what is reserved of a lot."""
        left = self.reservations[lot_id] - amount
        assert left >= 0, f"{amount} of {lot_id} isn't reserved by {self.hold_id}"
        if left:
            self.reservations[lot_id] = left
        else:
            del self.reservations[lot_id]
        self.reserved -= amount

    def saved(self) -> SavedHold:
        """All that may change, to be restored."""
        return (
            self.state,
            self.reserved,
            self.reserved_room,
            self.expires_at,
            self.ended_at,
            dict(self.reservations),
            list(self.commands),
        )

    def restore(self, saved: SavedHold) -> None:
        """Be as `saved` says."""
        self.state, self.reserved, self.reserved_room = saved[0], saved[1], saved[2]
        self.expires_at, self.ended_at = saved[3], saved[4]
        self.reservations, self.commands = saved[5], saved[6]

    def after(
        self,
        moved: int,
        room_moved: int,
        *,
        state: HoldStatus = "open",
        expires_at: int | None = None,
    ) -> HoldState:
        """How it stands in an entry that moves its credits and its room by so much (signed)."""
        return HoldState(
            hold_id=self.hold_id,
            state=state,
            meter=self.meter,
            properties=self.properties,
            reserved=self.reserved + moved,
            reserved_room=self.reserved_room + room_moved,
            placed_at=self.placed_at,
            expires_at=self.expires_at if expires_at is None else expires_at,
        )

"""Usage that was refused."""

from dataclasses import dataclass

from tests.domain.naive.booked import Used


@dataclass(kw_only=True)
class Refused:
    """A usage event that was refused, why, and when it was recorded.

    One that a capture carried can be redriven, but the capture's refusal isn't the event's.
    """

    used: Used
    code: str
    at: int
    captured: bool = False

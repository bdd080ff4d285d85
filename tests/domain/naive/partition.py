"""What a command may ask of a partition: the ledger as its commands see it."""

from fractions import Fraction
from typing import Final, Protocol

from drawdown.domain.entries import PolicyChange
from drawdown.domain.inputs import Grant, ParkRecord
from drawdown.domain.rate_cards import RateCard
from tests.domain.naive.accounts import Account
from tests.domain.naive.booked import Charge, Used
from tests.domain.naive.disputes import Dispute
from tests.domain.naive.refund_commands import Refunded
from tests.domain.naive.refused import Refused

NUMBER: Final = 3
"""The one partition that there is. Nobody tells it how far inputs are read."""


class Partition(Protocol):
    """Its lists, and what usage and commands have in common."""

    lead_us: int
    refused: list[Refused]
    granted: list[tuple[str, Grant]]
    refunded: list[Refunded]
    disputes: list[Dispute]
    cards: list[RateCard]
    policies: list[tuple[str, str, PolicyChange, int]]
    closed_until: int | None
    parked: list[ParkRecord]

    def account(self, customer_id: str, unit: str) -> Account: ...

    def charge_of(self, customer_id: str, event_id: str, at: int) -> Charge | None: ...

    def judge(
        self, used: Used, first_at: int, at: int, label: str = ""
    ) -> tuple[str, Fraction]: ...

    def charge(
        self,
        account: Account,
        used: Used,
        exact: Fraction,
        *,
        label: str = "",
        for_ever: bool = False,
    ) -> None: ...

    def end_charged(self, account: Account, hold_id: str) -> bool: ...

    def tick(self, at: int) -> None: ...

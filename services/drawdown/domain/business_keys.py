"""Business keys: payments, campaigns, referrals, refunds, lots, each used once by a customer."""

from typing import Final, final

from drawdown.domain.kept import Kept
from drawdown.domain.memory import key_of


@final
class UsedKeys:
    """The business keys that a customer has used."""

    def __init__(self, customer_id: str, kept: Kept[bool]) -> None:
        self._customer_id: Final = customer_id
        self._kept: Final = kept

    def __contains__(self, key: object) -> bool:
        return isinstance(key, str) and self._kept.get(key_of(self._customer_id, key)) is not None

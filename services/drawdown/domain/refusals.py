"""Refusals: why a command isn't carried out. A refusal is a value, never an exception."""

from typing import Final, final

from drawdown.domain.codes import RejectionCode
from drawdown.domain.numbers import AMOUNT_MAX


@final
class Refusal:
    """The code, and what it means in this case."""

    def __init__(self, code: RejectionCode, detail: str) -> None:
        self.code: Final[RejectionCode] = code
        self.detail: Final = detail


def wrong_amount(amount: int, verb: str) -> Refusal:
    """The refusal of an amount (micro-credits) that is too little, or beyond the range."""
    code: RejectionCode = "out_of_range" if amount > AMOUNT_MAX else "invalid_amount"
    return Refusal(code, f"{amount} micro-credits can't be {verb}")

"""Commands: what each asks for, and what it comes to."""

from collections.abc import Container
from typing import Final, final

from drawdown.domain.accounts import Account
from drawdown.domain.codes import RejectionCode
from drawdown.domain.drafts import Draft, Origin
from drawdown.domain.entries import PARTITION_CUSTOMER, PARTITION_UNIT, EntryDetails, EntryFacts
from drawdown.domain.grants import grant_credits, valid_id
from drawdown.domain.grants import refusal as grant_refusal
from drawdown.domain.inputs import ApplyRateCard, ChangePolicy, Command, Grant
from drawdown.domain.numbers import SECOND_US
from drawdown.domain.policies import refusal as policy_refusal
from drawdown.domain.rate_card_rules import check_card
from drawdown.domain.rating import RateBook


@final
class Ruling:
    """What a command comes to: a refusal with its detail, or the facts of its entries."""

    def __init__(self, code: RejectionCode | None, detail: str, facts: list[EntryFacts]) -> None:
        self.code: Final[RejectionCode | None] = code
        self.detail: Final = detail
        self.facts: Final = facts


@final
class Terms:
    """What a ruling looks at beside the account: business keys that its customer has used, the
    cards of the partition, and how long before its date (µs) a card must be applied."""

    def __init__(
        self, *, namespace: str, used: Container[str], rate_book: RateBook, lead_us: int
    ) -> None:
        self.namespace: Final = namespace
        self.used: Final = used
        self.rate_book: Final = rate_book
        self.lead_us: Final = lead_us


def rule(account: Account, command: Command, origin: Origin, terms: Terms) -> Ruling:
    """Carry out a command that wasn't decided before, or say why not."""
    body = command.body
    if not valid_id(account.unit):
        return _refused("invalid_id", "unit must be 1–128 bytes without NUL")
    if account.customer_id == PARTITION_CUSTOMER and account.unit != PARTITION_UNIT:
        return _refused("invalid_customer", f"$partition has one account, in {PARTITION_UNIT}")
    if isinstance(body, Grant):
        return _grant(account, command, body, origin, terms)
    if isinstance(body, ChangePolicy):
        return _change_policy(account, body, origin, terms)
    if isinstance(body, ApplyRateCard):
        return _apply_rate_card(account, body, origin, terms)
    return _refused("unsupported_command", type(body).__name__)


def _refused(code: RejectionCode, detail: str) -> Ruling:
    return Ruling(code, detail, [])


def _grant(
    account: Account, command: Command, grant: Grant, origin: Origin, terms: Terms
) -> Ruling:
    lot_id = grant.lot_id or command.command_id
    refused = grant_refusal(account, grant, lot_id, origin.recorded_at, terms.used)
    if refused is not None:
        return _refused(*refused)
    return Ruling(None, "", grant_credits(account, terms.namespace, grant, lot_id, origin))


def _change_policy(account: Account, body: ChangePolicy, origin: Origin, terms: Terms) -> Ruling:
    wrong = policy_refusal(body.policy)
    if wrong:
        return _refused("invalid_policy", wrong)
    details = EntryDetails(policy=body.policy, lot_changes=[], month_totals=[])
    facts = Draft(account, terms.namespace, origin).entry(
        "policy_changed",
        amount=0,
        effective_at=origin.recorded_at,
        allocations=[],
        details=details,
    )
    return Ruling(None, "", [facts])


def _apply_rate_card(account: Account, body: ApplyRateCard, origin: Origin, terms: Terms) -> Ruling:
    card = body.card
    if account.customer_id != PARTITION_CUSTOMER:
        return _refused("invalid_customer", "a rate card is applied to $partition")
    wrong = check_card(card)
    if wrong:
        return _refused("invalid_rate_card", "; ".join(wrong[:5]))
    if terms.rate_book.labelled(card.label) is not None:
        return _refused("invalid_rate_card", f"{card.label} was applied before: name a new version")
    if card.effective_from < origin.recorded_at + terms.lead_us:
        lead_s = terms.lead_us // SECOND_US
        return _refused(
            "invalid_rate_card", f"effective_from must be {lead_s} s or more after it is recorded"
        )
    facts = Draft(account, terms.namespace, origin).entry(
        "rate_card_applied",
        amount=0,
        effective_at=origin.recorded_at,
        allocations=[],
        details=EntryDetails(rate_card=card, lot_changes=[], month_totals=[]),
    )
    return Ruling(None, "", [facts])

"""The ledger of one partition: the decisions it makes next."""

from typing import Final, Literal, final

from mypy_extensions import mypyc_attr

from drawdown.domain.accounts import Account
from drawdown.domain.books import Books, refusal_key
from drawdown.domain.charges import Charged
from drawdown.domain.commands import carry_out
from drawdown.domain.disputes import Repeated
from drawdown.domain.drafts import Draft, Origin
from drawdown.domain.due_bookings import book_due
from drawdown.domain.entries import (
    PARTITION_CUSTOMER,
    PARTITION_UNIT,
    EntryDetails,
    EntryFacts,
    Rejection,
)
from drawdown.domain.hold_ends import end_hold
from drawdown.domain.holding import after_charge
from drawdown.domain.inputs import (
    CaptureHold,
    ChangePolicy,
    Command,
    HoldUsage,
    RedriveRejected,
    Tick,
    UsageEvent,
    captured_event,
)
from drawdown.domain.memory import WINDOW_US, key_of, standing
from drawdown.domain.numbers import NEVER
from drawdown.domain.pricing import form_refusal, price_of
from drawdown.domain.rating import Price
from drawdown.domain.refusals import Refusal
from drawdown.domain.settlement import settle
from drawdown.domain.usage import charge, plain_charge, usage_origin

TICKED_MAX: Final = 1_000
"""Accounts that one tick books for; the next tick goes on."""

Outcome = Literal["accepted", "rejected", "duplicate"]


@mypyc_attr(acyclic=True, free_list_len=1)
@final
class Decision:
    """What an input came to: the facts of its entries, in order.

    None for a duplicate, unless it ended a hold, and for a tick when nothing was due.
    """

    def __init__(
        self,
        outcome: Outcome,
        facts: list[EntryFacts],
        code: str = "",
        detail: str = "",
        first_entry_id: str = "",
    ) -> None:
        self.outcome: Final[Outcome] = outcome
        self.facts: Final = facts
        self.code: Final = code
        self.detail: Final = detail
        self.first_entry_id: Final = first_entry_id


@final
class Ledger(Books):
    """Decides the inputs of one partition, and folds its entries.

    `decide_*` change nothing; the caller seals the facts into entries and hands each, in order,
    to `evolve`. What falls due is booked up to the watermark that `advance` was told.
    """

    def decide_usage(self, event: UsageEvent, recorded_at: int, raw: bytes = b"") -> Decision:
        """Charge, refuse or recognize one usage event (`domain.md`, «Usage»).

        `raw` is the record as it came, kept by a refusal so that it can be redriven.
        """
        before = self.charged(event.customer_id, event.event_id)
        if before is not None and before.stands_for(recorded_at):
            return self._charged_before(event, recorded_at, raw, before)
        refusal = form_refusal(event, recorded_at, recorded_at)
        if refusal is not None:
            return self._refuse_usage(event, recorded_at, raw, refusal)
        account = self.account_for(event.customer_id, event.unit)
        price = price_of(self.rate_book, account, event)
        if isinstance(price, Refusal):
            return self._refuse_usage(event, recorded_at, raw, price)
        if (
            event.hold_id == ""
            and account.overdraft + account.debt == 0
            and account.dues.next_at > self.watermark
            and not price.month_totals
        ):
            plain = plain_charge(
                account, self.namespace, event, recorded_at, price, before is not None
            )
            if plain is not None:
                return Decision("accepted", [plain])
        draft = self._draft(account, usage_origin(event, recorded_at))
        refusal = _charge(draft, event, price, before is not None)
        if refusal is not None:
            draft.finish()
            return self._refuse_usage(event, recorded_at, raw, refusal)
        return Decision("accepted", _settled(draft))

    def _charged_before(
        self, event: UsageEvent, recorded_at: int, raw: bytes, first: Charged
    ) -> Decision:
        """The same event again ends its hold, if it says so; another body is a conflict."""
        if first.digest != event.digest:
            conflict = _conflict(event, first)
            return self._refuse_usage(event, recorded_at, raw, conflict, first.entry_id)
        account = self.account_for(event.customer_id, event.unit)
        return self._again(account, usage_origin(event, recorded_at), event, first.entry_id)

    def decide_command(self, command: Command, recorded_at: int, raw: bytes = b"") -> Decision:
        """Carry out, refuse or recognize one command."""
        origin = Origin(
            cause="command",
            cause_id=command.command_id,
            digest=command.digest,
            reason=command.reason,
            actor=command.actor,
            occurred_at=command.issued_at,
            recorded_at=recorded_at,
        )
        body = command.body
        account = self.account_for(command.customer_id, command.unit)
        first = self.commands.get(key_of(command.customer_id, command.command_id), recorded_at)
        if first is not None:
            if first.digest == command.digest:
                return Decision("duplicate", [], first.code, "", first.entry_id)
            conflict = Refusal("command_id_conflict", f"{first.entry_id} decided another body")
            return self._refuse_command(account, origin, conflict, raw, first.entry_id)
        if recorded_at - command.issued_at > WINDOW_US:
            return self._refuse_command(account, origin, Refusal("too_old", ""), raw)
        if isinstance(body, Tick) and _is_partition(account):
            return self._tick(origin)
        if command.customer_id != PARTITION_CUSTOMER:
            if isinstance(body, CaptureHold) and body.usage is not None:
                return self._capture_usage(account, origin, body, body.usage, raw)
            if isinstance(body, RedriveRejected):
                return self._redrive(account, origin, body, raw)
        return self._carry_out(account, origin, command, raw)

    def _carry_out(
        self, account: Account, origin: Origin, command: Command, raw: bytes
    ) -> Decision:
        due: list[EntryFacts] = []
        if isinstance(command.body, ChangePolicy) and _is_partition(account):
            # What fell due before goes by the policy that was in force.
            due = self._due_everywhere(origin.due(), NEVER)
        draft = self._draft(account, origin)
        ruling = carry_out(self, draft, command)
        if ruling is None:
            return Decision("accepted", due + _settled(draft))
        draft.finish()
        if isinstance(ruling, Repeated):
            return Decision("duplicate", [])
        return self._refuse_command(account, origin, ruling, raw)

    def _tick(self, origin: Origin) -> Decision:
        """Book what has fallen due on accounts that are quiet; mostly nothing."""
        return Decision("accepted", self._due_everywhere(origin.due("tick"), TICKED_MAX))

    def _due_everywhere(self, origin: Origin, at_most: int) -> list[EntryFacts]:
        facts: list[EntryFacts] = []
        for account in self.due_accounts(at_most):
            draft = Draft(account, self.namespace, origin)
            book_due(draft, self.watermark, origin)
            facts += draft.finish()
        return facts

    def _capture_usage(
        self, account: Account, origin: Origin, body: CaptureHold, usage: HoldUsage, raw: bytes
    ) -> Decision:
        if body.amount is not None:
            refusal = Refusal("invalid_amount", "a capture has an amount or usage, not both")
            return self._refuse_command(account, origin, refusal, raw)
        event = captured_event(account.customer_id, account.unit, body, usage)
        first = self.charged(event.customer_id, event.event_id)
        if first is None or not first.stands_for(origin.recorded_at):
            return self._charge_by_command(account, origin, event, raw, first is not None)
        if first.digest == event.digest:
            return self._again(account, origin, event, first.entry_id)
        return self._refuse_command(account, origin, _conflict(event, first), raw, first.entry_id)

    def _redrive(
        self, account: Account, origin: Origin, body: RedriveRejected, raw: bytes
    ) -> Decision:
        key = key_of(account.customer_id, body.event_id)
        rejected = self.rejected.get(key)
        event = None if rejected is None else self.read_usage(rejected.raw)
        if rejected is None or event is None or event.unit != account.unit:
            refusal = Refusal("not_rejected", f"no rejected event {body.event_id} is here")
            return self._refuse_command(account, origin, refusal, raw)
        # The window of ids is judged as when the event came; its charge is kept for ever.
        charged = account.charges.latest(body.event_id)
        if charged is not None and charged.stands_for(rejected.recorded_at):
            if charged.digest == event.digest:
                return self._again(account, origin, event, charged.entry_id)
            refusal = Refusal("already_charged", f"{body.event_id} was charged otherwise")
            return self._refuse_command(account, origin, refusal, raw, charged.entry_id)
        return self._charge_by_command(
            account,
            origin,
            event,
            raw,
            charged is not None,
            body.rate_card,
            rejected.recorded_at,
        )

    def _charge_by_command(
        self,
        account: Account,
        origin: Origin,
        event: UsageEvent,
        raw: bytes,
        charged_before: bool,
        label: str = "",
        first_recorded_at: int | None = None,
    ) -> Decision:
        """Charge the usage of a command; its event is consumed as if it had come as usage.

        `charged_before` says whether an event of its id was, `label` names the rate card of a
        redrive, `first_recorded_at` when its event came (µs).
        """
        came_at = origin.recorded_at if first_recorded_at is None else first_recorded_at
        refusal = form_refusal(event, came_at, origin.recorded_at)
        if refusal is not None:
            return self._refuse_command(account, origin, refusal, raw)
        price = price_of(self.rate_book, account, event, label)
        if isinstance(price, Refusal):
            return self._refuse_command(account, origin, price, raw)
        draft = self._draft(account, origin)
        refusal = _charge(draft, event, price, charged_before, first_recorded_at)
        if refusal is not None:
            draft.finish()
            return self._refuse_command(account, origin, refusal, raw)
        return Decision("accepted", _settled(draft))

    def _again(
        self, account: Account, origin: Origin, event: UsageEvent, first_entry_id: str
    ) -> Decision:
        """An event that was charged before, by usage or a command: it ends its hold if it is
        final, and charges nothing."""
        facts: list[EntryFacts] = []
        if event.hold_final:
            facts = _ended(self._draft(account, origin), event.hold_id)
        return Decision("duplicate", facts, "", "", first_entry_id)

    def _draft(self, account: Account, origin: Origin) -> Draft:
        """A decision about an account, begun with what has fallen due on it."""
        draft = Draft(account, self.namespace, origin)
        if account.dues.next_at <= self.watermark:
            book_due(draft, self.watermark, origin.due())
        return draft

    def _refuse_usage(
        self,
        event: UsageEvent,
        recorded_at: int,
        raw: bytes,
        refusal: Refusal,
        first_entry_id: str = "",
    ) -> Decision:
        key = key_of(event.customer_id, event.event_id)
        place = refusal_key(key, event.digest, refusal.code)
        before = standing(self.refused, place, recorded_at)
        if before is not None:
            return Decision("duplicate", [], refusal.code, refusal.detail, before.entry_id)
        account = self.account_for(event.customer_id, event.unit)
        origin = usage_origin(event, recorded_at)
        return self._refuse_command(account, origin, refusal, raw, first_entry_id)

    def _refuse_command(
        self,
        account: Account,
        origin: Origin,
        refusal: Refusal,
        raw: bytes,
        first_entry_id: str = "",
    ) -> Decision:
        """The `rejected` entry, after what fell due before it."""
        code, detail = refusal.code, refusal.detail
        draft = self._draft(account, origin)
        rejection = Rejection(code=code, detail=detail, first_entry_id=first_entry_id, input=raw)
        draft.book("rejected", details=EntryDetails(rejection=rejection))
        return Decision("rejected", _settled(draft), code, detail, first_entry_id)


def _is_partition(account: Account) -> bool:
    return account.customer_id == PARTITION_CUSTOMER and account.unit == PARTITION_UNIT


def _conflict(event: UsageEvent, first: Charged) -> Refusal:
    detail = f"{event.event_id} was charged with another body by {first.entry_id}"
    return Refusal("event_id_conflict", detail)


def _charge(
    draft: Draft,
    event: UsageEvent,
    price: Price,
    charged_before: bool,
    first_recorded_at: int | None = None,
) -> Refusal | None:
    """Charge usage, from the hold that it names if that is open; end the hold if it is final."""
    hold = draft.account.open_hold(event.hold_id, draft.at) if event.hold_id else None
    before = {} if hold is None else dict(hold.reservations)
    if not charge(draft, event, price, hold, charged_before, first_recorded_at):
        return Refusal("out_of_range", "")
    if hold is not None:
        after_charge(draft, event.hold_id, before, final=event.hold_final)
    return None


def _ended(draft: Draft, hold_id: str) -> list[EntryFacts]:
    """End a hold whose usage was charged before, if it is open; else nothing is booked."""
    hold = draft.account.open_hold(hold_id, draft.at)
    if hold is None:
        draft.finish()
        return []
    end_hold(draft, hold, "released", draft.at, {})
    return _settled(draft)


def _settled(draft: Draft) -> list[EntryFacts]:
    """The decision's entries, closed by the settlement of what is owed."""
    settle(draft, draft.at)
    return draft.finish()

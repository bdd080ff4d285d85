"""The plan of a run: who asks for what, and the credits they are given first.

Customers follow a power law, as tenants of real services do; the same seed plans the same run.
"""

import random
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from drawdown.adapters.documents.usage import write_usage
from drawdown.demo import recalculation
from drawdown.demo.trace import TokenRequest, TraceItem
from drawdown.domain.entries import PolicyChange
from drawdown.domain.inputs import ChangePolicy, Command, CommandBody, Grant, UsageEvent
from drawdown.domain.numbers import DAY_US, MICRO
from drawdown.domain.rate_cards import RateCard

METER: Final = "llm.tokens"
_POWER: Final = 1.05
"""Of the law by which customers' shares fall with their rank."""
_TWICE_AFTER: Final = 5
"""A repeated request comes so many requests after its first, as a client's retry would."""
_CENTS_PER_CREDIT: Final = 8
_ROOM: Final = {"hard_stop": (0.7, 2.0), "overdraft": (0.7, 1.1), "overage": (0.5, 1.3)}
"""Credits given, as a share of what will be used: some customers must run dry."""


@dataclass(frozen=True, slots=True)
class Planned:
    """An event to be sent `after_us` from the start; when it occurs is known then."""

    after_us: int
    event: UsageEvent


@dataclass(frozen=True, slots=True)
class Plan:
    """Events in the order of sending, and the commands before them."""

    events: Sequence[Planned]
    commands: Sequence[Command]

    @property
    def duration_us(self) -> int:
        """From the first event to the last, as the trace has it."""
        return max((each.after_us for each in self.events), default=0)


def plan_run(
    items: Iterable[TraceItem],
    card: RateCard,
    card_document: Mapping[str, Any],
    *,
    seed: int,
    customers: int,
    now_us: int,
) -> Plan:
    """Plan the play of a trace with a rate card; `card_document` is the card's file, for sizing."""
    events = _Assignment(card, seed, customers).events(items)
    costs: Counter[str] = Counter()
    for each in events:
        costs[each.event.customer_id] += _cost_micro(card_document, each.event)
    chance = random.Random(seed + 1)
    commands = [
        command
        for rank, (customer_id, cost) in enumerate(sorted(costs.items()))
        for command in _commands(customer_id, cost, rank, chance, card.unit, now_us)
    ]
    return Plan(events, commands)


class _Assignment:
    """Gives requests customers, models and ids."""

    def __init__(self, card: RateCard, seed: int, customers: int) -> None:
        self._chance = random.Random(seed)
        self._unit = card.unit
        lines = [line for meter in card.meters if meter.name == METER for line in meter.lines]
        self._known = {line.quantity for line in lines}
        models = {line.match["model"]: None for line in lines if "model" in line.match}
        self._models = list(models)
        self._model_weights = [1 / rank for rank in range(1, len(models) + 1)]
        self._customers = [f"customer-{number:04d}" for number in range(1, customers + 1)]
        self._weights = [1 / rank**_POWER for rank in range(1, customers + 1)]

    def events(self, items: Iterable[TraceItem]) -> list[Planned]:
        """The events of a trace; a repeated one stands there again, a few places later."""
        planned: list[Planned] = []
        repeats: list[tuple[int, Planned]] = []
        start: int | None = None
        for number, item in enumerate(items, 1):
            if isinstance(item, UsageEvent):
                start = item.occurred_at if start is None else start
                planned.append(Planned(max(0, item.occurred_at - start), item))
                continue
            each = Planned(item.after_us, self._event(item, number))
            planned.append(each)
            if item.sent_twice:
                repeats.append((number + _TWICE_AFTER, each))
            while repeats and repeats[0][0] <= number:
                planned.append(Planned(item.after_us, repeats.pop(0)[1].event))
        last_us = planned[-1].after_us if planned else 0
        return planned + [Planned(last_us, each.event) for _, each in repeats]

    def _event(self, item: TokenRequest, number: int) -> UsageEvent:
        counts = {"input": item.input, "cached_input": item.cached_input, "output": item.output}
        if "cached_input" not in self._known:
            counts["input"] += counts.pop("cached_input")
        [customer_id] = self._chance.choices(self._customers, self._weights)
        return UsageEvent(
            event_id=f"request-{number:07d}",
            customer_id=customer_id,
            unit=self._unit,
            meter=METER,
            occurred_at=0,
            status="failed" if item.failed else "succeeded",
            properties=self._properties(),
            quantities={name: count * MICRO for name, count in counts.items()},
            hold_id="",
            hold_final=False,
            digest=b"",
        )

    def _properties(self) -> dict[str, str]:
        if not self._models:
            return {}
        [model] = self._chance.choices(self._models, self._model_weights)
        return {"model": model}


def _cost_micro(card: Mapping[str, Any], event: UsageEvent) -> int:
    if event.status == "failed":
        return 0
    cost = recalculation.price(card, write_usage(event))
    return 0 if cost is None else int(cost * MICRO)


def _commands(
    customer_id: str, cost: int, rank: int, chance: random.Random, unit: str, now_us: int
) -> list[Command]:
    """A customer's policy and grants."""
    mode = chance.choices(("hard_stop", "overdraft", "overage"), (6, 3, 2))[0]
    budget = max(100, int(cost / MICRO * chance.uniform(*_ROOM[mode])))
    bodies: list[tuple[str, CommandBody]] = []
    if mode == "overdraft":
        limit = budget // 4 * MICRO
        change = PolicyChange(overage_mode="overdraft", overdraft_limit=limit)
        bodies.append(("contract", ChangePolicy(policy=change)))
    elif mode == "overage":
        bodies.append(("contract", ChangePolicy(policy=PolicyChange(overage_mode="overage"))))
    bodies += [
        (reason, grant) for reason, grant in _grants(customer_id, budget, rank, chance, now_us)
    ]
    return [
        Command(
            command_id=f"{customer_id}-{number}",
            issued_at=now_us,
            actor="demo",
            customer_id=customer_id,
            unit=unit,
            reason=reason,
            body=body,
        )
        for number, (reason, body) in enumerate(bodies, 1)
    ]


def _grants(
    customer_id: str, budget: int, rank: int, chance: random.Random, now_us: int
) -> list[tuple[str, Grant]]:
    """Credits of several kinds that come to about the budget."""
    welcome = max(10, budget // 10)
    grants = [
        (
            "welcome",
            Grant(
                amount=welcome * MICRO,
                kind="promotional",
                lot_id="welcome",
                campaign="welcome",
                list_price_minor=welcome * _CENTS_PER_CREDIT,
                currency="USD",
                expires_at=now_us + 30 * DAY_US,
            ),
        )
    ]
    included = 0
    if rank % 3 == 0:
        included = max(20, budget // 5)
        month_end = now_us + 31 * DAY_US
        plan = Grant(amount=included * MICRO, kind="included", lot_id="plan", expires_at=month_end)
        grants.append(("subscription", plan))
    if chance.random() < 0.2:
        bonus = Grant(amount=25 * MICRO, kind="promotional", lot_id="bonus", campaign="100th-call")
        grants.append(("milestone", bonus))
    bought = max(50, budget - welcome - included)
    purchase = Grant(
        amount=bought * MICRO,
        kind="purchased",
        lot_id="purchase",
        price_minor=bought * _CENTS_PER_CREDIT,
        currency="USD",
        expires_at=now_us + 365 * DAY_US,
        payment_id=f"payment-{customer_id}",
    )
    grants.append(("purchase", purchase))
    return grants

"""A scenario is a YAML (or JSON) file that tells what happens when, and what must come of it.

    scenario: The welcome credits go first
    rate_card:                        # in force from the first step on, unless it says otherwise
      meters:
        llm.tokens: {lines: [{quantity: input, rate: "0.001"}]}
    steps:
      - at: 2026-01-01T00:00Z
        grant: {lot_id: paid, amount: 100, kind: purchased, price_minor: 1000, currency: USD}
      - grant: {lot_id: welcome, amount: 20, kind: promotional, expires_at: 2026-02-01T00:00Z}
      - at: 2026-01-02T10:30Z
        usage: {quantities: {input: 50000}}
        expect:
          entries: [{type: deduction, amount: -50, allocations: {welcome: 20, paid: 30}}]
          balance: 70
          lots: {welcome: 0, paid: 70}

At the top
  scenario        the story's title (must be there)
  description     more about it; not used
  customer_id     who acts where a step doesn't say; `acme`
  unit, meter     likewise; `credit`, and the rate card's meter if it has one
  rate_card       a rate card as below; `card` (card), `version` (1), `effective_from` (the first
                  step's time) may be left out
  rate_card_lead  how far ahead a card must be applied; 60s
  namespace       enters the hashes; `scenario`
  steps           what happens, in order

A step has at most one input, under its name:
  usage           a usage event; event_id, customer_id, meter, occurred_at (the step's time) may be
                  left out; with hold_id it is paid by that hold, and hold_final: true ends it
  grant, place_hold, change_policy, tick, …
                  a command's fields, and beside them command_id, customer_id, unit, issued_at,
                  reason, actor, which may be left out, as may the meter of a hold, and event_id,
                  meter, occurred_at of a capture's usage
and beside it
  at              when it is recorded: ISO 8601 with a zone; the step before's time if absent
  repeat          play it so many times, at once; the id of the input, and the ids that it gives
                  (a grant's lot_id and payment_id, a hold's hold_id, a refund's refund_id), get
                  -1, -2, … appended where they are given; what is expected is of the last
  note            a remark; not used
  expect          what must hold afterwards

All customers live in one partition, and both inputs have been read up to each step's time: what
has fallen due by then (expirations, ends of holds, openings, allowances) is booked before the
step's own entries, for its account; a `tick: {}` books it for all. A step with nothing but `at`
and `expect` decides nothing and books nothing.

What `expect` may say (what it leaves out isn't looked at)
  outcome         accepted, rejected or duplicate
  code            why it was rejected
  first_entry_id  the entry that decided it before, or that it conflicts with
  outcomes        of a repeated step: {accepted: 137, rejected: 9863}
  entries         the entries it wrote, what was due too, all of them in order, each with the
                  fields that matter; `allocations` may be short: {lot: amount}, in the order drawn
  balance, available, held, overdraft, debt, overage_total, residue, reserved_room, frozen,
  account_seq     of the step's account after it; the default customer's after a tick. `available`
                  is as of the account's last entry
  lots            {lot: remaining} or {lot: {remaining: …, reserved: …, freezes: [dispute], …}}; a
                  lot's id is its grant's lot_id, or else the command's id
  holds           {hold: open}, {hold: reserved} or {hold: {state: open, reserved: …,
                  reservations: {lot: …}, …}}; a state is open, released or expired
  accounts        the same for others: [{customer_id: …, unit: …, balance: …, lots: …, holds: …}]
  as_of           what it was at another time, {at: …, known: then, balance: …, lots: {lot: …}}, or
                  a list of such. known `then`: by what was recorded by then; `now` (if absent): by
                  what is known now of that time. The balance leaves out unreserved credits of lots
                  that haven't begun or have expired at that time; `lots` are what each still has
  reminders       of credits that will expire: {from: …, until: …, due: [{lot_id: …, days: 30,
                  due_at: …, expires_at: …, amount: …}, …]}: all that fall due from then (not
                  `until` itself), in that order

Amounts are credits with up to 6 decimal places, prices integers of minor units (cents), durations
such as 90s, 5m, 24h, 30d. Command ids default to `grant-1`, `grant-2`, `void-1`, …, event ids to
`usage-1`, …. Every step is also checked against the ledger's invariants. A name that isn't known
is refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from drawdown.adapters.documents import times
from drawdown.adapters.documents.card_text import read_text
from drawdown.adapters.documents.commands import (
    ABOUT_NO_CUSTOMER,
    BODIES,
    parse_command,
    type_name,
)
from drawdown.adapters.documents.shapes import mapping, refuse_unknown
from drawdown.adapters.documents.usage import parse_usage
from drawdown.domain.entries import PARTITION_CUSTOMER, PARTITION_UNIT
from drawdown.domain.inputs import Command, UsageEvent
from drawdown.domain.numbers import SECOND_US
from drawdown.errors import InvalidDocument
from drawdown.scenarios.expectations import Expectation, parse_expectation

_TOP: Final = (
    "scenario",
    "description",
    "customer_id",
    "unit",
    "meter",
    "rate_card",
    "rate_card_lead",
    "namespace",
    "steps",
)
_STEP: Final = ("at", "repeat", "note", "expect", "usage")
_DEFAULT_START: Final = "2026-01-01T00:00:00Z"
_REPEAT_MAX: Final = 1_000_000
_OWN_IDS: Final[Mapping[str, tuple[str, ...]]] = {
    "usage": ("event_id",),
    "grant": ("command_id", "lot_id", "payment_id"),
    "place_hold": ("command_id", "hold_id"),
    "refund_usage": ("command_id", "refund_id"),
    "refund_purchase": ("command_id", "refund_id"),
}
"""The ids that an input gives; a repeated one gives others each time. Commands: their own."""

Input = Command | UsageEvent


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Inputs recorded at `at` (µs), and what must hold after the last of them."""

    number: int
    at: int
    action: str
    inputs: tuple[Input, ...]
    expectation: Expectation | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenario:
    """A story, ready to be played."""

    title: str
    namespace: str
    rate_card_lead_us: int
    steps: tuple[Step, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Defaults:
    customer_id: str
    unit: str
    meter: str = ""
    ids: dict[str, int] = field(default_factory=dict)

    def next_id(self, name: str) -> str:
        """`grant-1`, `grant-2`, …: what an input is called that has no id."""
        self.ids[name] = self.ids.get(name, 0) + 1
        return f"{name}-{self.ids[name]}"


def read_scenario(path: Path) -> Scenario:
    """The scenario of a file. Raises `InvalidDocument` naming the step and the field."""
    return parse_scenario(read_text(path), where=str(path))


def parse_scenario(data: object, *, where: str) -> Scenario:
    """The scenario of a document. Raises `InvalidDocument` naming the step and the field."""
    top = mapping(data, where)
    refuse_unknown(top, _TOP, where)
    if not top.get("scenario"):
        raise InvalidDocument(f"{where}: scenario (the title) is missing")
    given = top.get("steps")
    if not isinstance(given, list) or not given:
        raise InvalidDocument(f"{where}: steps must be a list with at least one step")
    first = mapping(given[0], f"{where}: step 1")
    start = _instant(first.get("at", _DEFAULT_START), f"{where}: step 1")
    lead = _duration(top.get("rate_card_lead", "60s"), where)
    defaults = _Defaults(
        customer_id=str(top.get("customer_id", "acme")),
        unit=str(top.get("unit", "credit")),
        meter=_meter(top, where),
    )
    steps = list(_card_step(top, start, lead, where))
    at = start
    for number, each in enumerate(given, 1):
        step = _step(each, number, at, defaults, f"{where}: step {number}")
        steps.append(step)
        at = step.at
    return Scenario(
        title=str(top["scenario"]),
        namespace=str(top.get("namespace", "scenario")),
        rate_card_lead_us=lead,
        steps=tuple(steps),
    )


def _card_step(top: Mapping[str, Any], start: int, lead: int, where: str) -> list[Step]:
    """Step 0: the rate card at the top, applied early enough to be in force in time."""
    if "rate_card" not in top:
        return []
    place = f"{where}: rate_card"
    card = _with_card_defaults(top["rate_card"], start, place)
    effective_from = _instant(card["effective_from"], place)
    at = min(start, effective_from - lead) - SECOND_US
    data = {"type": "apply_rate_card", "command_id": "rate-card", "card": card}
    command = parse_command(data, where=place, issued_at=at, actor="scenario")
    return [Step(number=0, at=at, action="apply_rate_card", inputs=(command,), expectation=None)]


def _with_card_defaults(data: object, at: int, where: str) -> dict[str, Any]:
    defaults = {"card": "card", "version": "1", "effective_from": times.format_time(at)}
    return {**defaults, **mapping(data, where)}


def _meter(top: Mapping[str, Any], where: str) -> str:
    if "meter" in top:
        return str(top["meter"])
    card = mapping(top.get("rate_card", {}), f"{where}: rate_card")
    meters = mapping(card.get("meters", {}), f"{where}: rate_card: meters")
    return next(iter(meters)) if len(meters) == 1 else ""


def _step(data: object, number: int, before: int, defaults: _Defaults, where: str) -> Step:
    given = mapping(data, where)
    named = {type_name(name): name for name in given}
    refuse_unknown(named, (*_STEP, *BODIES), where)
    actions = [name for name in named if name == "usage" or name in BODIES]
    if len(actions) > 1:
        raise InvalidDocument(f"{where}: {' and '.join(actions)} are two inputs; make two steps")
    at = _instant(given["at"], where) if "at" in given else before
    if at < before:
        raise InvalidDocument(f"{where}: its time is before the step before it")
    action = actions[0] if actions else ""
    inputs: tuple[Input, ...] = ()
    if action:
        body = given[named[action]] if given[named[action]] is not None else {}
        inputs = _inputs(action, body, _repeat(given, where), at, defaults, where)
    expectation = None
    if "expect" in given:
        of_customer = inputs and inputs[-1].customer_id != PARTITION_CUSTOMER
        expectation = parse_expectation(
            given["expect"],
            customer_id=inputs[-1].customer_id if of_customer else defaults.customer_id,
            unit=inputs[-1].unit if of_customer else defaults.unit,
            where=f"{where}: expect",
        )
    return Step(number=number, at=at, action=action, inputs=inputs, expectation=expectation)


def _inputs(
    action: str, data: object, repeat: int, at: int, defaults: _Defaults, where: str
) -> tuple[Input, ...]:
    make = _usage if action == "usage" else _command
    given = dict(mapping(data, f"{where}: {action}"))
    if repeat == 1:
        return (make(action, given, at, defaults, where),)
    ids = [name for name in _OWN_IDS.get(action, ("command_id",)) if name in given]
    return tuple(
        make(action, {**given, **{i: f"{given[i]}-{n}" for i in ids}}, at, defaults, where)
        for n in range(1, repeat + 1)
    )


def _usage(
    action: str, given: dict[str, Any], at: int, defaults: _Defaults, where: str
) -> UsageEvent:
    data = {"customer_id": defaults.customer_id, "unit": defaults.unit, **given}
    if "event_id" not in data:
        data["event_id"] = defaults.next_id(action)
    if "meter" not in data and defaults.meter:
        data["meter"] = defaults.meter
    return parse_usage(data, where=f"{where}: usage", occurred_at=at)


def _command(
    action: str, given: dict[str, Any], at: int, defaults: _Defaults, where: str
) -> Command:
    data = {"unit": defaults.unit, **given, "type": action}
    if data.get("customer_id") == PARTITION_CUSTOMER or action in ABOUT_NO_CUSTOMER:
        data["unit"] = given.get("unit", PARTITION_UNIT)
    else:
        data.setdefault("customer_id", defaults.customer_id)
    if "command_id" not in data:
        data["command_id"] = defaults.next_id(action)
    if "card" in data:
        data["card"] = _with_card_defaults(data["card"], at, f"{where}: card")
    _default_meters(action, data, defaults)
    return parse_command(data, where=f"{where}: {action}", issued_at=at, actor="scenario")


def _default_meters(action: str, data: dict[str, Any], defaults: _Defaults) -> None:
    """Name the meter of holds, and the event of a capture, where they are left out."""
    meter = {"meter": defaults.meter} if defaults.meter else {}
    if action == "place_hold":
        data.update({**meter, **data})
    elif action == "batch" and isinstance(data.get("holds"), list):
        data["holds"] = [
            {**meter, **hold} if isinstance(hold, Mapping) else hold for hold in data["holds"]
        ]
    elif action == "capture_hold" and isinstance(data.get("usage"), Mapping):
        usage = {**meter, **data["usage"]}
        if "event_id" not in usage:
            usage["event_id"] = defaults.next_id("usage")
        data["usage"] = usage


def _repeat(given: Mapping[str, Any], where: str) -> int:
    repeat = given.get("repeat", 1)
    if isinstance(repeat, bool) or not isinstance(repeat, int) or not 1 <= repeat <= _REPEAT_MAX:
        raise InvalidDocument(f"{where}: repeat must be an integer from 1 to {_REPEAT_MAX}")
    return repeat


def _instant(value: object, where: str) -> int:
    try:
        return times.parse_time(value)
    except ValueError as error:
        raise InvalidDocument(f"{where}: {error}") from error


def _duration(value: object, where: str) -> int:
    try:
        return times.parse_duration(value)
    except ValueError as error:
        raise InvalidDocument(f"{where}: rate_card_lead: {error}") from error

"""Streams of inputs, drawn by Hypothesis from pools so small that everything meets everything."""

from dataclasses import dataclass, replace

from hypothesis import strategies as st

from drawdown.domain.entries import PARTITION_CUSTOMER
from drawdown.domain.inputs import (
    ApplyRateCard,
    CaptureHold,
    ChangePolicy,
    Command,
    CommandBody,
    HoldUsage,
    UsageEvent,
)
from drawdown.domain.numbers import DAY_US, MINUTE_US
from drawdown.domain.rate_cards import RateCard
from tests.domain import cards, drawing
from tests.domain.building import LEAD_US, T, command, usage
from tests.domain.drawing import Names


@dataclass(frozen=True)
class Recorded:
    """An input and its broker's time (µs)."""

    given: UsageEvent | Command
    at: int


def prices(version: str, effective_from: int, rate: str) -> RateCard:
    """A card of three meters; `sage` has lines of its own, `jobs` are priced over the month."""
    tokens = cards.meter(
        cards.line("input", rate),
        cards.line("input", "0.25", match={"model": "sage"}),
        cards.line("output", "0.333333333333"),
        cards.line("output", "1.5", match={"model": "sage"}, minimum="0.75"),
        cards.line("output", "2", match={"region": "eu"}),
        name="tokens",
    )
    images = cards.meter(cards.line("n", "0.000000700001"), name="images")
    tiers = (("5", "1", "0.5"), ("10", "0.333333", "0"), (None, "0.1", "2"))
    graduated = cards.line("runs", mode="graduated", tiers=tiers)
    package = cards.line("pages", "0.7", package=("10", "up"))
    of_month = [replace(each, over="month") for each in (graduated, package)]
    jobs = cards.meter(*of_month, name="jobs")
    return cards.card(tokens, images, jobs, version=version, effective_from=effective_from)


FIRST = Recorded(
    command(
        ApplyRateCard(card=prices("0", T - 34 * DAY_US, "0.000000000001")),
        "first card",
        customer_id=PARTITION_CUSTOMER,
        issued_at=T - 40 * DAY_US,
    ),
    T - 40 * DAY_US,
)


@st.composite
def usages(draw: st.DrawFn, at: int, names: Names) -> UsageEvent:
    """Usage recorded at `at`, some of which is refused."""
    rare = draw(st.integers(0, 9)) == 0
    meter, properties, quantities = draw(drawing.work(rare=rare))
    event = usage(
        names.new(draw, names.events),
        customer_id=draw(drawing.CUSTOMERS),
        meter=meter,
        occurred_at=at + draw(drawing.shifts(rare=rare)),
        status=draw(drawing.STATUSES),
        properties=properties,
        quantities=quantities,
    )
    hold_id = draw(st.sampled_from(["", names.known(draw, names.holds)]))
    return of_hold(event, hold_id, final=draw(st.booleans()))


def of_hold(event: UsageEvent, hold_id: str, *, final: bool) -> UsageEvent:
    """The same usage, which names a hold; its digest doesn't cover that."""
    return UsageEvent(
        event_id=event.event_id,
        customer_id=event.customer_id,
        unit=event.unit,
        meter=event.meter,
        occurred_at=event.occurred_at,
        status=event.status,
        properties=event.properties,
        quantities=event.quantities,
        hold_id=hold_id,
        hold_final=final,
        digest=event.digest,
    )


@st.composite
def bodies(draw: st.DrawFn, at: int, names: Names) -> CommandBody:
    """What is asked at `at`: mostly of lots and holds that may be there."""
    kind = draw(st.sampled_from(drawing.KINDS))
    if kind == "card":
        start = at + LEAD_US + draw(st.sampled_from([0, 0, 1, MINUTE_US, -1]))
        version, rate = draw(st.sampled_from("123")), draw(st.sampled_from(["0.7", "0"]))
        return ApplyRateCard(card=prices(version, start, rate))
    return draw(drawing.of_kind(kind, at, names))


@st.composite
def commands(draw: st.DrawFn, at: int, names: Names, number: int) -> Command:
    """A command recorded at `at`; `number` makes most ids new."""
    body = draw(bodies(at, names))
    customer = draw(drawing.CUSTOMERS)
    odd = draw(st.integers(0, 49)) == 0
    if drawing.is_about_no_customer(body) != odd:
        customer = PARTITION_CUSTOMER
    elif isinstance(body, ChangePolicy):
        customer = draw(st.sampled_from([customer, PARTITION_CUSTOMER]))
    ids = [f"k{number}"] * 25 + ["k0"]
    if isinstance(body, CaptureHold) and body.usage is not None:
        body = replace(body, usage=digested(body.usage, customer))
    return command(
        body,
        draw(st.sampled_from(ids)),
        customer_id=customer,
        issued_at=at - draw(st.sampled_from([0] * 40 + [35 * DAY_US, 35 * DAY_US + 1])),
    )


def digested(used: HoldUsage, customer_id: str) -> HoldUsage:
    """With the digest that the same usage would have as an event."""
    event = usage(
        used.event_id,
        customer_id=customer_id,
        meter=used.meter,
        occurred_at=used.occurred_at,
        status=used.status,
        properties=used.properties,
        quantities=used.quantities,
    )
    return replace(used, digest=event.digest)


@st.composite
def streams(draw: st.DrawFn, most: int = 40) -> list[Recorded]:
    """A rate card and a policy, then inputs, of which some are sent again."""
    at = T
    default = command(
        ChangePolicy(policy=draw(drawing.policies(T))), "default", customer_id=PARTITION_CUSTOMER
    )
    names = Names()
    stream = [FIRST, Recorded(default, at)]
    for number in range(draw(st.integers(0, 2))):
        body = draw(drawing.grants(at, names))
        stream.append(Recorded(command(body, f"first {number}", customer_id="a"), at))
    for number in range(draw(st.integers(most // 2, most))):
        at += draw(drawing.PAUSES)
        kind = draw(st.sampled_from(["usage"] * 5 + ["command"] * 13 + ["again"]))
        if kind == "usage":
            stream.append(Recorded(draw(usages(at, names)), at))
        elif kind == "command":
            stream.append(Recorded(draw(commands(at, names, number)), at))
        else:
            stream.append(Recorded(draw(st.sampled_from(stream)).given, at))
    return stream

"""Streams of inputs, drawn by Hypothesis from pools so small that everything meets everything."""

from dataclasses import dataclass

from hypothesis import strategies as st

from drawdown.domain.entries import PARTITION_CUSTOMER, LotKind, PolicyChange
from drawdown.domain.inputs import ApplyRateCard, ChangePolicy, Command, Grant, UsageEvent
from drawdown.domain.numbers import AMOUNT_MAX, DAY_US, MINUTE_US
from drawdown.domain.rate_cards import RateCard
from tests.domain import cards
from tests.domain.building import CREDIT, LEAD_US, UNIT, T, command, usage

SCOPES: list[dict[str, str]] = [{}, {}, {"model": "sage"}, {"model": "sage", "region": "eu"}]
METERS: list[list[str]] = [[], [], ["tokens"], ["images", "video"]]
NOW_AND_THEN = (0, 1, MINUTE_US, 4 * MINUTE_US, 6 * MINUTE_US)


@dataclass(frozen=True)
class Recorded:
    """An input and its broker's time (µs)."""

    given: UsageEvent | Command
    at: int


def prices(version: str, effective_from: int, rate: str) -> RateCard:
    """A card of two meters; `sage` has lines of its own."""
    tokens = cards.meter(
        cards.line("input", rate),
        cards.line("input", "0.25", match={"model": "sage"}),
        cards.line("output", "0.333333333333"),
        cards.line("output", "1.5", match={"model": "sage"}, minimum="0.75"),
        cards.line("output", "2", match={"region": "eu"}),
        name="tokens",
    )
    images = cards.meter(cards.line("n", "0.000000700001"), name="images")
    return cards.card(tokens, images, version=version, effective_from=effective_from)


FIRST = Recorded(
    command(
        ApplyRateCard(card=prices("0", T - 34 * DAY_US, "0.000000000001")),
        "first card",
        customer_id=PARTITION_CUSTOMER,
        issued_at=T - 40 * DAY_US,
    ),
    T - 40 * DAY_US,
)
QUANTITIES: list[dict[str, int]] = [
    {"input": UNIT},
    {"input": 7 * UNIT, "output": 3 * UNIT},
    {"output": 1},
    {"output": UNIT // 3, "input": 0},
    {"input": 9_000_000 * UNIT},
    {"output": 40 * UNIT},
    {"output": 9 * UNIT},
]
ODD_QUANTITIES: list[dict[str, int]] = [{}, {"output": -1}, {"unpriced": 1}]


@st.composite
def usages(draw: st.DrawFn, at: int) -> UsageEvent:
    """Usage recorded at `at`, some of which is refused."""
    rare = draw(st.integers(0, 9)) == 0
    shifts = [0, 0, -MINUTE_US, -7 * MINUTE_US, 4 * MINUTE_US, 5 * MINUTE_US]
    odd_shifts = [5 * MINUTE_US + 1, -35 * DAY_US, -35 * DAY_US - 1, -34 * DAY_US]
    meter = draw(st.sampled_from(["tokens", "tokens", "images"]))
    of_tokens = ODD_QUANTITIES if rare else QUANTITIES
    quantities = of_tokens if meter == "tokens" else [{"n": 1}, {"n": 5 * UNIT}]
    return usage(
        draw(st.sampled_from([f"e{number}" for number in range(40)])),
        customer_id=draw(st.sampled_from(["a", "a", "b"])),
        meter=meter,
        occurred_at=at + draw(st.sampled_from(odd_shifts if rare else shifts)),
        status=draw(st.sampled_from(["succeeded", "succeeded", "partial", "failed"])),
        properties=draw(st.sampled_from([*SCOPES, SCOPES[-1]])),
        quantities=draw(st.sampled_from(quantities)),
    )


@st.composite
def grants(draw: st.DrawFn, at: int) -> Grant:
    """A grant recorded at `at`, some of which are refused."""
    rare = draw(st.integers(0, 9)) == 0
    kinds: list[LotKind] = ["purchased", "purchased", "promotional", "included"]
    kind = draw(st.sampled_from(kinds))
    price = draw(st.sampled_from([0, 1, 7, 1_000])) if kind == "purchased" or rare else 0
    start = draw(st.sampled_from([None, None, None, -MINUTE_US, MINUTE_US, 9 * MINUTE_US]))
    end = draw(st.sampled_from([None, None, 3 * MINUTE_US, 10 * MINUTE_US, 2 * DAY_US]))
    odd = draw(st.sampled_from([0, -1, AMOUNT_MAX]))
    usual = draw(st.sampled_from([1, 333_333, 3 * CREDIT, 20 * CREDIT]))
    return Grant(
        amount=odd if rare else usual,
        kind=kind,
        lot_id=draw(st.sampled_from(["", "", "lot"])),
        campaign=draw(st.sampled_from(["", "", "", "spring"])),
        price_minor=price,
        currency="" if rare else draw(st.sampled_from(["USD", "EUR"])),
        priority=draw(st.sampled_from([0, 50, 50, 100, *([101, -1] if rare else [])])),
        meters=draw(st.sampled_from(METERS)),
        properties=draw(st.sampled_from(SCOPES)),
        effective_at=None if start is None else at + start,
        expires_at=None if end is None else at + end,
        payment_id=draw(st.sampled_from(["", "", "", "payment"])),
    )


@st.composite
def policies(draw: st.DrawFn) -> ChangePolicy:
    """A change of some of a policy's fields."""
    change = PolicyChange(
        overage_mode=draw(
            st.sampled_from([None, "overdraft", "overdraft", "overdraft", "overage", "hard_stop"])
        ),
        overdraft_limit=draw(st.sampled_from([None, 0, CREDIT, 50 * CREDIT, 900 * CREDIT])),
        grace_us=draw(st.sampled_from([None, 0, MINUTE_US, 20 * MINUTE_US])),
    )
    return ChangePolicy(policy=change)


@st.composite
def commands(draw: st.DrawFn, at: int) -> Command:
    """A grant, a policy or a rate card recorded at `at`."""
    kind = draw(st.sampled_from(["grant"] * 7 + ["policy", "card"]))
    customer = draw(st.sampled_from(["a", "a", "b"]))
    body: Grant | ChangePolicy | ApplyRateCard
    if kind == "grant":
        body = draw(grants(at))
    elif kind == "policy":
        body = draw(policies())
        customer = draw(st.sampled_from([customer, PARTITION_CUSTOMER]))
    else:
        start = at + LEAD_US + draw(st.sampled_from([0, 0, 1, MINUTE_US, -1]))
        version, rate = draw(st.sampled_from("123")), draw(st.sampled_from(["0.7", "0"]))
        body = ApplyRateCard(card=prices(version, start, rate))
        customer = PARTITION_CUSTOMER
    return command(
        body,
        draw(st.sampled_from([f"k{number}" for number in range(60)])),
        customer_id=customer,
        issued_at=at - draw(st.sampled_from([0, 0, 0, 0, 35 * DAY_US, 35 * DAY_US + 1])),
    )


@st.composite
def streams(draw: st.DrawFn, most: int = 40) -> list[Recorded]:
    """A rate card and a policy, then inputs; some are sent again, some topics lag behind."""
    at = T
    default = command(draw(policies()), "default", customer_id=PARTITION_CUSTOMER)
    stream = [FIRST, Recorded(default, at)]
    for _ in range(draw(st.integers(1, most))):
        at += draw(st.sampled_from(NOW_AND_THEN if draw(st.integers(0, 39)) else (20 * DAY_US,)))
        kind = draw(st.sampled_from(["usage"] * 5 + ["command"] * 4 + ["again"]))
        if kind == "usage":
            stream.append(Recorded(draw(usages(at)), at))
        elif kind == "command":
            ahead = at + draw(st.sampled_from([0, 0, 0, 3 * MINUTE_US]))
            stream.append(Recorded(draw(commands(ahead)), ahead))
        else:
            stream.append(Recorded(draw(st.sampled_from(stream)).given, at))
    return stream

"""What streams are drawn from: small pools of ids, amounts and times, and bodies of commands."""

from dataclasses import dataclass, field
from typing import Final

from hypothesis import strategies as st

from drawdown.domain.entries import LotKind, PolicyChange, RecurringGrant, Rollover, UsageStatus
from drawdown.domain.inputs import (
    Adjust,
    ApplyRateCard,
    Batch,
    CaptureHold,
    ChangeExpiry,
    ChangePolicy,
    ClosePeriod,
    CommandBody,
    ExtendHold,
    Freeze,
    Grant,
    HoldUsage,
    NoteDispute,
    ParkRecord,
    PlaceHold,
    RedriveRejected,
    RefundPurchase,
    RefundUsage,
    ReleaseHold,
    Tick,
    Unfreeze,
    Void,
)
from drawdown.domain.numbers import AMOUNT_MAX, DAY_US, MINUTE_US
from tests.domain.building import CREDIT, UNIT

HOUR_US: Final = 60 * MINUTE_US
SCOPES: Final[list[dict[str, str]]] = [
    *({}, {}, {}),
    {"model": "sage"},
    {"model": "sage", "region": "eu"},
]
METERS: Final[list[list[str]]] = [[], [], [], ["tokens"], ["images", "jobs"]]
QUANTITIES: Final[list[dict[str, int]]] = [
    {"input": UNIT},
    {"input": 7 * UNIT, "output": 3 * UNIT},
    {"output": 1},
    {"output": UNIT // 3, "input": 0},
    {"input": 9_000_000 * UNIT},
    {"output": 40 * UNIT},
    {"output": 9 * UNIT},
]
ODD_QUANTITIES: Final[list[dict[str, int]]] = [{}, {"output": -1}, {"unpriced": 1}]
JOBS: Final[list[dict[str, int]]] = [{"runs": 3 * UNIT}, {"pages": 7 * UNIT}, {"runs": 1}]
KINDS: Final = (
    *("grant", "grant", "grant", "grant", "policy", "tick", "hold", "hold", "hold", "hold"),
    *("extend", "capture", "capture", "release", "batch", "void", "expiry", "freeze"),
    *("unfreeze", "adjust", "refund", "refund", "purchase refund", "dispute", "dispute"),
    *("redrive", "card", "close", "park"),
)

CUSTOMERS: Final = st.sampled_from([*"aaaaaaa", "b"])
PAUSES: Final = st.sampled_from(
    [
        *(0, 0, 0, 0, 1, 1, MINUTE_US, MINUTE_US, MINUTE_US, MINUTE_US, 4 * MINUTE_US),
        *(6 * MINUTE_US, HOUR_US, HOUR_US, 23 * HOUR_US, DAY_US, 9 * DAY_US, 40 * DAY_US),
    ]
)
PAYMENT_POOL: Final = ("p0", "p1", "p2")
PAYMENTS: Final = st.sampled_from(PAYMENT_POOL)
SOME: Final = st.sampled_from([None, None, None, 0, 1, 333_333, CREDIT])
AMOUNTS: Final = st.sampled_from([1, 333_333, CREDIT, 3 * CREDIT, 3 * CREDIT, 20 * CREDIT])


STATUS_POOL: Final[list[UsageStatus]] = [
    *("succeeded", "succeeded", "succeeded", "succeeded", "partial", "failed"),
]
STATUSES: Final = st.sampled_from(STATUS_POOL)


@dataclass(kw_only=True)
class Names:
    """The ids that a stream has drawn so far, the latest last."""

    lots: list[str] = field(default_factory=lambda: ["nowhere"])
    holds: list[str] = field(default_factory=lambda: ["no hold"])
    events: list[str] = field(default_factory=lambda: ["no event"])
    refunds: list[str] = field(default_factory=lambda: ["refund"])

    def new(self, draw: st.DrawFn, names: list[str]) -> str:
        """Mostly a new one."""
        fresh = f"{names[0]} {len(names)}"
        name = draw(st.sampled_from([*[fresh] * 7, *names[-2:]]))
        names.append(name)
        return name

    def known(self, draw: st.DrawFn, names: list[str]) -> str:
        """Mostly one of the latest."""
        return draw(st.sampled_from([*names[-5:], *names[-3:], *names[-3:]]))


def is_about_no_customer(body: CommandBody) -> bool:
    """Whether it is for `$partition` alone."""
    return isinstance(body, ApplyRateCard | ClosePeriod | ParkRecord | Tick)


def shifts(*, rare: bool) -> st.SearchStrategy[int]:
    """How long before its record usage occurred, mostly within the grace."""
    usual = [0, 0, -1, -MINUTE_US, -7 * MINUTE_US, 4 * MINUTE_US, 5 * MINUTE_US]
    odd = [5 * MINUTE_US + 1, -35 * DAY_US, -35 * DAY_US - 1, -34 * DAY_US]
    return st.sampled_from(odd if rare else usual)


@st.composite
def work(draw: st.DrawFn, *, rare: bool) -> tuple[str, dict[str, str], dict[str, int]]:
    """A meter, properties and quantities."""
    meter = draw(st.sampled_from(["tokens", "tokens", "tokens", "images", "jobs"]))
    of_meter = {
        "tokens": ODD_QUANTITIES if rare else QUANTITIES,
        "images": [{"n": 1}, {"n": 5 * UNIT}],
        "jobs": JOBS,
    }
    properties = draw(st.sampled_from([*SCOPES, SCOPES[-1]]))
    return meter, properties, draw(st.sampled_from(of_meter[meter]))


@st.composite
def later(draw: st.DrawFn, at: int) -> int | None:
    """A time to come, seldom a past one; None: never."""
    ahead = [3 * MINUTE_US, 10 * MINUTE_US, HOUR_US, 2 * DAY_US, 2 * DAY_US]
    pause = draw(st.sampled_from([*[None] * 5, *ahead * 3, 0]))
    return None if pause is None else at + pause


@st.composite
def grants(draw: st.DrawFn, at: int, names: Names) -> Grant:
    """A grant recorded at `at`, some of which are refused."""
    rare = draw(st.integers(0, 14)) == 0
    kinds: list[LotKind] = ["purchased", "purchased", "promotional", "included"]
    kind = draw(st.sampled_from(kinds))
    price = draw(st.sampled_from([0, 1, 7, 1_000])) if kind == "purchased" or rare else 0
    start = draw(st.sampled_from([*[None] * 6, -MINUTE_US, MINUTE_US, 9 * MINUTE_US]))
    freeze = draw(st.sampled_from(["", "", "", "", "", "payment_pending", "verification"]))
    timed = freeze or rare
    return Grant(
        amount=draw(st.sampled_from([0, -1, AMOUNT_MAX])) if rare else draw(AMOUNTS),
        kind=kind,
        lot_id=names.new(draw, names.lots),
        campaign=draw(st.sampled_from(["", "", "", "", "spring"])),
        price_minor=price,
        currency="" if rare else draw(st.sampled_from(["USD", "EUR"])),
        priority=draw(st.sampled_from([0, 50, 50, 50, 100, *([101, -1] if rare else [])])),
        meters=draw(st.sampled_from(METERS)),
        properties=draw(st.sampled_from(SCOPES)),
        effective_at=None if start is None else at + start,
        expires_at=draw(later(at)),
        payment_id=draw(st.sampled_from(["", "", *PAYMENT_POOL])),
        referral_id=draw(st.sampled_from(["", "", "", "", "friend"])),
        freeze=freeze,
        opens_at=draw(later(at)) if timed else None,
        voids_at=draw(later(at)) if timed else None,
    )


@st.composite
def policies(draw: st.DrawFn, at: int) -> PolicyChange:
    """A change of some of a policy's fields."""
    modes = st.sampled_from(["overdraft", "overdraft", "overdraft", "overage", "hard_stop"])
    mode = draw(st.one_of(st.none(), modes))
    times = st.sampled_from([None, None, 0, MINUTE_US, 20 * MINUTE_US])
    change = PolicyChange(
        overdraft_limit=draw(st.sampled_from([None, 0, CREDIT, 50 * CREDIT, 900 * CREDIT])),
        grace_us=draw(times),
        hold_life_us=draw(st.sampled_from([None, None, None, HOUR_US, 3 * DAY_US])),
        refund_grace_us=draw(st.sampled_from([None, None, None, MINUTE_US, 2 * DAY_US])),
        recurring=draw(st.one_of(st.none(), st.none(), recurring_grants(at))),
        rollover=draw(st.one_of(st.none(), st.none(), rollovers())),
    )
    match mode:
        case "overdraft":
            return _with_mode(change, PolicyChange(overage_mode="overdraft"))
        case "overage":
            return _with_mode(change, PolicyChange(overage_mode="overage"))
        case "hard_stop":
            return _with_mode(change, PolicyChange(overage_mode="hard_stop"))
    return change


def _with_mode(change: PolicyChange, mode: PolicyChange) -> PolicyChange:
    return PolicyChange(
        overage_mode=mode.overage_mode,
        overdraft_limit=change.overdraft_limit,
        grace_us=change.grace_us,
        hold_life_us=change.hold_life_us,
        refund_grace_us=change.refund_grace_us,
        recurring=change.recurring,
        rollover=change.rollover,
    )


@st.composite
def recurring_grants(draw: st.DrawFn, at: int) -> RecurringGrant:
    """An allowance, sometimes stopped."""
    return RecurringGrant(
        amount=draw(st.sampled_from([0, 333_333, 3 * CREDIT, 3 * CREDIT])),
        price_minor=draw(st.sampled_from([0, 100])),
        currency="USD",
        anchor=at + draw(st.sampled_from([0, MINUTE_US, -9 * DAY_US, 30 * DAY_US, HOUR_US])),
        period=draw(st.sampled_from(["week", "month", "month", "year"])),
        every=draw(st.sampled_from([1, 1, 2])),
        life_us=draw(st.sampled_from([None, None, HOUR_US, 10 * DAY_US])),
    )


@st.composite
def rollovers(draw: st.DrawFn) -> Rollover:
    """What goes on of an allowance."""
    return Rollover(
        share_pico=draw(st.sampled_from([0, 10**12 // 3, 5 * 10**11, 10**12])),
        minimum=draw(st.sampled_from([0, 0, CREDIT])),
        maximum=draw(st.sampled_from([None, None, 400_000, 2 * CREDIT])),
        life_us=draw(st.sampled_from([MINUTE_US, DAY_US, 20 * DAY_US])),
    )


@st.composite
def holds(draw: st.DrawFn, at: int, names: Names) -> PlaceHold:
    """A hold, some of which live too long or too short."""
    lives = [HOUR_US] * 4 + [DAY_US] * 4 + [MINUTE_US, 2 * HOUR_US, DAY_US + 1, 0]
    return PlaceHold(
        hold_id=names.new(draw, names.holds),
        amount=draw(st.sampled_from([1, 333_333, 333_333, CREDIT, CREDIT, 5 * CREDIT])),
        meter=draw(st.sampled_from(["tokens", "tokens", "tokens", "images"])),
        properties=draw(st.sampled_from(SCOPES)),
        expires_at=at + draw(st.sampled_from(lives)),
    )


@st.composite
def extensions(draw: st.DrawFn, at: int, names: Names) -> ExtendHold:
    """More time, more credits, both or neither."""
    pauses = [None, MINUTE_US, HOUR_US, 3 * HOUR_US, DAY_US]
    pause = draw(st.sampled_from(pauses))
    return ExtendHold(
        hold_id=names.known(draw, names.holds),
        amount=draw(st.sampled_from([0, 0, 333_333, CREDIT, 9 * CREDIT])),
        expires_at=None if pause is None else at + pause,
    )


@st.composite
def captures(draw: st.DrawFn, at: int, names: Names) -> CaptureHold:
    """A capture in credits or with usage."""
    form = draw(st.sampled_from(["all", "amount", "usage", "usage", "usage"]))
    odd = draw(st.integers(0, 29)) == 0
    return CaptureHold(
        hold_id=names.known(draw, names.holds),
        amount=draw(st.sampled_from([0, 1, 333_333, CREDIT, 3 * CREDIT]))
        if form == "amount" or odd
        else None,
        usage=draw(captured(at, names)) if form == "usage" else None,
        final=draw(st.booleans()),
    )


@st.composite
def captured(draw: st.DrawFn, at: int, names: Names) -> HoldUsage:
    """Usage that a capture carries; it meets the events of the other topic."""
    rare = draw(st.integers(0, 9)) == 0
    meter, properties, quantities = draw(work(rare=rare))
    return HoldUsage(
        event_id=names.new(draw, names.events),
        meter=meter,
        occurred_at=at + draw(shifts(rare=rare)),
        status=draw(STATUSES),
        properties=properties,
        quantities=quantities,
    )


def disputes() -> st.SearchStrategy[NoteDispute]:
    """Notices of two payments in any order, mostly under the payment's own dispute."""
    states = st.sampled_from(["opened", "opened", "won", "lost", "lost", "reinstated"])
    own = [(f"of {payment}", payment) for payment in PAYMENT_POOL]
    ids = st.sampled_from([*own * 5, ("of p0", "p1")])
    return st.builds(
        lambda named, state: NoteDispute(dispute_id=named[0], payment_id=named[1], state=state),
        ids,
        states,
    )


@st.composite
def of_holds(draw: st.DrawFn, kind: str, at: int, names: Names) -> CommandBody:
    """What is asked about holds."""
    match kind:
        case "hold":
            return draw(holds(at, names))
        case "batch":
            return Batch(holds=[draw(holds(at, names)) for _ in range(draw(st.integers(1, 2)))])
        case "extend":
            return draw(extensions(at, names))
        case "capture":
            return draw(captures(at, names))
        case _:
            return ReleaseHold(hold_id=names.known(draw, names.holds))


@st.composite
def of_lots(draw: st.DrawFn, kind: str, at: int, names: Names) -> CommandBody:
    """What is asked about lots."""
    lot_id = names.known(draw, names.lots)
    match kind:
        case "void":
            return Void(lot_id=lot_id, amount=draw(SOME))
        case "expiry":
            return ChangeExpiry(lot_id=lot_id, expires_at=draw(later(at)))
        case "freeze":
            return Freeze(lot_id=draw(st.sampled_from([lot_id, lot_id, ""])))
        case "unfreeze":
            return Unfreeze(lot_id=draw(st.sampled_from([lot_id, lot_id, ""])))
        case "adjust":
            amounts = st.sampled_from([-1, -333_333, -CREDIT, CREDIT, 1, 0])
            end = draw(st.one_of(st.none(), st.none(), later(at)))
            return Adjust(amount=draw(amounts), expires_at=end)
        case _:
            return draw(grants(at, names))


@st.composite
def of_payments(draw: st.DrawFn, kind: str, names: Names) -> CommandBody:
    """What is asked about charges and payments."""
    match kind:
        case "refund":
            return RefundUsage(
                refund_id=names.new(draw, names.refunds),
                event_id=names.known(draw, names.events),
                amount=draw(SOME),
            )
        case "purchase refund":
            return RefundPurchase(
                refund_id=names.new(draw, names.refunds),
                payment_id=draw(PAYMENTS),
                amount=draw(st.sampled_from([0, 1, 333_333, CREDIT])),
                money_minor=draw(st.sampled_from([None, None, None, 0, 1, 3, 500])),
            )
        case "redrive":
            label = draw(st.sampled_from(["", "", "card@0", "card@1", "card@9"]))
            return RedriveRejected(event_id=names.known(draw, names.events), rate_card=label)
        case _:
            return draw(disputes())


def of_kind(kind: str, at: int, names: Names) -> st.SearchStrategy[CommandBody]:
    """Bodies of one kind, asked at `at`."""
    match kind:
        case "hold" | "batch" | "extend" | "capture" | "release":
            return of_holds(kind, at, names)
        case "refund" | "purchase refund" | "redrive" | "dispute":
            return of_payments(kind, names)
        case "policy":
            return st.builds(ChangePolicy, policy=policies(at))
        case "close":
            spans = st.sampled_from([0, -DAY_US, -40 * DAY_US, 1])
            return spans.map(lambda span: ClosePeriod(closed_until=at + span))
        case "park":
            return st.builds(
                ParkRecord,
                topic=st.sampled_from(["usage-events", "usage-events", "ledger-commands", "other"]),
                partition=st.sampled_from([3, 3, 3, 0]),
                offset=st.integers(-1, 3),
            )
        case "tick":
            return st.just(Tick())
        case _:
            return of_lots(kind, at, names)

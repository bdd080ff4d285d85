"""A run of the demo: bring everything up, play the trace, watch it, add it up, bring it down."""

import dataclasses
import json
import signal
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Final

import yaml
from rich.console import Console

from drawdown.adapters.documents.card_text import write_text
from drawdown.adapters.documents.commands import write_command
from drawdown.adapters.documents.rate_card import read_rate_card, write_rate_card
from drawdown.adapters.kafka.requests import Requests
from drawdown.adapters.kafka.topics import create_topics
from drawdown.adapters.kafka.usage import UsageSender
from drawdown.demo.generation import generate
from drawdown.demo.plan import Plan, plan_run
from drawdown.demo.player import Player
from drawdown.demo.recalculation import recalculate
from drawdown.demo.screen import Moment, Screen
from drawdown.demo.totals import Totals
from drawdown.demo.trace import read_trace
from drawdown.demo.watching import Watch, wait_projected
from drawdown.domain.entries import PARTITION_CUSTOMER
from drawdown.domain.inputs import ApplyRateCard, Command
from drawdown.domain.numbers import SECOND_US
from drawdown.domain.rate_cards import RateCard
from drawdown.domain.replies import Reply
from drawdown.errors import NotInAgreement, TimedOut
from drawdown.local import processes, stack
from drawdown.settings import Settings
from drawdown.verification import verify

SERVICES: Final = (
    "ledger_processor",
    "balance_projector",
    "expiration_projector",
    "revenue_projector",
)
_CARD_AHEAD_S: Final = (2, 10, 30)
"""How soon the card takes effect, for the demo's own ledger processor asks for no lead; longer
where the command took longer than that to be appended."""
_LOOK_EVERY_S: Final = 0.4
_DRAIN_S: Final = 120.0


@dataclass(frozen=True, slots=True, kw_only=True)
class DemoOptions:
    """What a run is to be. `rate` is events per second, `speed` a multiple of the trace's own."""

    trace: Path | None
    card: Path
    events: int
    customers: int
    rate: float
    speed: float
    seed: int
    once: bool


def new_namespace() -> str:
    """A namespace of its own for each run, so that runs don't mix: `demo-20260131-120000`."""
    return f"demo-{datetime.now(UTC):%Y%m%d-%H%M%S}"


def run(settings: Settings, options: DemoOptions, console: Console) -> Totals | None:
    """Run the demo until its trace is through (`once`) or Ctrl-C; the totals, if it is through.

    Everything that it started is stopped again, whatever happens. Raises `DrawdownError`.
    """
    with _interruptible(), ExitStack() as undo:
        try:
            return _run(settings, options, console, undo)
        except KeyboardInterrupt:
            console.print("stopping …")
            return None


def _run(
    settings: Settings, options: DemoOptions, console: Console, undo: ExitStack
) -> Totals | None:
    folder = settings.data_dir / "demo" / settings.namespace
    folder.mkdir(parents=True, exist_ok=True)
    card = _card(options.card)
    _write_card(folder, card)
    plan = _plan(options, folder, card)
    settings = _bring_up(settings, undo, console)
    card = _prepare(settings, folder, card, plan)
    console.print(
        f"{len(plan.commands)} grants and policies recorded; playing {len(plan.events):,} events; "
        f"files in {folder}",
        soft_wrap=True,
    )
    with UsageSender(settings) as sender, (folder / "events.jsonl").open("w") as log:
        player = Player(
            plan, sender, log, speed=_speed(options, plan), not_before_us=card.effective_from
        )
        watch = Watch(settings, card.unit)
        undo.callback(watch.close)
        player.start()
        undo.callback(player.stop)
        _watch(watch, player, plan, settings, options, console)
    return _totals(settings, watch, player, folder, console) if options.once else None


def _plan(options: DemoOptions, folder: Path, card: RateCard) -> Plan:
    trace = options.trace
    items = read_trace(trace) if trace else generate(options.events, seed=options.seed)
    return plan_run(
        items,
        card,
        yaml.load((folder / "rate-card.yaml").read_text(), yaml.BaseLoader),
        seed=options.seed,
        customers=options.customers,
        now_us=_now_us(),
    )


def _bring_up(settings: Settings, undo: ExitStack, console: Console) -> Settings:
    """Broker, database, topics, services; what is started here is stopped at the end."""
    data_dir = settings.data_dir
    before = {each.name for each in stack.status(data_dir).services}
    undo.callback(_stop_new, data_dir, before, console)
    up = stack.up(
        data_dir,
        kafka_bootstrap_servers=settings.kafka_bootstrap_servers,
        database_url=settings.database_url,
    )
    settings = settings.model_copy(
        update={
            "kafka_bootstrap_servers": up.kafka_bootstrap_servers,
            "database_url": up.database_url,
            "rate_card_lead_s": 0,
        }
    )
    create_topics(settings)
    env = {
        "DRAWDOWN_NAMESPACE": settings.namespace,
        "DRAWDOWN_DATA_DIR": str(data_dir.absolute()),
        "DRAWDOWN_RATE_CARD_LEAD_S": "0",
    }
    for name in SERVICES:
        service = processes.start(data_dir, f"{name}-{settings.namespace}", env=env)
        console.print(f"{name} runs (process {service.pid}, {service.url})", soft_wrap=True)
    return settings


def _stop_new(data_dir: Path, before: set[str], console: Console) -> None:
    """Stop what runs now and didn't before: services first, then what they use."""
    for service in reversed(stack.status(data_dir).services):
        if service.name not in before:
            processes.stop_named(data_dir, service.name)
    kept = f"; {', '.join(sorted(before))} ran before and still run" if before else ""
    console.print(f"stopped; the data stay in {data_dir}{kept}", soft_wrap=True)


def _card(path: Path) -> RateCard:
    return read_rate_card(path, soonest=_now_us())


def _write_card(folder: Path, card: RateCard) -> None:
    write_text(write_rate_card(card), folder / "rate-card.yaml")


def _prepare(settings: Settings, folder: Path, card: RateCard, plan: Plan) -> RateCard:
    """Grant the credits, apply the card as of a moment from now, write both down."""
    with Requests(settings) as requests:
        with (folder / "grants.jsonl").open("w") as written:
            for command in plan.commands:
                written.write(json.dumps(write_command(command)) + "\n")
        for reply in requests.ask(plan.commands):
            _require_accepted(reply)
        for ahead_s in _CARD_AHEAD_S:
            card = dataclasses.replace(card, effective_from=_now_us() + ahead_s * SECOND_US)
            replies = requests.ask_every_partition(_applying(card, ahead_s))
            if all(reply.outcome == "accepted" for reply in replies):
                break
        else:
            _require_accepted(next(each for each in replies if each.outcome != "accepted"))
        _write_card(folder, card)
    return card


def _applying(card: RateCard, attempt: int) -> Command:
    return Command(
        command_id=f"{card.label}-{attempt}",
        issued_at=_now_us(),
        actor="demo",
        customer_id=PARTITION_CUSTOMER,
        unit="credit",
        reason="demo",
        body=ApplyRateCard(card=card),
    )


def _require_accepted(reply: Reply) -> None:
    if reply.outcome != "accepted":
        raise NotInAgreement(f"{reply.command_id} was {reply.outcome}: {reply.code} {reply.detail}")


def _speed(options: DemoOptions, plan: Plan) -> float:
    """How many times faster than the trace's own rhythm."""
    if options.speed:
        return options.speed
    wanted_s = len(plan.events) / options.rate
    return max(plan.duration_us / 1_000_000 / wanted_s, 1e-9) if wanted_s else 1.0


def _watch(
    watch: Watch,
    player: Player,
    plan: Plan,
    settings: Settings,
    options: DemoOptions,
    console: Console,
) -> None:
    """Show the table until all is through, and on until Ctrl-C unless it is to end by itself."""
    through_by: float | None = None
    state = "playing"
    with Screen(console, settings.namespace) as screen:
        while True:
            backlog = watch.backlog()
            screen.show(
                Moment(
                    accounts=watch.accounts(),
                    sent=player.sent,
                    planned=len(plan.events),
                    backlog=backlog,
                    at_us=_now_us(),
                    state=state,
                )
            )
            if player.failure is not None:
                raise player.failure
            if state == "playing" and not player.is_alive():
                through_by = through_by or time.monotonic() + _DRAIN_S
                if backlog == 0 and watch.is_projected():
                    state = "the trace is through"
                elif time.monotonic() > through_by:
                    raise TimedOut(f"not everything was decided {_DRAIN_S:g} s after the trace")
            elif state != "playing" and options.once:
                return
            time.sleep(_LOOK_EVERY_S)


def _totals(
    settings: Settings, watch: Watch, player: Player, folder: Path, console: Console
) -> Totals:
    if not wait_projected(watch, timeout_s=_DRAIN_S):
        raise TimedOut(f"not everything was projected within {_DRAIN_S:g} s")
    console.print("auditing, and working out every balance anew …")
    return Totals(
        sent=player.sent,
        accounts=watch.accounts(),
        report=verify(settings),
        expected=recalculate(folder),
    )


@contextmanager
def _interruptible() -> Iterator[None]:
    """Let SIGTERM end a run as Ctrl-C does, so that nothing is left running."""

    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _now_us() -> int:
    return time.time_ns() // 1_000

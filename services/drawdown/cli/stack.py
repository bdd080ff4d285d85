"""`up`, `down`, `status`: the broker and the database on this machine, and what runs on them."""

from typing import Annotated, Any

import typer
from confluent_kafka import KafkaException

from drawdown import settings
from drawdown.adapters.kafka.clients import admin
from drawdown.adapters.kafka.positions import Backlog, Positions
from drawdown.cli.output import JSON_HELP, cells, err, out, show_json, table
from drawdown.cli.session import connected
from drawdown.compiled import runtime
from drawdown.errors import DrawdownError
from drawdown.local import stack
from drawdown.local.state import Service
from drawdown.settings import Settings

_ANSWER_S = 5.0


def up() -> None:
    """Start a Kafka broker and a Postgres database here, or find them running.

    Given KAFKA_BOOTSTRAP_SERVERS or DATABASE_URL, those are used and nothing is started for them.
    """
    chosen = settings.current()
    started = stack.up(
        chosen.data_dir,
        kafka_bootstrap_servers=chosen.kafka_bootstrap_servers,
        database_url=chosen.database_url,
    )
    console = out()
    console.print(f"broker    {started.kafka_bootstrap_servers}", soft_wrap=True)
    console.print(f"database  {without_password(started.database_url)}", soft_wrap=True)
    console.print("Next: `drawdown topics --create`; `drawdown down` stops them.", soft_wrap=True)


def down() -> None:
    """Stop what runs here: services first, then the broker and the database. The data stay."""
    stopped = stack.down(settings.current().data_dir)
    for service in stopped:
        out().print(f"stopped {service.name} (process {service.pid})", soft_wrap=True)
    if not stopped:
        out().print("nothing was running")


def status(as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False) -> None:
    """Show what runs, compiled or pure, and how far the ledger and the projections are behind."""
    chosen = connected()
    running = stack.status(
        chosen.data_dir,
        kafka_bootstrap_servers=chosen.kafka_bootstrap_servers,
        database_url=chosen.database_url,
    ).services
    lags, problem = _lags(chosen)
    if as_json:
        show_json(_document(chosen, running, lags, problem))
    else:
        _show(chosen, running, lags, problem)


def without_password(url: str) -> str:
    """A database URL that may be shown."""
    scheme, slashes, rest = url.partition("//")
    user, at, host = rest.rpartition("@")
    return f"{scheme}{slashes}{user.partition(':')[0]}{at}{host}"


def _lags(chosen: Settings) -> tuple[list[Backlog], str]:
    """Backlogs, and what stands in the way of knowing them."""
    if not chosen.kafka_bootstrap_servers:
        return [], "no broker: run `drawdown up`, or set KAFKA_BOOTSTRAP_SERVERS"
    try:
        admin(chosen).list_topics(timeout=_ANSWER_S)
        with Positions(chosen) as positions:
            return positions.backlogs(), ""
    except KafkaException as error:
        return [], f"the broker doesn't answer: {error.args[0].str()}"
    except DrawdownError as error:
        return [], str(error)


def _document(
    chosen: Settings, running: tuple[Service, ...], lags: list[Backlog], problem: str
) -> dict[str, Any]:
    return {
        "namespace": chosen.namespace,
        "runtime": runtime(),
        "broker": chosen.kafka_bootstrap_servers,
        "database": without_password(chosen.database_url),
        "problem": problem,
        "services": [
            {
                "name": service.name,
                "pid": service.pid,
                "port": service.port,
                "log": service.log,
            }
            for service in running
        ],
        "backlogs": [
            {
                "topic": each.topic,
                "group": each.group,
                "partitions": each.partitions,
                "records": each.records,
                "lag": each.lag,
            }
            for each in lags
        ],
    }


def _show(
    chosen: Settings, running: tuple[Service, ...], lags: list[Backlog], problem: str
) -> None:
    console = out()
    console.print(f"namespace  {chosen.namespace}")
    console.print(f"runtime    {runtime()}")
    console.print(f"broker     {chosen.kafka_bootstrap_servers or 'none'}", soft_wrap=True)
    database = without_password(chosen.database_url) or "none"
    console.print(f"database   {database}", soft_wrap=True)
    processes = table("", "service", "process", "port", "log", numbers=("process", "port"))
    for service in running:
        processes.add_row(*cells(service.name, service.pid, service.port, service.log))
    if running:
        console.print()
        console.print(processes)
    columns = ("topic", "partitions", "records", "read by", "lag")
    topics = table("", *columns, numbers=("partitions", "records", "lag"))
    for each in lags:
        topics.add_row(
            *cells(each.topic, each.partitions, f"{each.records:,}", each.group, each.lag)
        )
    if lags:
        console.print()
        console.print(topics)
    if problem:
        err().print(problem, soft_wrap=True)

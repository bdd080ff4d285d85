"""`topics`: what is in `schemas/topics`, and whether it exists."""

from typing import Annotated, Any

import typer

from drawdown import settings
from drawdown.adapters.kafka.positions import Positions
from drawdown.adapters.kafka.topics import create_topics
from drawdown.adapters.topics import Topic, load_topics
from drawdown.cli.output import JSON_HELP, cells, err, out, show_json, table
from drawdown.cli.session import connected
from drawdown.settings import Settings


def topics(
    create: Annotated[
        bool, typer.Option("--create", help="Create those that are missing.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help=JSON_HELP)] = False,
) -> None:
    """List the topics, what is in them, and whether they exist; --create makes the missing ones."""
    chosen = connected()
    if create:
        for name in create_topics(chosen):
            err().print(f"created {name}", soft_wrap=True)
    existing = _existing(chosen)
    rows = [_row(chosen, topic, existing) for topic in load_topics().values()]
    if as_json:
        show_json(rows)
        return
    columns = ("topic", "partitions", "retention", "cleanup", "exists", "what it holds")
    shown = table("", *columns, numbers=("partitions",))
    for row in rows:
        exists = {True: "yes", False: "no", None: "unknown"}[row["exists"]]
        partitions = row["partitions"]
        what = " ".join(row["description"].split()).partition(". ")[0]
        shown.add_row(
            *cells(row["topic"], partitions, row["retention"], row["cleanup"], exists, what)
        )
    out().print(shown)
    if not chosen.kafka_bootstrap_servers:
        err().print("no broker runs: `drawdown up` starts one")


def _existing(chosen: Settings) -> dict[str, int] | None:
    if not chosen.kafka_bootstrap_servers:
        return None
    with Positions(chosen) as positions:
        return {each.topic: each.partitions for each in positions.backlogs()}


def _row(chosen: Settings, topic: Topic, existing: dict[str, int] | None) -> dict[str, Any]:
    name = settings.current().topic(topic.name)
    planned = chosen.partitions or topic.partitions
    retention_ms = int(topic.config.get("retention.ms", -1))
    return {
        "topic": name,
        "schema": topic.schema,
        "key": topic.key,
        "partitions": planned if existing is None else existing.get(name, planned),
        "retention_ms": retention_ms,
        "retention": "for ever" if retention_ms < 0 else f"{retention_ms // 86_400_000} days",
        "cleanup": str(topic.config.get("cleanup.policy", "delete")),
        "exists": None if existing is None else name in existing,
        "producers": list(topic.producers),
        "consumers": list(topic.consumers),
        "description": topic.description,
    }

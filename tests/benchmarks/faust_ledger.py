"""The ledger as a Faust program with `processing_guarantee=exactly_once`: a baseline.

Per event the work is the ledger's: decode Avro, refuse a repeat, rate, draw down two lots first in,
first out, seal an Avro entry into the account's hash chain, send it. It is generous to Faust where
they differ: tables live in memory, accounts have one policy and no scopes, and nothing is recovered
or checked. Faust puts only the tables' changes into its transactions: what goes to a topic that the
program doesn't also read is sent outside of them.

Run by `baselines.Faust` as `python -m tests.benchmarks.faust_ledger worker`.
"""

import hashlib
import io
import logging
import os
from typing import Any

import faust
from fastavro import parse_schema, schemaless_reader, schemaless_writer

from drawdown.adapters.avro import codec, schema_files
from tests.benchmarks.load import GRANTED, RATES_PICO
from tests.benchmarks.records import ENTRY_HEADER, USAGE_HEADER

NAMESPACE = os.environ["DRAWDOWN_NAMESPACE"]
PARTITIONS = int(os.environ["DRAWDOWN_PARTITIONS"])
ATTO_PER_MICRO = 10**12

# Whatever level it is given, it builds its debug records.
logging.disable(logging.INFO)

_USAGE: Any = parse_schema(schema_files.newest("usage-event").definition)
_ENTRY_DEFINITION = schema_files.newest("ledger-entry").definition
_ENTRY: Any = parse_schema(_ENTRY_DEFINITION)

app = faust.App(
    f"{NAMESPACE}-faust",
    broker=f"kafka://{os.environ['KAFKA_BOOTSTRAP_SERVERS']}",
    store="memory://",
    datadir=os.environ["FAUST_DATA"],
    processing_guarantee="exactly_once",
    topic_partitions=PARTITIONS,
    topic_replication_factor=1,
    # What made it faster than Faust's defaults: fewer, larger requests.
    producer_linger=0.1,
    producer_max_batch_size=1_000_000,
    # Its port would have to be chosen.
    web_enabled=False,
)
usage_events = app.topic(f"{NAMESPACE}.usage-events", value_serializer="raw", key_serializer="raw")
ledger_entries = app.topic(
    f"{NAMESPACE}.ledger-entries", value_serializer="raw", key_serializer="raw"
)
# Account: sequence, residue, the rest of each lot, overage, head of the chain in hex.
accounts = app.Table(f"{NAMESPACE}-accounts", partitions=PARTITIONS)
seen = app.Table(f"{NAMESPACE}-seen", partitions=PARTITIONS)


def opened(customer_id: str) -> list[Any]:
    """An account with its two grants."""
    genesis = codec.genesis_hash(NAMESPACE, customer_id, "credit")
    return [0, 0, *GRANTED, 0, genesis.hex()]


@app.agent(usage_events, concurrency=1)
async def charge(stream: Any) -> None:
    """Charge each usage event once, and send its entry."""
    async for event in stream.events():
        charge_one(event.value, event.message)


def charge_one(value: bytes, message: Any) -> None:
    """Decide one event; nothing for a repeat."""
    usage: Any = schemaless_reader(io.BytesIO(value[len(USAGE_HEADER) :]), _USAGE, None)
    customer_id = usage["customer_id"]
    once = f"{customer_id}/{usage['event_id']}"
    if once in seen:
        return
    digest = hashlib.sha256(value).hexdigest()
    entry, account = decided(
        accounts.get(customer_id) or opened(customer_id), usage, digest, message
    )
    seen[once] = digest
    accounts[customer_id] = account
    # `await send` would wait for the broker's acknowledgement of every event: 400 a second.
    ledger_entries.send_soon(key=customer_id.encode(), value=entry, partition=message.partition)


def decided(account: list[Any], usage: Any, digest: str, message: Any) -> tuple[bytes, list[Any]]:
    """The entry of one event as a record, and the account after it."""
    sequence, residue, first, second, overage, head = account
    lines, atto = rated(usage["quantities"])
    charged, residue = divmod(residue + atto, ATTO_PER_MICRO)
    from_first = min(first, charged)
    from_second = min(second, charged - from_first)
    left = charged - from_first - from_second
    after = [sequence + 1, residue, first - from_first, second - from_second, overage + left]
    facts = {
        **account_facts(usage, after),
        "amount": -(from_first + from_second),
        "allocations": allocations(usage["customer_id"], (from_first, from_second)),
        "charge": charge_facts(usage, lines, charged, left),
        "cause_digest": bytes.fromhex(digest),
        "recorded_at": int(message.timestamp * 1_000) * 1_000,
    }
    value, hashed = sealed(facts, bytes.fromhex(head), message)
    return value, [*after, hashed.hex()]


def rated(quantities: dict[str, int]) -> tuple[list[dict[str, Any]], int]:
    """The rated lines, and their sum in atto-credits."""
    lines, total = [], 0
    for quantity, micro in quantities.items():
        exact = micro * RATES_PICO[quantity]
        total += exact
        amount, rest = divmod(exact, ATTO_PER_MICRO)
        line = {"line_id": f"llm.tokens.{quantity}", "quantity": quantity, "quantity_micro": micro}
        rate = {"rate_pico": RATES_PICO[quantity], "amount": amount, "amount_atto": rest}
        lines.append({**line, **rate})
    return lines, total


def allocations(customer_id: str, amounts: tuple[int, int]) -> list[dict[str, Any]]:
    """What each lot gave, where it gave something."""
    rest = {"kind": "promotional", "released_minor": 0, "currency": "", "reserved": False}
    return [
        {"lot_id": f"{customer_id}-{number}", "amount": amount, **rest}
        for number, amount in enumerate(amounts)
        if amount
    ]


def charge_facts(usage: Any, lines: list[Any], charged: int, left: int) -> dict[str, Any]:
    """The charge, as the entry states it."""
    return {
        "meter": usage["meter"],
        "status": usage["status"],
        "properties": usage["properties"],
        "rate_card": "bench@1",
        "lines": lines,
        "rated": charged,
        "overdrawn": 0,
        "overage": left,
        "uncovered": 0,
        "hold_id": "",
        "hold_ended": False,
        "charged_before": False,
    }


def account_facts(usage: Any, after: list[int]) -> dict[str, Any]:
    """What the entry states of the account after it, and of its cause."""
    sequence, residue, first, second, overage = after
    return {
        "namespace": NAMESPACE,
        "customer_id": usage["customer_id"],
        "unit": usage["unit"],
        "account_seq": sequence,
        "type": "deduction",
        "balance": first + second,
        "held": 0,
        "available": first + second,
        "overdraft": 0,
        "debt": 0,
        "overage_total": overage,
        "residue": residue,
        "cause": "usage",
        "cause_id": usage["event_id"],
        "burn_order_version": 1,
        "reason": "",
        "actor": "",
        "occurred_at": usage["occurred_at"],
        "effective_at": usage["occurred_at"],
        "details": None,
    }


def sealed(facts: dict[str, Any], prev_hash: bytes, message: Any) -> tuple[bytes, bytes]:
    """The record, and the entry's hash: over `prev_hash` and the facts behind it."""
    out = io.BytesIO()
    entry = {
        "partition_seq": message.offset,
        "source_topic": "usage_events",
        "source_partition": message.partition,
        "source_offset": message.offset,
        "index": 0,
        "count": 1,
        "hash_version": 1,
        "prev_hash": prev_hash,
        "facts": facts,
        "hash": bytes(32),
    }
    schemaless_writer(out, _ENTRY, entry)
    encoded = out.getvalue()
    # Seven varints stand before `prev_hash`.
    start = 0
    for _ in range(7):
        while encoded[start] & 0x80:
            start += 1
        start += 1
    hashed = hashlib.sha256(encoded[start:-32]).digest()
    return ENTRY_HEADER + encoded[:-32] + hashed, hashed


if __name__ == "__main__":
    app.main()

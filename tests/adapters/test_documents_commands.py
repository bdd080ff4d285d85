"""Commands and usage events as documents."""

import dataclasses
import typing

import pytest

from drawdown.adapters.documents import times
from drawdown.adapters.documents.commands import (
    BODIES,
    POLICY,
    RECURRING,
    ROLLOVER,
    parse_command,
    write_command,
)
from drawdown.adapters.documents.entries import ACCOUNT, DETAILS, FACTS, HOLD, LOT
from drawdown.adapters.documents.json_text import parse_json
from drawdown.adapters.documents.meanings import COMMANDS, SPECIAL, explained_commands
from drawdown.adapters.documents.shapes import Shape
from drawdown.adapters.documents.usage import parse_usage, write_usage
from drawdown.domain.entries import (
    PARTITION_CUSTOMER,
    EntryDetails,
    PolicyChange,
    RecurringGrant,
    Rollover,
)
from drawdown.domain.inputs import CaptureHold, ChangePolicy, CommandBody, Grant
from drawdown.domain.numbers import DAY_US
from drawdown.errors import InvalidDocument

NOW = 1_767_225_600_000_000
BODY: dict[str, dict[str, object]] = {
    "grant": {"amount": "100.5", "kind": "purchased", "price_minor": 9900, "currency": "USD"},
    "void": {"lot_id": "l", "amount": "1"},
    "refund_usage": {"refund_id": "r", "event_id": "e"},
    "refund_purchase": {"refund_id": "r", "payment_id": "p", "amount": "0", "money_minor": 5},
    "adjust": {"amount": "-2.25"},
    "change_expiry": {"lot_id": "l", "expires_at": "2027-01-01T00:00:00Z"},
    "freeze": {"lot_id": "l"},
    "unfreeze": {},
    "note_dispute": {"dispute_id": "d", "payment_id": "p", "state": "won"},
    "change_policy": {
        "policy": {
            "overage_mode": "overdraft",
            "grace": "5m",
            "recurring": {
                "amount": "100",
                "kind": "included",
                "price_minor": 0,
                "anchor": "2026-01-31T00:00:00Z",
                "period": "month",
                "every": 1,
                "life": None,
            },
            "rollover": {"share": "0.25", "minimum": "0", "maximum": "50", "life": "30d"},
        }
    },
    "place_hold": {
        "hold_id": "h",
        "amount": "3",
        "meter": "m",
        "expires_at": "2027-01-01T00:00:00Z",
    },
    "extend_hold": {"hold_id": "h", "amount": "2"},
    "capture_hold": {
        "hold_id": "h",
        "usage": {
            "event_id": "e",
            "meter": "m",
            "occurred_at": "2026-01-01T00:00:00Z",
            "status": "partial",
            "properties": {"model": "x"},
            "quantities": {"input": "1.5"},
        },
        "final": False,
    },
    "release_hold": {"hold_id": "h"},
    "batch": {
        "holds": [
            {"hold_id": "h", "amount": "1", "meter": "m", "expires_at": "2027-01-01T00:00:00Z"}
        ]
    },
    "redrive_rejected": {"event_id": "e", "rate_card": "c@1"},
    "park_record": {"topic": "usage-events", "partition": 3, "offset": 7},
    "apply_rate_card": {
        "card": {
            "card": "c",
            "version": "1",
            "unit": "credit",
            "effective_from": "2026-01-01T00:00:00Z",
            "meters": {"m": {"lines": [{"quantity": "q", "rate": "0.5"}]}},
        }
    },
    "close_period": {"closed_until": "2026-01-01T00:00:00Z"},
    "tick": {},
}


def envelope(name: str, **more: object) -> dict[str, object]:
    return {"command_id": "c", "type": name, "customer_id": "acme", **more}


MADE: list[tuple[Shape, type]] = [
    *((shape, shape.make) for shape in BODIES.values() if isinstance(shape.make, type)),
    (POLICY, PolicyChange),
    (RECURRING, RecurringGrant),
    (ROLLOVER, Rollover),
]


@pytest.mark.parametrize(("shape", "made"), MADE, ids=lambda each: getattr(each, "__name__", ""))
def test_a_shape_has_exactly_the_fields_of_its_value(shape: Shape, made: type) -> None:
    fields = dataclasses.fields(made)
    assert {shape.attributes.get(name, name) for name in shape.fields} == {f.name for f in fields}
    needed = {
        each.name
        for each in fields
        if each.default is dataclasses.MISSING and each.default_factory is dataclasses.MISSING
    }
    assert {shape.attributes.get(name, name) for name in shape.required} == needed


def test_every_command_has_a_shape() -> None:
    assert {shape.make for shape in BODIES.values()} == set(typing.get_args(CommandBody))


def test_every_command_and_each_of_its_fields_is_explained() -> None:
    assert set(COMMANDS) == set(BODIES)
    lines = list(explained_commands(BODIES))
    assert len(lines) > 100
    said = set("\n".join(lines).split())
    for owner in (*BODIES.values(), POLICY, RECURRING, ROLLOVER):
        for name in owner.fields:
            assert {name, f"{name}*"} & said, name
    owners = {*BODIES, "recurring", "rollover", "usage", "holds", "policy"}
    assert {key.partition(".")[0] for key in SPECIAL} <= owners


def test_a_policy_s_durations_are_read_under_the_schema_s_names_too() -> None:
    short = envelope("change_policy", policy={"grace": "5m"})
    long = envelope("change_policy", policy={"grace_us": 300_000_000})
    made = parse_command(short, where="c", issued_at=NOW)
    assert made == parse_command(long, where="c", issued_at=NOW)
    both = envelope("change_policy", policy={"grace": "5m", "grace_us": "5m"})
    with pytest.raises(InvalidDocument, match="grace_us and grace are one field"):
        parse_command(both, where="c", issued_at=NOW)


def test_a_share_is_a_decimal() -> None:
    given = {"rollover": {"share": "0.5", "life": "30d"}}
    body = parse_command(envelope("change_policy", policy=given), where="c", issued_at=NOW).body
    assert isinstance(body, ChangePolicy)
    assert body.policy.rollover == Rollover(share_pico=500_000_000_000, life_us=30 * DAY_US)


def test_the_usage_of_a_capture_happens_when_its_command_is_issued() -> None:
    usage = {"event_id": "e", "meter": "m", "quantities": {"q": 1}}
    given = envelope("capture_hold", hold_id="h", usage=usage)
    body = parse_command(given, where="c", issued_at=NOW).body
    assert isinstance(body, CaptureHold)
    assert body.usage is not None
    assert (body.usage.occurred_at, body.usage.status) == (NOW, "succeeded")


@pytest.mark.parametrize("name", BODIES)
def test_a_command_reads_as_it_was_written(name: str) -> None:
    command = parse_command(envelope(name, **BODY[name]), where="c", issued_at=NOW)
    written = write_command(command)
    assert parse_command(written, where="c", issued_at=0) == command
    assert {key: written[key] for key in BODY[name]} == BODY[name]


def test_types_may_be_written_in_camel_case() -> None:
    made = parse_command(envelope("PlaceHold", **BODY["place_hold"]), where="c", issued_at=NOW)
    assert made == parse_command(
        envelope("place_hold", **BODY["place_hold"]), where="c", issued_at=NOW
    )


def test_what_is_about_no_customer_needs_none() -> None:
    made = parse_command({"command_id": "t", "type": "tick"}, where="c", issued_at=NOW)
    assert made.customer_id == PARTITION_CUSTOMER


def test_a_decimal_number_of_json_is_exact() -> None:
    given = parse_json('{"amount": 0.1, "kind": "included"}', where="t")
    body = parse_command(envelope("grant", **given), where="c", issued_at=NOW).body
    assert isinstance(body, Grant)
    assert body.amount == 100_000


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"amount": 0.5}, "write an integer, or a decimal in quotes"),
        ({"amount": True}, "is no number"),
        ({"amount": "1e3"}, "is not a decimal number"),
        ({"amount": "9" * 30}, "beyond 64 bits"),
        ({"customer_id": "\udcff"}, "surrogates not allowed"),
        ({"expires_at": "tomorrow"}, "is no time"),
        ({"expires_at": "2026-01-01T00:00:00"}, "has no zone"),
        ({"type": "gant"}, "did you mean grant?"),
        ({"meter": "m"}, "did you mean meters?"),
        ({"meters": "m"}, "is no list"),
        ({"priority": "high"}, "is not a decimal number"),
    ],
)
def test_what_cannot_be_meant_is_refused(change: dict[str, object], complaint: str) -> None:
    data = envelope("grant", amount=1, kind="included")
    with pytest.raises(InvalidDocument) as refused:
        parse_command({**data, **change}, where="line 7", issued_at=NOW)
    assert str(refused.value).startswith("line 7")
    assert complaint in str(refused.value)


@pytest.mark.parametrize("text", ['{"a": 1, "a": 2}', "nope", '{"a":', "[" * 100_000, "\x00"])
def test_text_that_is_no_json_is_refused(text: str) -> None:
    with pytest.raises(InvalidDocument, match=r"^line 1: no JSON"):
        parse_json(text, where="line 1")


def test_usage_reads_as_it_was_written() -> None:
    data = {
        "event_id": "e",
        "customer_id": "acme",
        "unit": "credit",
        "meter": "m",
        "occurred_at": "2026-01-01T00:00:00.000001Z",
        "status": "partial",
        "properties": {"model": "x"},
        "quantities": {"input": "0.000001"},
    }
    event = parse_usage(data, where="u", occurred_at=0)
    assert (event.occurred_at, event.quantities) == (NOW + 1, {"input": 1})
    assert write_usage(event) == data


@pytest.mark.parametrize("us", [0, NOW, NOW + 1, -1, 2**62])
def test_times_read_as_they_were_written(us: int) -> None:
    written = times.format_time(us)
    assert times.parse_time(int(written) if written.isdigit() else written) == us


@pytest.mark.parametrize(
    ("text", "us"), [("0s", 0), ("90s", 90_000_000), ("5m", 300_000_000), ("1d", 86_400_000_000)]
)
def test_durations(text: str, us: int) -> None:
    assert times.parse_duration(text) == us
    assert times.parse_duration(times.format_duration(us)) == us


def test_written_entries_leave_nothing_out() -> None:
    for shape, count in ((FACTS, 25), (LOT, 30), (ACCOUNT, 12), (HOLD, 9)):
        assert len(shape.fields) == count
    assert set(DETAILS.fields) == {each.name for each in dataclasses.fields(EntryDetails)}

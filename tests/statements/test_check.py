"""Proofs hold as they are written, and nothing in them can be changed unseen."""

import base64
import json
import subprocess
import sys
from collections.abc import Callable
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from drawdown.cli.application import app
from drawdown.domain.inputs import Adjust, Grant, NoteDispute, PlaceHold, RefundUsage, ReleaseHold
from drawdown.domain.numbers import DAY_US
from drawdown.statements.checking import Checked, check_lines
from tests.domain.building import CREDIT, T, command, usage
from tests.statements.recording import Recording

Change = Callable[[list[Any]], None]


@pytest.fixture(scope="module")
def recording() -> Recording:
    """A little of everything, for two customers."""
    made = Recording()
    for customer in ("acme", "bolt"):
        paid = Grant(
            amount=50 * CREDIT,
            kind="purchased",
            lot_id="g",
            price_minor=999,
            currency="USD",
            payment_id="p",
        )
        hold = PlaceHold(hold_id="h", amount=5 * CREDIT, meter="tokens", expires_at=T + DAY_US // 2)
        made.ask(paid, "grant", T, customer)
        made.use("e-1", 20, T + 1, customer)
        made.decide(usage("bad", customer_id=customer, meter="unpriced"), T + 2)
        made.ask(hold, "hold", T + 3, customer)
        made.ask(ReleaseHold(hold_id="h"), "release", T + 4, customer)
        made.ask(RefundUsage(refund_id="r", event_id="e-1", amount=CREDIT), "refund", T, customer)
        opened = NoteDispute(dispute_id="d", payment_id="p", state="lost")
        made.ask(opened, "lost", T + 5, customer)
        made.decide(command(Adjust(amount=0), "nothing", customer_id=customer), T + 6)
        made.ask(Adjust(amount=CREDIT), "adjust", T + 7, customer)
    return made


def documents(recording: Recording, customer_id: str = "acme") -> list[Any]:
    return [json.loads(line) for line in recording.proof(customer_id)]


def checked(lines: list[Any], head: str = "") -> Checked:
    return check_lines([json.dumps(each) for each in lines], head)


def test_a_proof_holds_and_says_the_balance(recording: Recording) -> None:
    lines = recording.proof()
    found = check_lines(lines)
    last = recording.of()[-1]
    assert (found.wrong, found.entries) == ("", len(recording.of()))
    assert (found.head, found.balance) == (last.hash.hex(), last.facts.balance)
    assert found.proven == 0
    whole = check_lines(lines, last.hash.hex().upper())
    assert (whole.ok, whole.proven) == (True, found.entries)


def test_a_head_of_an_earlier_day_proves_up_to_there(recording: Recording) -> None:
    found = check_lines(recording.proof(), recording.of()[2].hash.hex())
    assert (found.ok, found.proven) == (True, 3)


def test_another_head_is_refused(recording: Recording) -> None:
    found = check_lines(recording.proof(), recording.of("bolt")[-1].hash.hex())
    assert not found.ok
    assert "doesn't lead to the head given" in found.wrong


def paths(value: Any, at: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Where each single value stands in a document."""
    if isinstance(value, dict) and value:
        return [path for name in value for path in paths(value[name], (*at, name))]
    if isinstance(value, list) and value:
        return [path for number, each in enumerate(value) for path in paths(each, (*at, number))]
    return [at]


def other(value: Any) -> Any:
    """Another value of the same type."""
    match value:
        case bool():
            return not value
        case int():
            return value + 1
        case str():
            return value[:-1] + ("0" if value[-1:] != "0" else "1")
        case None:
            return "something"
        case _:
            return ["something"]


def test_no_value_can_be_changed_unseen(recording: Recording) -> None:
    lines = documents(recording)
    unseen = []
    for number, line in enumerate(lines):
        for path in paths(line):
            changed = json.loads(json.dumps(lines))
            holder = changed[number]
            for step in path[:-1]:
                holder = holder[step]
            holder[path[-1]] = other(holder[path[-1]])
            found = checked(changed)
            if found.ok or (found.line > max(number + 1, 2) and number):
                unseen.append((number, path, found.line, found.wrong))
    assert unseen == []


def test_no_value_can_be_left_out_or_added_unseen(recording: Recording) -> None:
    lines = documents(recording)
    for number, line in enumerate(lines):
        for name in line:
            changed = json.loads(json.dumps(lines))
            del changed[number][name]
            assert checked(changed).line == number + 1
        changed = json.loads(json.dumps(lines))
        changed[number]["remark"] = "paid"
        assert checked(changed).line == number + 1
    for name in lines[1]["entry"]:
        changed = json.loads(json.dumps(lines))
        del changed[1]["entry"][name]
        assert f"{name} reads None" in checked(changed).wrong


def swap(lines: list[Any]) -> None:
    lines[3], lines[4] = lines[4], lines[3]


@pytest.mark.parametrize(
    ("change", "line", "wrong"),
    [
        (lambda lines: lines.pop(3), 4, "the chain breaks"),
        (lambda lines: lines.pop(1), 2, "the chain breaks"),
        (lambda lines: lines.insert(3, lines[3]), 5, "the chain breaks"),
        (swap, 4, "the chain breaks"),
        (lambda lines: lines.pop(0), 1, "it must have"),
        (lambda lines: lines.pop(), 10, "it has 9 entries, not 10"),
        (lambda lines: lines.clear(), 1, "the file is empty"),
    ],
)
def test_no_entry_can_be_dropped_doubled_or_moved(
    recording: Recording, change: Change, line: int, wrong: str
) -> None:
    lines = documents(recording)
    change(lines)
    found = checked(lines)
    assert (found.ok, found.line) == (False, line)
    assert wrong in found.wrong


def test_a_cut_end_with_a_forged_header_is_seen_by_the_head_alone(recording: Recording) -> None:
    lines = documents(recording)[:-2]
    lines[0]["entries"], lines[0]["head"] = len(lines) - 1, lines[-1]["hash"]
    assert checked(lines).ok
    found = checked(lines, recording.of()[-1].hash.hex())
    assert "entries are missing at its end" in found.wrong


def test_another_customers_entries_are_refused(recording: Recording) -> None:
    lines, others = documents(recording), documents(recording, "bolt")
    assert "the chain breaks" in checked([lines[0], *others[1:]]).wrong
    others[0]["customer_id"] = "acme"
    assert "the chain breaks" in checked(others).wrong


def forged(line: dict[str, Any], covered: bytes) -> dict[str, Any]:
    return {
        **line,
        "bytes": base64.b64encode(covered).decode(),
        "hash": sha256(covered).hexdigest(),
    }


def test_changed_bytes_with_a_new_hash_break_the_figures_or_the_reading(
    recording: Recording,
) -> None:
    """Even a last entry whose hash is taken anew must read as its bytes, and fold."""
    lines = documents(recording)
    covered = base64.b64decode(lines[-1]["bytes"])
    caught = 0
    for place in range(len(covered)):
        changed = bytearray(covered)
        changed[place] ^= 1
        last = forged(lines[-1], bytes(changed))
        header = {**lines[0], "head": last["hash"]}
        caught += not checked([header, *lines[1:-1], last]).ok
    assert caught == len(covered)


def test_what_is_no_proof_is_said() -> None:
    assert check_lines(["nope\n"]).wrong.startswith("it: no JSON")
    assert "and nothing else" in check_lines(["[]"]).wrong
    assert "given twice" in check_lines(['{"a": 1, "a": 2}']).wrong


def test_values_of_the_wrong_type_are_said(recording: Recording) -> None:
    lines = documents(recording)
    for name, value, wrong in (
        ("proof", "drawdown/2", "of form 'drawdown/2'"),
        ("entries", "9", "wrong type"),
        ("unit", 1, "wrong type"),
    ):
        assert wrong in checked([{**lines[0], name: value}]).wrong
    for name, value, wrong in (
        ("entry", 1, "entry is no object"),
        ("bytes", "?", "no entry"),
        ("bytes", "AAAA", "no entry"),
    ):
        assert wrong in checked([lines[0], {**lines[1], name: value}]).wrong


def test_the_command_line_says_what_holds_and_what_breaks(
    recording: Recording, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KAFKA_BOOTSTRAP_SERVERS", "")
    monkeypatch.setenv("DRAWDOWN_NAMESPACE", "No namespace!")
    path = tmp_path / "proof.jsonl"
    path.write_text("\n".join(recording.proof()) + "\n")
    head = recording.of()[-1].hash.hex()
    plain = CliRunner().invoke(app, ["check", str(path)])
    assert (plain.exit_code, "don't show without --head" in plain.stdout) == (0, True)
    proven = CliRunner().invoke(app, ["check", str(path), "--head", head])
    assert (proven.exit_code, "nothing is missing" in proven.stdout) == (0, True)
    told = CliRunner().invoke(app, ["check", str(path), "--head", head, "--json"])
    assert json.loads(told.stdout)["end_is_proven"] is True
    path.write_text("\n".join(recording.proof()[:-1]) + "\n")
    cut = CliRunner().invoke(app, ["check", str(path), "--json"])
    assert (cut.exit_code, json.loads(cut.stdout)["line"]) == (1, 10)
    assert f"{path}:10: it has 9 entries, not 10" in cut.stderr
    assert CliRunner().invoke(app, ["check", str(tmp_path / "none")]).exit_code == 2


def test_checking_imports_no_client_and_no_settings() -> None:
    program = (
        "import sys; import drawdown.statements.checking;"
        "print([name for name in sys.modules if name.partition('.')[0] in"
        " ('confluent_kafka', 'httpx', 'psycopg') or name == 'drawdown.settings'])"
    )
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, timeout=60
    )
    assert answer.stdout.strip() == "[]"

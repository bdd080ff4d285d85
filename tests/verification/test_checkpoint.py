"""Checkpoints: saved whole or not at all, and never trusted where they can't be read."""

import sqlite3
from pathlib import Path

import pytest

from drawdown.errors import Unavailable
from drawdown.verification import checkpoint as checkpoint_module
from drawdown.verification.checkpoint import Checkpoint, Reached, Sign

SIGN: Sign = ("command", "acme", "c", b"digest")


def saved(file: Path) -> Reached:
    with Checkpoint(file) as checkpoint:
        checkpoint.tell([(SIGN, "ledger_commands", 5)])
        reached = Reached(partition_seq=3, last_offset=7, next_offset={"usage-events": 9})
        checkpoint.save(reached)
    return reached


def test_what_was_saved_is_there_and_the_rest_is_not(tmp_path: Path) -> None:
    file = tmp_path / "deep" / "file"
    reached = saved(file)
    with Checkpoint(file) as checkpoint:
        assert (checkpoint.reached, checkpoint.begun) == (reached, True)
        checkpoint.tell([(("command", "acme", "other", b""), "ledger_commands", 1)])
        checkpoint.forget()
        assert not checkpoint.begun
    with Checkpoint(file) as checkpoint:
        assert checkpoint.reached == reached
        assert checkpoint.was_told(SIGN, "ledger_commands", 6)
        assert not checkpoint.was_told(("command", "acme", "other", b""), "ledger_commands", 6)


def test_what_was_said_later_in_its_topic_was_not_said_before(tmp_path: Path) -> None:
    saved(tmp_path / "file")
    with Checkpoint(tmp_path / "file") as checkpoint:
        assert not checkpoint.was_told(SIGN, "ledger_commands", 5)
        # Two topics have no order between them.
        assert checkpoint.was_told(SIGN, "usage_events", 0)
        assert not checkpoint.was_told(("command", "acme", "c", b"other"), "usage_events", 0)


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\0" + b"x" * 99])
def test_a_file_that_is_no_checkpoint_is_made_anew(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "file"
    file.write_bytes(content)
    with Checkpoint(file) as checkpoint:
        assert not checkpoint.begun
    saved(file)
    with Checkpoint(file) as checkpoint:
        assert checkpoint.begun


def test_another_format_is_made_anew(tmp_path: Path) -> None:
    file = tmp_path / "file"
    saved(file)
    database = sqlite3.connect(file)
    database.execute(f"PRAGMA user_version = {checkpoint_module.FORMAT + 1}")
    database.close()
    with Checkpoint(file) as checkpoint:
        assert not checkpoint.begun


def test_two_audits_do_not_share_a_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(checkpoint_module, "_BUSY_S", 0.05)
    file = tmp_path / "file"
    with Checkpoint(file), pytest.raises(Unavailable, match="is another audit at work"):
        Checkpoint(file)


def test_sums_of_usage_and_referrals_add_up(tmp_path: Path) -> None:
    day = ("acme", "credit", "tokens", "2026-01-31")
    hour = ("acme", "credit", "tokens", "2026-01-31 05:00:00")
    with Checkpoint(tmp_path / "file") as checkpoint:
        assert checkpoint.add_usage({day: [1, 2]}) == {day: [1, 2]}
        assert checkpoint.add_usage({day: [3, -1]}) == {day: [4, 1]}
        assert checkpoint.add_usage({hour: [7, 7]}) == {hour: [7, 7]}
        assert checkpoint.periods_of("acme", "credit") == [day, hour]
        assert checkpoint.add_referrals({"r": {"acme"}}) == {"r": {"acme"}}
        assert checkpoint.add_referrals({"r": {"bolt"}}) == {"r": {"acme", "bolt"}}

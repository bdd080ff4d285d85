"""Replies and dead letters: values that can't be changed."""

from dataclasses import FrozenInstanceError
from typing import get_args

import pytest

from drawdown.domain.dead_letters import KEPT_BYTES, DeadLetter, DeadLetterReason
from drawdown.domain.replies import Outcome, Reply, ReplyEntry


def test_a_reply_stays_as_it_was_given() -> None:
    short = ReplyEntry(
        entry_id="c-0-0-0",
        type="grant",
        amount=5,
        balance=5,
        available=5,
        account_seq=1,
        partition_seq=1,
    )
    reply = Reply(
        command_id="k",
        customer_id="acme",
        unit="credit",
        outcome="accepted",
        code="",
        detail="",
        first_entry_id="",
        entries=[short],
        recorded_at=1,
        partition_seq=1,
    )
    with pytest.raises((FrozenInstanceError, AttributeError)):
        reply.outcome = "rejected"  # type: ignore[misc]
    assert reply.entries == [short]
    assert get_args(Outcome) == ("accepted", "rejected", "duplicate")


def test_dead_letters_keep_64_kib() -> None:
    assert KEPT_BYTES == 65_536
    letter = DeadLetter(
        topic="usage-events",
        partition=0,
        offset=7,
        recorded_at=1,
        reason="undecodable",
        detail="",
        length=0,
        sha256=b"",
        key=None,
        value=b"",
    )
    assert letter.reason in get_args(DeadLetterReason)

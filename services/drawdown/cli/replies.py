"""Replies as the command line shows them."""

from typing import Any

from drawdown.adapters.documents.times import format_time
from drawdown.domain.codes import MEANING
from drawdown.domain.numbers import format_credits
from drawdown.domain.replies import Reply


def reply_document(reply: Reply) -> dict[str, Any]:
    """A reply as JSON: amounts in credits as text, times in ISO 8601."""
    return {
        "command_id": reply.command_id,
        "customer_id": reply.customer_id,
        "unit": reply.unit,
        "outcome": reply.outcome,
        "code": reply.code,
        "detail": reply.detail,
        "first_entry_id": reply.first_entry_id,
        "entries": [
            {
                "entry_id": entry.entry_id,
                "type": entry.type,
                "amount": format_credits(entry.amount),
                "balance": format_credits(entry.balance),
                "available": format_credits(entry.available),
                "account_seq": entry.account_seq,
                "partition_seq": entry.partition_seq,
            }
            for entry in reply.entries
        ],
        "recorded_at": format_time(reply.recorded_at),
        "partition_seq": reply.partition_seq,
    }


def refusal(reply: Reply) -> str:
    """Why a command was refused, as a sentence; empty if it wasn't."""
    if not reply.code:
        return ""
    meaning = next((text for code, text in MEANING.items() if code == reply.code), "")
    detail = f" ({reply.detail})" if reply.detail else ""
    return f"{reply.code}: {meaning}{detail}"

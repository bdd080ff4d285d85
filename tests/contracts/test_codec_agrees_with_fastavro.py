"""The generated codecs give fastavro's bytes and read what fastavro writes, both ways."""

from collections.abc import Callable
from dataclasses import dataclass
from io import BytesIO
from typing import Any

import fastavro
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from librt.strings import BytesWriter
from tests.schemas.records import model, plain_values, to_domain, to_plain

from drawdown.adapters.avro import codec, generic
from drawdown.adapters.avro.generated.command import read_Command, write_Command
from drawdown.adapters.avro.generated.command_pure import pack_Command
from drawdown.adapters.avro.generated.ledger_entry import read_LedgerEntry, write_LedgerEntry
from drawdown.adapters.avro.generated.ledger_entry_pure import pack_LedgerEntry
from drawdown.adapters.avro.generated.rate_card import read_RateCard, write_RateCard
from drawdown.adapters.avro.generated.rate_card_pure import pack_RateCard
from drawdown.adapters.avro.generated.reply import read_Reply, write_Reply
from drawdown.adapters.avro.generated.reply_pure import pack_Reply
from drawdown.adapters.avro.generated.usage_event import read_UsageEvent, write_UsageEvent
from drawdown.adapters.avro.generated.usage_event_pure import pack_UsageEvent
from drawdown.errors import DecodeFailed


@dataclass(frozen=True)
class Codec:
    """What is generated for one schema."""

    schema: str
    read: Callable[[bytes, int], tuple[Any, int]]
    write: Callable[[BytesWriter, Any], None]
    pack: Callable[[Any], bytes]

    def written(self, value: Any) -> bytes:
        """By the compiled shape, whichever runs."""
        out = BytesWriter()
        self.write(out, value)
        return out.getvalue()


CODECS = [
    Codec("usage-event", read_UsageEvent, write_UsageEvent, pack_UsageEvent),
    Codec("command", read_Command, write_Command, pack_Command),
    Codec("ledger-entry", read_LedgerEntry, write_LedgerEntry, pack_LedgerEntry),
    Codec("rate-card", read_RateCard, write_RateCard, pack_RateCard),
    Codec("reply", read_Reply, write_Reply, pack_Reply),
]
UNTIMED = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""A whole ledger entry at random takes its time, the more so on a busy machine."""
EACH = pytest.mark.parametrize("each", CODECS, ids=lambda each: each.schema)


@EACH
@given(data=st.data())
@settings(UNTIMED, max_examples=40)
def test_both_encoders_give_fastavros_bytes(each: Codec, data: st.DataObject) -> None:
    record = model(each.schema)
    value = to_domain(record, data.draw(plain_values(record)))
    expected = generic.encode(to_plain(record, value), each.schema, header=b"")
    assert each.written(value) == expected
    assert each.pack(value) == expected


@EACH
@given(data=st.data())
@settings(UNTIMED, max_examples=40)
def test_the_decoder_reads_what_fastavro_writes(each: Codec, data: st.DataObject) -> None:
    record = model(each.schema)
    plain = data.draw(plain_values(record))
    written = generic.encode(plain, each.schema, header=b"head:")
    value, end = each.read(written, 5)
    assert to_plain(record, value) == plain
    assert end == len(written)


@EACH
@given(data=st.data())
@settings(UNTIMED, max_examples=15)
def test_bytes_cut_short_are_refused(each: Codec, data: st.DataObject) -> None:
    plain = data.draw(plain_values(model(each.schema)))
    written = generic.encode(plain, each.schema, header=b"")
    cut = written[: data.draw(st.integers(0, max(0, len(written) - 1)))]
    assert _read_whole(each, cut) is None


@EACH
@given(noise=st.binary(max_size=400))
@settings(UNTIMED, max_examples=60)
def test_noise_is_refused_or_read_as_fastavro_reads_it(each: Codec, noise: bytes) -> None:
    value = _read_whole(each, noise)
    if value is not None:
        assert to_plain(model(each.schema), value) == _sorted_plain(each, noise)


def _read_whole(each: Codec, data: bytes) -> object | None:
    """The record; None where the bytes are refused, as `codec` would."""
    try:
        value, end = each.read(data, 0)
    except (IndexError, UnicodeDecodeError, DecodeFailed):
        return None
    found: object = value
    return found if end == len(data) else None


def _sorted_plain(each: Codec, written: bytes) -> Any:
    record = model(each.schema)
    plain = fastavro.schemaless_reader(
        BytesIO(written),
        generic.parsed(each.schema),
        None,
        return_record_name=True,
        return_record_name_override=True,
    )
    return to_plain(record, to_domain(record, plain))


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 2**64, 2**80])
def test_a_number_beyond_64_bits_is_an_error_and_never_wraps(number: int) -> None:
    record = model("usage-event")
    plain = {
        "event_id": "e",
        "customer_id": "c",
        "unit": "credit",
        "meter": "m",
        "status": "failed",
        "properties": {},
        "quantities": {"q": number},
        "hold_id": "",
        "hold_final": False,
        "occurred_at": 0,
    }
    with pytest.raises((OverflowError, ValueError)):
        codec.encode_usage(to_domain(record, plain), header=b"")

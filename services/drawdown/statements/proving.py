"""Proving: an account's entries with their bytes, written from the ledger topic."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from drawdown.adapters.avro.wire import HEADER_BYTES
from drawdown.errors import InvalidDocument
from drawdown.settings import Settings
from drawdown.statements.form import Header, write_entry_line, write_header
from drawdown.statements.reading import Recorded, home_of, records_of


def prove(settings: Settings, customer_id: str, unit: str, path: Path) -> Header | None:
    """Write an account's proof to a file; None: there is no such account.

    The topic is read twice, once to know where the proof ends, so that no account is too
    large. Raises `InvalidDocument` where the file can't be written.
    """
    header: Header | None = None
    for count, each in enumerate(_records(settings, customer_id, unit), 1):
        header = Header(
            namespace=each.entry.facts.namespace,
            customer_id=customer_id,
            unit=unit,
            entries=count,
            head=each.entry.hash.hex(),
        )
    if header is None:
        return None
    try:
        with path.open("w", encoding="utf-8") as file:
            file.write(write_header(header) + "\n")
            for each in islice(_records(settings, customer_id, unit), header.entries):
                file.write(write_entry_line(each.entry, each.value, HEADER_BYTES) + "\n")
    except OSError as error:
        raise InvalidDocument(f"{path}: can't be written: {error}") from error
    return header


def _records(settings: Settings, customer_id: str, unit: str) -> Iterator[Recorded]:
    for each in records_of(settings, home_of(settings, customer_id), [customer_id]):
        if each.entry.facts.unit == unit:
            yield each

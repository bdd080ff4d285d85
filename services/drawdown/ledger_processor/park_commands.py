"""Commands that park a record, found among others without deciding any."""

from typing import Final

from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.kafka.records import ConsumedRecord, key_of, value_of
from drawdown.domain.entries import PARTITION_CUSTOMER
from drawdown.domain.inputs import Command, ParkRecord
from drawdown.errors import DecodeFailed

_KEY: Final = PARTITION_CUSTOMER.encode()


def park_command(wire: Wire, record: ConsumedRecord) -> tuple[Command, ParkRecord] | None:
    """The command of a record of `ledger-commands` and what it parks; None for all others. Those
    of no customer are few, and the others aren't decoded."""
    if key_of(record) != _KEY:
        return None
    try:
        command = wire.decode_command(value_of(record))
    except DecodeFailed:
        return None
    return (command, command.body) if isinstance(command.body, ParkRecord) else None

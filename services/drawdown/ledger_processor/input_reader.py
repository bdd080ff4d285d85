"""Reading inputs: the usage event or command of a record, or why it is none. On the hot path."""

from collections.abc import Callable
from typing import Final, final

from drawdown.adapters.avro.codec import decode_command, decode_usage
from drawdown.adapters.avro.wire import HEADER_BYTES
from drawdown.domain.dead_letters import (
    DeadLetter,
    DeadLetterReason,
    command_fault,
    usage_fault,
)
from drawdown.domain.entries import PARTITION_CUSTOMER
from drawdown.domain.ids import valid_id
from drawdown.domain.inputs import Command, UsageEvent
from drawdown.domain.ledger import Ledger
from drawdown.errors import DecodeFailed, SchemaUnknown


@final
class Framing:
    """Wire formats: the newest schemas' headers, and how records of others are read.

    `partition_of` says where a customer belongs; `encode_dead_letter` frames a dead letter.
    """

    def __init__(
        self,
        *,
        usage_header: bytes,
        command_header: bytes,
        entry_header: bytes,
        reply_header: bytes,
        lift_usage: Callable[[bytes], UsageEvent],
        lift_command: Callable[[bytes], Command],
        encode_dead_letter: Callable[[DeadLetter], bytes],
        partition_of: Callable[[str], int],
    ) -> None:
        self.usage_header: Final = usage_header
        self.command_header: Final = command_header
        self.entry_header: Final = entry_header
        self.reply_header: Final = reply_header
        self.lift_usage: Final = lift_usage
        self.lift_command: Final = lift_command
        self.encode_dead_letter: Final = encode_dead_letter
        self.partition_of: Final = partition_of


@final
class Unfit(Exception):
    """A record that is no input of this partition."""

    def __init__(self, reason: DeadLetterReason, detail: str) -> None:
        super().__init__(detail)
        self.reason: Final[DeadLetterReason] = reason
        self.detail: Final = detail


@final
class InputReader:
    """Reads the inputs of one ledger's partition. Raises `Unfit` for what is none.

    Units and meters come from outside, so that only `names_max` of them are remembered as valid.
    """

    def __init__(self, framing: Framing, ledger: Ledger, *, names_max: int) -> None:
        self._framing: Final = framing
        self._ledger: Final = ledger
        self._names: Final[set[str]] = set()
        self._names_max: Final = names_max

    def usage_event(self, value: bytes) -> UsageEvent:
        """The usage event of a record's value."""
        try:
            if value.startswith(self._framing.usage_header):
                event = decode_usage(value, HEADER_BYTES)
            else:
                event = self._framing.lift_usage(value)
        except SchemaUnknown as error:
            raise Unfit("schema_unknown", str(error)) from error
        except DecodeFailed as error:
            raise Unfit("undecodable", str(error)) from error
        fits = valid_id(event.event_id) and self._is_name(event.unit, event.meter)
        for name, text in event.properties.items():
            if "\0" in text or "\0" in name:
                fits = False
        known = self._ledger.knows(event.customer_id)
        if not fits or not known:
            fault = usage_fault(event)
            if fault:
                raise Unfit("undecodable", fault)
        if not known:
            self._check_home(event.customer_id)
        return event

    def _is_name(self, unit: str, meter: str) -> bool:
        """Whether both are valid ids; the few there are, are looked at once."""
        names = self._names
        if unit in names and meter in names:
            return True
        if not (valid_id(unit) and valid_id(meter)):
            return False
        if len(names) < self._names_max:
            names.update((unit, meter))
        return True

    def command(self, value: bytes) -> Command:
        """The command of a record's value."""
        try:
            if value.startswith(self._framing.command_header):
                command = decode_command(value, HEADER_BYTES)
            else:
                command = self._framing.lift_command(value)
        except SchemaUnknown as error:
            raise Unfit("schema_unknown", str(error)) from error
        except DecodeFailed as error:
            raise Unfit("undecodable", str(error)) from error
        fault = command_fault(command)
        if fault:
            raise Unfit("undecodable", fault)
        if command.customer_id != PARTITION_CUSTOMER:
            self._check_home(command.customer_id)
        return command

    def _check_home(self, customer_id: str) -> None:
        home = self._framing.partition_of(customer_id)
        if home != self._ledger.partition:
            raise Unfit("wrong_partition", f"{customer_id!r} belongs to partition {home} (murmur2)")

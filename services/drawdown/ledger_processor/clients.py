"""The broker clients of a ledger processor: which there are, and how each is configured."""

from typing import Final, Protocol

from confluent_kafka import Consumer, Producer

from drawdown.adapters.kafka.clients import consumer, member, producer, transactional_producer
from drawdown.adapters.kafka.partition_log import log_client
from drawdown.adapters.kafka.stable_offsets import Offsets, StableOffsets
from drawdown.settings import Settings

_PAST_FETCH_BYTES: Final = 64 * 1024
"""Some hundred entries; a fetch of the usual megabyte takes four times as long."""


class Clients(Protocol):
    """Makes each client that a processor needs; nothing else in it does."""

    def usage(self) -> Consumer:
        """The member of the group, for `usage-events`; says where a partition ends."""

    def commands(self) -> Consumer:
        """Assigned by hand, for `ledger-commands`; says where a partition ends."""

    def log(self) -> Consumer:
        """What a recovery reads the ledger's topics with; closed after it."""

    def past(self) -> Consumer:
        """What single entries of the ledger are read again with."""

    def undecided_log(self) -> Consumer:
        """What reads also what isn't committed; closed by whoever asked for it."""

    def transactional(self, transactional_id: str) -> Producer:
        """What a partition's writer produces with; a new one for each time that it is opened."""

    def ticks(self) -> Producer:
        """What ticks are sent with."""

    def offsets(self) -> Offsets:
        """What says where partitions end."""


class KafkaClients:
    """Clients of the broker that the settings name."""

    def __init__(self, settings: Settings, group: str) -> None:
        """`group` is the full name of the processors' group."""
        self._settings = settings
        self._group = group

    def usage(self) -> Consumer:
        """Cooperative: who keeps a partition goes on with it while others move."""
        return member(self._settings, group=self._group, enable_partition_eof=True)

    def commands(self) -> Consumer:
        """A consumer beside the group."""
        return consumer(self._settings, group=self._group, enable_partition_eof=True)

    def log(self) -> Consumer:
        """A client for `PartitionLog`, which may ask for the offsets that the group committed."""
        return log_client(self._settings, self._group)

    def past(self) -> Consumer:
        """A client for `PartitionLog` that fetches little at once, and nothing ahead."""
        return log_client(
            self._settings,
            self._group,
            fetch_message_max_bytes=_PAST_FETCH_BYTES,
            queued_min_messages=1,
        )

    def undecided_log(self) -> Consumer:
        """A client for `PartitionLog` that reads all."""
        return log_client(self._settings, self._group, isolation_level="read_uncommitted")

    def transactional(self, transactional_id: str) -> Producer:
        """A producer whose `init_transactions` fences every earlier one of its id."""
        return transactional_producer(self._settings, transactional_id)

    def ticks(self) -> Producer:
        """An idempotent producer can fail for good; a tick that comes twice books nothing twice."""
        return producer(self._settings, enable_idempotence=False, linger_ms=0)

    def offsets(self) -> Offsets:
        """A client that fetches nothing."""
        return StableOffsets(self._settings)

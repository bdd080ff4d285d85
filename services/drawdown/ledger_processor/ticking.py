"""Ticking: a partition's owner tells it that time has passed when something may have fallen due.

What is due on an account is booked before the next decision about it; a tick books it where there
is none. It is a command in the log like every other, so its append time is the partition's clock.
A partition on which nothing falls due gets no tick: its log holds what was asked, not the time.
"""

from collections.abc import Mapping
from functools import partial
from typing import Final

import structlog
from confluent_kafka import KafkaError, KafkaException, Message, Producer

from drawdown.adapters.avro.codec import encode_command
from drawdown.domain.entries import PARTITION_CUSTOMER, PARTITION_UNIT
from drawdown.domain.inputs import Command, Tick
from drawdown.ledger_processor.partition import Deciding
from drawdown.settings import Settings

LOOK_INTERVAL_S: Final = 0.05
"""A turn of the loop is shorter than that; a tick needn't be as prompt."""

_log = structlog.get_logger()


class _Sent:
    """A partition's latest tick; its offset is -1 until the broker has acknowledged it."""

    def __init__(self, at_s: float) -> None:
        self.at_s: Final = at_s
        self.offset = -1

    def consumed(self, next_offset: int) -> bool:
        """Whether commands were consumed beyond it."""
        return 0 <= self.offset < next_offset


class Ticker:
    """Sends ticks, of each partition one at a time and `tick_interval_s` apart; 0: none.

    The producer should be one that can't fail for good: a tick that comes twice does no harm.
    """

    def __init__(self, settings: Settings, producer: Producer, *, header: bytes, actor: str):
        self._topic: Final = settings.topic("ledger-commands")
        self._interval_s: Final = settings.tick_interval_s
        self.producer: Final = producer
        self._header: Final = header
        self._actor: Final = actor
        self._sent: Final[dict[int, _Sent]] = {}
        self._looked_at_s = 0.0

    def look(self, served: Mapping[int, Deciding], now_s: float, now_us: int) -> None:
        """Send a tick to each of these partitions that needs one; never waits.

        `now_s` is from a monotonic clock, `now_us` the time of day.
        """
        if self._interval_s == 0 or now_s - self._looked_at_s < LOOK_INTERVAL_S:
            return
        self._looked_at_s = now_s
        self.producer.poll(0)
        for number, decider in served.items():
            if decider.ledger.next_due_at() <= now_us and self._may_send(number, decider, now_s):
                self._send(number, now_s, now_us)

    def forget(self, number: int) -> None:
        """The partition isn't served here any more, or begins anew."""
        self._sent.pop(number, None)

    def close(self) -> None:
        """Drop what wasn't delivered; the next owner of a partition ticks by itself."""
        self.producer.purge()

    def _may_send(self, number: int, decider: Deciding, now_s: float) -> bool:
        """Not while the last one is on its way, nor soon after it, unless that left some over."""
        sent = self._sent.get(number)
        if sent is None:
            return True
        if not sent.consumed(decider.outbox.next_command_offset):
            return False
        left_over = decider.ledger.next_due_at() <= decider.watermark.value
        return left_over or now_s - sent.at_s >= self._interval_s

    def _send(self, number: int, now_s: float, now_us: int) -> None:
        sent = self._sent[number] = _Sent(now_s)
        command = Command(
            command_id=f"tick-{number}-{now_us // 1_000}",
            issued_at=now_us,
            actor=self._actor,
            customer_id=PARTITION_CUSTOMER,
            unit=PARTITION_UNIT,
            reason="",
            body=Tick(),
        )
        try:
            self.producer.produce(
                self._topic,
                key=PARTITION_CUSTOMER.encode(),
                value=encode_command(command, header=self._header),
                partition=number,
                on_delivery=partial(self._delivered, number, sent),
            )
        except (KafkaException, BufferError) as error:
            # Its queue is full, or it can't go on: a later look sends the same.
            self._not_sent(number, str(error))

    def _delivered(
        self, number: int, sent: _Sent, error: KafkaError | None, record: Message
    ) -> None:
        if self._sent.get(number) is not sent:
            return
        if error is None:
            offset = record.offset()
            assert offset is not None
            sent.offset = offset
        else:
            self._not_sent(number, error.str())

    def _not_sent(self, number: int, reason: str) -> None:
        _log.warning("tick_not_sent", partition=number, reason=reason)
        self.forget(number)

"""The player: sends the planned events in their rhythm, and writes down exactly what it sent."""

import json
import threading
import time
from typing import Final, TextIO

from drawdown.adapters.documents.usage import write_usage
from drawdown.adapters.kafka.usage import UsageSender
from drawdown.demo.plan import Plan
from drawdown.domain.inputs import UsageEvent
from drawdown.errors import DrawdownError

_SLEEP_S: Final = 0.002


class Player(threading.Thread):
    """Plays a plan in the background; `failure` is what ended it early, if anything did."""

    def __init__(
        self, plan: Plan, sender: UsageSender, log: TextIO, *, speed: float, not_before_us: int
    ) -> None:
        super().__init__(name="player", daemon=True)
        self._plan = plan
        self._sender = sender
        self._log = log
        self._speed = speed
        self._not_before_us = not_before_us
        self._stopped = threading.Event()
        self.sent = 0
        self.failure: DrawdownError | None = None

    def run(self) -> None:
        """Send everything, or until `stop`."""
        try:
            self._play()
            self._sender.flush()
        except DrawdownError as error:
            self.failure = error
        finally:
            self._log.flush()

    def stop(self) -> None:
        """Send nothing more."""
        self._stopped.set()
        self.join()

    def _play(self) -> None:
        # Usage is rated by the card in force when it occurs; what occurs before is not rated.
        while _now_us() < self._not_before_us:
            self._sender.poll(_SLEEP_S)
        begun = time.monotonic()
        first: dict[tuple[str, str], int] = {}
        for each in self._plan.events:
            due_s = each.after_us / 1_000_000 / self._speed
            while time.monotonic() - begun < due_s and not self._stopped.is_set():
                self._sender.poll(_SLEEP_S)
            if self._stopped.is_set():
                return
            # An event that is sent again occurred when it did.
            key = (each.event.customer_id, each.event.event_id)
            event = occurring(each.event, first.setdefault(key, _now_us()))
            self._sender.send(event)
            self._log.write(json.dumps(write_usage(event), ensure_ascii=False) + "\n")
            self.sent += 1


def occurring(event: UsageEvent, occurred_at: int) -> UsageEvent:
    """The same event, occurring at `occurred_at` (µs)."""
    return UsageEvent(
        event_id=event.event_id,
        customer_id=event.customer_id,
        unit=event.unit,
        meter=event.meter,
        occurred_at=occurred_at,
        status=event.status,
        properties=event.properties,
        quantities=event.quantities,
        hold_id=event.hold_id,
        hold_final=event.hold_final,
        digest=b"",
    )


def _now_us() -> int:
    return time.time_ns() // 1_000

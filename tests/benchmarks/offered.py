"""Usage offered at a steady rate, by a process of its own, encoded before it starts.

The rate is come up to within `RAMP_S`: a broker that has just started is slow for a while.

Run as `python -m tests.benchmarks.offered RATE`; until SIGTERM.
"""

import signal
import sys
import time

from drawdown.adapters.kafka import clients
from drawdown.settings import Settings, current
from tests.benchmarks.load import encoded, usage
from tests.benchmarks.records import USAGE_HEADER

TICK_S = 0.005
RAMP_S = 15.0
_POOL = 50_000
_ID_AT = len(USAGE_HEADER) + 1


class Offering:
    """A pool of encoded events, sent round and round under new ids of the same length."""

    def __init__(self, settings: Settings) -> None:
        events = list(usage(_POOL, seed=11, prefix="o"))
        self._records = [(each.customer_id.encode(), encoded(each)) for each in events]
        self._rest_at = _ID_AT + len(events[0].event_id)
        self._producer = clients.producer(settings)
        self._topic = settings.topic("usage-events")
        self._sent = 0
        self.stopping = False

    def run(self, rate: float) -> None:
        """Send so many a second; what a tick missed, the next one makes up for."""
        began_at = time.monotonic()
        while not self.stopping:
            due = int(rate * _full_seconds(time.monotonic() - began_at))
            for number in range(self._sent, due):
                self._send(number)
            self._sent = due
            self._producer.poll(0)
            time.sleep(TICK_S)
        self._producer.flush(30)

    def _send(self, number: int) -> None:
        key, value = self._records[number % _POOL]
        event_id = b"o-%09d" % number
        fresh = value[:_ID_AT] + event_id + value[self._rest_at :]
        self._producer.produce(self._topic, fresh, key)


def _full_seconds(passed_s: float) -> float:
    """How many seconds at the full rate come to what is offered in so many from the start."""
    if passed_s < RAMP_S:
        return passed_s * passed_s / (2 * RAMP_S)
    return passed_s - RAMP_S / 2


def main() -> None:
    """Offer until SIGTERM."""
    offering = Offering(current())

    def stop(*_: object) -> None:
        offering.stopping = True

    signal.signal(signal.SIGTERM, stop)
    offering.run(float(sys.argv[1]))


if __name__ == "__main__":
    main()

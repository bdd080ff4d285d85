"""Notices a client that has lost every broker for good, while another one of its process has one.

A broker that has just been started may answer for a moment that there are no brokers, and then
librdkafka lets go of those that it knows. Mostly it begins anew with the bootstrap servers; a
handle that it can't let go of keeps it from that (its issue 5301 is about both). Such a client
connects to nobody any more, and says nothing.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final, Protocol

from confluent_kafka import KafkaError, KafkaException

from drawdown.clock import Clock
from drawdown.errors import Unavailable

LOST_S: Final = 40.0
"""Longer than clients have been seen to begin anew again and again before they succeeded."""
_EVERY_S: Final = 1.0


class Client(Protocol):
    """A consumer, a producer, or what asks by one."""

    def list_topics(self, topic: str = ..., timeout: float = ...) -> Any: ...


class Contacts:
    """For how long each client of a process has had no broker while others had one."""

    def __init__(
        self, clients: Callable[[], Mapping[str, Client]], topic: str, clock: Clock
    ) -> None:
        """`clients` gives them by what they are for; `topic` is any, by its full name."""
        self._clients: Final = clients
        self._topic: Final = topic
        self._clock: Final = clock
        self._looked_at = clock.monotonic()
        self._lost: dict[str, float] = {}
        """Since when, by what the client is for."""

    def look(self) -> None:
        """Raises `Unavailable` where a client has been without a broker for `LOST_S`, and all the
        time another one had one. Never waits."""
        now = self._clock.monotonic()
        if now - self._looked_at < _EVERY_S:
            return
        self._looked_at = now
        clients = self._clients()
        lost = [name for name, each in clients.items() if not self._has_broker(each)]
        if len(lost) == len(clients):
            # It is the broker that is away.
            lost = []
        self._lost = {name: self._lost.get(name, now) for name in lost}
        for name, since in self._lost.items():
            if now - since > LOST_S:
                raise Unavailable(
                    f"the client for {name} has had no broker for {LOST_S:.0f} s, though others of "
                    "this process have one: this process ends, start it again"
                )

    def _has_broker(self, client: Client) -> bool:
        """Whether it could ask at once; the answer isn't waited for."""
        try:
            client.list_topics(self._topic, timeout=0)
        except KafkaException as error:
            return bool(error.args[0].code() != KafkaError._TRANSPORT)
        return True

"""A process's connection to the broker: where pauses, deaths and failed calls strike it."""

from collections.abc import Callable
from random import Random
from typing import Final

from confluent_kafka import KafkaError, KafkaException

from tests.simulation.errors import TIMED_OUT, Killed, failure

ANY: Final = "any"


class Fault:
    """What shall happen at the n-th call of a kind from now on.

    pause: `steps` steps of the others go by before the call is made.
    crash: the process dies before the call is made.
    refuse: the call fails, and nothing was done. unanswered: it was done, and fails nevertheless.
    late: it fails, and is done at some later time. torn: it fails, and was done in part.
    unmarked: it succeeds, and not all of the partitions learn of it.
    """

    def __init__(self, effect: str, call: str = ANY, nth: int = 1, steps: int = 0) -> None:
        self.effect = effect
        self.call = call
        self.nth = nth
        self.steps = steps


class Connected:
    """A client that always has a broker whom it could ask."""

    def list_topics(self, topic: str = "", timeout: float = -1) -> object:
        """It waits for no answer. No fault strikes here: it is no step of what a seed tells."""
        raise failure(TIMED_OUT, "no answer in time", retriable=True)


class Link:
    """One process's. `meanwhile` lets others go on for so many steps."""

    def __init__(self, name: str, meanwhile: Callable[["Link", int], None]) -> None:
        self.name = name
        self.dead = False
        self.frozen = 0
        """How many times it is paused: while a call waits, and by whoever froze it."""
        self.chance = Random(0)
        """Set anew for each step."""
        self._armed: list[Fault] = []
        self._meanwhile = meanwhile

    @property
    def runs(self) -> bool:
        """Whether the process runs: its heartbeats too."""
        return not self.dead and not self.frozen

    def arm(self, fault: Fault) -> None:
        """Let a fault strike."""
        self._armed.append(fault)

    def disarm(self) -> None:
        """Let none strike any more."""
        self._armed.clear()

    def call(self, what: str) -> str:
        """A call is about to be made; the effect that it meets, empty as a rule."""
        if self.dead:
            raise Killed
        for fault in self._armed:
            if fault.call in (what, ANY):
                fault.nth -= 1
                if fault.nth == 0:
                    self._armed.remove(fault)
                    return self._strike(fault)
        return ""

    def _strike(self, fault: Fault) -> str:
        if fault.effect == "crash":
            self.dead = True
            raise Killed
        if fault.effect == "pause":
            self.frozen += 1
            try:
                self._meanwhile(self, fault.steps)
            finally:
                self.frozen -= 1
            if self.dead:
                raise Killed
            return ""
        return fault.effect

    def error_of(self, call: str) -> KafkaException:
        """How a call fails that isn't answered."""
        if call == "commit" and self.chance.random() < 0.2:
            return failure(KafkaError._FATAL, "out of order", fatal=True)
        if call in ("offsets", "commit") and self.chance.random() < 0.3:
            return failure(KafkaError.NOT_COORDINATOR, "the coordinator moved", abort=True)
        if self.chance.random() < 0.3:
            return failure(KafkaError._TRANSPORT, "connection lost", retriable=True)
        return failure(TIMED_OUT, "no answer in time", retriable=True)

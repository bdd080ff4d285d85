"""A client that has no broker any more, while others of its process have one, is noticed."""

import pytest

from drawdown.adapters.kafka.contacts import LOST_S, Contacts
from drawdown.errors import Unavailable
from tests.ledger_processor.processing import Process
from tests.ledger_processor.scripted import Patience, ScriptedContact
from tests.projection.test_bounds import Projecting


class Clients:
    """Two clients of a process, and its clock."""

    def __init__(self) -> None:
        self.clock = Patience()
        self.one, self.other = ScriptedContact(), ScriptedContact()
        self.contacts = Contacts(
            lambda: {"one": self.one, "other": self.other}, "usage", self.clock
        )

    def for_s(self, seconds: float) -> None:
        """Look twice a second."""
        until = self.clock.monotonic() + seconds
        while self.clock.monotonic() < until:
            self.contacts.look()
            self.clock.sleep(0.5)


def test_a_client_without_a_broker_is_named_while_another_has_one() -> None:
    clients = Clients()
    clients.for_s(5)
    clients.other.has_broker = False
    clients.for_s(LOST_S)
    with pytest.raises(Unavailable, match="client for other has had no broker for 40 s"):
        clients.for_s(3)


def test_while_nobody_has_a_broker_nobody_is_lost() -> None:
    clients = Clients()
    clients.one.has_broker = clients.other.has_broker = False
    clients.for_s(10 * LOST_S)
    # The broker is back, and both take their time.
    clients.one.has_broker = True
    clients.for_s(LOST_S - 2)
    clients.other.has_broker = True
    clients.for_s(10 * LOST_S)


def test_who_finds_a_broker_again_begins_anew() -> None:
    clients = Clients()
    for _ in range(5):
        clients.one.has_broker = False
        clients.for_s(LOST_S - 2)
        clients.one.has_broker = True
        clients.for_s(2)


def test_who_stood_still_is_not_lost_at_once() -> None:
    clients = Clients()
    clients.one.has_broker = False
    clients.clock.sleep(3_600)
    clients.for_s(LOST_S - 2)


def test_a_client_that_answers_has_a_broker() -> None:
    clients = Clients()
    clients.one.list_topics = lambda topic="", timeout=-1: object()  # type: ignore[method-assign]
    clients.for_s(3 * LOST_S)


@pytest.mark.parametrize("which", ["usage", "commands", "ticks", "offsets"])
def test_a_processor_ends_when_one_of_its_clients_is_lost(which: str) -> None:
    process = Process(1)
    process.give(0)
    process.run(5)
    lost: ScriptedContact = getattr(process, which)
    lost.has_broker = False
    process.run(LOST_S - 2)
    with pytest.raises(Unavailable, match="has had no broker"):
        process.run(5)


def test_a_projector_ends_when_its_consumer_is_lost() -> None:
    projecting = Projecting()
    projecting.run(5)
    projecting.consumer.has_broker = False
    projecting.run(int(LOST_S) - 2)
    with pytest.raises(Unavailable, match="client for entries"):
        projecting.run(5)

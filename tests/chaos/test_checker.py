"""The checker finds what it is there to find: each of these ledgers has one thing wrong."""

from collections.abc import Callable, Sequence

import pytest

from drawdown.adapters.avro.codec import encode_command, encode_reply, encode_usage
from drawdown.adapters.avro.wire import Wire
from drawdown.domain.entries import PARTITION_CUSTOMER
from drawdown.domain.inputs import ApplyRateCard, Command, CommandBody, Grant, UsageEvent
from drawdown.domain.replies import Reply, ReplyEntry
from drawdown.settings import Settings, load
from tests.chaos.checker import Checker, Findings
from tests.chaos.folding import Fold
from tests.chaos.load import METER, RATE_PICO, Sent
from tests.chaos.reading import Record
from tests.domain import cards
from tests.domain.building import LEAD_US, T, command, usage
from tests.plugins.sealed_ledger import SealedLedger

NAMESPACE = "test"
EVENTS = 6


class Story:
    """One partition in memory: inputs sent, and what a ledger made of them."""

    def __init__(self) -> None:
        self.settings: Settings = load(namespace=NAMESPACE)
        self.wire = Wire(self.settings)
        self.ledger = SealedLedger(self.settings)
        self.topics: dict[str, list[bytes]] = {
            name: []
            for name in (
                "usage-events",
                "ledger-commands",
                "ledger-entries",
                "ledger-replies",
                "dead-letters",
            )
        }
        self._commands = 0

    def read(self, *names: str) -> list[Record]:
        """All of these topics, once."""
        records = [
            Record(name, 0, offset, value)
            for name in names
            for offset, value in enumerate(self.topics[name])
        ]
        for name in names:
            self.topics[name] = []
        return records

    def behind(self, _: Sequence[Fold]) -> dict[int, tuple[int, int]]:
        return {}

    def compare(self, _: Sequence[Fold]) -> list[str] | None:
        return []

    def ask(self, body: CommandBody, customer_id: str, at: int = T) -> None:
        """A command, decided and answered."""
        name = f"c-{self._commands}"
        asked = command(body, name, customer_id=customer_id, issued_at=at)
        self._commands += 1
        header = self.wire.header("command")
        self.topics["ledger-commands"].append(encode_command(asked, header=header))
        before = len(self.ledger.entries)
        self.ledger.decide(asked, at)
        self._take(before)
        self._answer(asked, before)

    def use(self, number: int, *, decided_as: int | None = None) -> None:
        """A usage event; the ledger decides it, or another one in its stead."""
        header = self.wire.header("usage-event")
        self.topics["usage-events"].append(encode_usage(event(number), header=header))
        before = len(self.ledger.entries)
        self.ledger.decide(event(number if decided_as is None else decided_as))
        self._take(before)

    def check(self) -> Findings:
        """What the checker finds, without waiting."""
        checker = Checker(self, self, NAMESPACE, 1)
        return checker.check(Sent(EVENTS, self._commands, 0), within_s=0)

    def _take(self, before: int) -> None:
        self.topics["ledger-entries"] += self.ledger.values[before:]

    def _answer(self, asked: Command, before: int) -> None:
        entries = self.ledger.entries[before:]
        reply = Reply(
            command_id=asked.command_id,
            customer_id=asked.customer_id,
            unit=asked.unit,
            outcome="accepted",
            code="",
            detail="",
            first_entry_id="",
            entries=[
                ReplyEntry(
                    entry_id=each.entry_id,
                    type=each.facts.type,
                    amount=each.facts.amount,
                    balance=each.facts.balance,
                    available=each.facts.available,
                    account_seq=each.facts.account_seq,
                    partition_seq=each.partition_seq,
                )
                for each in entries
            ],
            recorded_at=T,
            partition_seq=entries[-1].partition_seq,
        )
        value = encode_reply(reply, header=self.wire.header("reply"))
        self.topics["ledger-replies"].append(value)


def event(number: int) -> UsageEvent:
    return usage(
        f"e-{number}", meter=METER, quantities={METER: 1_500_000 + number}, customer_id="acme"
    )


@pytest.fixture
def story() -> Story:
    """A card, a grant, and usage; the last events are left to the test."""
    story = Story()
    line = cards.line(METER, f"0.{RATE_PICO:012}")
    card = cards.card(cards.meter(line, name=METER), effective_from=T)
    story.ask(ApplyRateCard(card=card), PARTITION_CUSTOMER, T - LEAD_US)
    story.ask(Grant(amount=10_000_000, kind="promotional"), "acme")
    for number in range(EVENTS - 2):
        story.use(number)
    return story


def finished(story: Story) -> Story:
    story.use(EVENTS - 2)
    story.use(EVENTS - 1)
    return story


def test_a_right_ledger_has_no_differences(story: Story) -> None:
    story.use(0)  # A repeat, which books nothing.
    findings = finished(story).check()
    assert findings.fine, findings.differences
    assert (findings.charged, findings.repeats, findings.entries) == (EVENTS, 1, EVENTS + 2)


def test_an_event_that_was_passed_over_is_lost(story: Story) -> None:
    story.use(EVENTS - 2, decided_as=0)
    story.use(EVENTS - 1)
    findings = story.check()
    assert findings.lost > 0
    assert "passed over" in findings.differences[0]


def test_an_event_that_waits_in_the_end_is_lost(story: Story) -> None:
    story.use(EVENTS - 2)
    story.use(EVENTS - 1, decided_as=0)
    findings = story.check()
    assert findings.lost == 1
    assert "undecided" in findings.differences[0]


def test_an_event_that_never_arrived_is_lost(story: Story) -> None:
    story.use(EVENTS - 2)
    findings = story.check()
    assert findings.lost > 0
    assert findings.differences[0] == f"event {EVENTS - 1} isn't in the topics"


def test_an_event_that_is_charged_twice_is_doubled(story: Story) -> None:
    # To the ledger it is a new event, to whoever sent it the first one again.
    story.use(0, decided_as=EVENTS + 100)
    findings = finished(story).check()
    assert findings.doubled == 1


def without_an_entry(story: Story) -> None:
    del story.topics["ledger-entries"][3]


def entry_twice(story: Story) -> None:
    story.topics["ledger-entries"].insert(3, story.topics["ledger-entries"][3])


def changed_bit(story: Story) -> None:
    value = bytearray(story.topics["ledger-entries"][3])
    value[-40] ^= 1
    story.topics["ledger-entries"][3] = bytes(value)


def without_a_reply(story: Story) -> None:
    del story.topics["ledger-replies"][0]


def reply_twice(story: Story) -> None:
    story.topics["ledger-replies"].append(story.topics["ledger-replies"][-1])


def parked_for_nothing(story: Story) -> None:
    story.topics["usage-events"].append(b"garbage")


@pytest.mark.parametrize(
    "spoil",
    [without_an_entry, entry_twice, changed_bit, without_a_reply, reply_twice, parked_for_nothing],
)
def test_whatever_was_done_to_the_topics_is_found(
    story: Story, spoil: Callable[[Story], None]
) -> None:
    spoil(finished(story))
    assert not story.check().fine

"""Recovery of a partition, as a numbered protocol (`design.md`, «Exactly once»).

1. Fence: `init_transactions` of `<ledger topic>-<partition>` ends every earlier writer and aborts
   what it left open. The id comes from the topic's name, never from a setting.
2. Raise the barrier (`barrier.py`): what stood open nevertheless is decided, and the ends of the
   partition's outputs are proven.
3. Begin with local state, if it is of this ledger: its last entry must stand in the log where the
   checkpoint says, with the hash that it says. If it isn't, the state is deleted; without any, a
   snapshot is begun with, and without that nothing.
4. Fold `ledger-entries` from the checkpoint to the barrier, committed records only. What is folded
   is saved on the way, so that memory stays bounded.
5. Input positions: the last source offset in the ledger + 1 for each input topic; none: the start
   of its log. An incomplete last decision halts the partition. So does a position below the log's
   start, unless the committed offset says that what was deleted had been decided and wrote nothing
   (repeats, idle ticks); nothing else is believed of committed offsets.
6. What was dead-lettered at or after these positions is noted, so that it isn't parked twice; and
   what was shortly before them, for the breaker.
7. The commands that wait are searched for ones that park a command before them
   (`domain/parking.py`): those are skipped.
8. Serve. What lies between is decided again and writes nothing twice.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Final

from confluent_kafka import Consumer, TopicPartition

from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.kafka.partition_log import PartitionLog
from drawdown.adapters.kafka.positions import span
from drawdown.adapters.kafka.records import offset_of, value_of
from drawdown.adapters.kafka.topics import TIMEOUT_S
from drawdown.adapters.local_state.checkpoint import Checkpoint
from drawdown.adapters.local_state.shelf import RowShelf
from drawdown.adapters.topics import DEAD_LETTERS, LEDGER
from drawdown.clock import Clock
from drawdown.domain.ledger import Ledger
from drawdown.domain.parking import INPUTS, Parking
from drawdown.errors import DecodeFailed, PartitionHalted, StateUnreadable
from drawdown.ledger_processor.folding import Folder
from drawdown.ledger_processor.keeping import Keeper
from drawdown.ledger_processor.park_commands import park_command
from drawdown.ledger_processor.past import Past
from drawdown.ledger_processor.states import State, States
from drawdown.settings import Settings

Progress = Callable[[int, int], None]
"""Told how many offsets of the ledger are folded, of how many; may raise to leave off."""

_US_PER_MS: Final = 1_000


@dataclass(frozen=True, kw_only=True)
class Recovered:
    """Where a partition goes on: next offsets of its inputs, and what was parked beyond them or
    shortly before, for the breaker.

    `entries` counts those that were folded; `keeper` saves the state from now on, if it is kept.
    """

    ledger: Ledger
    keeper: Keeper | None
    usage_offset: int
    command_offset: int
    parked: set[tuple[str, int]]
    entries: int


def recover(
    settings: Settings,
    wire: Wire,
    partition: int,
    ends: Mapping[str, int],
    client: Consumer,
    states: States,
    past: Past,
    clock: Clock,
    progress: Progress,
) -> Recovered:
    """Steps 3 to 7. The caller has fenced, and raised the barrier that has these `ends`; only it
    may write the partition. `client` reads the logs, `past` what is asked for later.

    Raises `PartitionHalted` for what no replay can mend, `KafkaException` or `Unavailable` if the
    broker is away, `StateUnwritable` if the disk refuses.
    """
    return _Recovery(settings, wire, partition, ends, client, states, past, clock, progress).run()


class _Recovery:
    """One recovery, with one client for all the logs that it reads."""

    def __init__(
        self,
        settings: Settings,
        wire: Wire,
        partition: int,
        ends: Mapping[str, int],
        client: Consumer,
        states: States,
        past: Past,
        clock: Clock,
        progress: Progress,
    ) -> None:
        self._settings = settings
        self._wire = wire
        self._partition = partition
        self._ends = ends
        self._client = client
        self._states = states
        self._past = past
        self._clock = clock
        self._progress = progress

    def run(self) -> Recovered:
        state = self._state()
        try:
            return self._recovered(state)
        except (PartitionHalted, StateUnreadable) as error:
            if state is None or state.checkpoint is None:
                _close(state)
                raise
            # Whether the ledger or what was saved of it is wrong, the ledger alone says.
            state = self._states.replace(self._partition, state, str(error))
        except BaseException:
            _close(state)
            raise
        return self._from_nothing(state)

    def _from_nothing(self, state: State) -> Recovered:
        try:
            return self._recovered(state)
        except BaseException:
            _close(state)
            raise

    def _recovered(self, state: State | None) -> Recovered:
        ledger = self._ledger(state)
        checkpoint = None if state is None else state.checkpoint
        folder = Folder(
            ledger,
            header=self._wire.header("ledger-entry"),
            lift=self._wire.decode_entry_checked,
            shelved_seq=0 if checkpoint is None else checkpoint.last.partition_seq,
        )
        if checkpoint is not None:
            folder.decided.update(checkpoint.decided)
        keeper = None
        if state is not None:
            keeper = Keeper(
                ledger,
                state.store,
                self._settings.topic(LEDGER),
                unsaved_max=self._settings.state_unsaved_entries,
                begun=checkpoint,
                snapshots=self._states.snapshots(self._partition),
            )
        begin = None if checkpoint is None else checkpoint.fold.offset
        self._fold_all(folder, keeper, begin)
        usage = self._position("usage-events", folder.decided.get("usage_events"))
        commands = self._position("ledger-commands", folder.decided.get("ledger_commands"))
        positions = {
            self._settings.topic("usage-events"): usage,
            self._settings.topic("ledger-commands"): commands,
        }
        parked = self._parked(positions, ledger.parking)
        self._look_ahead(ledger, usage, commands)
        return Recovered(
            ledger=ledger,
            keeper=keeper,
            usage_offset=usage,
            command_offset=commands,
            parked=parked,
            entries=folder.entries,
        )

    # ---- Step 3.

    def _state(self) -> State | None:
        """Local state that is of this ledger, be it empty; None: none is kept."""
        state = self._states.open(self._partition)
        while state is not None and state.checkpoint is not None:
            wrong = self._wrong_with(state.checkpoint)
            if not wrong:
                return state
            state = self._states.replace(self._partition, state, wrong)
        return state

    def _wrong_with(self, checkpoint: Checkpoint) -> str:
        """Why local state isn't of this ledger; empty if it is."""
        last = checkpoint.last
        with self._log(LEDGER, last.offset) as log:
            if not log.start <= last.offset < log.end:
                return f"the ledger has no offset {last.offset}: it has {log.start}–{log.end}"
            message = next(log.records(), None)
        if message is None or offset_of(message) != last.offset:
            return f"the ledger has no entry at offset {last.offset}"
        try:
            entry = self._wire.decode_entry(value_of(message))
        except DecodeFailed as error:
            return f"offset {last.offset} can't be read: {error}"
        if (entry.partition_seq, entry.hash) != (last.partition_seq, checkpoint.last_hash):
            return f"offset {last.offset} holds another entry than the one that was saved last"
        return ""

    def _ledger(self, state: State | None) -> Ledger:
        ledger = Ledger(
            namespace=self._settings.namespace,
            partition=self._partition,
            rate_card_lead_us=self._settings.rate_card_lead_s * 1_000_000,
            read_usage=self._wire.usage_in,
        )
        if state is None:
            return ledger
        shelf = RowShelf(state.store, ledger.cabinet, self._past.of(self._partition))
        ledger.cabinet.attach(shelf, self._states.customers_max)
        if state.checkpoint is not None:
            ledger.restore(
                partition_seq=state.checkpoint.fold.partition_seq - 1,
                closed_until=state.checkpoint.closed_until,
                cards=shelf.cards(),
                parked=shelf.parked(),
                dues=shelf.dues(),
            )
        return ledger

    # ---- Step 4.

    def _fold_all(self, folder: Folder, keeper: Keeper | None, begin: int | None) -> None:
        """Fold the ledger from an offset, or its start, to its end."""
        with self._log(LEDGER, begin) as log:
            begin = log.position
            for messages in log.batches():
                folder.fold(messages)
                self._progress(log.position - begin, log.end - begin)
                if keeper is not None and not folder.unfinished:
                    _save(folder, keeper, everything=False)
            self._progress(log.end - begin, log.end - begin)
        if folder.unfinished:
            raise PartitionHalted(
                f"partition {self._partition}: the decision of {folder.unfinished} is torn"
            )
        if keeper is not None:
            _save(folder, keeper, everything=True)

    # ---- Steps 5 and 6.

    def _position(self, name: str, last: int | None) -> int:
        place = TopicPartition(self._settings.topic(name), self._partition)
        start, end = span(self._client, place, self._clock)
        if last is None:
            return start
        where = f"{place.topic} [{self._partition}]"
        position = last + 1
        if position < start:
            if self._committed(place) >= start:
                return start
            raise PartitionHalted(
                f"{where} begins at {start}, but the ledger has decided up to {last}: records "
                "between were deleted before they were decided"
            )
        if position > end:
            raise PartitionHalted(
                f"{where} ends at {end}, but the ledger has decided up to {last}: the input topic "
                "was recreated or lost records"
            )
        return position

    def _committed(self, place: TopicPartition) -> int:
        """The offset that the group committed; below 0 where there is none."""
        [committed] = self._client.committed([place], timeout=TIMEOUT_S)
        return int(committed.offset)

    def _parked(self, positions: dict[str, int], parking: Parking) -> set[tuple[str, int]]:
        parked: set[tuple[str, int]] = set()
        with self._log(DEAD_LETTERS) as log:
            for message in log.records():
                try:
                    letter = self._wire.decode_dead_letter(value_of(message))
                except DecodeFailed as error:
                    raise PartitionHalted(
                        f"{log.topic} [{self._partition}] offset {offset_of(message)} is no dead "
                        f"letter, so what was parked before isn't known: {error}"
                    ) from error
                if letter.offset >= positions.get(letter.topic, 0) - self._settings.poison_window:
                    parked.add((letter.topic, letter.offset))
                if letter.reason == "parked":
                    name = letter.topic.removeprefix(self._settings.topic(""))
                    parking.skipped(INPUTS[name], letter.offset)
        return parked

    def _log(self, name: str, position: int | None = None) -> PartitionLog:
        topic = self._settings.topic(name)
        return PartitionLog(
            self._settings,
            topic,
            self._partition,
            begin=position,
            end=self._ends.get(name),
            client=self._client,
            clock=self._clock,
        )

    def _look_ahead(self, ledger: Ledger, usage: int, commands: int) -> None:
        """Step 7. What stands ahead is tried, which changes nothing: a command that will be
        refused parks nothing."""
        parking, tried = ledger.parking, set[str]()
        parking.read(usage=usage, commands=commands, stands_at=commands)
        with self._log("ledger-commands", commands) as log:
            for message in log.records():
                found = park_command(self._wire, message)
                if found is None or found[0].command_id in tried:
                    continue
                command, body = found
                parking.read(usage=usage, commands=commands, stands_at=offset_of(message))
                tried.add(command.command_id)
                recorded_at = message.timestamp()[1] * _US_PER_MS
                decision = ledger.decide_command(command, recorded_at)
                if decision.outcome == "accepted" and body.topic == "ledger-commands":
                    parking.expect(command, body)


def _close(state: State | None) -> None:
    if state is not None:
        state.store.close()


def _save(folder: Folder, keeper: Keeper, *, everything: bool) -> None:
    saving = keeper.take(folder.last_hash, folder.decided, everything=everything, recovering=True)
    if saving is not None:
        keeper.write(saving, folder.last_offset, folder.first_offset)
        keeper.saved(saving)
        folder.first_offset = -1

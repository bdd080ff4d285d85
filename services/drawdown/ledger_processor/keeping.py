"""Keeping: a partition's local state, written behind its commits (`design.md`, «Exactly once» 4).

1. When a transaction begins, what is to be saved with it is taken and encoded: everything that was
   decided so far is in that transaction or in an earlier one, so it is never ahead.
2. Once the transaction is committed, the rows and the checkpoint are written in one batch.
3. What was written may leave memory.

A charge is saved at once. A customer is saved as a whole when the first of its unsaved entries is
`state_unsaved_entries` old; while a partition is recovered, when it is ten times as old, and at the
end, so that few are saved more than once.
The checkpoint says from where a recovery has to fold: from the first entry that isn't saved.
"""

from collections import deque
from dataclasses import dataclass
from typing import Final

from drawdown.adapters.local_state.checkpoint import Checkpoint, Mark
from drawdown.adapters.local_state.shelf import (
    card_row,
    due_row,
    parked_row,
    place_row,
    put_charges,
    put_kept,
    put_parts,
)
from drawdown.adapters.local_state.snapshots import Snapshots
from drawdown.adapters.local_state.store import Batch, Store
from drawdown.domain.charges import Charged
from drawdown.domain.entries import InputTopic
from drawdown.domain.ledger import Ledger
from drawdown.domain.shelf import Parts

_RECOVERING_TIMES: Final = 10
PLACE_EVERY: Final = 256
"""Of so many entries the place of one is saved at least, so that one that is asked for is found
with one look into the log, and places are few beside charges."""


@dataclass(frozen=True, kw_only=True)
class Saving:
    """What is written once its entries are committed."""

    parts: list[Parts]
    charges: dict[str, Charged]
    """The first ones of their events, of all customers."""
    of_nobody: list[tuple[str, str, object]]
    batch: Batch
    entries: int
    partition_seq: int
    last_hash: bytes
    unsaved_since: int
    """The `partition_seq` of the first entry that isn't saved with it; 0: all are."""
    decided: dict[InputTopic, int]
    closed_until: int


class Keeper:
    """Saves what one partition's books hold. `take` and `saved` are called by whoever decides,
    `write` in any thread, one saving after another."""

    def __init__(
        self,
        ledger: Ledger,
        store: Store,
        topic: str,
        *,
        unsaved_max: int,
        begun: Checkpoint | None = None,
        snapshots: Snapshots | None = None,
    ) -> None:
        """`begun` is what the store holds; the ledger is attached to its shelf."""
        self._snapshots: Final = snapshots
        self.store: Final = store
        self._ledger: Final = ledger
        self._topic: Final = topic
        self._unsaved_max: Final = unsaved_max
        self._decided: Final[dict[InputTopic, int]] = {} if begun is None else dict(begun.decided)
        self._cards = len(ledger.rate_book.cards())
        self._parked = len(ledger.parking.accepted())
        self._seq = ledger.partition_seq
        self._last_offset = -1 if begun is None else begun.last.offset
        self._last_hash = b"" if begun is None else begun.last_hash
        self._placed_seq = 0
        # Where the entries that may have to be folded again stand, transaction by transaction.
        self._marks: Final[deque[Mark]] = deque([] if begun is None else [begun.fold])

    @property
    def decided(self) -> dict[InputTopic, int]:
        """The last source offset in the ledger, by input topic."""
        return self._decided

    def take(
        self,
        last_hash: bytes,
        decided: dict[InputTopic, int],
        *,
        everything: bool = False,
        recovering: bool = False,
    ) -> Saving | None:
        """What is to be saved with the entries folded since the last call; None: there are none.

        `last_hash` is the last one's hash, `decided` the offsets of the inputs that they are of;
        where there are none, neither is looked at.
        """
        ledger, cabinet = self._ledger, self._ledger.cabinet
        entries = ledger.partition_seq - self._seq
        if entries == 0 and not (everything and cabinet.unsaved_since()):
            return None
        self._seq = ledger.partition_seq
        if entries:
            self._decided.update(decided)
            self._last_hash = last_hash
        unsaved_max = self._unsaved_max * (_RECOVERING_TIMES if recovering else 1)
        up_to = ledger.partition_seq - (0 if everything else unsaved_max)
        charges = cabinet.charges.take_new()
        parts, of_nobody = cabinet.take(up_to), cabinet.take_of_nobody()
        batch = self.store.batch()
        put_charges(batch.put, charges)
        for each in parts:
            put_parts(batch.put, each)
        for table, key, value in of_nobody:
            put_kept(batch.put, table, key, value)
        for key, moment in cabinet.dues.take_unsaved():
            batch.put(*due_row(key, moment))
        cards = ledger.rate_book.cards()
        for place in range(self._cards, len(cards)):
            batch.put(*card_row(place, cards[place]))
        self._cards = len(cards)
        parked = ledger.parking.accepted()
        for place in range(self._parked, len(parked)):
            batch.put(*parked_row(place, parked[place]))
        self._parked = len(parked)
        return Saving(
            parts=parts,
            charges=charges,
            of_nobody=of_nobody,
            batch=batch,
            entries=entries,
            partition_seq=ledger.partition_seq,
            last_hash=self._last_hash,
            unsaved_since=cabinet.unsaved_since(),
            decided=dict(self._decided),
            closed_until=ledger.closed_until,
        )

    def write(self, saving: Saving, last_offset: int, first_offset: int = -1) -> None:
        """Write it: its entries are committed at these offsets of the ledger topic, one right
        behind the other where only the last one's is given. Without entries the offsets mean
        nothing. Raises `StateUnwritable`."""
        if saving.entries:
            self._last_offset = last_offset
            if first_offset < 0:
                first_offset = last_offset - saving.entries + 1
            first_seq = saving.partition_seq - saving.entries + 1
            self._marks.append(Mark(partition_seq=first_seq, offset=first_offset))
            if self._placed_seq == 0 or first_seq - self._placed_seq >= PLACE_EVERY:
                saving.batch.put(*place_row(first_seq, first_offset))
                self._placed_seq = first_seq
        last_offset = self._last_offset
        last = Mark(partition_seq=saving.partition_seq, offset=last_offset)
        fold_seq = saving.unsaved_since or saving.partition_seq + 1
        while len(self._marks) > 1 and self._marks[1].partition_seq <= fold_seq:
            self._marks.popleft()
        fold = self._marks[0]
        if fold_seq > saving.partition_seq:
            fold = Mark(partition_seq=fold_seq, offset=last_offset + 1)
        checkpoint = Checkpoint(
            topic=self._topic,
            partition=self._ledger.partition,
            last=last,
            last_hash=saving.last_hash,
            fold=fold,
            decided=saving.decided,
            closed_until=saving.closed_until,
        )
        saving.batch.put(*checkpoint.row())
        self.store.write(saving.batch)
        if self._snapshots is not None:
            self._snapshots.make_if_due(self.store, saving.partition_seq)

    def saved(self, saving: Saving) -> None:
        """It is written: let go of what needn't be in memory."""
        cabinet = self._ledger.cabinet
        cabinet.charges.saved_new(saving.charges)
        for each in saving.parts:
            cabinet.saved(each)
        cabinet.saved_of_nobody(saving.of_nobody)
        cabinet.trim()

    def close(self) -> None:
        """Give up the store; what was written stays."""
        self.store.close()

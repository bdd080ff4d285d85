"""Whether the ledger still is what an audit saw of it."""

from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.kafka.partition_log import PartitionLog, value_of
from drawdown.adapters.topics import LEDGER
from drawdown.errors import DecodeFailed
from drawdown.verification.checkpoint import Reached
from drawdown.verification.report import Difference


def refutation(reached: Reached, log: PartitionLog, wire: Wire) -> Difference | None:
    """Why the ledger isn't what the checkpoint saw; None: it is. `log` begins at its last entry."""
    found = "none"
    log.end = min(log.end, reached.last_offset + 1)
    for record in log.records():
        try:
            found = wire.decode_entry(value_of(record)).hash.hex()
        except DecodeFailed as error:
            found = str(error)
    if found == reached.last_hash:
        return None
    return Difference(
        partition=log.partition,
        where=LEDGER,
        offset=reached.last_offset,
        at=0,
        explanation=(
            "the entry that was audited last isn't there any more: history was changed. "
            "All is audited again; --full forgets what was"
        ),
        expected=f"an entry of hash {reached.last_hash}",
        found=found,
    )

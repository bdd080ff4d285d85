"""What stands beside the balance read model: the other projections, and the topics made of rows.

A projection whose projector never ran, or a topic that was never made, isn't compared; the report
names them.
"""

from collections.abc import Callable, Mapping
from dataclasses import asdict
from typing import Any, Final

from confluent_kafka import Consumer

from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.kafka.partition_log import PartitionLog
from drawdown.adapters.postgres import schemas
from drawdown.adapters.postgres.connections import connect, translated
from drawdown.domain.entries import LedgerEntry
from drawdown.settings import Settings
from drawdown.verification.folding import FoldedPartition
from drawdown.verification.projections import Comparison, comparisons
from drawdown.verification.published import TOPICS, Followed, PublishedTopic, TopicAudit
from drawdown.verification.read_model import Differ
from drawdown.verification.report import Report
from drawdown.verification.snapshots import position, snapshot

_APPLICATION: Final = "verify"


class ReadModels:
    """Those of one partition."""

    def __init__(
        self,
        settings: Settings,
        wire: Wire,
        partition: int,
        *,
        topics: frozenset[str],
        report: Report,
        differ: Differ,
        everything: bool,
        within_s: float,
    ) -> None:
        """`topics` are the full names of those that exist; `everything` as in `comparisons`."""
        self._settings = settings
        self._wire = wire
        self._partition = partition
        self._topics = topics
        self._report = report
        self._differ = differ
        self._within_s = within_s
        found = comparisons(settings, everything=everything)
        names = {each.projection for each in found} | {each.projection for each in TOPICS}
        self._made = self._existing(names)
        self._comparisons: list[Comparison] = [e for e in found if e.projection in self._made]
        report.absent |= names - self._made

    def look_at(self, entry: LedgerEntry) -> None:
        """Take the partition's next entry."""
        for each in self._comparisons:
            each.look_at(entry)

    def compare(self, folded: FoldedPartition, fold_to: Callable[[int], None]) -> None:
        """Hold each projection against the fold, which goes on to where that one stands."""
        for each in self._comparisons:
            with snapshot(
                self._settings,
                each.projection,
                self._partition,
                from_seq=folded.partition_seq,
                within_s=self._within_s,
            ) as connection:
                shown = position(connection, self._partition)
                if shown > folded.partition_seq:
                    fold_to(shown)
                reached = folded.partition_seq
                if shown != reached:
                    why = f"entry {shown} of {reached} is shown: does its projector run?"
                    self._differ(each.projection, why, "", f"entry {reached}", f"entry {shown}")
                    continue
                accounts = folded.customers()
                self._report.compared += each.compare(
                    connection, self._partition, accounts, self._differ
                )

    def check_topics(self, told: Mapping[str, Any], client: Consumer) -> dict[str, Any]:
        """Hold the published topics against their rows; how far that came, by topic."""
        reached = dict(told)
        for topic in TOPICS:
            name = self._settings.topic(topic.topic)
            if topic.projection not in self._made:
                continue
            if name not in self._topics:
                self._report.absent.add(topic.topic)
                continue
            followed = Followed(**told.get(topic.topic, {}))
            reached[topic.topic] = asdict(self._check(topic, name, followed, client))
        return reached

    def _check(
        self, topic: PublishedTopic, name: str, told: Followed, client: Consumer
    ) -> Followed:
        def open_log(begin: int) -> PartitionLog:
            return PartitionLog(self._settings, name, self._partition, begin=begin, client=client)

        schema = self._settings.database_schema(topic.projection)
        with (
            translated(),
            connect(self._settings, application=_APPLICATION, schema=schema) as connection,
        ):
            audit = TopicAudit(topic, self._wire, connection, self._partition)
            outcome = audit.run(open_log, told, self._differ)
        self._report.compared[f"records of {topic.topic}"] += outcome.compared
        self._report.unpublished[topic.topic] += outcome.unpublished
        return outcome.followed

    def _existing(self, projections: set[str]) -> set[str]:
        with translated(), connect(self._settings, application=_APPLICATION) as connection:
            return {
                name
                for name in projections
                if "position" in schemas.tables(connection, self._settings.database_schema(name))
            }

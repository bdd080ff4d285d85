"""Opening a partition: fenced, its barrier raised, recovered, and ready to decide."""

from concurrent.futures import Executor
from typing import Final

import structlog
from confluent_kafka import KafkaException, Producer

from drawdown import metrics
from drawdown.adapters.avro.wire import Wire
from drawdown.adapters.kafka.stable_offsets import Offsets
from drawdown.adapters.topics import LEDGER
from drawdown.clock import Clock
from drawdown.errors import Unavailable
from drawdown.ledger_processor.barrier import Barrier
from drawdown.ledger_processor.breaker import Breaker
from drawdown.ledger_processor.calls import repeated
from drawdown.ledger_processor.clients import Clients
from drawdown.ledger_processor.deciding import Decider
from drawdown.ledger_processor.evidence import Evidence
from drawdown.ledger_processor.failures import Call
from drawdown.ledger_processor.input_reader import Framing
from drawdown.ledger_processor.openings import Start
from drawdown.ledger_processor.output_ends import OutputEnds
from drawdown.ledger_processor.partition import PartitionWriter
from drawdown.ledger_processor.past import Past
from drawdown.ledger_processor.progress import Progress
from drawdown.ledger_processor.recovery import Recovered, recover
from drawdown.ledger_processor.stability import Stability, asking
from drawdown.ledger_processor.states import States
from drawdown.settings import Settings

_FENCE_TIMEOUT_S: Final = 60.0
_FENCE_STEP_S: Final = 1.0

_log = structlog.get_logger()


class Opener:
    """Opens the partitions of a ledger, each in a thread; what it is made of they share."""

    def __init__(
        self,
        settings: Settings,
        wire: Wire,
        framing: Framing,
        clients: Clients,
        offsets: Offsets,
        threads: Executor,
        states: States,
        past: Past,
        clock: Clock,
    ) -> None:
        self._settings: Final = settings
        self._wire: Final = wire
        self._framing: Final = framing
        self._clients: Final = clients
        self._offsets: Final = offsets
        self._threads: Final = threads
        self._states: Final = states
        self._past: Final = past
        self._clock: Final = clock

    def open(self, number: int, progress: Progress) -> Start:
        """Fence a partition, raise its barrier, recover it. Raises what `OpenPartition` says."""
        producer = self._fenced(number, progress)
        started = self._clock.monotonic()
        stability = Stability(asking(self._settings, self._offsets, number), self._clock)
        recovered, ends = self._recovered(number, producer, stability, progress)
        metrics.RECOVERY_ENTRIES.labels(str(number)).inc(recovered.entries)
        metrics.RECOVERY_SECONDS.labels(str(number)).set(self._clock.monotonic() - started)
        writer = PartitionWriter(
            self._settings,
            number,
            self._decider(recovered),
            producer,
            self._threads,
            self._clock,
            recovered.keeper,
            ends=OutputEnds(ends, stability),
        )
        return Start(writer, recovered.usage_offset, recovered.command_offset)

    def _fenced(self, number: int, progress: Progress) -> Producer:
        producer = self._clients.transactional(f"{self._settings.topic(LEDGER)}-{number}")

        def fence(left_s: float) -> None:
            # In steps, each of which resumes the one before, so as to leave off when asked to.
            progress.go_on()
            producer.init_transactions(min(left_s, _FENCE_STEP_S))

        repeated(number, Call.INIT, fence, clock=self._clock, within_s=_FENCE_TIMEOUT_S)
        return producer

    def _recovered(
        self, number: int, producer: Producer, stability: Stability, progress: Progress
    ) -> tuple[Recovered, dict[str, int]]:
        """The partition up to its barrier, and where its outputs end there."""
        settings, clock = self._settings, self._clock
        client = self._clients.log()
        try:
            evidence = Evidence(
                settings, number, self._wire, client, self._clients.undecided_log, clock
            )
            barrier = Barrier(
                settings, number, producer, stability, evidence.committed, clock, progress.go_on
            )
            ends = barrier.raised()
            if barrier.mended:
                _log.warning("lost_commit_mended", partition=number, offsets=barrier.mended)
            recovered = recover(
                settings,
                self._wire,
                number,
                ends,
                client,
                self._states,
                self._past,
                clock,
                progress,
            )
        except KafkaException as error:
            reason = error.args[0].str()
            raise Unavailable(f"partition {number} can't be recovered: {reason}") from error
        finally:
            client.close()
        return recovered, ends

    def _decider(self, recovered: Recovered) -> Decider:
        settings = self._settings
        return Decider(
            recovered.ledger,
            self._framing,
            usage_topic=settings.topic("usage-events"),
            command_topic=settings.topic("ledger-commands"),
            parked=recovered.parked,
            names_max=settings.names_remembered,
            breaker=Breaker(
                most=settings.poison_max,
                window=settings.poison_window,
                parked=recovered.parked,
            ),
        )

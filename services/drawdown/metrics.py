"""The one catalogue of metrics: each is declared here once, and nowhere else.

Its help text says what it means and what to do about it. `registry` stamps every sample with the
labels `namespace` and `service`, and a worker's with `worker`, so that the code which counts need
not know them. Histograms have no `partition` label: their buckets would multiply by it.
"""

from collections.abc import Iterator
from typing import Final

from prometheus_client import Counter, Gauge, Histogram, Info, start_http_server
from prometheus_client.gc_collector import GCCollector
from prometheus_client.metrics_core import Metric
from prometheus_client.process_collector import ProcessCollector
from prometheus_client.registry import Collector, CollectorRegistry
from prometheus_client.samples import Sample

from drawdown.errors import InvalidSetting
from drawdown.settings import Settings

CATALOGUE: Final = CollectorRegistry(auto_describe=True)
"""What a process counts that does the work, without the labels that `registry` adds."""
SUPERVISION: Final = CollectorRegistry(auto_describe=True)
"""What a process counts that starts workers, which count the rest."""

# ---- The ledger processor.
EVENTS_IN: Final = Counter(
    "drawdown_events_in_total",
    "Usage events decided. None while producers send: look at lag and at halted partitions.",
    ["partition"],
    registry=CATALOGUE,
)
COMMANDS_IN: Final = Counter(
    "drawdown_commands_in_total",
    "Commands decided. None while callers wait: look at lag and at halted partitions.",
    ["partition"],
    registry=CATALOGUE,
)
ENTRIES_OUT: Final = Counter(
    "drawdown_entries_out_total",
    "Ledger entries committed, by type. Compare with events and commands in, less the duplicates; "
    "hold_expired beside few hold_released: callers that never end their holds.",
    ["partition", "type"],
    registry=CATALOGUE,
)
TICKS: Final = Counter(
    "drawdown_ticks_total",
    "Ticks consumed, which book what has fallen due on quiet accounts. None while "
    "drawdown_due_lag_seconds grows: DRAWDOWN_TICK_INTERVAL_S is 0, or the partition has no owner.",
    ["partition"],
    registry=CATALOGUE,
)
DUE_LAG_SECONDS: Final = Gauge(
    "drawdown_due_lag_seconds",
    "How long what fell due first (an expiration, the end of a hold, a recurring grant) has been "
    "waiting to be booked; 0: nothing waits. It waits for the watermark, so it grows with the lag "
    "of usage and falls with it. Growing without: see ticks.",
    ["partition"],
    registry=CATALOGUE,
)
REPLIES_OUT: Final = Counter(
    "drawdown_replies_out_total",
    "Replies committed. One a command; fewer means that callers run into their time limit.",
    ["partition"],
    registry=CATALOGUE,
)
REJECTIONS: Final = Counter(
    "drawdown_rejections_total",
    "Refused events and commands by reason code. A rise of no_rate: a meter without a rate card; "
    "of event_id_conflict: a producer that reuses ids; of too_old: a producer that was cut off.",
    ["partition", "code"],
    registry=CATALOGUE,
)
DEAD_LETTERS: Final = Counter(
    "drawdown_dead_letters_total",
    "Records parked because they can't be decoded or stand in the wrong partition. Any is a "
    "producer's fault: read the dead-letters topic for origin and reason.",
    ["partition", "reason"],
    registry=CATALOGUE,
)
DUPLICATES: Final = Counter(
    "drawdown_duplicates_total",
    "Inputs that were decided before and booked nothing. A steady share is retries at work; a "
    "jump is a producer that replays.",
    ["partition"],
    registry=CATALOGUE,
)
TRANSACTION_SECONDS: Final = Histogram(
    "drawdown_transaction_seconds",
    "From the first record of a batch to its commit. Rising with steady batches: the broker or "
    "the database is slow; rising with them: more load than one process takes.",
    buckets=(0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30),
    registry=CATALOGUE,
)
TRANSACTION_FAILURES: Final = Counter(
    "drawdown_transaction_failures_total",
    "Transaction calls that failed, by call and kind; the partition was recovered or given up, and "
    "nothing is lost. Fenced or superseded: partitions move. Unknown outcome, abortable, fatal: "
    "look at the broker. Hopeless: the partition halted; its log line says what to change.",
    ["partition", "call", "kind"],
    registry=CATALOGUE,
)
BATCH_RECORDS: Final = Histogram(
    "drawdown_batch_records",
    "Records in one transaction. At the configured maximum all the time: it is behind; see lag.",
    buckets=(1, 10, 50, 100, 500, 1_000, 2_000, 4_000, 8_000, 16_000),
    registry=CATALOGUE,
)
LAG_RECORDS: Final = Gauge(
    "drawdown_lag_records",
    "Input records that wait to be decided. Growing: add cores or machines, up to a worker a "
    "partition, or find the partition that halted.",
    ["topic", "partition"],
    registry=CATALOGUE,
)
RECOVERY_ENTRIES: Final = Counter(
    "drawdown_recovery_entries_total",
    "Ledger entries folded to recover partitions. Growing without deployments: processes restart "
    "or partitions move; read the log for why.",
    ["partition"],
    registry=CATALOGUE,
)
RECOVERY_SECONDS: Final = Gauge(
    "drawdown_recovery_seconds",
    "How long the last recovery of the partition took, during which it decided nothing.",
    ["partition"],
    registry=CATALOGUE,
)

CUSTOMERS_IN_MEMORY: Final = Gauge(
    "drawdown_customers_in_memory",
    "Customers whose accounts a partition holds in memory; the others are looked up on disk. Where "
    "it stays at its limit (DRAWDOWN_STATE_CACHE_ACCOUNTS) and lag grows, raise that.",
    ["partition"],
    registry=CATALOGUE,
)
STATE_REBUILDS: Final = Counter(
    "drawdown_state_rebuilds_total",
    "Local states that were deleted and read from the ledger again: corrupt, of another ledger, or "
    "of another format. One after an update is meant; another one says that a disk is failing.",
    ["partition"],
    registry=CATALOGUE,
)
RECOVERY_LEFT: Final = Gauge(
    "drawdown_recovery_left_records",
    "Ledger records that the partition's recovery has yet to fold; 0: it is through. Divide by "
    "drawdown_recovery_rate for the seconds that are left.",
    ["partition"],
    registry=CATALOGUE,
)
RECOVERY_RATE: Final = Gauge(
    "drawdown_recovery_rate",
    "Ledger records a second that the last recovery of the partition folded. Low: the broker or "
    "the disk is slow, or several partitions are recovered at once.",
    ["partition"],
    registry=CATALOGUE,
)
PARTITIONS_OPENING: Final = Gauge(
    "drawdown_partitions_opening",
    "Partitions that the group gives to this process and that it fences and recovers, or will try "
    "again to. For minutes: read the log for recovery_failed, or look at what recovery has left.",
    registry=CATALOGUE,
)
PARTITIONS_RESTING: Final = Gauge(
    "drawdown_partitions_resting",
    "Partitions that aren't read for a while because their commits are slow. Their input waits in "
    "the topic; steadily above 0: the broker is the limit.",
    registry=CATALOGUE,
)

# ---- Every service that owns partitions.
PARTITIONS_OWNED: Final = Gauge(
    "drawdown_partitions_owned",
    "Partitions that this process serves. The sum over a service is less than the partition "
    "count for more than a minute: some have no owner; start a process or look for restarts.",
    registry=CATALOGUE,
)
PARTITIONS_HALTED: Final = Gauge(
    "drawdown_partitions_halted",
    "1 for a partition that stopped itself rather than go on wrongly, 0 else. Its log line says "
    "why and what to do; the other partitions go on.",
    ["partition"],
    registry=CATALOGUE,
)

PARTITIONS_POISONED: Final = Gauge(
    "drawdown_partitions_poisoned",
    "1 for a partition that halted because too many of its inputs are no records, 0 else. A "
    "producer is at fault: find and stop it. Then DRAWDOWN_POISON_MAX lets what it sent be parked.",
    ["partition"],
    registry=CATALOGUE,
)

# ---- Projectors.
PROJECTION_ENTRIES: Final = Counter(
    "drawdown_projection_entries_total",
    "Ledger entries written to the read model. None while the ledger grows: the database is away "
    "or the partition halted; see the log.",
    ["partition"],
    registry=CATALOGUE,
)
PROJECTION_LAG_RECORDS: Final = Gauge(
    "drawdown_projection_lag_records",
    "Ledger records that the read model doesn't show yet. Growing: the database is the limit; "
    "add a projector process or a faster disk.",
    ["partition"],
    registry=CATALOGUE,
)
PROJECTION_FRESHNESS_SECONDS: Final = Gauge(
    "drawdown_projection_freshness_seconds",
    "How old the read model may be: seconds since it last showed everything, or since the last "
    "entry it shows was recorded. Above a few: readers see yesterday's balances; see the lag.",
    ["partition"],
    registry=CATALOGUE,
)
DATABASE_RETRIES: Final = Counter(
    "drawdown_database_retries_total",
    "Batches tried again because the database didn't answer. Nothing is lost; growing: it is down.",
    registry=CATALOGUE,
)

PUBLISHED_RECORDS: Final = Counter(
    "drawdown_published_records_total",
    "Records of the read model that the broker has acknowledged. None while entries are "
    "projected: the topic refuses them; see the log for publishing_failed.",
    ["partition"],
    registry=CATALOGUE,
)
PUBLISH_LAG_ENTRIES: Final = Gauge(
    "drawdown_publish_lag_entries",
    "Ledger entries that the read model shows and whose changes aren't published yet. Growing: "
    "the broker doesn't acknowledge; see the failures.",
    ["partition"],
    registry=CATALOGUE,
)
PUBLISH_LAG_SECONDS: Final = Gauge(
    "drawdown_publish_lag_seconds",
    "How long what isn't published yet may have been waiting; 0: all is published. Above a few "
    "times DRAWDOWN_PUBLISH_INTERVAL_S: who follows the topic sees old figures; see the failures.",
    ["partition"],
    registry=CATALOGUE,
)
PUBLISH_FAILURES: Final = Counter(
    "drawdown_publish_failures_total",
    "Publications that the broker didn't acknowledge whole. They are made again from the rows and "
    "nothing is lost; growing: the log line publishing_failed has the reason.",
    ["partition"],
    registry=CATALOGUE,
)

# ---- The audit (`drawdown verify --watch`).
AUDIT_ENTRIES_READ: Final = Counter(
    "drawdown_audit_entries_read_total",
    "Ledger entries that audits read. Each is read once while nothing is wrong; many times: a "
    "difference stands, and what is behind it is audited again and again.",
    ["partition"],
    registry=CATALOGUE,
)
AUDITED_RECORDS: Final = Gauge(
    "drawdown_audited_records",
    "Records of the ledger topic that are audited and right. Standing still while the ledger "
    "grows: a difference stands, or audits fail; see the log.",
    ["partition"],
    registry=CATALOGUE,
)
AUDIT_COVERAGE: Final = Gauge(
    "drawdown_audit_coverage",
    "The share of the ledger topic's records that is audited and right, 0 to 1. Below 1 for "
    "longer than an audit takes: a difference stands, or the audit can't keep up.",
    ["partition"],
    registry=CATALOGUE,
)
AUDIT_DIFFERENCES: Final = Gauge(
    "drawdown_audit_differences",
    "What doesn't add up in a partition, by the last audit. Any: `drawdown verify` names the first "
    "one: topic, partition, offset, account, what was expected and what was found.",
    ["partition"],
    registry=CATALOGUE,
)
AUDIT_FINISHED_AT: Final = Gauge(
    "drawdown_audit_finished_at_seconds",
    "When the last audit ended, whatever it found, as Unix time; its age is time() less that. Old: "
    "nothing is being audited; see the log for why.",
    registry=CATALOGUE,
)
AUDIT_SECONDS: Final = Gauge(
    "drawdown_audit_seconds",
    "How long the last audit took. Near the interval between audits: it can't keep up with the "
    "ledger; give it a machine of its own.",
    registry=CATALOGUE,
)
AUDIT_FAILURES: Final = Counter(
    "drawdown_audit_failures_total",
    "Audits that couldn't be carried out, since the broker or the database didn't answer. Growing: "
    "they are away, or no projector has ever run.",
    registry=CATALOGUE,
)

# ---- A process that starts workers.
WORKERS_RUNNING: Final = Gauge(
    "drawdown_workers_running",
    "Worker processes that run. Fewer than there should be: one ended and is about to be started "
    "again; see the restarts.",
    registry=SUPERVISION,
)
WORKER_RESTARTS: Final = Counter(
    "drawdown_worker_restarts_total",
    "Worker processes that were killed or ended by an error that passes, and were started again. "
    "Growing: the log line worker_ended has the code, and the worker's own last line the reason; "
    "-9 without one: the machine was out of memory.",
    ["worker"],
    registry=SUPERVISION,
)

# ---- Every process.
RUNTIME: Final = Info(
    "drawdown_runtime",
    "The version, and whether the domain runs compiled or pure. Pure is 2.5 times slower.",
    registry=CATALOGUE,
)

ProcessCollector(registry=CATALOGUE)
GCCollector(registry=CATALOGUE)


class _Stamped(Collector):
    """Metrics with constant labels on each sample."""

    def __init__(self, metrics: CollectorRegistry, labels: dict[str, str]) -> None:
        self._metrics = metrics
        self._labels = labels

    def collect(self) -> Iterator[Metric]:
        for metric in self._metrics.collect():
            metric.samples = [self._stamped(sample) for sample in metric.samples]
            yield metric

    def _stamped(self, sample: Sample) -> Sample:
        return sample._replace(labels={**self._labels, **sample.labels})


def registry(settings: Settings, service: str, *, worker: int = 0) -> CollectorRegistry:
    """What a scrape of this process returns, which may be one of several workers."""
    labels = {"worker": str(worker)} if worker else {}
    return _stamped(settings, service, CATALOGUE, labels)


def supervision(settings: Settings, service: str, workers: Collector) -> CollectorRegistry:
    """What a scrape of a process returns that starts workers: what they count, and what it does."""
    both = _stamped(settings, service, SUPERVISION, {})
    both.register(workers)
    return both


def _stamped(
    settings: Settings, service: str, metrics: CollectorRegistry, labels: dict[str, str]
) -> CollectorRegistry:
    labels = {"namespace": settings.namespace, "service": service, **labels}
    stamped = CollectorRegistry(auto_describe=False)
    stamped.register(_Stamped(metrics, labels))
    return stamped


def serve(settings: Settings, scrape: CollectorRegistry) -> int:
    """Start the Prometheus endpoint in a thread of its own and return its port.

    Raises `InvalidSetting` where the port is taken.
    """
    try:
        server, _ = start_http_server(settings.metrics_port, settings.metrics_host, scrape)
    except OSError as error:
        raise InvalidSetting(
            f"DRAWDOWN_METRICS_PORT {settings.metrics_port} can't be used: {error}"
        ) from error
    return int(server.server_port)


def names() -> frozenset[str]:
    """The names of the samples of this catalogue, as a query or an alert rule writes them."""
    suffixes = {
        "counter": ("_total",),
        "histogram": ("_bucket", "_count", "_sum"),
        "info": ("_info",),
    }
    return frozenset(
        metric.name + suffix
        for each in (CATALOGUE, SUPERVISION)
        for metric in each.collect()
        for suffix in suffixes.get(metric.type, ("",))
    )

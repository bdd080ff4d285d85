"""Every setting, read once, from the environment (and `.env` where there is one).

`KAFKA_BOOTSTRAP_SERVERS`, `DATABASE_URL` and `SCHEMA_REGISTRY_URL` keep their customary names;
everything else is `DRAWDOWN_<NAME>`. Any `KAFKA_SECURITY_*`, `KAFKA_SASL_*`, `KAFKA_SSL_*` or
`KAFKA_ENABLE_SSL_*` variable is handed to librdkafka as it is: `KAFKA_SASL_USERNAME` becomes
`sasl.username`.
"""

import os
from functools import cache
from pathlib import Path
from typing import Annotated

from pydantic import AliasChoices, Field, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from drawdown.errors import InvalidSetting

_PASSED_THROUGH = ("KAFKA_SECURITY_", "KAFKA_SASL_", "KAFKA_SSL_", "KAFKA_ENABLE_SSL_")


class Settings(BaseSettings):
    """One process's settings. Durations end in their unit."""

    model_config = SettingsConfigDict(
        env_prefix="DRAWDOWN_", env_file=".env", extra="ignore", frozen=True, populate_by_name=True
    )

    namespace: Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]{0,31}$")] = "live"
    """Prefixes every topic, group, transactional id and database schema, and enters the hash."""

    kafka_bootstrap_servers: str = Field(
        "", validation_alias=AliasChoices("KAFKA_BOOTSTRAP_SERVERS", "kafka_bootstrap_servers")
    )
    """Empty: the broker that `drawdown up` started in `data_dir`."""
    database_url: str = Field("", validation_alias=AliasChoices("DATABASE_URL", "database_url"))
    """Empty: the database that `drawdown up` started in `data_dir`."""
    schema_registry_url: str = Field(
        "", validation_alias=AliasChoices("SCHEMA_REGISTRY_URL", "schema_registry_url")
    )
    """A Confluent-compatible registry. Empty: schema ids come from the files in `schemas/`."""

    kafka_group_protocol: Annotated[str, Field(pattern="^(classic|consumer)$")] = "classic"
    """How the processes of a service share partitions: `classic`, where they agree among
    themselves, or `consumer` (KIP-848), where the broker decides. All of a group must use one."""
    kafka_group_instance_id: Annotated[str, Field(max_length=128)] = ""
    """A name that this process alone has in its groups and keeps across restarts: one that is back
    within the session timeout gets its partitions again, and nobody else notices. Empty: none."""

    data_dir: Path = Path(".drawdown")
    """Where the embedded broker and database, the demo and local state keep their files."""

    log_level: Annotated[str, Field(pattern="^(DEBUG|INFO|WARNING|ERROR)$")] = "INFO"
    """What is less than this isn't logged."""
    log_format: Annotated[str, Field(pattern="^(json|console)$")] = "json"
    """`json`: a line is an object, for machines; `console`: for people."""
    metrics_port: Annotated[int, Field(ge=0, le=65535)] = 0
    """Port of the Prometheus endpoint; 0 takes a free one and logs it."""
    metrics_host: str = "127.0.0.1"
    """Where the Prometheus endpoint listens; `0.0.0.0` in a container."""

    partitions: Annotated[int, Field(ge=0, le=1024)] = 0
    """Partitions of new topics; 0: as `schemas/topics` says. Can't be changed afterwards."""
    replication_factor: Annotated[int, Field(ge=0)] = 0
    """Replication of new topics; 0: the broker's default."""

    producer_queue_records: Annotated[int, Field(ge=1_000)] = 200_000
    """Records that one producer holds until the broker has them; then who sends waits."""
    producer_queue_kib: Annotated[int, Field(ge=16_384, le=2_097_151)] = 131_072
    """The same by size. A ledger processor has a producer for each partition."""
    consumer_queue_records: Annotated[int, Field(ge=1, le=10_000_000)] = 20_000
    """Records of a partition that one consumer fetches ahead."""
    consumer_queue_kib: Annotated[int, Field(ge=1_024, le=2_097_151)] = 65_536
    """What one consumer fetches ahead at most, but for one answer of the broker."""
    fetch_kib: Annotated[int, Field(ge=8_192, le=1_048_576)] = 65_536
    """One answer of the broker at most; no less than the largest record, 8 MiB."""
    fetch_partition_kib: Annotated[int, Field(ge=64, le=976_562)] = 4_096
    """What one answer of the broker has of one partition, if no record is larger."""

    ledger_workers: Annotated[int, Field(ge=0, le=1024)] = 0
    """Processes that a ledger processor runs as, which share its partitions; 0: one a core that it
    may use, and no more than there are partitions."""
    ledger_usage_batch: Annotated[int, Field(ge=1)] = 4_000
    """Usage events decided in one transaction at most."""
    ledger_command_batch: Annotated[int, Field(ge=1)] = 1_000
    """Commands decided in one transaction at most, so that they can't starve usage."""
    ledger_partitions_max: Annotated[int, Field(ge=1)] = 64
    """Partitions one worker takes at most: each has a producer with threads and buffers."""
    ledger_outbox_kib: Annotated[int, Field(ge=64)] = 32_768
    """What one transaction produces at most, but for the inputs of one turn; then it commits."""
    ledger_recoveries_max: Annotated[int, Field(ge=1)] = 8
    """Partitions that one worker recovers at a time: each has a consumer with buffers."""
    recovery_delay_max_s: Annotated[float, Field(gt=0)] = 30.0
    """A partition whose recovery fails again and again is tried this often at least."""
    rebalance_timeout_s: Annotated[float, Field(gt=0)] = 10.0
    """How long a rebalance, or the end of the process, waits for commits under way."""
    commit_interval_ms: Annotated[int, Field(ge=0)] = 100
    """Usage alone is committed this often at most; a command is committed at once."""
    transaction_timeout_ms: Annotated[int, Field(ge=1_000)] = 30_000
    """How long the broker keeps a transaction open whose process has gone silent."""
    tick_interval_s: Annotated[float, Field(ge=0)] = 1.0
    """What falls due on quiet accounts is booked this often at most; 0: never by itself."""
    clock_ahead_max_s: Annotated[int, Field(ge=0)] = 300
    """A record appended further ahead of this machine's clock halts its partition."""
    poison_max: Annotated[int, Field(ge=0)] = 1_000
    """More dead letters than this among the last `poison_window` records of one input halt the
    partition; as many as the window lets all be parked."""
    poison_window: Annotated[int, Field(ge=1)] = 10_000
    """Over how many records of one input dead letters are counted."""
    rate_card_lead_s: Annotated[int, Field(ge=0)] = 60
    """A rate card takes effect at least this long after its command was appended."""

    state: Annotated[str, Field(pattern="^(disk|memory)$")] = "disk"
    """`disk`: what is folded is saved, and a restart folds only what came since; `memory`: every
    start folds the whole ledger, and all of it is in memory."""
    state_dir: Path | None = None
    """Where local state stands, by partition; absent: `state` in `data_dir`. The processes of one
    machine may share it."""
    state_cache_accounts: Annotated[int, Field(ge=100)] = 100_000
    """Customers in memory at most, of all partitions, and as many whose latest entries aren't saved
    yet."""
    state_unsaved_entries: Annotated[int, Field(ge=1)] = 50_000
    """Entries of a partition after which a customer is saved at last: so many are folded again at
    most after a kill, beside what its store hadn't flushed."""
    state_block_cache_mb: Annotated[int, Field(ge=8)] = 256
    """What the local stores of all workers keep of their files in memory."""
    state_snapshot_dir: Path | None = None
    """Where copies of local state go from which a process without its disk begins; absent: none."""
    state_snapshot_interval_s: Annotated[int, Field(ge=1)] = 3_600
    """How often a partition's local state is copied."""

    projector_batch: Annotated[int, Field(ge=1)] = 5_000
    """Ledger entries written to Postgres in one transaction at most."""
    projector_batch_kib: Annotated[int, Field(ge=1)] = 32_768
    """The same by the size of their records; a larger one goes alone."""
    projector_threads: Annotated[int, Field(ge=1, le=64)] = 2
    """How many partitions one projector process writes at the same time, each over a connection of
    its own: while one waits for the database, another one works."""
    publish_interval_s: Annotated[float, Field(gt=0)] = 1.0
    """What a projector changed in a partition is published this often at most, a record a key."""
    rebuild_batch: Annotated[int, Field(ge=1)] = 50_000
    """Ledger entries that `drawdown rebuild` writes in one transaction at most: the more there are
    of an account, the fewer times its rows are written."""
    commands_in_flight: Annotated[int, Field(ge=1)] = 1_000
    """Commands that the command line or an API sends before it waits for replies; what the ledger
    processor takes in one transaction."""
    names_remembered: Annotated[int, Field(ge=0)] = 1_000
    """Units and meters that a partition remembers as valid rather than look at each anew."""

    audit_interval_s: Annotated[float, Field(gt=0)] = 60.0
    """`drawdown verify --watch` audits this often."""

    reporting_zone: str = "UTC"
    """The zone whose days and months reports use."""
    revenue_accounts: Path | None = None
    """A YAML file with what the general ledger calls the accounts that revenue is booked on."""

    def kafka_security(self) -> dict[str, str]:
        """The librdkafka options that the environment passes through."""
        return {
            name.removeprefix("KAFKA_").lower().replace("_", "."): value
            for name, value in os.environ.items()
            if name.startswith(_PASSED_THROUGH)
        }

    def topic(self, name: str) -> str:
        """The full name of a topic of `schemas/topics`, such as `live.ledger-entries`."""
        return f"{self.namespace}.{name}"

    def group(self, service: str) -> str:
        """The consumer group of a service, such as `live.ledger_processor`."""
        return f"{self.namespace}.{service}"

    @property
    def state_folder(self) -> Path:
        """Where local state stands."""
        return self.data_dir / "state" if self.state_dir is None else self.state_dir

    def database_schema(self, projection: str) -> str:
        """The database schema of a projection, such as `live_balance`."""
        return f"{self.namespace.replace('-', '_')}_{projection}"


@cache
def current() -> Settings:
    """The settings of this process. Raises `InvalidSetting` naming each wrong variable."""
    return load()


def load(**overrides: object) -> Settings:
    """Settings from the environment, with `overrides` on top."""
    try:
        return Settings(**overrides)  # type: ignore[arg-type]
    except ValidationError as error:
        wrong = "; ".join(
            f"{'.'.join(str(part) for part in each['loc'])}: {each['msg']}"
            for each in error.errors()
        )
        raise InvalidSetting(f"settings can't be used: {wrong}") from error

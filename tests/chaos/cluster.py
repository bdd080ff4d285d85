"""Brokers that can be killed one by one: one, or three that replicate to each other.

Each has two doors: clients of the test go in directly, the processes under test by a proxy, whose
port is what the broker advertises there.
"""

import os
import shutil
import signal
import subprocess
import time
import uuid
from base64 import urlsafe_b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Final

from confluent_kafka import KafkaException
from confluent_kafka.admin import AdminClient

from drawdown.errors import LocalSetupFailed
from drawdown.local import broker, ports, processes
from drawdown.local.state import Service

_READY_S: Final = 90.0
_IN_SYNC_S: Final = 120.0

_PROPERTIES: Final = """\
process.roles=broker,controller
node.id={number}
controller.quorum.voters={voters}
listeners=DIRECT://127.0.0.1:{direct},PROXIED://127.0.0.1:{behind},CONTROLLER://127.0.0.1:{controller}
advertised.listeners=DIRECT://127.0.0.1:{direct},PROXIED://127.0.0.1:{front}
listener.security.protocol.map=DIRECT:PLAINTEXT,PROXIED:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=DIRECT
controller.listener.names=CONTROLLER
log.dirs=data
auto.create.topics.enable=false
default.replication.factor={replicas}
min.insync.replicas={in_sync}
offsets.topic.num.partitions=8
offsets.topic.replication.factor={replicas}
transaction.state.log.num.partitions=8
transaction.state.log.replication.factor={replicas}
transaction.state.log.min.isr={in_sync}
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.consumer.min.session.timeout.ms=6000
group.consumer.session.timeout.ms=10000
group.consumer.min.heartbeat.interval.ms=1000
group.consumer.heartbeat.interval.ms=1000
broker.session.timeout.ms=6000
broker.heartbeat.interval.ms=1000
replica.lag.time.max.ms=10000
log.cleaner.dedupe.buffer.size=33554432
"""


class Node:
    """One broker with its own controller, and its files."""

    def __init__(self, folder: Path, number: int, front: Callable[[int], int]) -> None:
        self.number: Final = number
        self.direct: Final = ports.choose()
        self.behind: Final = ports.choose()
        self.controller: Final = ports.choose()
        self.front: Final = front(self.behind)
        self._folder = folder
        self._service: Service | None = None

    @property
    def pid(self) -> int:
        """Of its process."""
        assert self._service is not None
        return self._service.pid

    @property
    def address(self) -> str:
        """Where the test's own clients go in."""
        return f"{ports.LOOPBACK}:{self.direct}"

    def format(self, properties: str, cluster_id: str) -> None:
        """Write the configuration and format the storage."""
        self._folder.mkdir(parents=True)
        (self._folder / "log4j2.properties").write_text(broker.LOG4J)
        (self._folder / "server.properties").write_text(properties)
        subprocess.run(
            [
                *broker.java("-XX:TieredStopAtLevel=1", "kafka.tools.StorageTool", "format"),
                f"--cluster-id={cluster_id}",
                *("-c", "server.properties"),
            ],
            cwd=self._folder,
            check=True,
            capture_output=True,
            timeout=_READY_S,
        )

    def start(self) -> None:
        """Start its process; harmless if it runs."""
        if self._service is not None and processes.is_running(self._service):
            return
        self._service = processes.spawn(
            f"broker-{self.number}",
            [*broker.java("-Xms128m", "-Xmx640m", "kafka.Kafka"), "server.properties"],
            log=self._folder / "broker.log",
            port=self.direct,
            url=self.address,
            cwd=self._folder,
        )

    def await_ready(self) -> None:
        """Wait until it answers. Raises `LocalSetupFailed`."""
        assert self._service is not None
        processes.await_ready(
            self._service,
            lambda: ports.answers(self.direct) and broker.serves(self.address),
            within_s=_READY_S,
        )

    def kill(self) -> None:
        """End it without warning, and wait until it is gone."""
        assert self._service is not None
        gone = self._service
        os.kill(gone.pid, signal.SIGKILL)
        processes.wait_until(lambda: not processes.is_running(gone), timeout_s=10)

    def close(self) -> None:
        """End it if it runs; its data are thrown away."""
        if self._service is not None and processes.is_running(self._service):
            self.kill()
        shutil.rmtree(self._folder, ignore_errors=True)


class Cluster:
    """So many brokers on the loopback interface, 1 or 3."""

    def __init__(self, folder: Path, size: int, front: Callable[[int], int]) -> None:
        """`front` opens a proxy to a port, and gives the port that it listens on."""
        self.nodes: Final = [
            Node(folder / f"broker-{number}", number, front) for number in range(1, size + 1)
        ]

    def start(self) -> None:
        """Format and start them all, and wait until they answer."""
        cluster_id = urlsafe_b64encode(uuid.uuid4().bytes).rstrip(b"=").decode()
        voters = ",".join(f"{each.number}@127.0.0.1:{each.controller}" for each in self.nodes)
        size = len(self.nodes)
        for node in self.nodes:
            text = _PROPERTIES.format(
                number=node.number,
                voters=voters,
                direct=node.direct,
                behind=node.behind,
                controller=node.controller,
                front=node.front,
                replicas=size,
                in_sync=1 if size == 1 else size - 1,
            )
            node.format(text, cluster_id)
        for node in self.nodes:
            node.start()
        for node in self.nodes:
            node.await_ready()

    @property
    def direct(self) -> str:
        """Bootstrap servers for the test's own clients."""
        return ",".join(node.address for node in self.nodes)

    @property
    def proxied(self) -> str:
        """Bootstrap servers for the processes under test."""
        return ",".join(f"{ports.LOOPBACK}:{node.front}" for node in self.nodes)

    def await_in_sync(self) -> None:
        """Wait until every replica of every partition has caught up."""
        deadline = time.monotonic() + _IN_SYNC_S
        while lagging := self._lagging():
            if time.monotonic() > deadline:
                raise LocalSetupFailed(f"not in sync after {_IN_SYNC_S:.0f} s: {lagging[:5]}")
            time.sleep(0.3)

    def _lagging(self) -> list[str]:
        client = AdminClient({"bootstrap.servers": self.direct, "log_level": 0})
        try:
            topics = client.list_topics(timeout=5).topics
        except KafkaException as error:
            return [error.args[0].str()]
        return [
            f"{name} [{number}]"
            for name, topic in topics.items()
            for number, partition in topic.partitions.items()
            if len(partition.isrs) < len(partition.replicas)
        ]

    def close(self) -> None:
        """End them all and throw their data away."""
        for node in self.nodes:
            node.close()

"""The metrics of all workers of a supervisor, as one scrape."""

from collections.abc import Callable, Iterable, Iterator
from typing import Final
from urllib.error import URLError
from urllib.request import ProxyHandler, build_opener

import structlog
from prometheus_client.metrics_core import Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from drawdown.workers.worker import LOOPBACK

_ANSWER_S: Final = 2.0


class Gathered(Collector):
    """What the endpoints at these ports answer, each family once.

    A worker that doesn't answer is left out: it is starting, or has just ended.
    """

    def __init__(self, ports: Callable[[], Iterable[int]]) -> None:
        self._ports = ports
        # A proxy of the environment has no business on loopback.
        self._opener = build_opener(ProxyHandler({}))

    def collect(self) -> Iterator[Metric]:
        families: dict[str, Metric] = {}
        for port in self._ports():
            for family in text_string_to_metric_families(self._text(port)):
                known = families.setdefault(family.name, family)
                if known is not family:
                    known.samples.extend(family.samples)
        yield from families.values()

    def _text(self, port: int) -> str:
        try:
            with self._opener.open(
                f"http://{LOOPBACK}:{port}/metrics", timeout=_ANSWER_S
            ) as answer:
                text: str = answer.read().decode()
        except (URLError, OSError) as error:
            structlog.get_logger().debug("not_scraped", port=port, reason=str(error))
            return ""
        return text

"""Structured logs: one JSON object a line on standard error, or coloured text for people."""

import logging
import sys

import structlog
from structlog.typing import Processor

from drawdown.settings import Settings

_SHARED: tuple[Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.StackInfoRenderer(),
)


def configure(settings: Settings, service: str, *, worker: int = 0) -> None:
    """Set up this process's logs; each line carries `service` and `namespace`, and which `worker`
    of the service it is, if it is one.

    Libraries that log by the standard module are rendered alike, from WARNING up.
    """
    level = logging.getLevelNamesMapping()[settings.log_level]
    renderer = _renderer(settings)
    structlog.configure(
        processors=[*_SHARED, *renderer],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        # A line and its end in one write: the broker's client writes there too, by itself.
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=False,
    )
    structlog.contextvars.clear_contextvars()
    carried: dict[str, object] = {"worker": worker} if worker else {}
    structlog.contextvars.bind_contextvars(service=service, namespace=settings.namespace, **carried)
    _adopt_standard_logging(renderer, max(level, logging.WARNING))


def _renderer(settings: Settings) -> list[Processor]:
    if settings.log_format == "console":
        return [structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())]
    return [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]


def _adopt_standard_logging(renderer: list[Processor], level: int) -> None:
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*_SHARED, structlog.stdlib.add_logger_name],
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderer],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)

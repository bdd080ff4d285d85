"""Auditing again and again, with what was found as metrics and log lines."""

import threading
import time

import structlog

from drawdown import metrics
from drawdown.errors import DatabaseRefused, RetryableError
from drawdown.settings import Settings
from drawdown.verification.audit import WITHIN_S, verify
from drawdown.verification.report import Report

SERVICE = "verify"
_log = structlog.get_logger()


class Stopped(Exception):
    """Somebody asked to stop while an audit was at work; nothing of it is saved."""


class Watch:
    """Audits every `every_s` until `stop`. What is away (a broker, a database, a read model that no
    projector has made yet) is tried again."""

    def __init__(self, settings: Settings, *, every_s: float, within_s: float = WITHIN_S) -> None:
        self._settings = settings
        self._every_s = every_s
        self._within_s = within_s
        self._stopping = threading.Event()

    def stop(self) -> None:
        """Give the audit at work up, and end. Safe in a signal handler."""
        self._stopping.set()

    def run(self, *, full: bool = False) -> None:
        """Audit until stopped; `full`: the first time from the start."""
        while not self._stopping.is_set():
            began_at = time.monotonic()
            try:
                self._note(self._audit(full=full), time.monotonic() - began_at)
                full = False
            except Stopped:
                return
            except (RetryableError, DatabaseRefused) as error:
                metrics.AUDIT_FAILURES.inc()
                _log.warning("audit_failed", reason=str(error))
            self._stopping.wait(max(0.0, began_at + self._every_s - time.monotonic()))

    def _audit(self, *, full: bool) -> Report:
        return verify(
            self._settings,
            self._go_on,
            within_s=self._within_s,
            full=full,
            told=_note_partition,
        )

    def _go_on(self, done: int, total: int, doing: str) -> None:
        if self._stopping.is_set():
            raise Stopped

    def _note(self, report: Report, seconds: float) -> None:
        metrics.AUDIT_SECONDS.set(seconds)
        metrics.AUDIT_FINISHED_AT.set(time.time())
        told = {
            "entries_read": report.entries_read,
            "entries": report.entries,
            "coverage": round(report.coverage, 6),
            "differences": report.difference_count,
            "seconds": round(seconds, 3),
        }
        _log.info("audited", **told)
        first = report.first
        if first is not None:
            _log.error(
                "difference",
                place=first.place,
                account=first.account,
                explanation=first.explanation,
                expected=first.expected,
                found=first.found,
            )


def _note_partition(partition: int, report: Report) -> None:
    label = str(partition)
    metrics.AUDIT_ENTRIES_READ.labels(label).inc(report.entries_read)
    metrics.AUDITED_RECORDS.labels(label).set(report.records_audited)
    metrics.AUDIT_COVERAGE.labels(label).set(report.coverage)
    metrics.AUDIT_DIFFERENCES.labels(label).set(report.difference_count)

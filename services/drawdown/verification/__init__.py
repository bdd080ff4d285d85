"""The audit: inputs, ledger and read model must tell one story, to the last micro-credit.

>>> from drawdown.settings import load
>>> from drawdown.verification import reconcile, verify
>>> verify(load()).ok  # doctest: +SKIP
True
"""

from drawdown.verification.audit import reconcile, verify
from drawdown.verification.report import Difference, Report

__all__ = ("Difference", "Report", "reconcile", "verify")

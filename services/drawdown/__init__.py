"""Drawdown: the credit ledger for AI companies."""

from drawdown.compiled import obey_environment

__version__ = "0.1.0"

obey_environment()

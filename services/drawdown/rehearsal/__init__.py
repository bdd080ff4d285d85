"""Rehearsal: a ledger that decides and writes in memory, as a partition's owner would."""

from drawdown.rehearsal.writing import Rehearsal

__all__ = ("Rehearsal",)

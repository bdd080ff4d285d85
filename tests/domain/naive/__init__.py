"""A deliberately naive ledger: lists that are searched, and figures that are added up anew.

It shares nothing with the domain but the values of its inputs, is written from the specification,
and is compared with the ledger entry by entry.
"""

from tests.domain.naive.booked import Booked, Part
from tests.domain.naive.ledger import NaiveLedger

__all__ = ["Booked", "NaiveLedger", "Part"]

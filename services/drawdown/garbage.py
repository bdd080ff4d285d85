"""How often a service looks for garbage."""

import gc
from typing import Final

_MORE: Final = 1_000_000
"""Objects more than there were before that are looked through. Fifty thousand customers that come
into memory and are let go of again never add up to that; what formed cycles would."""
_OLD: Final = 100_000


def collect_rarely() -> None:
    """Leave what is imported out of every collection, and look through the rest rarely.

    Accounts, entries and rows form no cycles: they go when nobody has them any more. A million
    accounts are never looked through all at once.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(_MORE, 50, _OLD)

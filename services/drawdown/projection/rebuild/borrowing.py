"""What few have and many need, each for a while."""

from collections.abc import Iterator
from contextlib import contextmanager
from queue import SimpleQueue
from typing import TypeVar

T = TypeVar("T")


@contextmanager
def borrowed(idle: SimpleQueue[T]) -> Iterator[T]:
    """One of those that are idle, waited for, and put back."""
    one = idle.get()
    try:
        yield one
    finally:
        idle.put(one)

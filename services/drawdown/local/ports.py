"""Ports of the loopback interface."""

import random
import socket

LOOPBACK = "127.0.0.1"
_CHOSEN = range(20_000, 32_000)
"""Below those that the system gives to connections: of these, one that was free when it was chosen
may be a connection's a moment later, before the server listens."""
_TRIES = 100


def is_free(port: int) -> bool:
    """Whether a server could listen on `port` now."""
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        # As the servers do: without it, connections that have just ended hold the port.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((LOOPBACK, port))
        except (OSError, OverflowError):
            return False
        return True


def choose(preferred: int = 0) -> int:
    """`preferred` if it is free, else any free port."""
    if preferred and is_free(preferred):
        return preferred
    for port in random.sample(_CHOSEN, _TRIES):
        if is_free(port):
            return port
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.bind((LOOPBACK, 0))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    """Whether something accepts connections on `port`."""
    try:
        with socket.create_connection((LOOPBACK, port), timeout=1):
            return True
    except OSError:
        return False

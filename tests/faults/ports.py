"""Ports for servers that are started again on the same one."""

from __future__ import annotations

import random
import socket
from contextlib import ExitStack

_RANGE = range(21_000, 30_000)
"""Below what the system gives to outgoing connections, and beside the range of `bench.server`."""


def take_ports(count: int) -> list[int]:
    """So many different ports that nobody listens on now."""
    found: list[int] = []
    with ExitStack() as stack:
        while len(found) < count:
            probe = stack.enter_context(socket.socket())
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            port = random.choice(_RANGE)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            found.append(port)
    return found

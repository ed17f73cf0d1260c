"""How the nodes of an installation tell each other things (decision 0023)."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

from qiatan.infra.bus.base import Bus, BusUnavailable, Subscription
from qiatan.infra.bus.memory import MemoryBus

__all__ = ["Bus", "BusUnavailable", "MemoryBus", "Subscription", "build_bus", "prefix_of"]


def prefix_of(secret: bytes) -> str:
    """What the subjects of an installation begin with: two installations on one server do not hear each other."""
    return f"qiatan.{hashlib.sha256(b'bus' + secret).hexdigest()[:16]}"


def build_bus(servers: Sequence[str], prefix: str, name: str) -> Bus:
    """A bus to these servers."""
    from qiatan.infra.bus.nats import NatsBus  # noqa: PLC0415 -- an installation of one process need not load the client

    return NatsBus(servers, prefix=prefix, name=name)

"""Transports of connections that need no socket."""

from __future__ import annotations

import json
from typing import Any


class Recorder:
    """Keeps what was written. `ready = False` is a client that does not read."""

    def __init__(self, *, ready: bool = True) -> None:
        self.ready = ready
        self.frames: list[dict[str, Any]] = []
        self.closed: tuple[int, str] | None = None

    def write(self, payload: bytes) -> bool:
        if self.ready:
            self.frames += json.loads(payload)
        return self.ready

    def close(self, code: int, reason: str) -> None:
        self.closed = (code, reason)

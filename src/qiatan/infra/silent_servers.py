"""Other servers that lately kept somebody waiting and brought nothing."""

from __future__ import annotations

from collections.abc import Hashable

from qiatan.infra.clock import ticks

PAUSE_SECONDS = 30.0


class SilentServers:
    """Whoever can come again later does not wait for them too: a server is let alone for a while, then one is let through to try."""

    def __init__(self, pause: float = PAUSE_SECONDS) -> None:
        self._pause = pause
        self._until: dict[Hashable, float] = {}

    def is_let_alone(self, server: Hashable) -> bool:
        """Whether not to ask now. Who is told no once the pause is over is the one who tries; the others wait for another pause.

        A silence that is as old again says nothing any more: then nobody is held back.
        """
        now, until = ticks(), self._until.get(server)
        if until is None:
            return False
        if now < until:
            return True
        if now >= until + self._pause:
            del self._until[server]
        else:
            self._until[server] = now + self._pause
        return False

    def was_silent(self, server: Hashable) -> None:
        now = ticks()
        self._until = {known: until for known, until in self._until.items() if until > now} | {server: now + self._pause}

    def has_answered(self, server: Hashable) -> None:
        self._until.pop(server, None)

"""The bus of an installation with one process: there is nobody to talk to."""

from __future__ import annotations

from collections.abc import Callable

from qiatan.infra.bus.base import BusUnavailable, Handler, Responder


class _Nothing:
    async def unsubscribe(self) -> None:
        return


class MemoryBus:
    """Publishing to nobody costs nothing."""

    alone = True
    connected = True

    def __init__(self) -> None:
        self.dropped = 0
        self.on_reconnect: list[Callable[[], None]] = []
        self._responders: dict[str, Responder] = {}

    async def start(self) -> None:
        return

    async def close(self) -> None:
        self._responders.clear()

    def publish(self, subject: str, payload: bytes) -> None:
        return

    async def subscribe(self, subject: str, handler: Handler) -> _Nothing:
        return _Nothing()

    async def request(self, subject: str, payload: bytes, seconds: float) -> bytes:
        """Asking oneself works, so that whoever asks all nodes gets the one answer there is."""
        responder = self._responders.get(subject)
        if responder is None:
            raise BusUnavailable(subject)
        return await responder(payload)

    async def respond(self, subject: str, responder: Responder) -> _Answering:
        self._responders[subject] = responder
        return _Answering(self._responders, subject)


class _Answering:
    def __init__(self, responders: dict[str, Responder], subject: str) -> None:
        self._responders = responders
        self._subject = subject

    async def unsubscribe(self) -> None:
        self._responders.pop(self._subject, None)

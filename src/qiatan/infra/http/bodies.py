"""Bodies of requests on their way in: how long they may take, and how much memory they hold."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Iterator, MutableMapping
from contextlib import contextmanager
from typing import Any, Final

from qiatan.infra import metrics
from qiatan.kit.errors import Busy

Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Header = tuple[bytes, bytes]

SILENCE_SECONDS: Final = 20.0
LEAST: Final = 8 * 1024
"""What a body has to bring in that time, if it is not whole before: who is slow goes on, and who is gone or plays at being slow holds
nothing any more."""
SMALL: Final = 16 * 1024
"""Bytes of a request that anybody may send, whatever the others hold: signing in is no more. What all of these hold is bounded by how many
connections there may be."""

CLOSE: Final = (b"connection", b"close")
_TOO_SLOW = (
    b'{"error":{"code":"too_slow","message":"Nothing more of this request came for a while, so it was given up. Send it again.",'
    b'"request_id":"%s"}}'
)


class Body:
    """What a client sends, for as long as it goes on sending: who brings too little in SILENCE_SECONDS is told so, and is gone for the application."""

    def __init__(self, receive: Receive, send: Send, request_id: str) -> None:
        self.given_up = self.answered = False
        self._receive, self._send, self._request_id = receive, send, request_id
        self._whole = False
        self._left, self._came = SILENCE_SECONDS, 0

    async def receive(self) -> Message:
        if self.given_up:
            return {"type": "http.disconnect"}
        if self._whole or self.answered:
            return await self._receive()
        loop = asyncio.get_running_loop()
        began = loop.time()
        try:
            async with asyncio.timeout(self._left):
                message = await self._receive()
        except TimeoutError:
            self.given_up = True
            # The rest may still come, and must not be taken for the next request.
            await say(self._send, 408, _TOO_SLOW % self._request_id.encode(), CLOSE)
            return {"type": "http.disconnect"}
        self._whole = not message.get("more_body", False)
        self._count(len(message.get("body", b"")), loop.time() - began)
        return message

    def _count(self, size: int, seconds: float) -> None:
        self._came += size
        if self._came >= LEAST:
            self._came, self._left = 0, SILENCE_SECONDS
        else:
            self._left -= seconds


class Bodies:
    """How much memory the bodies of requests hold: bounded of one key and, beyond what is small, in all, however many send however slowly.

    Strangers together have a share: what they hold must not keep those out who are known.
    """

    def __init__(self, most: int, most_of_each: int, most_of_strangers: int | None = None) -> None:
        self._most, self._most_of_each = most, most_of_each
        self._most_of_strangers = most if most_of_strangers is None else most_of_strangers
        self._of: dict[Hashable, int] = {}
        self.size = self.of_strangers = 0

    @contextmanager
    def held(self, key: Hashable, *, stranger: bool = False) -> Iterator[Callable[[int], None]]:
        """What the block is given holds so many bytes more until the block ends, or raises `Busy`."""
        own = 0

        def hold(size: int) -> None:
            nonlocal own
            before = self._of.get(key, 0)
            crowded = self.size + size > self._most or (stranger and self.of_strangers + size > self._most_of_strangers)
            if size and ((crowded and own + size > SMALL) or before + size > self._most_of_each):
                metrics.TURNED_AWAY.add("bodies")
                raise Busy(retry_after=2)
            if size:
                self._of[key] = before + size
                self.size, own = self.size + size, own + size
                self.of_strangers += size if stranger else 0

        try:
            yield hold
        finally:
            if own:
                self.size -= own
                self.of_strangers -= own if stranger else 0
                left = self._of[key] - own
                if left:
                    self._of[key] = left
                else:
                    del self._of[key]


async def arrived(receive: Receive, hold: Callable[[int], None]) -> Receive:
    """Read the whole body, which the envelope bounds, before a place is taken: a slow sender must hold none.

    Raises:
        Busy: too much of others, or of the same caller, is held already.
    """
    # In one piece: byte by byte it would take hundreds of times its size.
    content, more = bytearray(), True
    messages: list[Message] = []
    while more:
        message = await receive()
        if message["type"] != "http.request":
            messages.append(message)
            break
        piece, more = message.get("body", b""), message.get("more_body", False)
        hold(len(piece))
        content += piece
    messages.append({"type": "http.request", "body": bytes(content), "more_body": more})

    async def again() -> Message:
        return messages.pop() if messages else await receive()

    return again


def counted(receive: Receive, hold: Callable[[int], None]) -> Receive:
    """Receives as before; each piece is held until the request is answered. Receiving raises `Busy` where too much would be."""

    async def receiving() -> Message:
        message = await receive()
        hold(len(message.get("body", b"")))
        return message

    return receiving


async def say(send: Send, status: int, body: bytes, *more: Header) -> None:
    headers = [(b"content-type", b"application/json"), (b"content-length", str(len(body)).encode()), *more]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})

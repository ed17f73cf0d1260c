"""Files on an address of their own (FILES_URL): what strangers have sent is never of one origin with the pages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, MutableMapping
from typing import Any
from urllib.parse import urlsplit

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Any]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

FILES = "/files/"
_SHOWN = (FILES, "/assets/")
"""What the files' address answers: files, and what the page that shows them is made of."""


class SeparateFiles:
    """ASGI middleware: the files' address gives files only, and no other address gives them."""

    def __init__(self, app: App, *, files_url: str) -> None:
        self._app = app
        self._host = urlsplit(files_url).netloc.lower().encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            host = next((value.lower() for name, value in scope["headers"] if name == b"host"), b"")
            path = scope["path"]
            if not path.startswith(_SHOWN) if host == self._host else path.startswith(FILES):
                await send({"type": "http.response.start", "status": 404, "headers": [(b"content-type", b"text/plain; charset=utf-8")]})
                await send({"type": "http.response.body", "body": b"There is nothing here."})
                return
        await self._app(scope, receive, send)

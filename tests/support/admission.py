"""Requests on their way through the gate in front of the HTTP application, and applications that wait as long as they are told to."""

from __future__ import annotations

import asyncio
from collections.abc import MutableMapping
from typing import Any

from starlette.requests import ClientDisconnect

from qiatan.entrypoints.app import ASKING, CALLING, CONTENTS, SENDING
from qiatan.infra.http.admission import Admission
from qiatan.infra.http.middleware import Envelope
from qiatan.infra.limits import Limits


class Work:
    """An application whose requests last until they are let go; it notes what it was given."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.begun: list[str] = []
        self.bodies: list[bytes] = []
        self.enterprises: dict[str, Any] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.begun.append(scope["path"])
        self.bodies.append((await receive())["body"])
        learn = scope["state"].get("learn_caller") if "state" in scope else None
        for name, value in scope["headers"]:
            if learn is not None and name == b"authorization" and value.decode() in self.enterprises:
                learn(self.enterprises[value.decode()], visitor=value.startswith(b"Bearer visitor"))
        await self.go.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})


class Parts(Work):
    """Reads its body to the end, as a route does that takes a file."""

    def __init__(self) -> None:
        super().__init__()
        self.whole: list[bytes] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            body, more = body + message["body"], message["more_body"]
        self.whole.append(body)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})


class Call:
    """One request on its way."""

    def __init__(
        self,
        app: Admission | Envelope,
        path: str = "/api/v1/conversations",
        *,
        token: str | None = None,
        peer: str = "192.0.2.1",
        kind: bytes = b"application/json",
        method: str = "POST",
    ) -> None:
        self.said: list[MutableMapping[str, Any]] = []
        headers = [(b"content-type", kind)] + ([(b"authorization", token.encode())] if token is not None else [])
        scope = {"type": "http", "path": path, "headers": headers, "client": (peer, 1), "method": method, "state": {}}
        self._parts: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        self.task = asyncio.create_task(app(scope, self._parts.get, self._send))

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        self.said.append(message)

    def body(self, *parts: bytes) -> Call:
        for number, part in enumerate(parts or (b"",), start=1):
            self._parts.put_nowait({"type": "http.request", "body": part, "more_body": number < (len(parts) or 1)})
        return self

    async def status(self) -> int:
        await asyncio.wait_for(self.task, 5)
        return int(self.said[0]["status"])


async def turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def admission_of(work: Work, **limits: int) -> Admission:
    return Admission(
        work,
        limits=Limits(**limits),
        reserved=("/api/v1/session",),
        free=("/api/v1/poll",),
        asking=ASKING,
        calling=CALLING,
        contents=CONTENTS,
        sending=SENDING,
    )

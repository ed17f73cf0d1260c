"""Which requests are worked on now, and which wait in turn: a server that is asked too much answers less, and goes on answering.

Everything that costs database or processor passes a gate: so many at once, and so many of one enterprise, so that one that asks at full
speed waits for itself. Who it is becomes known behind the gate only; until a credential was seen once, its caller's address stands for
it. That is a matter of order and never of rights.
"""

from __future__ import annotations

import asyncio
import re
from collections import OrderedDict
from collections.abc import AsyncIterator, Awaitable, Callable, Hashable, Iterable, Iterator, MutableMapping
from contextlib import contextmanager
from functools import partial
from hashlib import blake2b
from typing import Any, Final
from uuid import UUID

from fastapi import Request
from starlette.requests import ClientDisconnect

from qiatan.infra.fair import Gate
from qiatan.infra.http.address import Networks, client_address
from qiatan.infra.http.bodies import CLOSE, Bodies, Body, Header, arrived, counted, say
from qiatan.infra.http.guards import SESSION_COOKIE, identify
from qiatan.infra.limits import Limits
from qiatan.kit.addresses import address_group
from qiatan.kit.errors import Busy

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]

API: Final = "/api/"
KNOWN_CREDENTIALS: Final = 50_000
WAIT_SECONDS: Final = 5.0
WAITING: Final = 1_024
WAITING_OF_EACH: Final = 768
UPLOADS: Final = 512
UPLOADS_OF_EACH: Final = 256
DOWNLOADS: Final = 256
DOWNLOADS_OF_EACH: Final = 96
"""A picture is held in memory until it is read, of a file a piece and its descriptor."""
STALLED_SECONDS: Final = 30.0
"""How long a client keeps its place without taking a piece (256 KiB) of a file: players pause, and those behind them must not."""
CALLS: Final = 256
CALLS_OF_EACH: Final = 64
"""Requests for which others are called, who may keep them waiting: they mostly wait, so they have places of their own too."""
BODIES: Final = 256 * 1024 * 1024
BODIES_OF_EACH: Final = 64 * 1024 * 1024
BODIES_OF_STRANGERS: Final = 128 * 1024 * 1024
"""Bytes of bodies that have come, or come slowly, and whose request is not answered yet: of all, of one enterprise or address, and of all
visitors, whom anybody may become at a public page, with all addresses whose callers are not known yet: more than one enterprise's visitors
can hold, and less than all, so that agents keep theirs."""
UPLOADED: Final = 512 * 1024 * 1024
UPLOADED_OF_EACH: Final = 256 * 1024 * 1024
UPLOADED_OF_STRANGERS: Final = 384 * 1024 * 1024
"""The same of parts of files, which places alone do not bound: all of them together would be 2 GiB."""

_BUSY = b'{"error":{"code":"try_again","message":"%s","request_id":"%s"}}'
_VISITORS: Final = "visitors"
_NOTHING: Final = re.compile(r"(?!)")
_COOKIE = SESSION_COOKIE.encode() + b"="


class Admission:
    """ASGI middleware, inside the envelope.

    `reserved`: paths that work while everything else waits (signing in), with all below them. `calling`: those for which servers of
    others are called, reserved or not. `free`: those that are bounded by other means (a poll waits for half a minute). `contents`: those that give the contents of files, wherever they are; `sending`: those to which
    files are sent. `asking`: pages that ask the database, with all below them. What else is not under /api/ costs none: the other pages, and
    whether the server lives.
    """

    def __init__(
        self,
        app: App,
        *,
        limits: Limits,
        trusted: Networks = (),
        reserved: Iterable[str] = (),
        free: Iterable[str] = (),
        asking: Iterable[str] = (),
        calling: re.Pattern[str] = _NOTHING,
        contents: re.Pattern[str] = _NOTHING,
        sending: re.Pattern[str] = _NOTHING,
    ) -> None:
        self._app = app
        self._calling, self._contents, self._sending = calling, contents, sending
        self.bodies = Bodies(BODIES, BODIES_OF_EACH, BODIES_OF_STRANGERS)
        self.uploaded = Bodies(UPLOADED, UPLOADED_OF_EACH, UPLOADED_OF_STRANGERS)
        self._trusted = trusted
        self._reserved, self._free, self._asking = tuple(reserved), tuple(free), tuple(asking)
        places = limits.all_requests
        self.requests = Gate(
            places,
            min(limits.requests, places),
            waiting=WAITING,
            waiting_of_each=WAITING_OF_EACH,
            seconds=WAIT_SECONDS,
            reserve=places // 6,
            name="requests",
        )
        # What a client sends slowly holds a place for as long as it takes, so it has places of its own.
        self.uploads = Gate(
            UPLOADS, UPLOADS_OF_EACH, waiting=WAITING, waiting_of_each=WAITING_OF_EACH, seconds=WAIT_SECONDS * 2, name="uploads"
        )
        # What a client reads slowly, too; a turn among the requests is for what the server does.
        self.downloads = Gate(
            DOWNLOADS, DOWNLOADS_OF_EACH, waiting=WAITING, waiting_of_each=WAITING_OF_EACH, seconds=WAIT_SECONDS * 2, name="downloads"
        )
        # No longer than the others wait: the calls themselves come on top, and the page gives up at some time.
        self.calls = Gate(CALLS, CALLS_OF_EACH, waiting=WAITING, waiting_of_each=WAITING_OF_EACH, seconds=WAIT_SECONDS, name="calls")
        self._known: OrderedDict[bytes, Hashable] = OrderedDict()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._costs(scope):
            await self._app(scope, receive, send)
            return
        state = scope.setdefault("state", {})
        credential = _credential(scope["headers"])
        if credential is not None:
            state["learn_caller"] = partial(self._learn, credential)
        known = self._known.get(credential) if credential is not None else None
        key = known if known is not None else self._address(scope)
        body = Body(receive, send, str(state.get("request_id", "-")))
        gate = self._gate_of(scope)
        comes_later = gate in (self.uploads, self.downloads)
        with (self.uploaded if comes_later else self.bodies).held(key, stranger=not isinstance(known, UUID)) as hold:
            rest_comes = not comes_later
            try:
                receive = counted(body.receive, hold) if comes_later else await arrived(body.receive, hold)
                rest_comes = False
                if body.given_up:
                    return
                if gate is not None:
                    await gate.enter(key, reserved=_lies_at(scope["path"], self._reserved))
            except Busy as busy:
                await _refuse(send, busy, str(state.get("request_id", "-")), *([CLOSE] if rest_comes else []))
                return
            with _once(gate, key) as leave:
                if gate is self.downloads:
                    await self._app(scope, receive, _or_leave(send, leave))
                else:
                    await self._answer(scope, receive, send, body, leave)

    def _costs(self, scope: Scope) -> bool:
        path: str = scope["path"]
        return path.startswith(API) or _lies_at(path, self._asking) or self._is_download(scope)

    def _gate_of(self, scope: Scope) -> Gate | None:
        if self._is_download(scope):
            return self.downloads
        if self._is_upload(scope):
            return self.uploads
        if scope["method"] != "GET" and self._calling.fullmatch(scope["path"]) is not None:
            return self.calls
        return None if _lies_at(scope["path"], self._free) else self.requests

    def _is_download(self, scope: Scope) -> bool:
        return scope["method"] == "GET" and self._contents.fullmatch(scope["path"]) is not None

    def _is_upload(self, scope: Scope) -> bool:
        """By where it goes: what a caller only calls one takes its turn among the requests."""
        if scope["method"] == "GET" or self._sending.fullmatch(scope["path"]) is None:
            return False
        kind = next((value.lower() for name, value in scope["headers"] if name == b"content-type"), b"")
        return kind.startswith((b"multipart/", b"application/octet-stream"))

    async def _answer(self, scope: Scope, receive: Receive, send: Send, body: Body, leave: Callable[[], None]) -> None:
        async def answer(message: Message) -> None:
            if body.given_up:
                return
            body.answered = True
            # The work is done; how slowly the client reads is its own affair.
            if message["type"] == "http.response.start":
                leave()
            await send(message)

        try:
            await self._app(scope, receive, answer)
        except ClientDisconnect:
            if not body.given_up:
                raise

    def _address(self, scope: Scope) -> str:
        peer = scope["client"][0] if scope.get("client") else None
        return address_group(client_address(peer, scope["headers"], self._trusted))

    def _learn(self, credential: bytes, enterprise_id: UUID, *, visitor: bool) -> None:
        """An enterprise's visitors have a line of their own: a crowd of them must not keep its agents waiting."""
        self._known[credential] = (enterprise_id, _VISITORS) if visitor else enterprise_id
        self._known.move_to_end(credential)
        if len(self._known) > KNOWN_CREDENTIALS:
            self._known.popitem(last=False)


def _or_leave(send: Send, leave: Callable[[], None]) -> Send:
    """Sends on; a client that takes no piece for STALLED_SECONDS goes on without a place."""

    async def sending(message: Message) -> None:
        late = asyncio.get_running_loop().call_later(STALLED_SECONDS, leave)
        try:
            await send(message)
        finally:
            late.cancel()

    return sending


def _lies_at(path: str, places: Iterable[str]) -> bool:
    return any(path == place or path.startswith(f"{place}/") for place in places)


@contextmanager
def _once(gate: Gate | None, key: Hashable) -> Iterator[Callable[[], None]]:
    """Leaves the gate, if there is one, when told so, or at the end of the block: once."""
    inside = gate is not None

    def leave() -> None:
        nonlocal inside
        if inside and gate is not None:
            inside = False
            gate.leave(key)

    try:
        yield leave
    finally:
        leave()


def _credential(headers: Iterable[tuple[bytes, bytes]]) -> bytes | None:
    """A digest of what the caller shows: a bearer token before a session's cookie, as when it is looked up."""
    session = None
    for name, value in headers:
        if name == b"authorization":
            return blake2b(value, digest_size=16).digest()
        if name == b"cookie":
            found = value.partition(_COOKIE)[2].partition(b";")[0]
            session = found or session
    return blake2b(session, digest_size=16).digest() if session else None


async def _refuse(send: Send, busy: Busy, request_id: str, *headers: Header) -> None:
    body = _BUSY % (busy.message.encode(), request_id.encode())
    await say(send, Busy.status, body, (b"retry-after", str(busy.retry_after or 1).encode()), *headers)


class Lane:
    """A dependency of routes that cost much: few of them at once, in all and of one enterprise, so that the cheap ones stay quick.

    Declared at the route, before its guard: `dependencies=[Depends(Lane("search"), scope="function")]`. Routes that name the same lane
    share it.
    """

    def __init__(self, name: str, *, of_each: int = 2, in_all: int = 6) -> None:
        self.name, self._of_each, self._in_all = name, of_each, in_all

    async def __call__(self, request: Request) -> AsyncIterator[None]:
        """
        Raises:
            Busy: too many of the enterprise wait for this already, or it took too long until it was its turn.
        """
        actor = await identify(request)
        if actor is None:
            yield  # the guard says what is missing
            return
        lanes: dict[str, Gate] | None = getattr(request.app.state, "lanes", None)
        if lanes is None:
            lanes = request.app.state.lanes = {}
        gate = lanes.get(self.name)
        if gate is None:
            gate = lanes[self.name] = Gate(
                self._in_all,
                self._of_each,
                waiting=self._in_all * 4,
                waiting_of_each=self._of_each * 2,
                seconds=WAIT_SECONDS,
                name=self.name,
            )
        async with gate.passing(actor.enterprise_id):
            yield

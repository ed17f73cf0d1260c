"""Long polling, where no WebSocket gets through: the same frames, in the same order, through the same gateway.

A polling client's connection lives on the node that opened it, which its id names; other nodes ask that one (decision 0023).
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import re
import secrets
import time
import zlib
from collections.abc import Callable
from typing import Annotated, Any
from uuid import UUID

import msgspec
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from qiatan.entrypoints.gateway import Gateway
from qiatan.entrypoints.identity import agent_of, bearer_of
from qiatan.infra import metrics
from qiatan.infra.bus import BusUnavailable
from qiatan.infra.http.guards import SESSION_COOKIE, Public, address_of, check_origin
from qiatan.infra.realtime.connection import CLOSE_UNAUTHORISED, Connection
from qiatan.infra.realtime.doors import MAX_FRAME_BYTES
from qiatan.kit.access import AgentActor, VisitorActor
from qiatan.kit.errors import BadRequest, DatabaseUnavailable, Fault, NotFound, NotSignedIn, TooLarge, TooMany

WAIT_SECONDS = 25
MAX_POLLERS = 5_000
MAX_OF_ENTERPRISE = MAX_POLLERS // 3
MAX_OF_VISITOR = 5
MAX_FRAMES = 100
FORWARD_SECONDS = WAIT_SECONDS + 5.0
FORWARD_CHARACTERS = 128 * 1024
"""Of frames in one message between nodes; more go in several."""

_NODE = re.compile(r"[0-9a-f]{32}")

router = APIRouter(prefix="/api/v1", tags=["polling"])
_ENDED = "This poll has ended. Open a new one."
_ANYBODY = Public("carries the socket's own sign-in (hello)")


class OpenPoll(BaseModel):
    """The hello, as on a socket."""

    model_config = ConfigDict(extra="forbid")

    hello: dict[str, Any]


class PollOpened(BaseModel):
    poll_id: str


class PollFrames(BaseModel):
    """Frames for the server, in order."""

    model_config = ConfigDict(extra="forbid")

    frames: list[dict[str, Any]] = Field(default=[], max_length=MAX_FRAMES)


class Call(msgspec.Struct, array_like=True):
    """One call of a polling client, as it travels between nodes: what it shows of itself as hashes only."""

    poll_id: str
    frames: list[str]
    session: bytes
    visitor: bytes
    address: str


class Answer(msgspec.Struct, array_like=True):
    """Frames as a compressed JSON array, or the code of a refusal."""

    frames: bytes = b""
    refused: str = ""


_pack = msgspec.msgpack.Encoder().encode
_unpack_call = msgspec.msgpack.Decoder(Call).decode
_unpack_answer = msgspec.msgpack.Decoder(Answer).decode


class Poller:
    """A polling client as `Transport`: what was written waits here until the client's next call fetches it."""

    def __init__(self, closed: Callable[[Connection], None]) -> None:
        self._written: list[str] = []
        self._closed = closed
        self._calls = 0
        self._news = asyncio.Event()
        self.ended = False
        self.session_token: str | None = None
        self.visitor_token: str | None = None
        self.connection: Connection | None = None

    def write(self, payload: bytes) -> bool:
        # One parcel at a time: the rest stays in the connection's bounded queue, where a slow reader is noticed.
        if self._written:
            return False
        self._written.append(payload.decode())
        self._news.set()
        return True

    def close(self, code: int, reason: str) -> None:
        self.end()

    def end(self) -> None:
        """The client is gone, or was told to go: nobody need wait for its next call to know."""
        if not self.ended:
            self.ended = True
            self._news.set()
            if self.connection is not None:
                self._closed(self.connection)

    async def fetch(self, seconds: float) -> str | None:
        """What was written, as a JSON array; None when nothing came in time."""
        self._calls += 1
        call = self._calls
        self._news.set()  # an older call that still waits is the one of a lost line: it must not take what this one is to get
        await asyncio.sleep(0)
        if not self._written and not self.ended:
            self._news.clear()
            try:
                async with asyncio.timeout(seconds):
                    await self._news.wait()
            except TimeoutError:
                return None
        if call != self._calls:
            return None
        self._news.clear()
        payload = self._written.pop() if self._written else None
        if self.connection is not None:
            self.connection.flush()
        return payload


class Pollers:
    """All polling clients of this process, by their random ids."""

    def __init__(self, gateway: Gateway) -> None:
        self.gateway = gateway
        self._open: dict[str, Poller] = {}
        self._node = gateway.resources.node.id.hex

    async def start(self) -> None:
        """Answer calls that came to other nodes."""
        await self.gateway.resources.bus.respond(_subject(self._node), self._forwarded)

    async def call(self, call: Call) -> str | None:
        """Deliver frames, or wait for some; on the node that holds the connection.

        Raises:
            NotFound: the poll has ended or is somebody else's; also when its node is gone.
            NotSignedIn, DatabaseUnavailable
        """
        node, separator, _ = call.poll_id.partition(".")
        if node == self._node or not separator or self.gateway.resources.relay.alone:
            return await self._answer(call)
        if _NODE.fullmatch(node) is None:  # a client may write here what it likes, and it becomes a subject of the bus
            raise NotFound(_ENDED)
        frames = call.frames
        while True:
            size = count = 0
            for frame in frames:
                if count and size + len(frame) > FORWARD_CHARACTERS:
                    break
                size, count = size + len(frame), count + 1
            call.frames, frames = frames[:count], frames[count:]
            answered = await self._forward(node, call)
            if not frames:
                return answered

    async def _forward(self, node: str, call: Call) -> str | None:
        try:
            answer = _unpack_answer(await self.gateway.resources.bus.request(_subject(node), _pack(call), FORWARD_SECONDS))
        except (BusUnavailable, msgspec.DecodeError):
            raise NotFound(_ENDED) from None
        if answer.refused == NotSignedIn.code:
            raise NotSignedIn
        if answer.refused == NotFound.code:
            raise NotFound(_ENDED)
        if answer.refused:
            raise DatabaseUnavailable(retry_after=1)
        return zlib.decompress(answer.frames).decode() if answer.frames else None

    async def _forwarded(self, payload: bytes) -> bytes:
        try:
            frames = await self._answer(_unpack_call(payload))
        except Fault as fault:
            return _pack(Answer(refused=fault.code))
        return _pack(Answer(zlib.compress(frames.encode(), 1) if frames else b""))

    async def _answer(self, call: Call) -> str | None:
        poller, connection = self.find(call.poll_id)
        await _require_owner(call, poller, connection, self.gateway)
        for frame in call.frames:
            waiting = self.gateway.receive(connection, frame, poller.session_token)
            if waiting is not None:
                await waiting
        connection.flush()
        payload = None if call.frames else await poller.fetch(WAIT_SECONDS)
        if poller.ended and payload is None:
            self.forget(call.poll_id)
            raise NotFound(_ENDED)
        if not connection.closed:
            connection.seen_at = time.monotonic()
        return payload

    def __len__(self) -> int:
        return sum(not poller.ended for poller in self._open.values())

    def open(self, address: str, session_token: str | None, visitor_token: str | None) -> tuple[str, Poller, Connection]:
        self._forget_ended()
        if len(self._open) >= MAX_POLLERS:
            raise _full("The server has no place for another polling client. Try again later.")
        poller = Poller(self.gateway.closed)
        poller.session_token, poller.visitor_token = session_token, visitor_token
        connection = Connection(self.gateway.resources.hub, poller, address)
        poller.connection = connection
        poll_id = f"{self._node}.{secrets.token_urlsafe(24)}"
        self._open[poll_id] = poller
        self.gateway.opened(connection)
        return poll_id, poller, connection

    def settle(self, poll_id: str) -> None:
        """Now that it is known whose it is, see that it does not take its neighbours' places: a visitor's oldest goes for the newest.

        Raises:
            TooMany: the enterprise has as many as it may. The poll is still open.
        """
        actor = self._actor_of(poll_id)
        if actor is None:
            return
        own = [known for known, poller in self._open.items() if not poller.ended and _enterprise_of(poller) == actor.enterprise_id]
        if isinstance(actor, VisitorActor):
            theirs = [known for known in own if self._is_of(known, actor)]
            # A page that is loaded anew leaves one behind, and must not wait until that is noticed.
            for known in theirs[:-MAX_OF_VISITOR]:
                self.forget(known)
        if len(own) > MAX_OF_ENTERPRISE and poll_id in own[MAX_OF_ENTERPRISE:]:
            raise _full("Too many clients of this enterprise poll already. Try again later.")

    def _actor_of(self, poll_id: str) -> AgentActor | VisitorActor | None:
        poller = self._open.get(poll_id)
        return None if poller is None or poller.connection is None else poller.connection.actor

    def _is_of(self, poll_id: str, visitor: VisitorActor) -> bool:
        actor = self._actor_of(poll_id)
        return isinstance(actor, VisitorActor) and actor.customer_id == visitor.customer_id

    def find(self, poll_id: str) -> tuple[Poller, Connection]:
        """
        Raises:
            NotFound: the id is unknown (the server restarted, or the client was away too long): open again.
        """
        poller = self._open.get(poll_id)
        if poller is None or poller.connection is None:
            raise NotFound(_ENDED)
        return poller, poller.connection

    def forget(self, poll_id: str) -> None:
        poller = self._open.pop(poll_id, None)
        if poller is not None:
            poller.end()

    def _forget_ended(self) -> None:
        for poll_id in [poll_id for poll_id, poller in self._open.items() if poller.ended]:
            self.forget(poll_id)


def _enterprise_of(poller: Poller) -> UUID | None:
    actor = None if poller.connection is None else poller.connection.actor
    return None if actor is None else actor.enterprise_id


def _full(message: str) -> TooMany:
    metrics.TURNED_AWAY.add("polls")
    return TooMany(message, retry_after=30)


def _payload(frame: dict[str, Any]) -> str:
    """A frame as a socket would have brought it."""
    try:
        payload = msgspec.json.encode(frame)
    except (UnicodeEncodeError, OverflowError, RecursionError):
        raise BadRequest("This frame cannot be read. See the protocol description.") from None
    if len(payload) > MAX_FRAME_BYTES:
        raise TooLarge("A frame has at most 64 KiB.")
    return payload.decode()


def _subject(node: str) -> str:
    return f"node.{node}.poll"


def _hash(token: str | None) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest() if token else b""


def _same(given: bytes, kept: str | None) -> bool:
    return bool(given) and bool(kept) and hmac.compare_digest(given, _hash(kept))


async def _require_owner(call: Call, poller: Poller, connection: Connection, gateway: Gateway) -> None:
    """Each call shows anew what the connection was opened with: knowing its id is not being its owner.

    An agent who moved to another address must be allowed to be there, as at every request (F02).

    Raises:
        NotFound: it is somebody else's.
        NotSignedIn: the session has ended, or may not be used from this address; the connection ends too.
    """
    if not isinstance(connection.actor, AgentActor):
        if not _same(call.visitor, poller.visitor_token):
            raise NotFound(_ENDED)
        return
    if not _same(call.session, poller.session_token):
        raise NotFound(_ENDED)
    if call.address == connection.address:
        return
    if await agent_of(gateway.resources, poller.session_token, address=call.address) is None:
        connection.close(CLOSE_UNAUTHORISED, "signed_out")
        raise NotSignedIn
    connection.address = call.address


def pollers_of(request: Request) -> Pollers:
    pollers: Pollers = request.app.state.pollers
    return pollers


Shared = Annotated[Pollers, Depends(pollers_of)]


@router.post("/poll", dependencies=[Depends(_ANYBODY)])
async def open_poll(request: Request, pollers: Shared, body: OpenPoll) -> PollOpened:
    """Open a polling connection with the hello a socket would send."""
    check_origin(request)
    hello = _payload({**body.hello, "type": "hello"})
    token = body.hello.get("token")
    visitor_token = token if isinstance(token, str) else None
    poll_id, _, connection = pollers.open(address_of(request), request.cookies.get(SESSION_COOKIE), visitor_token)
    try:
        await pollers.gateway.open(connection, hello, request.cookies.get(SESSION_COOKIE))
        pollers.settle(poll_id)
    except BaseException:
        pollers.forget(poll_id)
        raise
    return PollOpened(poll_id=poll_id)


@router.post("/poll/{poll_id}", dependencies=[Depends(_ANYBODY)], response_class=Response)
async def poll(request: Request, pollers: Shared, poll_id: str, body: PollFrames) -> Response:
    """Deliver frames, then wait for some. Calls that deliver do not wait, so that the waiting call stays the only one."""
    session, visitor = _hash(request.cookies.get(SESSION_COOKIE)), _hash(bearer_of(request))
    frames = await pollers.call(Call(poll_id, [_payload(frame) for frame in body.frames], session, visitor, address_of(request)))
    return Response(f'{{"frames": {frames or "[]"}}}', media_type="application/json")

"""What happens on one node, told to those of the others whose clients it concerns (decision 0023).

Everything of one enterprise travels on one subject, in parcels: what a turn of the loop had to tell, in its order. So events and frames of
one node arrive at another in the order in which they happened. A node hears an enterprise while it has a connection of it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import msgspec
import structlog
from pydantic import ValidationError

from qiatan.infra.bus import Bus, Subscription
from qiatan.infra.realtime.connection import Connection
from qiatan.infra.realtime.hub import Hub, Topic
from qiatan.kit.events import Event

log = structlog.get_logger(__name__)

LINGER_SECONDS = 10.0
"""How long an enterprise is still heard after its last connection: a page that is loaded anew comes back at once."""
PARCEL_BYTES = 256 * 1024
TELL_LOST_SECONDS = 1.0
UNNOTICED_SECONDS = 120.0
"""How long a link may have been broken before this node notices (three of the bus's pings), with room to spare."""

EVENTS, FRAME, NOTE, LOST = "e", "f", "n", "l"


class Item(msgspec.Struct, array_like=True, gc=False):
    """One thing told. A newer node may send kinds that this one does not know; they are passed over.

    `body`: events as a JSON array (one transaction's), or an encoded frame for `topics`, or a note called `name`.
    """

    kind: str
    name: str
    topics: list[tuple[str, UUID]]
    body: bytes


class Parcel(msgspec.Struct, array_like=True, gc=False):
    node: UUID
    items: list[Item]


class _Kind(msgspec.Struct):
    type: str


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(Parcel).decode
_split = msgspec.json.Decoder(list[msgspec.Raw]).decode
_kind = msgspec.json.Decoder(_Kind).decode

Note = Callable[[UUID, UUID, bytes], None]
"""Takes the enterprise, the node that says it, and what it says."""


class _Interest:
    __slots__ = ("leaving", "ready", "subscription", "users")

    def __init__(self) -> None:
        self.users = 0
        self.subscription: Subscription | None = None
        self.ready: asyncio.Task[None] | None = None
        self.leaving: asyncio.TimerHandle | None = None


class Relay:
    """Tells the other nodes, and tells this one what the others say."""

    def __init__(self, hub: Hub, bus: Bus, node_id: UUID, kinds: Mapping[str, type[Event]]) -> None:
        """`kinds`: all events by their `type`."""
        self.node_id = node_id
        self.on_events: list[Callable[[Sequence[Event]], None]] = []
        """Called with the events of each transaction that another node committed."""
        self.on_lost: list[Callable[[UUID | None], None]] = []
        """Called when something other nodes said may have been missed: of one enterprise, or (None) of any."""
        self.notes: dict[str, Note] = {}
        """Who hears the notes of each name."""
        self.sent = 0
        self.received = 0
        self._hub = hub
        self._bus = bus
        self._kinds = kinds
        self._out: dict[UUID, list[Item]] = {}
        self._heard: dict[UUID, _Interest] = {}
        self._lost: set[UUID] = set()
        self._told: dict[UUID, float] = {}
        """When enterprises were last told something, oldest first. What was on its way when the link broke may not have arrived."""
        self._telling_lost: asyncio.TimerHandle | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        bus.on_reconnect.append(self._back)

    @property
    def alone(self) -> bool:
        """Whether there can be no other node."""
        return self._bus.alone

    @property
    def heard(self) -> int:
        """How many enterprises this node hears."""
        return len(self._heard)

    def hears(self, enterprise_id: UUID) -> bool:
        return enterprise_id in self._heard

    # -- telling

    def publish(self, enterprise_id: UUID, topics: Iterable[Topic], frame: bytes, *, besides: Connection | None = None) -> None:
        """Queue an encoded frame for everybody who listens to one of the topics on any node; `besides` is a connection of this one."""
        if self._bus.alone:
            self._hub.publish(topics, frame, besides=besides)
            return
        audience = list(topics)
        self._hub.publish(audience, frame, besides=besides)
        self._add(enterprise_id, Item(FRAME, "", audience, frame))

    def tell(self, events: Sequence[Event]) -> None:
        """Tell the others of a committed transaction: a listener of `Database`."""
        if self._bus.alone:
            return
        for enterprise_id in dict.fromkeys(event.enterprise_id for event in events):
            told = b",".join(event.model_dump_json().encode() for event in events if event.enterprise_id == enterprise_id)
            self._add(enterprise_id, Item(EVENTS, "", [], b"[" + told + b"]"))

    def note(self, enterprise_id: UUID, name: str, body: bytes) -> None:
        """Say something to the other nodes themselves."""
        if not self._bus.alone:
            self._add(enterprise_id, Item(NOTE, name, [], body))

    def _add(self, enterprise_id: UUID, item: Item) -> None:
        if not self._out:
            asyncio.get_running_loop().call_soon(self._flush)
        self._out.setdefault(enterprise_id, []).append(item)

    def _flush(self) -> None:
        out, self._out = self._out, {}
        for enterprise_id, items in out.items():
            parcel: list[Item] = []
            size = 0
            for item in items:
                if parcel and size + len(item.body) > PARCEL_BYTES:
                    self._send(enterprise_id, parcel)
                    parcel, size = [], 0
                parcel.append(item)
                size += len(item.body)
            self._send(enterprise_id, parcel)

    def _send(self, enterprise_id: UUID, items: list[Item]) -> None:
        dropped = self._bus.dropped
        self._bus.publish(_subject(enterprise_id), _encode(Parcel(self.node_id, items)))
        if self._bus.dropped != dropped:
            self._lost.add(enterprise_id)
            self._tell_lost_later()
        else:
            self.sent += 1
            self._remember(enterprise_id)

    def _remember(self, enterprise_id: UUID) -> None:
        # Only what is sent makes the rest grow old: during an outage nothing does.
        now = asyncio.get_running_loop().time()
        self._told.pop(enterprise_id, None)
        self._told[enterprise_id] = now
        while now - self._told[oldest := next(iter(self._told))] > UNNOTICED_SECONDS:
            del self._told[oldest]

    # -- hearing

    async def listen(self, enterprise_id: UUID) -> bool:
        """Hear an enterprise until `unlisten`. True if it was not heard before: what was known of it until now may be too old.

        When it raises, it is not heard, and there is nothing to `unlisten`.
        """
        if self._bus.alone:
            return False
        interest = self._heard.get(enterprise_id)
        if interest is None:
            interest = self._heard[enterprise_id] = _Interest()
            interest.ready = self._spawn(self._subscribe(enterprise_id, interest))
        interest.users += 1
        if interest.leaving is not None:
            interest.leaving.cancel()
            interest.leaving = None
        if interest.ready is None or interest.ready.done():
            return False
        try:
            await asyncio.shield(interest.ready)
        except asyncio.CancelledError:
            if self._heard.get(enterprise_id) is interest:
                self.unlisten(enterprise_id)
            raise
        return True

    def unlisten(self, enterprise_id: UUID) -> None:
        interest = self._heard.get(enterprise_id)
        if interest is None:
            return
        interest.users -= 1
        if interest.users == 0:
            interest.leaving = asyncio.get_running_loop().call_later(LINGER_SECONDS, self._leave, enterprise_id)

    async def _subscribe(self, enterprise_id: UUID, interest: _Interest) -> None:
        try:
            interest.subscription = await self._bus.subscribe(
                _subject(enterprise_id), lambda payload: self._receive(enterprise_id, payload)
            )
        except Exception:
            # Whoever comes next tries again.
            if interest.leaving is not None:
                interest.leaving.cancel()
            if self._heard.get(enterprise_id) is interest:
                del self._heard[enterprise_id]
            raise

    def _leave(self, enterprise_id: UUID) -> None:
        interest = self._heard.get(enterprise_id)
        if interest is None or interest.users:
            return
        del self._heard[enterprise_id]
        # What was remembered of it goes stale from now on.
        self._hub.forget(enterprise_id)
        if interest.subscription is not None:
            self._spawn(interest.subscription.unsubscribe())

    def _receive(self, enterprise_id: UUID, payload: bytes) -> None:
        try:
            parcel = _decode(payload)
        except msgspec.DecodeError as error:
            log.warning("relay.unreadable", enterprise_id=str(enterprise_id), error=str(error))
            return
        if parcel.node == self.node_id:
            return
        self.received += 1
        for item in parcel.items:
            try:
                self._take(enterprise_id, parcel.node, item)
            except Exception as error:
                # One that cannot be told must not keep back those after it.
                log.exception("relay.not_told", enterprise_id=str(enterprise_id), kind=item.kind, error=str(error))

    def _take(self, enterprise_id: UUID, node: UUID, item: Item) -> None:
        if item.kind == FRAME:
            self._hub.publish(item.topics, item.body, of=enterprise_id)
        elif item.kind == EVENTS:
            events = self._events(enterprise_id, item.body)
            if events:
                for listener in self.on_events:
                    listener(events)
        elif item.kind == NOTE:
            hear = self.notes.get(item.name)
            if hear is not None:
                hear(enterprise_id, node, item.body)
        elif item.kind == LOST:
            self._missed(enterprise_id)

    def _events(self, enterprise_id: UUID, body: bytes) -> list[Event]:
        """Those that this node knows. What a newer one says besides is passed over."""
        found: list[Event] = []
        for raw in _split(body):
            kind = self._kinds.get(_kind(raw).type)
            if kind is None:
                log.debug("relay.unknown_event", type=_kind(raw).type)
                continue
            try:
                event = kind.model_validate_json(bytes(raw), extra="ignore")
            except ValidationError as error:
                # Of another version: who misses it is healed as if the bus had lost it.
                log.warning("relay.unreadable_event", type=_kind(raw).type, problems=error.error_count())
                self._missed(enterprise_id)
                continue
            if event.enterprise_id == enterprise_id:
                found.append(event)
        return found

    # -- what was lost

    def _missed(self, enterprise_id: UUID | None) -> None:
        for listener in self.on_lost:
            listener(enterprise_id)

    def _back(self) -> None:
        """The bus is there again: what was said meanwhile was not heard, and what this node said may not have arrived."""
        for enterprise_id in tuple(self._heard):
            self._hub.forget(enterprise_id)
        self._missed(None)
        self._lost.update(self._told)
        self._tell_lost()

    def _tell_lost_later(self) -> None:
        if self._telling_lost is None:
            self._telling_lost = asyncio.get_running_loop().call_later(TELL_LOST_SECONDS, self._tell_lost)

    def _tell_lost(self) -> None:
        if self._telling_lost is not None:
            self._telling_lost.cancel()
            self._telling_lost = None
        if not self._bus.connected:
            return  # `_back` comes again
        lost, self._lost = self._lost, set()
        for enterprise_id in lost:
            self._send(enterprise_id, [Item(LOST, "", [], b"")])

    async def close(self) -> None:
        """Send what waits, hear no more."""
        self._flush()
        for interest in self._heard.values():
            if interest.leaving is not None:
                interest.leaving.cancel()
        if self._telling_lost is not None:
            self._telling_lost.cancel()
        if self._tasks:
            await asyncio.wait(tuple(self._tasks), timeout=2)

    def _spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task


def _subject(enterprise_id: UUID) -> str:
    return f"enterprise.{enterprise_id.hex}"

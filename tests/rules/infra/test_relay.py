"""What nodes tell each other, and how it is read by one of another version."""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import json
import pkgutil
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import qiatan.modules
from qiatan.entrypoints.registry import EVENTS
from qiatan.infra.bus import BusUnavailable
from qiatan.infra.bus.base import Handler, Responder
from qiatan.infra.realtime import relay as relays
from qiatan.infra.realtime.connection import Connection
from qiatan.infra.realtime.hub import Hub
from qiatan.infra.realtime.relay import Item, Parcel, Relay
from qiatan.kit.access import VisitorActor
from qiatan.kit.events import Event
from qiatan.modules.accounts.events import EnterpriseChanged, LoginPolicyChanged
from qiatan.modules.conversations.contracts import Message
from tests.support.transports import Recorder

OURS, THEIRS = uuid4(), uuid4()
TOPIC = ("customer", uuid4())

st.register_type_strategy(datetime, st.datetimes(timezones=st.just(UTC)))
_JSON = st.recursive(st.none() | st.booleans() | st.integers(-(2**31), 2**31) | st.text(), lambda inner: st.dictionaries(st.text(), inner))
"""What the data of a message may be."""


class Wire:
    """The subjects of all nodes of a test: delivered at once, in order, or dropped while it is `cut`."""

    def __init__(self) -> None:
        self.cut = False
        self.nodes: list[FakeBus] = []


class FakeBus:
    alone = False

    def __init__(self, wire: Wire) -> None:
        self.dropped = 0
        self.on_reconnect: list[Callable[[], None]] = []
        self.hearing: dict[str, Handler] = {}
        self.sent: list[tuple[str, bytes]] = []
        self._wire = wire
        wire.nodes.append(self)

    @property
    def connected(self) -> bool:
        return not self._wire.cut

    async def start(self) -> None:
        return

    async def close(self) -> None:
        return

    def publish(self, subject: str, payload: bytes) -> None:
        if self._wire.cut:
            self.dropped += 1
            return
        self.sent.append((subject, payload))
        for other in self._wire.nodes:
            if other is not self and subject in other.hearing:
                other.hearing[subject](payload)

    async def subscribe(self, subject: str, handler: Handler) -> _Ends:
        self.hearing[subject] = handler
        return _Ends(self, subject)

    async def request(self, subject: str, payload: bytes, seconds: float) -> bytes:
        raise BusUnavailable(subject)

    async def respond(self, subject: str, responder: Responder) -> _Ends:
        return _Ends(self, subject)


class _Ends:
    def __init__(self, bus: FakeBus, subject: str) -> None:
        self._bus = bus
        self._subject = subject

    async def unsubscribe(self) -> None:
        self._bus.hearing.pop(self._subject, None)


class Node:
    def __init__(self, wire: Wire) -> None:
        self.hub = Hub()
        self.bus = FakeBus(wire)
        self.relay = Relay(self.hub, self.bus, uuid4(), EVENTS)
        self.told: list[object] = []
        """Events and notes that came from elsewhere, in order; `("lost", enterprise)`."""
        self.relay.on_events.append(self.told.extend)
        self.relay.on_lost.append(lambda enterprise_id: self.told.append(("lost", enterprise_id)))
        self.relay.notes["test"] = lambda enterprise_id, node, body: self.told.append((enterprise_id, node, body))

    def listener(self, enterprise_id: UUID = OURS) -> Recorder:
        transport = Recorder()
        connection = Connection(self.hub, transport, "192.0.2.1")
        connection.actor = VisitorActor(enterprise_id=enterprise_id, channel_id=uuid4(), customer_id=TOPIC[1], token_id=uuid4())
        self.hub.add(connection)
        self.hub.subscribe(connection, TOPIC)
        return transport


@pytest.fixture
def wire() -> Wire:
    return Wire()


@pytest.fixture
async def pair(wire: Wire) -> tuple[Node, Node]:
    """Two nodes, the second of which hears the enterprise."""
    one, two = Node(wire), Node(wire)
    assert await two.relay.listen(OURS) is True
    return one, two


def shown(page: Recorder) -> list[Any]:
    """Frames of these tests are bare values."""
    return list(page.frames)


async def turn() -> None:
    await asyncio.sleep(0)
    await asyncio.sleep(0)


@given(st.data())
@settings(max_examples=300, deadline=None)
def test_every_event_arrives_as_it_was_sent(data: st.DataObject) -> None:
    kind = data.draw(st.sampled_from(sorted(EVENTS)))
    event = data.draw(_event(EVENTS[kind]))

    assert EVENTS[kind].model_validate_json(event.model_dump_json(), extra="ignore") == event
    assert json.loads(event.model_dump_json())["type"] == kind


def test_no_event_is_missing() -> None:
    for module in pkgutil.iter_modules(qiatan.modules.__path__):
        name = f"qiatan.modules.{module.name}.events"
        if importlib.util.find_spec(name) is not None:
            importlib.import_module(name)
    all_events = {event for event in _below(Event) if event.__module__.startswith("qiatan.")}

    assert set(EVENTS.values()) == all_events


def _below(kind: type[Event]) -> set[type[Event]]:
    return {found for below in kind.__subclasses__() for found in {below, *_below(below)}}


async def test_frames_events_and_notes_arrive_in_the_order_in_which_they_were_said(pair: tuple[Node, Node]) -> None:
    one, two = pair
    page = two.listener()
    first, second = EnterpriseChanged(enterprise_id=OURS, version=1), EnterpriseChanged(enterprise_id=OURS, version=2)

    one.relay.tell([first])
    one.relay.publish(OURS, [TOPIC], b"1")
    one.relay.note(OURS, "test", b"n")
    one.relay.tell([second])
    one.relay.publish(OURS, [TOPIC], b"2")
    await turn()

    assert two.told == [first, (OURS, one.relay.node_id, b"n"), second]
    assert shown(page) == [1, 2]
    assert len(one.bus.sent) == 1  # all of one turn travels together


async def test_the_sender_hears_it_at_once_and_others_who_are_not_meant_never(pair: tuple[Node, Node]) -> None:
    one, two = pair
    own, stranger = one.listener(), two.listener(THEIRS)
    sender = next(iter(one.hub.connections))
    other = one.listener()

    one.relay.publish(OURS, [TOPIC], b"1", besides=sender)
    await turn()

    assert (shown(own), shown(other)) == ([], [1])
    assert shown(stranger) == []  # a connection of another enterprise, whatever it listens to


async def test_each_enterprise_is_told_its_own_part_of_a_transaction(wire: Wire) -> None:
    one, two, three = Node(wire), Node(wire), Node(wire)
    await two.relay.listen(OURS)
    await three.relay.listen(THEIRS)
    ours, theirs = EnterpriseChanged(enterprise_id=OURS, version=1), EnterpriseChanged(enterprise_id=THEIRS, version=1)

    one.relay.tell([ours, theirs])
    await turn()

    assert (two.told, three.told) == ([ours], [theirs])


async def test_what_does_not_belong_on_a_subject_is_not_told(pair: tuple[Node, Node]) -> None:
    one, two = pair
    stray = EnterpriseChanged(enterprise_id=THEIRS, version=1).model_dump_json().encode()

    _send(one, Item("e", "", [], b"[" + stray + b"]"))

    assert two.told == []


async def test_what_a_newer_node_says_besides_is_passed_over(pair: tuple[Node, Node]) -> None:
    one, two = pair
    page = two.listener()
    known = json.loads(EnterpriseChanged(enterprise_id=OURS, version=3).model_dump_json()) | {"mood": "new"}
    unknown = {"type": "moods.changed.v1", "enterprise_id": str(OURS)}

    _send(one, Item("e", "", [], json.dumps([unknown, known]).encode()), Item("?", "", [], b""), Item("n", "moods", [], b""))
    _send(one, Item("f", "", [TOPIC], b"1"))
    await turn()

    assert two.told == [EnterpriseChanged(enterprise_id=OURS, version=3)]
    assert shown(page) == [1]


async def test_an_event_of_another_shape_makes_clients_look(pair: tuple[Node, Node]) -> None:
    one, two = pair
    other_shape = {"type": "accounts.enterprise_changed.v1", "enterprise_id": str(OURS), "version": "many"}
    fine = LoginPolicyChanged(enterprise_id=OURS, version=1)

    _send(one, Item("e", "", [], b"[" + json.dumps(other_shape).encode() + b"," + fine.model_dump_json().encode() + b"]"))
    two.bus.hearing[f"enterprise.{OURS.hex}"](b"\xc1 not a parcel")

    assert two.told == [("lost", OURS), fine]


async def test_much_at_once_travels_in_several_parcels_in_order(pair: tuple[Node, Node], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relays, "PARCEL_BYTES", 100)
    one, two = pair
    page = two.listener()

    for number in range(100):
        one.relay.publish(OURS, [TOPIC], b'"%010d"' % number)
    await turn()

    assert shown(page) == [f"{number:010}" for number in range(100)]
    assert len(one.bus.sent) > 10


async def test_what_could_not_be_sent_is_told_as_lost_when_the_bus_is_back(pair: tuple[Node, Node], wire: Wire) -> None:
    one, two = pair
    two.hub.notes["availability", OURS] = True
    wire.cut = True
    one.relay.publish(OURS, [TOPIC], b"1")
    await turn()
    wire.cut = False

    for reconnected in one.bus.on_reconnect:
        reconnected()
    assert (one.told, two.told) == ([("lost", None)], [("lost", OURS)])
    for reconnected in two.bus.on_reconnect:
        reconnected()
    assert two.told == [("lost", OURS), ("lost", None)]
    assert two.hub.notes == {}  # what was told last may have become another


async def test_what_was_said_before_a_break_was_noticed_is_told_as_lost_too(
    pair: tuple[Node, Node], monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = pair
    await two.relay.listen(THEIRS)
    one.relay.publish(OURS, [TOPIC], b"1")
    one.relay.publish(THEIRS, [TOPIC], b"2")
    await turn()

    for reconnected in one.bus.on_reconnect:
        reconnected()
    assert two.told in ([("lost", OURS), ("lost", THEIRS)], [("lost", THEIRS), ("lost", OURS)])

    loop = asyncio.get_running_loop()
    now = loop.time()
    monkeypatch.setattr(loop, "time", lambda: now + relays.UNNOTICED_SECONDS + 1)
    one.relay.publish(THEIRS, [TOPIC], b"3")
    await turn()
    two.told.clear()
    for reconnected in one.bus.on_reconnect:
        reconnected()
    assert two.told == [("lost", THEIRS)]  # what was said long before arrived


async def test_an_enterprise_that_could_not_be_heard_is_tried_again(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    node = Node(wire)

    async def fail(_subject: str, _handler: Handler) -> _Ends:
        raise RuntimeError

    with monkeypatch.context() as broken:
        broken.setattr(node.bus, "subscribe", fail)
        with pytest.raises(RuntimeError):
            await node.relay.listen(OURS)
    assert node.relay.hears(OURS) is False

    assert await node.relay.listen(OURS) is True
    assert list(node.bus.hearing) == [f"enterprise.{OURS.hex}"]


async def test_who_stops_waiting_for_an_enterprise_to_be_heard_holds_it_no_longer(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relays, "LINGER_SECONDS", 0.0)
    node = Node(wire)
    waiting = asyncio.create_task(node.relay.listen(OURS))
    await asyncio.sleep(0)

    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    await asyncio.sleep(0.01)

    assert (node.bus.hearing, node.relay.heard) == ({}, 0)


async def test_an_enterprise_is_heard_a_while_longer_than_its_last_connection(wire: Wire, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(relays, "LINGER_SECONDS", 0.0)
    node = Node(wire)
    subject = f"enterprise.{OURS.hex}"

    assert [await node.relay.listen(OURS), await node.relay.listen(OURS)] == [True, False]
    node.hub.notes["availability", OURS] = True
    node.relay.unlisten(OURS)
    await asyncio.sleep(0.01)
    assert (list(node.bus.hearing), node.relay.heard) == ([subject], 1)

    node.relay.unlisten(OURS)
    await node.relay.listen(OURS)  # back before it was left
    await asyncio.sleep(0.01)
    assert list(node.bus.hearing) == [subject]

    node.relay.unlisten(OURS)
    await asyncio.sleep(0.01)
    assert (node.bus.hearing, node.relay.heard, node.hub.notes) == ({}, 0, {})
    assert await node.relay.listen(OURS) is True


def _send(node: Node, *items: Item) -> None:
    node.bus.publish(f"enterprise.{OURS.hex}", msgspec.msgpack.encode(Parcel(node.relay.node_id, list(items))))


def _event(kind: type[Event]) -> st.SearchStrategy[Event]:
    if "messages" in kind.model_fields:
        return st.builds(
            kind, messages=st.lists(st.builds(Message, data=st.none() | st.dictionaries(st.text(), _JSON)), max_size=2).map(tuple)
        )
    return st.from_type(kind)

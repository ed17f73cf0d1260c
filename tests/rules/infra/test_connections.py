from __future__ import annotations

import asyncio
import json
from uuid import UUID

import pytest

from qiatan.infra.realtime import connection as connections
from qiatan.infra.realtime.connection import Connection
from qiatan.infra.realtime.hub import Hub
from tests.support.transports import Recorder

ONE, TWO = ("agent", UUID(int=1)), ("queue", UUID(int=2))


def _frame(number: int) -> bytes:
    return json.dumps({"type": "pong", "number": number}).encode()


def _connected(hub: Hub, *topics: tuple[str, UUID], ready: bool = True) -> tuple[Connection, Recorder]:
    transport = Recorder(ready=ready)
    connection = Connection(hub, transport, "192.0.2.1")
    hub.add(connection)
    for topic in topics:
        hub.subscribe(connection, topic)
    return connection, transport


async def test_who_listens_to_several_topics_hears_a_frame_once() -> None:
    hub = Hub()
    _, both = _connected(hub, ONE, TWO)
    _, neither = _connected(hub)

    hub.publish((ONE, TWO), _frame(1))
    await asyncio.sleep(0)

    assert (both.frames, neither.frames) == ([{"type": "pong", "number": 1}], [])


async def test_frames_of_one_turn_go_out_together_in_order() -> None:
    hub = Hub()
    _, transport = _connected(hub, ONE)

    for number in range(5):
        hub.publish((ONE,), _frame(number))
    assert transport.frames == []
    await asyncio.sleep(0)

    assert [frame["number"] for frame in transport.frames] == [0, 1, 2, 3, 4]


async def test_the_sender_may_be_left_out() -> None:
    hub = Hub()
    sender, own = _connected(hub, ONE)
    _, other = _connected(hub, ONE)

    hub.publish((ONE,), _frame(1), besides=sender)
    await asyncio.sleep(0)

    assert (own.frames, len(other.frames)) == ([], 1)


async def test_a_client_that_was_not_ready_gets_everything_later_in_order() -> None:
    hub = Hub()
    connection, transport = _connected(hub, ONE, ready=False)
    for number in range(3):
        hub.publish((ONE,), _frame(number))
        await asyncio.sleep(0)

    transport.ready = True
    connection.flush()

    assert [frame["number"] for frame in transport.frames] == [0, 1, 2]


@pytest.mark.parametrize(("limit", "value"), [("MAX_QUEUED_FRAMES", 10), ("MAX_QUEUED_BYTES", 300)])
async def test_a_client_too_far_behind_is_cut_off_and_forgotten(monkeypatch: pytest.MonkeyPatch, limit: str, value: int) -> None:
    monkeypatch.setattr(connections, limit, value)
    hub = Hub()
    slow, transport = _connected(hub, ONE, TWO, ready=False)
    _, brisk = _connected(hub, ONE)

    for number in range(30):
        hub.publish((ONE,), _frame(number))
        await asyncio.sleep(0)

    assert transport.closed == (4009, "slow_reader")
    assert (slow.closed, slow.topics, hub.listeners(TWO)) == (True, set(), frozenset())
    assert len(brisk.frames) == 30


async def test_closing_once_is_enough_and_nothing_follows() -> None:
    hub = Hub()
    connection, transport = _connected(hub, ONE)

    connection.close(4401, "signed_out")
    connection.close(4408, "idle")
    connection.push(_frame(1))
    hub.publish((ONE,), _frame(2))
    await asyncio.sleep(0)

    assert (transport.closed, transport.frames, hub.connections) == ((4401, "signed_out"), [], set())


async def test_topics_without_listeners_take_no_room() -> None:
    hub = Hub()
    connection, _ = _connected(hub, ONE, TWO)

    hub.unsubscribe(connection, ONE)
    hub.unsubscribe(connection, ONE)
    hub.remove(connection)
    hub.remove(connection)

    assert hub._listeners == {}

"""What comes after the end: a line that was lost before its agent counted, a worker that cannot be woken, a poll of no node."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast
from uuid import uuid4

import pytest

from qiatan.entrypoints.polling import Call, Pollers
from qiatan.infra.bus import MemoryBus
from qiatan.infra.db import Database
from qiatan.infra.realtime.connection import Connection
from qiatan.infra.realtime.hub import Hub
from qiatan.infra.resources import Resources
from qiatan.kit.access import AgentActor
from qiatan.kit.errors import NotFound
from qiatan.modules.conversations.permissions import SERVE
from qiatan.modules.routing.realtime import PresenceKeeper
from tests.support.transports import Recorder


async def test_a_line_that_was_lost_while_it_was_let_in_counts_for_nothing() -> None:
    hub = Hub()
    relay = SimpleNamespace(on_events=[], on_lost=[])
    around = SimpleNamespace(hub=hub, node=SimpleNamespace(id=uuid4()), database=SimpleNamespace(listeners=[]), relay=relay)
    keeper = PresenceKeeper(cast("Resources", around))
    connection = Connection(hub, Recorder(), "192.0.2.1")
    connection.actor = AgentActor(uuid4(), uuid4(), uuid4(), frozenset({SERVE.name}))
    connection.closed = True
    keeper.closed(connection)

    await keeper.opened(connection)

    assert keeper._connections == {}


async def test_a_worker_that_cannot_be_woken_keeps_none_from_waking() -> None:
    database = Database("postgresql://nobody@127.0.0.1:1/none")
    woken: list[str] = []

    def fail() -> None:
        raise RuntimeError

    database.on_jobs += [fail, lambda: woken.append("second")]
    database._wake_workers()
    await database.dispose()

    assert woken == ["second"]


@pytest.mark.parametrize("node", ["x" * 5_000, "A" * 32, "*", ">", "a b", "0" * 31])
async def test_a_poll_that_no_node_can_have_opened_asks_nobody(node: str) -> None:
    class Asked(MemoryBus):
        async def request(self, subject: str, payload: bytes, seconds: float) -> bytes:
            raise AssertionError(subject)

    resources: Any = SimpleNamespace(bus=Asked(), relay=SimpleNamespace(alone=False), node=SimpleNamespace(id=uuid4()))
    pollers = Pollers(cast("Any", SimpleNamespace(resources=resources)))

    with pytest.raises(NotFound):
        await pollers.call(Call(f"{node}.x", [], b"", b"", "192.0.2.1"))

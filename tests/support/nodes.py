"""Several nodes of one installation in one process: each with its own resources, gateway and connection to the bus.

They share the database, the clock and the data directory (so the secret, and with it the subjects of the bus), and nothing else. Their
signs of life come when a test says so (`resources.nodes.turn()`): one that is not told is dead when its clock says so.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from unittest import mock
from uuid import UUID, uuid4

from fastapi import FastAPI

from qiatan.entrypoints.app import build_app, build_resources, state_of
from qiatan.entrypoints.gateway import Gateway
from qiatan.entrypoints.relay import on_the_bus
from qiatan.infra import nodes
from qiatan.infra.bus import nats
from qiatan.infra.clock import Clock
from qiatan.infra.nodes import Node
from qiatan.infra.resources import Resources
from qiatan.infra.settings import Settings
from tests.support.doors import Doors

PATIENCE = 20.0
_applications: dict[str, FastAPI] = {}
"""By the node's name: routes are prepared once, what differs from test to test is in `state`."""


@dataclass
class RunningNode:
    """A node and its doors."""

    resources: Resources
    gateway: Gateway
    doors: Doors
    _stack: AsyncExitStack

    @property
    def id(self) -> UUID:
        return self.resources.node.id

    async def stop(self) -> None:
        """End in order."""
        await self._stack.aclose()


@asynccontextmanager
async def running_node(settings: Settings, database_url: str, clock: Clock, nats_url: str, name: str) -> AsyncIterator[RunningNode]:
    """Start a node: `async with running_node(settings, database_url, clock, server.url, "1") as one`."""
    async with AsyncExitStack() as stack:
        resources = build_resources(replace(settings, nats_url=(nats_url,)), database_url, node=Node("test", name), clock=clock)
        stack.push_async_callback(resources.database.dispose)
        stack.push_async_callback(resources.http.close)
        stack.push_async_callback(_loops_ended, asyncio.all_tasks())
        key = f"{settings.public_url} {name}"
        if key in _applications:
            _applications[key].state = state_of(resources)
        else:
            _applications[key] = build_app(resources)
        app = _applications[key]
        gateway: Gateway = app.state.gateway
        with mock.patch.object(nodes, "RENEW_SECONDS", 3600.0), mock.patch.object(nats, "START_SECONDS", PATIENCE):
            await stack.enter_async_context(on_the_bus(resources, app))
            await asyncio.sleep(0)
        gateway.start()
        stack.push_async_callback(gateway.close)
        doors = await stack.enter_async_context(Doors(app))
        yield RunningNode(resources, gateway, doors, stack)


async def _loops_ended(before: set[asyncio.Task[None]]) -> None:
    """Loops that were told to stop give their connections back before the pool is closed."""
    others = asyncio.all_tasks() - before - {asyncio.current_task()}
    if others:
        await asyncio.wait(others, timeout=1)


async def delivered(enterprise_id: UUID, *running: RunningNode) -> None:
    """Wait until everything these nodes have said about an enterprise so far was heard by those that listen to it."""
    for node in running:
        await node.gateway.settled()
    waiting: set[tuple[UUID, bytes]] = set()
    heard = asyncio.Event()

    def hear(node: RunningNode) -> None:
        def mark(_: UUID, __: UUID, body: bytes) -> None:
            waiting.discard((node.id, body))
            heard.set()

        node.resources.relay.notes["delivered"] = mark

    for node in running:
        hear(node)
    listening = [node for node in running if node.resources.relay.hears(enterprise_id)]
    for node in running:
        marker = uuid4().bytes
        waiting |= {(other.id, marker) for other in listening if other is not node}
        node.resources.relay.note(enterprise_id, "delivered", marker)
    async with asyncio.timeout(PATIENCE):
        while waiting:
            heard.clear()
            await heard.wait()

"""Who is there, who looks and who waits is the same on every node."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from uuid import UUID

import pytest

from qiatan.infra.db import Database, Tx
from qiatan.infra.resources import Resources
from qiatan.modules.push import subscribers as push
from qiatan.modules.push.contracts import Notice
from qiatan.modules.routing import service as routing
from qiatan.modules.routing.contracts import PresenceStatus
from tests.guarantees.test_nodes import LEADER, PATIENCE, Nodes, bus, connected, guest, nodes, opened, say, tenant, visiting
from tests.support import talk
from tests.support.clock import FakeClock
from tests.support.factories import Factories, Guest, Tenant
from tests.support.nodes import RunningNode, delivered
from tests.support.sockets import SocketClient

__all__ = ["bus", "guest", "nodes", "tenant"]


async def test_who_looks_at_a_conversation_is_known_on_all_nodes(
    nodes: Nodes, tenant: Tenant, guest: Guest, factories: Factories, database: Database, clock: FakeClock
) -> None:
    one, two = nodes
    leader = await factories.agent(tenant.enterprise_id, role="admin", scope=LEADER, name="程思远")
    conversation_id = await talk.served(database, guest, tenant.admin)
    first, second = await opened(one, tenant.admin), await opened(two, leader)

    await first.send(type="viewing", conversation_id=conversation_id)
    assert await viewers(first) == {"沈知夏"}
    await second.send(type="viewing", conversation_id=conversation_id)
    assert await viewers(second, 2) == {"沈知夏", "程思远"}  # who is there already answers the node that asks
    assert await viewers(first) == {"沈知夏", "程思远"}
    await second.send(type="viewing", conversation_id=None)
    assert await viewers(first) == {"沈知夏"}

    await second.send(type="viewing", conversation_id=conversation_id)
    assert await viewers(first) == {"沈知夏", "程思远"}
    await one.resources.nodes.turn()
    await outlives(one, clock)  # the second node gave no sign of life
    assert await viewers(first) == {"沈知夏"}


async def outlives(node: RunningNode, clock: FakeClock) -> None:
    """So much time goes by that a node without a sign of life is dead, while this one has its turns. (A leap would be a clock that was set.)"""
    for _ in range(3):
        clock.advance(seconds=7)
        await node.resources.nodes.turn()


async def viewers(socket: SocketClient, count: int = 1) -> set[str]:
    """The names in the last of the next so many frames."""
    told = [await socket.next("viewers") for _ in range(count)]
    return set(told[-1]["names"].values())


async def test_an_agent_is_there_while_any_node_has_their_page(nodes: Nodes, tenant: Tenant, database: Database) -> None:
    one, two = nodes
    here, there = await opened(one, tenant.admin), await opened(two, tenant.admin)

    await here.close()
    await let_go()
    assert await connected(database, tenant.admin) is True
    await there.close()
    await let_go()
    assert await connected(database, tenant.admin) is False


async def test_an_agent_whose_only_node_died_is_gone_and_one_with_another_page_is_not(
    nodes: Nodes, tenant: Tenant, factories: Factories, database: Database, clock: FakeClock
) -> None:
    one, two = nodes
    other = await factories.agent(tenant.enterprise_id, name="顾言")
    watching = await opened(one, tenant.admin, "colleagues")
    await opened(two, tenant.admin)
    await opened(two, other)
    assert (await connected(database, tenant.admin), await connected(database, other)) == (True, True)

    await outlives(one, clock)

    assert (await connected(database, tenant.admin), await connected(database, other)) == (True, False)
    while (await watching.next("presence"))["agent_id"] != str(other.id):
        pass


async def test_visitors_on_all_nodes_know_last_what_is_true_of_whether_anybody_serves(
    nodes: Nodes, tenant: Tenant, guest: Guest, factories: Factories
) -> None:
    one, two = nodes
    await opened(two, tenant.admin)
    visitors = [await visiting(node, guest) for node in nodes]

    # when one node tells late what was so before the agent left on the other
    async with one.resources.database.tenant(tenant.enterprise_id) as late:
        await routing.announce(late, tenant.admin.id)
        async with two.resources.database.tenant(tenant.enterprise_id) as tx:
            await routing.set_presence(tx, tenant.admin.actor, PresenceStatus.OFFLINE)
        await delivered(tenant.enterprise_id, one, two)
    await delivered(tenant.enterprise_id, one, two)

    assert [await told_of_availability(node, visitor) for node, visitor in zip(nodes, visitors, strict=True)] == [[False], [False]]


async def told_of_availability(node: RunningNode, visitor: SocketClient) -> list[bool]:
    """What a visitor was told and did not ask for yet, once nothing is left to be told."""
    telling = node.gateway._presence._availability._tasks
    while telling:
        await asyncio.wait(tuple(telling))
    await visitor.settle()
    return [frame["online"] for frame in visitor.frames if frame["type"] == "availability"]


async def test_who_has_a_page_open_on_any_node_is_not_called(
    nodes: Nodes, tenant: Tenant, guest: Guest, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    one, two = nodes
    called: list[UUID] = []

    async def call(_: Tx, __: Resources, notices: Sequence[Notice]) -> None:
        called.extend(notice.agent_id for notice in notices)

    monkeypatch.setattr(push, "GATHER_SECONDS", 0.01)
    monkeypatch.setattr("qiatan.modules.push.service.call", call)
    await talk.served(database, guest, tenant.admin)
    page = await opened(two, tenant.admin, "mine")
    visitor = await visiting(one, guest)

    await say(visitor, "看见了吗")
    await one.gateway.settled()
    assert called == []

    await page.close()
    await let_go()
    await say(visitor, "人呢")
    await one.gateway.settled()
    assert called == [tenant.admin.id]


async def let_go() -> None:
    """Wait until the nodes have let go of agents whose pages are closed."""
    async with asyncio.timeout(PATIENCE):
        while tasks := [task for task in asyncio.all_tasks() if task.get_name() == "presence-let-go"]:
            await asyncio.wait(tasks)


async def test_who_waits_keeps_the_place_and_hears_of_it_on_any_node(
    nodes: Nodes, tenant: Tenant, factories: Factories, database: Database, clock: FakeClock
) -> None:
    one, two = nodes
    channel = await factories.channel(tenant.enterprise_id)
    guests = [await factories.visitor(channel) for _ in range(2)]
    agent = await factories.agent(tenant.enterprise_id, name="顾言", max_conversations=1)
    serving = await opened(one, agent, "mine")
    busy = await factories.visitor(channel)
    served = await visiting(one, busy)
    ack = await say(served, "占着")
    await serving.next("conversation")

    first, second = await visiting(one, guests[0]), await visiting(two, guests[1])
    for waiting in (first, second):
        await say(waiting, "排队")
        assert (await waiting.next("queue"))["place"]["state"] == "queued"
    for _ in range(6):
        clock.advance(seconds=15)
        for node in nodes:
            # The turns that its own clock would bring.
            await node.gateway._queue.renew()
            await node.gateway._presence.renew()
    ended = await one.doors.agent(agent).post(f"/conversations/{ack['conversation_id']}/end")
    assert ended.status_code == 200

    while (place := (await second.next("queue"))["place"])["position"] != 1:
        assert place["state"] == "queued"


async def test_a_node_whose_clock_was_set_judges_nobody_for_a_while(
    nodes: Nodes, tenant: Tenant, factories: Factories, database: Database, clock: FakeClock
) -> None:
    one, two = nodes
    other = await factories.agent(tenant.enterprise_id, name="顾言")
    await opened(one, tenant.admin)
    await opened(two, other)
    await one.resources.nodes.turn()

    clock.advance(seconds=30)  # at once, while the counter hardly moved: the other's sign of life is of the time before
    await one.resources.nodes.turn()

    assert await connected(database, other) is True

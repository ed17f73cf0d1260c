"""Taking by hand: out of the queue and over from a colleague, past the maximum only with the right to."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.kit.access import Scope, ScopeKind
from qiatan.kit.errors import NotAllowed
from qiatan.modules.conversations.contracts import Conversation
from qiatan.modules.conversations.errors import AlreadyTaken, ConversationEnded, ConversationNotFound
from qiatan.modules.routing import service
from qiatan.modules.routing.contracts.decisions import Cause, Layer
from qiatan.modules.routing.errors import LimitReached
from tests.guarantees.world import checksum
from tests.modules.routing import scene
from tests.support import talk
from tests.support.access import points_of
from tests.support.doors import Doors
from tests.support.factories import Factories, Member


async def take(database: Database, member: Member, conversation_id: UUID, *, beyond: bool = False) -> Conversation:
    async with database.tenant(member.enterprise_id) as tx:
        return await service.take(tx, member.actor, conversation_id, beyond_maximum=beyond)


async def take_over(database: Database, member: Member, conversation_id: UUID, *, beyond: bool = False) -> Conversation:
    async with database.tenant(member.enterprise_id) as tx:
        return await service.take_over(tx, member.actor, conversation_id, beyond_maximum=beyond)


async def test_taking_beyond_the_maximum_is_shown_and_logged(database: Database, doors: Doors, factories: Factories) -> None:
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id, max_conversations=1, name="顾言")
    [first, second] = await scene.waiting(database, factories, tenant.enterprise_id, 2)
    http = doors.agent(agent)
    await http.post(f"/conversations/{first}/take")

    refused = await http.post(f"/conversations/{second}/take")
    answer = await http.post(f"/conversations/{second}/take", json={"beyond_maximum": True})

    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "limit_reached")
    assert (answer.status_code, answer.json()["assignee_id"]) == (200, str(agent.id))
    [own] = (await http.get("/presence")).json()["items"]
    assert (own["open"], own["maximum"]) == (2, 1)
    assert await scene.audited(database, tenant.enterprise_id, "conversation.taken_beyond_maximum") == [{"open": [1, 2], "maximum": 1}]
    decision = (await scene.why(database, tenant, second))[-1]  # the first one tells why it waited
    assert (decision.cause, decision.agent_id, decision.by_agent_name) == (Cause.TAKEN, agent.id, "顾言")
    assert [(step.layer, step.reason) for step in decision.steps] == [(Layer.BY_HAND, "taken")]


async def test_the_maximum_holds_without_the_point(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    points = points_of("agent") - {"conversations.exceed_maximum"}
    agent = await factories.agent(tenant.enterprise_id, points=points, max_conversations=1)
    [first, second] = await scene.waiting(database, factories, tenant.enterprise_id, 2)
    await take(database, agent, first)
    before = await checksum(database, tenant.enterprise_id)

    with pytest.raises(LimitReached):
        await take(database, agent, second, beyond=True)

    assert await checksum(database, tenant.enterprise_id) == before


async def test_somebody_who_takes_jumps_the_queue(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id)
    ids = await scene.waiting(database, factories, tenant.enterprise_id, 3)

    await take(database, agent, ids[2])

    assert [await scene.holder(database, tenant, one) for one in ids] == [None, None, agent.id]


async def test_twelve_who_take_the_same_one_at_once(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    agents = [await factories.agent(tenant.enterprise_id) for _ in range(12)]
    [conversation_id] = await scene.waiting(database, factories, tenant.enterprise_id)

    results = await asyncio.gather(*(take(database, agent, conversation_id) for agent in agents), return_exceptions=True)

    [winner] = [result for result in results if isinstance(result, Conversation)]
    assert all(isinstance(result, AlreadyTaken | ConversationNotFound) for result in results if result is not winner)
    assert await scene.loads(database, tenant) == {winner.assignee_id: 1}
    assert len(await scene.why(database, tenant, conversation_id)) == 1


async def test_a_supervisor_takes_over(database: Database, doors: Doors, factories: Factories) -> None:
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id)
    group_id = await factories.group(tenant.enterprise_id, agent.id)
    leader = await factories.agent(tenant.enterprise_id, points=scene.LEADER, scope=Scope(ScopeKind.GROUPS, frozenset({group_id})))
    [conversation_id] = await scene.served(database, factories, agent)

    answer = await doors.agent(leader).post(f"/conversations/{conversation_id}/take-over")

    assert (answer.status_code, answer.json()["assignee_id"]) == (200, str(leader.id))
    assert await scene.loads(database, tenant) == {leader.id: 1}
    assert await scene.audited(database, tenant.enterprise_id, "conversation.taken_over") == [{"from_agent_id": str(agent.id)}]
    [decision] = await scene.why(database, tenant, conversation_id)
    assert (decision.cause, decision.by_agent_id) == (Cause.TAKEN_OVER, leader.id)


@pytest.mark.parametrize(
    ("scope", "fault"), [(Scope(ScopeKind.SELF), ConversationNotFound), (Scope(ScopeKind.GROUPS, frozenset()), ConversationNotFound)]
)
async def test_nobody_takes_over_outside_the_scope(database: Database, factories: Factories, scope: Scope, fault: type[Exception]) -> None:
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id)
    leader = await factories.agent(tenant.enterprise_id, points=scene.LEADER, scope=scope)
    [conversation_id] = await scene.served(database, factories, agent)
    before = await checksum(database, tenant.enterprise_id)

    with pytest.raises(fault):
        await take_over(database, leader, conversation_id)

    assert await checksum(database, tenant.enterprise_id) == before


async def test_what_cannot_be_taken_over(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    full = await factories.agent(tenant.enterprise_id, points=scene.LEADER, scope=scene.EVERYTHING, max_conversations=1)
    agent = await factories.agent(tenant.enterprise_id)
    [own] = await scene.served(database, factories, full)
    [theirs, over] = await scene.served(database, factories, agent, 2)
    [waits] = await scene.waiting(database, factories, tenant.enterprise_id)
    await talk.end(database, agent, over)
    before = await checksum(database, tenant.enterprise_id)

    for conversation_id in (own, waits, over):
        with pytest.raises(AlreadyTaken):
            await take_over(database, full, conversation_id)
    with pytest.raises(LimitReached):
        await take_over(database, full, theirs)
    with pytest.raises(ConversationNotFound):
        await take_over(database, full, new_id())
    with pytest.raises(NotAllowed):
        await take_over(database, agent, theirs)

    assert await checksum(database, tenant.enterprise_id) == before


async def test_take_over_beside_the_end_and_the_customer(database: Database, factories: Factories) -> None:
    """Whoever is first: it ends once, or is served by the supervisor, and nothing is left in between."""
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id)
    for _ in range(8):
        [conversation_id] = await scene.served(database, factories, agent)

        over, ended = await asyncio.gather(
            take_over(database, tenant.admin, conversation_id, beyond=True),
            talk.end(database, agent, conversation_id),
            return_exceptions=True,
        )

        if isinstance(over, Conversation):
            assert isinstance(ended, Exception), "who lost it cannot end it any more"
            assert await scene.holder(database, tenant, conversation_id) == tenant.admin.id
            await talk.end(database, tenant.admin, conversation_id)
        else:
            assert isinstance(over, AlreadyTaken | ConversationEnded | ConversationNotFound)
            assert isinstance(ended, Conversation)
    assert await scene.loads(database, tenant) == {}
    assert await talk.gaps(database, tenant.enterprise_id) == []


async def test_takes_and_take_overs_at_once_hold_the_maximum(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    leader = await factories.agent(tenant.enterprise_id, points=scene.LEADER, scope=scene.EVERYTHING, max_conversations=3)
    agent = await factories.agent(tenant.enterprise_id, max_conversations=50)
    theirs = await scene.served(database, factories, agent, 6)
    waits = await scene.waiting(database, factories, tenant.enterprise_id, 6)

    results = await asyncio.gather(
        *(take_over(database, leader, one) for one in theirs), *(take(database, leader, one) for one in waits), return_exceptions=True
    )

    assert sum(isinstance(result, Conversation) for result in results) == 3
    assert (await scene.loads(database, tenant))[leader.id] == 3

"""Supervisors who join: what they see, what they may, and whom it is told."""

from __future__ import annotations

import asyncio
from uuid import UUID

import pytest

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.kit.access import Scope, ScopeKind
from qiatan.kit.errors import NotAllowed
from qiatan.modules.conversations import service
from qiatan.modules.conversations.contracts import View
from qiatan.modules.conversations.errors import (
    AlreadyJoined,
    ConversationEnded,
    ConversationNotFound,
    NotYours,
    TooManyJoined,
)
from tests.modules.conversations.joining import Scene, leader_of, leave, scene
from tests.support import talk
from tests.support.access import points_of
from tests.support.doors import Doors
from tests.support.factories import Factories

__all__ = ["scene"]


async def test_who_joins_may_write_and_the_customer_learns_of_them_with_their_first_word(database: Database, scene: Scene) -> None:
    joined = await talk.join(database, scene.leader, scene.id)

    assert (joined.joined_ids, joined.assignee_id) == ([scene.leader.id], scene.agent.id)
    assert [(person.name, person.internal) for person in joined.participants] == [("顾言", False), ("沈主管", True)]
    assert (await talk.read(database, scene.agent, scene.id))[-1].data == {
        "name": "joined",
        "agent_id": str(scene.leader.id),
        "agent_name": "沈主管",
    }
    seen = await talk.conversation(database, scene.guest, scene.id)
    hidden = (await talk.messages(database, scene.guest, scene.id))[-1]
    assert (seen.joined_ids, [person.name for person in seen.participants]) == ([], ["顾言"])
    assert (hidden.kind, hidden.sender_kind, hidden.data, hidden.text, hidden.seq) == ("note", "system", None, None, joined.head)

    await talk.answer(database, scene.leader, scene.id, "我来看看")

    seen = await talk.conversation(database, scene.guest, scene.id)
    assert [person.name for person in seen.participants] == ["沈主管", "顾言"]
    assert (seen.assignee_id, seen.unanswered_since) == (scene.agent.id, None)  # an answer like any other
    async with database.tenant(scene.tenant.enterprise_id) as tx:
        routed = await service.routed(tx, scene.id)
        assert routed is not None
        assert routed.replied_at is not None
        assert await service.active_counts(tx) == {scene.agent.id: 1}
    assert await talk.drift(database, scene.tenant.enterprise_id) == []


async def test_joining_is_in_the_audit_log(database: Database, doors: Doors, scene: Scene) -> None:
    assert (await doors.agent(scene.leader).post(f"/conversations/{scene.id}/join")).status_code == 200

    entries = (await doors.agent(scene.tenant.admin).get("/audit?action=conversation.joined")).json()["items"]

    assert [(entry["actor"]["id"], entry["subject"]["id"]) for entry in entries] == [(str(scene.leader.id), str(scene.id))]


async def test_who_may_not_join(database: Database, factories: Factories, scene: Scene) -> None:
    tenant = scene.tenant
    elsewhere = await leader_of(factories, tenant, await factories.group(tenant.enterprise_id))
    narrow = await factories.agent(tenant.enterprise_id, role="group_leader")
    reader = await factories.agent(tenant.enterprise_id, points=points_of("admin") - {"conversations.join"}, scope=Scope(ScopeKind.ALL))
    stranger = (await factories.tenant()).admin
    before = await talk.conversation(database, scene.guest, scene.id)

    for member, refusal in (
        (elsewhere, ConversationNotFound),
        (narrow, ConversationNotFound),
        (stranger, ConversationNotFound),
        (reader, NotAllowed),
        (scene.agent, NotAllowed),
    ):
        with pytest.raises(refusal):
            await talk.join(database, member, scene.id)

    assert await talk.conversation(database, scene.guest, scene.id) == before


async def test_nobody_joins_what_waits_what_has_ended_or_twice(database: Database, factories: Factories, scene: Scene) -> None:
    other = await factories.visitor(await factories.channel(scene.tenant.enterprise_id))
    waiting = (await talk.write(database, other)).conversation_id
    with pytest.raises(NotYours):
        await talk.join(database, scene.tenant.admin, waiting)
    own = await talk.served(database, await factories.visitor(await factories.channel(scene.tenant.enterprise_id)), scene.leader)
    with pytest.raises(AlreadyJoined):
        await talk.join(database, scene.leader, own)
    await talk.join(database, scene.leader, scene.id)
    with pytest.raises(AlreadyJoined):
        await talk.join(database, scene.leader, scene.id)
    await talk.end(database, scene.agent, scene.id)
    with pytest.raises(ConversationEnded):
        await talk.join(database, scene.tenant.admin, scene.id)


async def test_a_sixth_does_not_join_however_many_try_at_once(database: Database, factories: Factories, scene: Scene) -> None:
    leaders = [await leader_of(factories, scene.tenant, scene.group) for _ in range(8)]

    answers = await asyncio.gather(*(talk.join(database, leader, scene.id) for leader in leaders), return_exceptions=True)

    assert sorted(type(answer).__name__ for answer in answers) == ["Conversation"] * 5 + [TooManyJoined.__name__] * 3
    async with database.tenant(scene.tenant.enterprise_id) as tx:
        joined = (await service.get(tx, scene.tenant.admin.actor, scene.id)).joined_ids
    assert len(joined) == len(set(joined)) == 5


async def test_leaving_ends_the_right_to_write_and_is_told_to_agents_only(database: Database, scene: Scene) -> None:
    await talk.join(database, scene.leader, scene.id)

    assert await leave(database, scene.leader, scene.id) == []
    head = (await talk.conversation(database, scene.guest, scene.id)).head
    assert await leave(database, scene.leader, scene.id) == []  # a second time changes nothing

    with pytest.raises(NotYours):
        await talk.answer(database, scene.leader, scene.id)
    last = (await talk.read(database, scene.agent, scene.id))[-1]
    assert (last.seq, last.data) == (head, {"name": "left", "agent_id": str(scene.leader.id), "agent_name": "沈主管"})
    assert (await talk.messages(database, scene.guest, scene.id))[-1].data is None


async def test_who_has_joined_goes_along_with_a_transfer_beyond_their_scope(
    database: Database, factories: Factories, doors: Doors, scene: Scene
) -> None:
    outside = await factories.agent(scene.tenant.enterprise_id)
    page = await doors.agent_socket(scene.leader)
    for topic in ("mine", "colleagues"):
        await page.send(type="subscribe", topic=topic)
        await page.next("subscribed")
    await page.send(type="subscribe", topic="conversation", conversation_id=str(scene.id))
    await page.next("subscribed")
    await talk.join(database, scene.leader, scene.id)
    await page.settle()
    page.frames.clear()

    await talk.transfer(database, scene.id, scene.agent, outside)
    await talk.answer(database, outside, scene.id, "我接手了")

    frames = await page.settle()
    assert [frame for frame in frames if frame["type"] == "conversation_gone" and frame["topic"] != "queue"] == []
    assert [frame["text"] for frame in frames if frame["type"] == "message" and frame["kind"] == "text"] == ["我接手了"]
    async with database.tenant(scene.tenant.enterprise_id) as tx:
        listed = await service.list_conversations(tx, scene.leader.actor, view=View.COLLEAGUES, after=None, limit=10)
        assert [row.id for row in listed.items] == [scene.id]
        assert [row[0] for row in await service.shown(tx, scene.leader.actor, View.COLLEAGUES)] == [scene.id]
    await page.send(type="send", client_message_id=str(new_id()), conversation_id=str(scene.id), text="我也在")
    assert (await page.next("ack"))["conversation_id"] == str(scene.id)
    page.frames.clear()

    await leave(database, scene.leader, scene.id)
    frames = await page.settle()
    assert {frame["topic"] for frame in frames if frame["type"] == "conversation_gone"} >= {"conversation", "colleagues"}
    page.frames.clear()
    await talk.answer(database, outside, scene.id, "只有我们")
    assert [frame for frame in await page.settle() if frame["type"] == "message"] == []
    with pytest.raises(ConversationNotFound):
        await talk.read(database, scene.leader, scene.id)


async def test_over_the_socket_the_first_word_makes_them_known(database: Database, doors: Doors, scene: Scene) -> None:
    await talk.join(database, scene.leader, scene.id)
    visitor, page = await doors.visitor_socket(scene.guest.token), await doors.agent_socket(scene.leader)
    await visitor.send(type="subscribe", topic="mine")
    await visitor.next("subscribed")

    for words in ("您好", "我是主管"):
        await page.send(type="send", client_message_id=str(new_id()), conversation_id=str(scene.id), text=words)
        await page.next("ack")

    heard = [(await visitor.next("message"))["text"] for _ in range(2)]
    shown = (await visitor.next("conversation"))["conversation"]
    assert heard == ["您好", "我是主管"]
    assert [person["name"] for person in shown["participants"]] == ["沈主管", "顾言"]
    assert shown["joined_ids"] == []


async def test_who_has_joined_hears_and_sees_typing(database: Database, doors: Doors, scene: Scene) -> None:
    await talk.join(database, scene.leader, scene.id)
    visitor, page = await doors.visitor_socket(scene.guest.token), await doors.agent_socket(scene.leader)
    for socket in (visitor, page):
        await socket.send(type="subscribe", topic="mine")
        await socket.next("subscribed")

    await visitor.send(type="typing")
    assert (await page.next("typing"))["side"] == "customer"
    await page.send(type="typing", conversation_id=str(scene.id))
    assert (await visitor.next("typing"))["side"] == "agent"


async def test_whoever_takes_over_has_not_joined_any_more(database: Database, scene: Scene) -> None:
    await talk.join(database, scene.leader, scene.id)

    given = await talk.transfer(database, scene.id, scene.agent, scene.leader, how="taken_over")

    assert (given.assignee_id, given.joined_ids) == (scene.leader.id, [])
    assert [(person.name, person.internal) for person in given.participants] == [("顾言", False), ("沈主管", False)]


async def test_after_the_end_it_keeps_who_took_part(database: Database, scene: Scene) -> None:
    await talk.join(database, scene.leader, scene.id)

    ended = await talk.end(database, scene.agent, scene.id)

    assert [(person.name, person.internal) for person in ended.participants] == [("顾言", False), ("沈主管", True)]
    with pytest.raises(ConversationEnded):
        await talk.answer(database, scene.leader, scene.id)
    assert await leave(database, scene.leader, scene.id) == [scene.leader.id]  # nothing to leave any more


async def test_what_one_has_joined_is_among_ones_own_until_it_ends(
    database: Database, doors: Doors, factories: Factories, scene: Scene
) -> None:
    own = await talk.served(database, await factories.visitor(await factories.channel(scene.tenant.enterprise_id)), scene.leader)
    page = await doors.agent_socket(scene.leader)

    async def mine() -> tuple[set[UUID], set[UUID]]:
        """As the list and as the socket say."""
        async with database.tenant(scene.tenant.enterprise_id) as tx:
            listed = await service.list_conversations(tx, scene.leader.actor, view=View.MINE, after=None, limit=50)
        await page.send(type="subscribe", topic="mine")
        shown = (await page.next("subscribed"))["conversations"]
        rows = [(UUID(row["id"]), row["head"], row["version"]) for row in shown]
        await page.send(type="ping")
        assert (await page.next("pong"))["digest"] == service.digest_of(rows)
        return {row.id for row in listed.items}, {row[0] for row in rows}

    assert await mine() == ({own}, {own})
    await talk.join(database, scene.leader, scene.id)
    assert await mine() == ({own, scene.id}, {own, scene.id})
    await leave(database, scene.leader, scene.id)
    gone = [frame for frame in await page.settle() if frame["type"] == "conversation_gone"]
    assert {"type": "conversation_gone", "conversation_id": str(scene.id), "topic": "mine"} in gone
    assert await mine() == ({own}, {own})
    await talk.join(database, scene.leader, scene.id)
    await talk.end(database, scene.agent, scene.id)
    assert await mine() == ({own}, {own})


async def test_who_serves_it_does_not_see_it_twice(database: Database, scene: Scene) -> None:
    await talk.join(database, scene.leader, scene.id)
    await talk.transfer(database, scene.id, scene.agent, scene.leader)

    async with database.tenant(scene.tenant.enterprise_id) as tx:
        assert [row[0] for row in await service.shown(tx, scene.leader.actor, View.MINE)] == [scene.id]

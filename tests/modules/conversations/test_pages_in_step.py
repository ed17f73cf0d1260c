"""A page that took its first look early and applied every frame since shows what a fresh look shows (Zulip's verify_action)."""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from typing import Any
from uuid import UUID

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.realtime.connection import Connection
from qiatan.infra.realtime.hub import Hub
from qiatan.infra.resources import Resources
from qiatan.kit.access import Scope, ScopeKind
from qiatan.modules.conversations import realtime, service
from qiatan.modules.conversations.contracts import Conversation, View
from qiatan.modules.conversations.realtime import topics
from qiatan.modules.customers import service as customers
from qiatan.modules.customers.contracts import ChangeCustomer
from tests.support import talk
from tests.support.clock import FakeClock
from tests.support.factories import Factories, Guest, Member
from tests.support.transports import Recorder

Fetch = Callable[[UUID, int], Awaitable[list[dict[str, Any]]]]


class Page:
    """What a page holds, kept by the client's rules: newer versions win, messages merge by seq, gaps are fetched."""

    def __init__(self, fetch: Fetch) -> None:
        self.conversations: dict[str, dict[str, Any]] = {}
        self.messages: dict[str, dict[int, dict[str, Any]]] = {}
        self._fetch = fetch

    async def apply(self, frame: dict[str, Any]) -> None:
        kind = frame.pop("type")
        if kind == "conversation":
            given = frame["conversation"]
            held = self.conversations.get(given["id"])
            if held is None or held["version"] <= given["version"]:
                self.conversations[given["id"]] = given
            await self._fill(given["id"], given["head"])
        elif kind == "conversation_gone":
            self.conversations.pop(frame["conversation_id"], None)
        elif kind == "message":
            self._merge(frame)
            await self._fill(frame["conversation_id"], frame["seq"])
        elif kind == "read":
            held = self.conversations.get(frame["conversation_id"])
            if held is not None:
                held[f"{frame['side']}_read_seq"] = max(held[f"{frame['side']}_read_seq"], frame["seq"])
        else:
            raise AssertionError(kind)

    async def _fill(self, conversation_id: str, head: int) -> None:
        if conversation_id in self.conversations and len(self.messages.get(conversation_id, ())) < head:
            for message in await self._fetch(UUID(conversation_id), 0):
                self._merge(message)

    def _merge(self, message: dict[str, Any]) -> None:
        held = self.messages.setdefault(message["conversation_id"], {})
        held[message["seq"]] = message
        if message["kind"] == "withdrawal":
            target = held.get(message["data"]["ref_seq"])
            if target is not None:
                target |= {"withdrawn": True, "text": None, "data": None, "edited": False}
            for edit in self._edits(held, message["data"]["ref_seq"]):
                edit["text"] = None
        elif message["kind"] == "edit" and message["text"] is not None:
            target = held.get(message["data"]["seq"])
            if target is not None:
                target |= {"text": message["text"], "edited": True}
            for edit in self._edits(held, message["data"]["seq"]):
                if edit["seq"] < message["seq"]:
                    edit["text"] = None

    def _edits(self, held: dict[int, dict[str, Any]], seq: int) -> list[dict[str, Any]]:
        return [message for message in held.values() if message["kind"] == "edit" and message["data"]["seq"] == seq]

    def shown(self) -> dict[str, Any]:
        """What the eye sees; counters and last lines follow from the messages."""
        facts = ["id", "status", "assignee_id", "joined_ids", "version", "customer", "customer_read_seq", "agent_read_seq"]
        facts += ["grade", "ended_by", "participants"]
        return {
            key: ({fact: row[fact] for fact in facts}, [self.messages[key][seq] for seq in sorted(self.messages.get(key, {}))])
            for key, row in self.conversations.items()
        }


def _listening(hub: Hub, *heard: tuple[str, UUID]) -> Recorder:
    transport = Recorder()
    connection = Connection(hub, transport, "192.0.2.1")
    for topic in heard:
        hub.subscribe(connection, topic)
    return transport


def _plain(rows: list[Any]) -> list[dict[str, Any]]:
    return [json.loads(row.model_dump_json()) for row in rows]


async def test_frames_make_an_early_look_a_fresh_one(
    database: Database, factories: Factories, resources: Resources, clock: FakeClock
) -> None:
    tenant = await factories.tenant()
    agent, guest = await factories.agent(tenant.enterprise_id), await factories.visitor(await factories.channel(tenant.enterprise_id))
    outside = await factories.agent(tenant.enterprise_id)
    scope = Scope(ScopeKind.GROUPS, frozenset({await factories.group(tenant.enterprise_id, agent.id)}))
    leader = await factories.agent(tenant.enterprise_id, role="group_leader", scope=scope)
    database.listeners.append(lambda events: realtime.publish(resources.hub, events))

    async def fetch_own(conversation_id: UUID, after: int) -> list[dict[str, Any]]:
        return _plain(await talk.messages(database, guest, conversation_id))

    async def fetch(conversation_id: UUID, after: int) -> list[dict[str, Any]]:
        return _plain(await talk.read(database, tenant.admin, conversation_id))

    async def look(rows: list[Conversation], fetching: Fetch) -> Page:
        page = Page(fetching)
        for row in _plain(rows):
            await page.apply({"type": "conversation", "conversation": row})
        return page

    async def looks() -> dict[str, Page]:
        async with database.tenant(tenant.enterprise_id) as tx:
            own = (await service.list_own(tx, guest.actor)).items
            mine = (await service.list_conversations(tx, agent.actor, view=View.MINE, after=None, limit=100)).items
            queue = (await service.list_conversations(tx, agent.actor, view=View.QUEUE, after=None, limit=100)).items
            colleagues = (await service.list_conversations(tx, leader.actor, view=View.COLLEAGUES, after=None, limit=100)).items
            joined = (await service.list_conversations(tx, leader.actor, view=View.MINE, after=None, limit=100)).items
        return {
            "visitor": await look(own, fetch_own),
            "mine": await look(mine, fetch),
            "queue": await look(queue, fetch),
            "colleagues": await look(colleagues, fetch),
            "joined": await look(joined, fetch),
        }

    pages = await looks()
    heard = {
        "visitor": _listening(resources.hub, topics.customer(guest.customer_id)),
        "mine": _listening(resources.hub, topics.agent(agent.id)),
        "queue": _listening(resources.hub, topics.queue(tenant.enterprise_id)),
        "colleagues": _listening(resources.hub, topics.agent(leader.id), topics.served_by(agent.id)),
        "joined": _listening(resources.hub, topics.agent(leader.id)),
    }
    for name, step in _story(database, guest, agent, leader, outside):
        await step()
        clock.advance(seconds=1)
        fresh = await looks()
        for who, page in pages.items():
            await _catch_up(page, heard[who])
            if who in ("mine", "colleagues"):  # what has ended leaves the list by its status
                page.conversations = {key: row for key, row in page.conversations.items() if row["status"] == "active"}
            elif who == "joined":
                page.conversations = {key: row for key, row in page.conversations.items() if row["status"] != "ended"}
            assert page.shown() == fresh[who].shown(), (name, who)


async def _catch_up(page: Page, heard: Recorder) -> None:
    import asyncio

    await asyncio.sleep(0)
    await asyncio.sleep(0)
    frames, heard.frames = heard.frames, []
    for frame in frames:
        await page.apply(frame)


def _story(
    database: Database, guest: Guest, agent: Member, leader: Member, outside: Member
) -> list[tuple[str, Callable[[], Awaitable[Any]]]]:
    ids: list[UUID] = []

    async def first() -> None:
        ids.append((await talk.write(database, guest)).conversation_id)

    async def inside(change: Callable[[Any], Awaitable[Any]]) -> None:
        async with database.tenant(agent.enterprise_id) as tx:
            await change(tx)

    async def rename(tx: Any) -> None:
        customer = await customers.get(tx, guest.customer_id)
        await service.change_customer(tx, agent.actor, ids[-1], ChangeCustomer(name="林夕", version=customer.version))

    return [
        ("open", first),
        ("write while it waits", lambda: talk.write(database, guest)),
        ("assign", lambda: talk.assign(database, ids[-1], agent)),
        ("write", lambda: talk.write(database, guest)),
        ("answer", lambda: talk.answer(database, agent, ids[-1])),
        ("edit", lambda: talk.edit(database, agent, ids[-1], 5, "您好呀")),
        ("edit again", lambda: talk.edit(database, agent, ids[-1], 5, "您好啊")),
        ("withdraw own", lambda: inside(lambda tx: service.withdraw_own(tx, guest.actor, ids[-1], 2, new_id()))),
        ("withdraw", lambda: inside(lambda tx: service.withdraw(tx, agent.actor, ids[-1], 5, new_id()))),
        ("read own", lambda: inside(lambda tx: service.mark_read_own(tx, guest.actor, ids[-1], 5))),
        ("read", lambda: inside(lambda tx: service.mark_read(tx, agent.actor, ids[-1], 4))),
        ("rename", lambda: inside(rename)),
        ("note", lambda: talk.note(database, agent, ids[-1])),
        ("whisper", lambda: talk.note(database, leader, ids[-1])),
        ("edit the whisper", lambda: talk.edit(database, leader, ids[-1], 11, "慢慢来")),
        ("withdraw the note", lambda: inside(lambda tx: service.withdraw(tx, agent.actor, ids[-1], 10, new_id()))),
        ("join", lambda: talk.join(database, leader, ids[-1])),
        ("step in", lambda: talk.answer(database, leader, ids[-1])),
        ("transfer", lambda: talk.transfer(database, ids[-1], agent, outside)),
        ("answer elsewhere", lambda: talk.answer(database, outside, ids[-1])),
        ("transfer back", lambda: talk.transfer(database, ids[-1], outside, agent)),
        ("release while joined", lambda: inside(lambda tx: service.release(tx, ids[-1]))),
        ("assign elsewhere", lambda: talk.assign(database, ids[-1], outside)),
        ("leave", lambda: inside(lambda tx: service.leave(tx, leader.actor, ids[-1]))),
        ("answer unheard", lambda: talk.answer(database, outside, ids[-1])),
        ("transfer back again", lambda: talk.transfer(database, ids[-1], outside, agent)),
        ("release", lambda: inside(lambda tx: service.release(tx, ids[-1]))),
        ("write while it waits again", lambda: talk.write(database, guest)),
        ("assign again", lambda: talk.assign(database, ids[-1], agent)),
        ("end", lambda: talk.end(database, agent, ids[-1])),
        ("open another", first),
        ("assign another", lambda: talk.assign(database, ids[-1], agent)),
        ("end own", lambda: inside(lambda tx: service.end_own(tx, guest.actor, ids[-1]))),
    ]

"""Colleagues named in notes: whom one may name, that each is told once, and what they read of it later."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

import pytest

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.resources import Resources
from qiatan.kit.access import Scope, ScopeKind
from qiatan.kit.cursors import encode_cursor
from qiatan.kit.errors import InvalidInput
from qiatan.modules.conversations import jobs, service
from qiatan.modules.conversations.contracts import Mention, ReadMentions
from qiatan.modules.conversations.service import mentioning
from tests.support import talk
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import Factories, Guest, Member, Tenant


@dataclass(frozen=True)
class Scene:
    """A conversation that `agent` serves; `leader` leads the agent's group, `stranger` works elsewhere."""

    tenant: Tenant
    group: UUID
    agent: Member
    leader: Member
    stranger: Member
    guest: Guest
    id: UUID


@pytest.fixture
async def scene(database: Database, factories: Factories) -> Scene:
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id, name="顾言")
    group = await factories.group(tenant.enterprise_id, agent.id)
    scope = Scope(ScopeKind.GROUPS, frozenset({group}))
    leader = await factories.agent(tenant.enterprise_id, role="group_leader", scope=scope, name="沈主管")
    stranger = await factories.agent(tenant.enterprise_id, name="程思远")
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    return Scene(tenant, group, agent, leader, stranger, guest, await talk.served(database, guest, agent))


async def _mentions(database: Database, member: Member, *, limit: int = 100) -> list[Mention]:
    """All of them, page by page."""
    found: list[Mention] = []
    after = None
    while True:
        async with database.tenant(member.enterprise_id) as tx:
            page = await service.list_mentions(tx, member.actor, after=after, limit=limit)
        found += page.items
        after = page.next
        if after is None:
            return found


async def _read(database: Database, member: Member, conversation_id: UUID) -> None:
    async with database.tenant(member.enterprise_id) as tx:
        await service.read_mentions(tx, member.actor, ReadMentions(conversation_id=conversation_id))


async def test_each_is_told_once_and_reads_it_later(database: Database, doors: Doors, scene: Scene) -> None:
    pages = {member.name: await doors.agent_socket(member) for member in (scene.agent, scene.leader, scene.stranger)}
    message_id = new_id()
    people = [scene.leader.id, scene.leader.id, scene.agent.id]

    ack = await talk.note(database, scene.agent, scene.id, "@沈主管 请看\n一下", mentions=people, message_id=message_id)
    again = await talk.note(database, scene.agent, scene.id, "@沈主管 请看\n一下", mentions=people, message_id=message_id)

    assert again == ack
    told = {name: [frame for frame in await page.settle() if frame["type"] == "mention"] for name, page in pages.items()}
    assert told == {
        "顾言": [],
        "程思远": [],
        "沈主管": [
            {
                "type": "mention",
                "conversation_id": str(scene.id),
                "seq": ack.seq,
                "by_id": str(scene.agent.id),
                "by_name": "顾言",
                "preview": "@沈主管 请看 一下",
                "at": ack.at.isoformat().replace("+00:00", "Z"),
            }
        ],
    }
    (mention,) = await _mentions(database, scene.leader)
    assert (mention.seq, mention.by_name, mention.preview, mention.read) == (ack.seq, "顾言", "@沈主管 请看 一下", False)
    assert mention.customer_name.startswith("访客")
    assert await _mentions(database, scene.agent) == await _mentions(database, scene.stranger) == []
    note = (await talk.read(database, scene.agent, scene.id))[-1]
    assert note.data == {"mentions": [{"id": str(scene.leader.id), "name": "沈主管"}]}


async def test_reading_counts_for_this_conversation_and_on_the_other_devices(database: Database, doors: Doors, scene: Scene) -> None:
    await talk.note(database, scene.agent, scene.id, mentions=[scene.leader.id])
    page = await doors.agent_socket(scene.leader)
    http = doors.agent(scene.leader)

    elsewhere = await http.put("/mentions/read", json={"conversation_id": str(new_id())})
    assert (elsewhere.status_code, [mention.read for mention in await _mentions(database, scene.leader)]) == (204, [False])
    assert (await http.put("/mentions/read", json={"conversation_id": str(scene.id)})).status_code == 204
    assert (await http.put("/mentions/read", json={"conversation_id": str(scene.id)})).status_code == 204

    assert [mention.read for mention in await _mentions(database, scene.leader)] == [True]
    heard = [frame for frame in await page.settle() if frame["type"] == "mentions_read"]
    assert heard == [{"type": "mentions_read", "conversation_id": str(scene.id)}]


async def test_unread_ones_come_first_then_the_newest(database: Database, clock: FakeClock, scene: Scene, factories: Factories) -> None:
    other = await talk.served(database, await factories.visitor(await factories.channel(scene.tenant.enterprise_id)), scene.agent)
    for conversation_id in (scene.id, other, scene.id, other):
        await talk.note(database, scene.agent, conversation_id, mentions=[scene.leader.id])
        clock.advance(seconds=1)
    await _read(database, scene.leader, scene.id)

    whole = await _mentions(database, scene.leader)

    assert [(mention.conversation_id, mention.read) for mention in whole] == [(other, False)] * 2 + [(scene.id, True)] * 2
    assert whole[0].at > whole[1].at > whole[3].at
    for limit in (1, 2, 3):
        assert await _mentions(database, scene.leader, limit=limit) == whole


async def test_nobody_is_named_who_may_not_see_it(database: Database, factories: Factories, scene: Scene) -> None:
    foreign = (await factories.tenant()).admin
    disabled = await factories.agent(scene.tenant.enterprise_id, role="admin", scope=Scope(ScopeKind.ALL), enabled=False)
    before = await talk.read(database, scene.agent, scene.id)

    for unseen in (scene.stranger.id, foreign.id, disabled.id, new_id()):
        with pytest.raises(InvalidInput) as refused:
            await talk.note(database, scene.agent, scene.id, mentions=[scene.leader.id, unseen])
        assert [(problem.field, problem.code) for problem in refused.value.fields] == [("mentions", "cannot_see")]

    assert await talk.read(database, scene.agent, scene.id) == before
    assert await _mentions(database, scene.leader) == []


async def test_at_most_ten(doors: Doors, scene: Scene) -> None:
    body = {"client_message_id": str(new_id()), "text": "@alle", "mentions": [str(new_id()) for _ in range(11)]}

    answer = await doors.agent(scene.agent).post(f"/conversations/{scene.id}/notes", json=body)

    assert (answer.status_code, answer.json()["error"]["fields"][0]["field"]) == (422, "mentions")


async def test_who_may_be_named_is_who_may_see_it(database: Database, factories: Factories, doors: Doors, scene: Scene) -> None:
    """Asked about everybody at once, and of each by the query that guards every door: while it waits, is served, joined, and has ended."""
    enterprise = scene.tenant.enterprise_id
    elsewhere = await factories.group(enterprise, scene.stranger.id)
    scopes = [Scope(), Scope(ScopeKind.ALL), *(Scope(ScopeKind.GROUPS, frozenset({group})) for group in (scene.group, elsewhere))]
    people = [scene.tenant.admin, scene.agent, scene.leader, scene.stranger]
    people += [
        await factories.agent(enterprise, role=role, scope=scope) for role in ("group_leader", "agent", "analyst") for scope in scopes
    ]
    guest = await factories.visitor(await factories.channel(enterprise))

    async def compare(conversation_id: UUID, asker: Member) -> set[UUID]:
        named = (await doors.agent(asker).get(f"/conversations/{conversation_id}/mention-targets")).json()["items"]
        seeing = {
            member.id
            for member in people
            if (await doors.agent(member).get(f"/conversations/{conversation_id}")).status_code == 200 and member is not asker
        }
        assert {UUID(item["id"]) for item in named} == seeing
        return seeing

    waiting = (await talk.write(database, guest)).conversation_id
    assert len(await compare(waiting, scene.tenant.admin)) > len(people) // 2
    await talk.assign(database, waiting, scene.agent)
    served = await compare(waiting, scene.agent)
    assert scene.leader.id in served
    assert scene.stranger.id not in served
    await talk.join(database, scene.leader, waiting)
    await talk.transfer(database, waiting, scene.agent, scene.stranger)
    assert scene.leader.id in await compare(waiting, scene.tenant.admin)
    await talk.end(database, scene.stranger, waiting)
    assert scene.leader.id not in await compare(waiting, scene.tenant.admin)
    await talk.served(database, guest, scene.agent)
    assert scene.agent.id in await compare(waiting, scene.tenant.admin)  # the earlier one of whom they serve now


async def test_whoever_may_be_named_is_found_by_a_part_of_the_name(
    database: Database, factories: Factories, doors: Doors, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mentioning, "TARGETS_SHOWN", 1)
    for name in ("Anna Li", "Zoe Li"):
        await factories.agent(scene.tenant.enterprise_id, role="admin", scope=Scope(ScopeKind.ALL), name=name)
    http = doors.agent(scene.agent)

    async def named(words: str) -> list[str]:
        answer = await http.get(f"/conversations/{scene.id}/mention-targets", params={"q": words})
        return [one["name"] for one in answer.json()["items"]]

    assert len(await named("")) == 1
    assert [await named(words) for words in ("zoe", " OE l", "沈", "Li")] == [["Zoe Li"], ["Zoe Li"], ["沈主管"], ["Anna Li"]]
    assert [await named(words) for words in ("顾言", "程思远", "%", "\x00")] == [[]] * 4  # oneself, who may not see it, nobody
    assert (await http.get(f"/conversations/{scene.id}/mention-targets", params={"q": "字" * 101})).status_code == 422


async def test_what_one_may_not_see_any_more_is_not_listed(database: Database, factories: Factories, scene: Scene) -> None:
    await talk.note(database, scene.agent, scene.id, mentions=[scene.leader.id])

    await talk.transfer(database, scene.id, scene.agent, scene.stranger)

    assert await _mentions(database, scene.leader) == []


async def test_the_preview_follows_the_note(database: Database, scene: Scene) -> None:
    ack = await talk.note(database, scene.agent, scene.id, "erste Fassung", mentions=[scene.leader.id])
    await talk.edit(database, scene.agent, scene.id, ack.seq, "zweite Fassung")
    assert [mention.preview for mention in await _mentions(database, scene.leader)] == ["zweite Fassung"]

    async with database.tenant(scene.tenant.enterprise_id) as tx:
        await service.withdraw(tx, scene.agent.actor, scene.id, ack.seq, new_id())

    assert await _mentions(database, scene.leader) == []


async def test_they_are_forgotten_after_half_a_year(database: Database, resources: Resources, clock: FakeClock, scene: Scene) -> None:
    await talk.note(database, scene.agent, scene.id, mentions=[scene.leader.id])
    clock.advance(days=180)
    await jobs.forget_drafts_and_mentions.run(resources)
    assert len(await _mentions(database, scene.leader)) == 1

    clock.advance(microseconds=1)
    await jobs.forget_drafts_and_mentions.run(resources)

    assert await _mentions(database, scene.leader) == []


_AT, _ID = "2026-11-22T10:00:00+00:00", str(UUID(int=1))


@pytest.mark.parametrize(
    "cursor",
    [
        "x",
        "WzFd",
        "WzEsIngiLCJ5Iiwyxx",
        "WzAsIngiLCJ5IiwieiJd",
        encode_cursor(0, _AT, _ID, 10**40),
        encode_cursor(0, _AT, _ID, -1),
        encode_cursor(0, _AT[:-6], _ID, 1),
    ],
)
async def test_a_cursor_that_is_not_ours(doors: Doors, scene: Scene, cursor: str) -> None:
    answer = await doors.agent(scene.leader).get(f"/mentions?after={cursor}")

    assert (answer.status_code, answer.json()["error"]["fields"][0]["field"]) == (422, "after")

"""Finding a conversation by its customer's name or by what was said in it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.throttle import Rate
from qiatan.kit.access import Scope, ScopeKind
from qiatan.modules.conversations import service
from qiatan.modules.conversations.contracts import ConversationHit
from qiatan.modules.conversations.errors import SearchTooSlow
from qiatan.modules.conversations.repository import searching as found_by
from qiatan.modules.conversations.routes import agent as agent_routes
from qiatan.modules.conversations.service import searching
from tests.support import talk
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import Factories, Guest, Member, Tenant


@dataclass(frozen=True)
class Scene:
    tenant: Tenant
    group: UUID
    agent: Member
    leader: Member
    guest: Guest
    id: UUID


@pytest.fixture
async def scene(database: Database, factories: Factories) -> Scene:
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id)
    group = await factories.group(tenant.enterprise_id, agent.id)
    scope = Scope(ScopeKind.GROUPS, frozenset({group}))
    leader = await factories.agent(tenant.enterprise_id, role="group_leader", scope=scope)
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    return Scene(tenant, group, agent, leader, guest, await talk.served(database, guest, agent, "有没有青瓷的杯子"))


async def _search(database: Database, member: Member, words: str, *, limit: int = 100) -> list[ConversationHit]:
    """Everything that is found, page by page."""
    found: list[ConversationHit] = []
    after = None
    while True:
        async with database.tenant(member.enterprise_id) as tx:
            page = await service.search(tx, member.actor, words=words, after=after, limit=limit)
        assert len(page.items) <= limit
        found += page.items
        after = page.next
        if after is None:
            return found


def _ids(found: list[ConversationHit]) -> list[UUID]:
    return [hit.conversation.id for hit in found]


async def test_what_was_said_by_either_side_with_the_newest_places(database: Database, clock: FakeClock, scene: Scene) -> None:
    for words in ("青瓷有的", "是 青瓷 吗", "我要青瓷", "白瓷呢"):
        await talk.answer(database, scene.agent, scene.id, words)
        clock.advance(seconds=1)

    (hit,) = await _search(database, scene.agent, " 青瓷 ")

    assert hit.conversation.id == scene.id
    assert [(place.seq, place.sender_kind, place.snippet) for place in hit.hits] == [
        (5, "agent", "我要青瓷"),
        (4, "agent", "是 青瓷 吗"),
        (3, "agent", "青瓷有的"),
    ]


async def test_the_customers_name_counts_and_case_does_not(database: Database, scene: Scene) -> None:
    async with database.system() as tx:
        await tx.session.execute(text("UPDATE customers SET name = 'Anna Lindström' WHERE id = :id"), {"id": scene.guest.customer_id})
    await talk.answer(database, scene.agent, scene.id, "Here is Your LINK: https://shop.example/A_b%c")

    assert [(hit.conversation.customer.name, hit.hits) for hit in await _search(database, scene.agent, "lindSTRÖM")] == [
        ("Anna Lindström", [])
    ]
    assert [place.snippet for place in (await _search(database, scene.agent, "your link"))[0].hits] == [
        "Here is Your LINK: https://shop.example/A_b%c"
    ]


@pytest.mark.parametrize("words", ["%", "_", "\\", "a_b%c", "'; --", "\\%"])
async def test_every_character_means_itself(database: Database, scene: Scene, words: str) -> None:
    assert await _search(database, scene.agent, words) == []

    ack = await talk.answer(database, scene.agent, scene.id, f"vor {words} nach")

    assert [place.seq for hit in await _search(database, scene.agent, words) for place in hit.hits] == [ack.seq]


async def test_what_was_taken_back_or_edited_away_is_found_by_nobody(database: Database, scene: Scene) -> None:
    taken, changed, both = [await talk.answer(database, scene.agent, scene.id, "geheim") for _ in range(3)]
    note = await talk.note(database, scene.agent, scene.id, "geheim")
    for seq in (changed.seq, both.seq, note.seq):
        await talk.edit(database, scene.agent, scene.id, seq, "öffentlich eins")
        await talk.edit(database, scene.agent, scene.id, seq, "öffentlich zwei")
    async with database.tenant(scene.tenant.enterprise_id) as tx:
        for seq in (taken.seq, both.seq):
            await service.withdraw(tx, scene.agent.actor, scene.id, seq, new_id())

    assert await _search(database, scene.agent, "geheim") == []
    assert await _search(database, scene.agent, "eins") == []
    (hit,) = await _search(database, scene.agent, "öffentlich")
    assert [(place.seq, place.snippet) for place in hit.hits] == [(note.seq, "öffentlich zwei"), (changed.seq, "öffentlich zwei")]


async def test_own_conversations_and_colleagues_in_scope(database: Database, factories: Factories, scene: Scene, clock: FakeClock) -> None:
    stranger = await factories.agent(scene.tenant.enterprise_id)
    supervisor = await factories.agent(
        scene.tenant.enterprise_id,
        points=frozenset({"conversations.serve", "conversations.join", "conversations.view_colleagues"}),
        scope=Scope(ScopeKind.ALL),
    )
    foreign = (await factories.tenant()).admin
    clock.advance(seconds=1)
    other = await talk.served(database, await factories.visitor(await factories.channel(scene.tenant.enterprise_id)), stranger, "青瓷")
    await talk.end(database, scene.agent, scene.id)

    assert _ids(await _search(database, scene.agent, "青瓷")) == [scene.id]  # ended by them
    assert _ids(await _search(database, scene.leader, "青瓷")) == [scene.id]
    assert _ids(await _search(database, stranger, "青瓷")) == [other]
    assert (
        _ids(await _search(database, supervisor, "青瓷")) == _ids(await _search(database, scene.tenant.admin, "青瓷")) == [other, scene.id]
    )
    assert await _search(database, foreign, "青瓷") == []


async def test_what_one_has_joined_beyond_the_scope(database: Database, factories: Factories, scene: Scene) -> None:
    stranger = await factories.agent(scene.tenant.enterprise_id)
    await talk.join(database, scene.leader, scene.id)
    await talk.transfer(database, scene.id, scene.agent, stranger)

    assert _ids(await _search(database, scene.leader, "青瓷")) == [scene.id]
    await talk.end(database, stranger, scene.id)
    assert await _search(database, scene.leader, "青瓷") == []


async def test_half_a_year_back(database: Database, clock: FakeClock, scene: Scene) -> None:
    await talk.end(database, scene.agent, scene.id)
    clock.advance(days=180)
    assert _ids(await _search(database, scene.agent, "青瓷")) == [scene.id]
    clock.advance(microseconds=1)
    assert await _search(database, scene.agent, "青瓷") == []


async def test_what_is_open_still_is_found_however_long_ago_it_began(
    database: Database, factories: Factories, clock: FakeClock, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "STEPS", (1, 2))
    channel = await factories.channel(scene.tenant.enterprise_id)
    ended, open_still = [await talk.served(database, await factories.visitor(channel), scene.agent, "青瓷") for _ in range(2)]
    await talk.end(database, scene.agent, ended)
    stranger = await factories.agent(scene.tenant.enterprise_id)
    await talk.served(database, await factories.visitor(channel), stranger, "青瓷")
    clock.advance(days=800)
    await talk.write(database, scene.guest, "昨天说的青瓷")
    lately = await talk.served(database, await factories.visitor(channel), scene.agent, "青瓷")

    for limit in (1, 2, 100):
        assert _ids(await _search(database, scene.agent, "青瓷", limit=limit)) == [lately, open_still, scene.id]
    assert [place.snippet for place in (await _search(database, scene.agent, "昨天"))[0].hits] == ["昨天说的青瓷"]


async def test_page_by_page_through_more_than_is_looked_through_at_once(
    database: Database, factories: Factories, clock: FakeClock, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(searching, "STEPS", (1, 2))
    channel = await factories.channel(scene.tenant.enterprise_id)
    ids = [scene.id]
    for number in range(8):
        clock.advance(seconds=1)
        ids.append(await talk.served(database, await factories.visitor(channel), scene.agent, "青瓷" if number % 3 == 0 else "白瓷"))
    wanted = [ids[7], ids[4], ids[1], ids[0]]

    for limit in (1, 2, 3, 100):
        assert _ids(await _search(database, scene.agent, "青瓷", limit=limit)) == wanted
    assert await _search(database, scene.agent, "黑陶") == []


@pytest.mark.parametrize("query", ["", "q=", "q=%20", "q=" + "a" * 101, "q=%00", "q=a&after=x", "q=a&limit=0", "q=a&limit=101"])
async def test_questions_that_make_no_sense(doors: Doors, scene: Scene, query: str) -> None:
    answer = await doors.agent(scene.agent).get(f"/conversations/search?{query}")

    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_input")


async def test_what_takes_too_long_is_given_up(database: Database, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(found_by, "SECONDS", 0.3)
    slow: Any = text("SELECT pg_sleep(5), :enterprise, :conversations, :pattern, :most")
    monkeypatch.setattr(found_by, "_HITS", slow)

    with pytest.raises(SearchTooSlow) as refused:
        await _search(database, scene.agent, "青瓷")

    assert (refused.value.code, refused.value.status, refused.value.retry_after) == ("try_again", 503, 1)


async def test_the_limit_is_for_the_whole_search_and_not_for_each_statement(
    database: Database, factories: Factories, scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a search of several steps, each of which takes less than the limit
    channel = await factories.channel(scene.tenant.enterprise_id)
    for _ in range(6):
        await talk.served(database, await factories.visitor(channel), scene.agent, "白瓷")
    monkeypatch.setattr(searching, "STEPS", (1, 1, 1, 1, 1, 1))
    monkeypatch.setattr(found_by, "SECONDS", 0.5)
    slow: Any = text("SELECT pg_sleep(0.2), :enterprise, :conversations, :pattern, :most")
    monkeypatch.setattr(found_by, "_HITS", slow)

    # then it is given up all the same
    with pytest.raises(SearchTooSlow):
        await _search(database, scene.agent, "青瓷")


async def test_nobody_searches_without_end(doors: Doors, scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(agent_routes, "SEARCHES", Rate(burst=1, per_minute=1))

    answers = [(await doors.agent(who).get("/conversations/search?q=a")).status_code for who in (scene.agent, scene.agent, scene.leader)]

    assert answers == [200, 429, 200]

"""Lists, paging, read marks, and who sees what."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.kit.access import Scope, ScopeKind
from qiatan.kit.cursors import encode_time_cursor
from qiatan.kit.errors import InvalidInput, NotAllowed
from qiatan.modules.conversations import service
from qiatan.modules.conversations.contracts import View
from qiatan.modules.conversations.errors import ConversationNotFound
from qiatan.modules.conversations.service import reading
from tests.support import talk
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import Factories, Guest, Member


async def listed(database: Database, member: Member, view: View, *, limit: int = 3) -> list[UUID]:
    """Every page of a list, put together."""
    ids: list[UUID] = []
    after = None
    while True:
        async with database.tenant(member.enterprise_id) as tx:
            page = await service.list_conversations(tx, member.actor, view=view, after=after, limit=limit)
        ids += [row.id for row in page.items]
        assert len(page.items) == limit or page.next is None
        if page.next is None:
            return ids
        after = page.next


async def mark(database: Database, who: Guest | Member, conversation_id: UUID, seq: int) -> None:
    async with database.tenant(who.actor.enterprise_id) as tx:
        if isinstance(who, Guest):
            await service.mark_read_own(tx, who.actor, conversation_id, seq)
        else:
            await service.mark_read(tx, who.actor, conversation_id, seq)


async def test_every_view_in_its_order_and_whole(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant = await factories.tenant()
    mine, other = [await factories.agent(tenant.enterprise_id) for _ in range(2)]
    channel = await factories.channel(tenant.enterprise_id)
    own, theirs, ended, queue = [], [], [], []
    for number in range(7):
        if number % 3:  # several begin at the same moment: the id decides
            clock.advance(minutes=1)
        own.append(await talk.served(database, await factories.visitor(channel), mine))
        theirs.append(await talk.served(database, await factories.visitor(channel), other))
        ended.append(await talk.served(database, await factories.visitor(channel), mine))
        queue.append((await talk.write(database, await factories.visitor(channel))).conversation_id)
    for conversation_id in ended:
        clock.advance(minutes=1)
        await talk.end(database, mine, conversation_id)

    assert await listed(database, mine, View.MINE) == own[::-1]
    assert await listed(database, mine, View.ENDED) == ended[::-1]
    assert await listed(database, mine, View.QUEUE) == queue
    assert sorted(await listed(database, tenant.admin, View.COLLEAGUES)) == sorted(own + theirs)
    assert await listed(database, tenant.admin, View.MINE) == []
    with pytest.raises(NotAllowed):
        await listed(database, mine, View.COLLEAGUES)


@pytest.mark.parametrize("cursor", ["x", "AAAA", "W10", "WzEsMl0", "WyIyMDI2IiwiYSJd", "=" * 50, "\u202e"])
async def test_a_cursor_that_is_not_ours(database: Database, factories: Factories, cursor: str) -> None:
    tenant = await factories.tenant()

    with pytest.raises(InvalidInput):
        async with database.tenant(tenant.enterprise_id) as tx:
            await service.list_conversations(tx, tenant.admin.actor, view=View.MINE, after=cursor, limit=10)


@pytest.mark.parametrize("query", ["view=everything", "limit=0", "limit=101", "limit=x", "after=x"])
async def test_questions_that_make_no_sense(doors: Doors, factories: Factories, query: str) -> None:
    tenant = await factories.tenant()

    answer = await doors.agent(tenant.admin).get(f"/conversations?{query}")

    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_input")


async def test_messages_in_both_directions(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    acks = [await talk.write(database, guest, str(number)) for number in range(10)]
    conversation_id = acks[0].conversation_id

    async def page(**given: Any) -> tuple[list[int], int, bool]:
        async with database.tenant(tenant.enterprise_id) as tx:
            found = await service.messages_own(
                tx, guest.actor, conversation_id, **{"after_seq": None, "before_seq": None, "limit": 4} | given
            )
        return [message.seq for message in found.items], found.head, found.more

    assert await page() == ([7, 8, 9, 10], 10, True)
    assert await page(before_seq=7) == ([3, 4, 5, 6], 10, True)
    assert await page(before_seq=3) == ([1, 2], 10, False)
    assert await page(after_seq=0) == ([1, 2, 3, 4], 10, True)
    assert await page(after_seq=6) == ([7, 8, 9, 10], 10, False)
    assert await page(after_seq=10) == ([], 10, False)
    assert await page(after_seq=2_000_000_000) == ([], 10, False)


async def test_marks_go_forward_only_and_never_past_the_head(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, tenant.admin)
    for _ in range(3):
        await talk.write(database, guest)
        await talk.answer(database, tenant.admin, conversation_id)

    async def state() -> tuple[int, int, int, int]:
        row = await talk.conversation(database, guest, conversation_id)
        return row.agent_read_seq, row.agent_unread, row.customer_read_seq, row.customer_unread

    assert await state() == (0, 4, 0, 3)
    await mark(database, tenant.admin, conversation_id, 3)
    await mark(database, guest, conversation_id, 4)
    assert await state() == (3, 2, 4, 2)
    await mark(database, tenant.admin, conversation_id, 1)
    assert await state() == (3, 2, 4, 2)
    await mark(database, guest, conversation_id, 2_000_000_000)
    assert await state() == (3, 2, 8, 0)
    assert await talk.drift(database, tenant.enterprise_id) == []


async def test_only_whoever_serves_it_marks_it_read(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    agent, stranger = [await factories.agent(tenant.enterprise_id) for _ in range(2)]
    channel = await factories.channel(tenant.enterprise_id)
    guest, other = await factories.visitor(channel), await factories.visitor(channel)
    conversation_id = await talk.served(database, guest, agent)
    before = await talk.conversation(database, guest, conversation_id)

    await mark(database, tenant.admin, conversation_id, 2)
    for who in (stranger, other):
        with pytest.raises(ConversationNotFound):
            await mark(database, who, conversation_id, 2)

    assert await talk.conversation(database, guest, conversation_id) == before


async def test_who_sees_a_conversation_on_every_path(database: Database, factories: Factories, doors: Doors, clock: FakeClock) -> None:
    tenant = await factories.tenant()
    serving, later, outsider = [await factories.agent(tenant.enterprise_id) for _ in range(3)]
    group = await factories.group(tenant.enterprise_id, serving.id)
    grouped = await factories.agent(tenant.enterprise_id, role="admin", scope=Scope(ScopeKind.GROUPS, frozenset({group})))
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    people = {"serving": serving, "later": later, "outsider": outsider, "its group": grouped, "all": tenant.admin}

    async def seen(conversation_id: UUID) -> set[str]:
        found = set()
        for name, member in people.items():
            http = doors.agent(member)
            paths = [f"/conversations/{conversation_id}{more}" for more in ("/messages", "/context")]
            statuses = {(await http.get(path)).status_code for path in paths}
            assert len(statuses) == 1, (name, statuses)
            found |= {name} if statuses == {200} else set()
        return found

    first = (await talk.write(database, guest)).conversation_id
    assert await seen(first) == set(people)  # it waits: whoever may take it sees it
    await talk.assign(database, first, serving)
    assert await seen(first) == {"serving", "its group", "all"}
    await talk.end(database, serving, first)
    assert await seen(first) == {"serving", "its group", "all"}
    clock.advance(minutes=1)
    second = await talk.served(database, guest, later)
    assert await seen(first) == {"serving", "its group", "all", "later"}  # the same customer's earlier one
    assert await seen(second) == {"later", "all"}
    await talk.end(database, later, second)
    assert await seen(first) == {"serving", "its group", "all"}


async def test_earlier_conversations_are_those_one_may_see(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant = await factories.tenant()
    before, now = [await factories.agent(tenant.enterprise_id) for _ in range(2)]
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    ids = []
    for member in (before, now, before, now):
        ids.append(await talk.served(database, guest, member))
        await talk.end(database, member, ids[-1])
        clock.advance(minutes=1)

    async def earlier(member: Member, conversation_id: UUID) -> list[UUID]:
        async with database.tenant(tenant.enterprise_id) as tx:
            return [row.id for row in (await service.context(tx, member.actor, conversation_id)).earlier]

    assert await earlier(now, ids[3]) == [ids[1]]
    assert await earlier(tenant.admin, ids[3]) == [ids[2], ids[1], ids[0]]
    assert await earlier(tenant.admin, ids[0]) == []
    serving = await talk.served(database, guest, now)
    assert await earlier(now, serving) == ids[::-1]


async def test_history_goes_back_to_the_very_first_page_by_page(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant = await factories.tenant()
    before, now = [await factories.agent(tenant.enterprise_id) for _ in range(2)]
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    ids = []
    for member in (before, now, before, now, before):
        ids.append(await talk.served(database, guest, member))
        await talk.end(database, member, ids[-1])
        clock.advance(minutes=1)

    async def earlier(member: Member, conversation_id: UUID, limit: int) -> list[UUID]:
        found: list[UUID] = []
        after = None
        while True:
            async with database.tenant(tenant.enterprise_id) as tx:
                page = await service.earlier(tx, member.actor, conversation_id, after=after, limit=limit)
            found += [row.id for row in page.items]
            after = page.next
            if after is None:
                return found

    for limit in (1, 2, 4, 100):
        assert await earlier(tenant.admin, ids[4], limit) == ids[3::-1]
        assert await earlier(now, ids[3], limit) == [ids[1]]
        assert await earlier(tenant.admin, ids[0], limit) == []
    for member, conversation_id in ((now, ids[0]), (tenant.admin, new_id())):
        with pytest.raises(ConversationNotFound):
            await earlier(member, conversation_id, 10)


async def test_a_cursor_from_behind_the_conversation_shows_nothing_newer(
    database: Database, factories: Factories, clock: FakeClock
) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    ids = []
    for _ in range(3):
        ids.append(await talk.served(database, guest, tenant.admin))
        await talk.end(database, tenant.admin, ids[-1])
        clock.advance(minutes=1)

    async with database.tenant(tenant.enterprise_id) as tx:
        cursor = encode_time_cursor(tx.now, ids[2])
        page = await service.earlier(tx, tenant.admin.actor, ids[1], after=cursor, limit=10)

    assert [row.id for row in page.items] == [ids[0]]


async def test_a_visitor_sees_own_conversations_of_this_channel_only(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    channel = await factories.channel(tenant.enterprise_id)
    guest, other = await factories.visitor(channel), await factories.visitor(channel)
    elsewhere = await factories.visitor(await factories.channel(tenant.enterprise_id))
    own = (await talk.write(database, guest)).conversation_id

    for stranger in (other, elsewhere):
        async with database.tenant(tenant.enterprise_id) as tx:
            assert (await service.list_own(tx, stranger.actor)).items == []
            with pytest.raises(ConversationNotFound):
                await service.messages_own(tx, stranger.actor, own, after_seq=None, before_seq=None, limit=10)
    async with database.tenant(tenant.enterprise_id) as tx:
        assert [row.id for row in (await service.list_own(tx, guest.actor)).items] == [own]
        with pytest.raises(ConversationNotFound):
            await service.messages_own(tx, guest.actor, new_id(), after_seq=None, before_seq=None, limit=10)


async def test_a_visitor_reaches_the_very_first_of_their_conversations(
    database: Database, factories: Factories, doors: Doors, clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reading, "EARLIER_SHOWN", 2)
    tenant = await factories.tenant()
    channel = await factories.channel(tenant.enterprise_id)
    guest, stranger = await factories.visitor(channel), await factories.visitor(channel)
    ids = []
    for _ in range(5):
        ids.append((await talk.write(database, guest)).conversation_id)
        await talk.end(database, tenant.admin, ids[-1])
        clock.advance(seconds=1)
    foreign = (await talk.write(database, stranger)).conversation_id
    http = doors.visitor(guest.token)

    pages: list[list[UUID]] = []
    after: str | None = ""
    while after is not None:
        page = (await http.get(f"/widget/conversations?after={after}")).json()
        pages.append([UUID(one["id"]) for one in page["items"]])
        after = page["next"]

    assert [len(page) for page in pages] == [2, 2, 1]
    assert [one for page in pages for one in page] == ids[::-1]
    assert foreign not in ids
    refused = await http.get("/widget/conversations?after=x")
    assert (refused.status_code, refused.json()["error"]["fields"][0]["field"]) == (422, "after")

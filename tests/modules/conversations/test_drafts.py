"""What an agent has begun to write is the same on all their devices."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import select

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.resources import Resources
from qiatan.kit.errors import InvalidInput
from qiatan.modules.conversations import jobs, service
from qiatan.modules.conversations.contracts import Draft, SaveDraft
from qiatan.modules.conversations.errors import ConversationNotFound
from qiatan.modules.conversations.models import DraftRow
from tests.support import talk
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import Factories, Guest, Member, Tenant


@dataclass(frozen=True)
class Scene:
    tenant: Tenant
    agent: Member
    guest: Guest
    id: UUID


@pytest.fixture
async def scene(database: Database, factories: Factories) -> Scene:
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id)
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    return Scene(tenant, agent, guest, await talk.served(database, guest, agent))


async def _save(database: Database, member: Member, conversation_id: UUID, words: str, at: datetime, *, note: bool = False) -> Draft:
    async with database.tenant(member.enterprise_id) as tx:
        return await service.save_draft(tx, member.actor, conversation_id, SaveDraft(text=words, note=note, at=at))


async def _drafts(database: Database, member: Member) -> list[Draft]:
    async with database.tenant(member.enterprise_id) as tx:
        return (await service.list_drafts(tx, member.actor)).items


async def test_the_newest_stays_whatever_comes_first(database: Database, clock: FakeClock, scene: Scene) -> None:
    now = clock.now()
    newer = await _save(database, scene.agent, scene.id, "  zweite", now - timedelta(seconds=1), note=True)

    older = await _save(database, scene.agent, scene.id, "erste", now - timedelta(seconds=2))
    same = await _save(database, scene.agent, scene.id, "auch zweite", now - timedelta(seconds=1))

    assert newer == Draft(conversation_id=scene.id, text="  zweite", note=True, at=now - timedelta(seconds=1))
    assert older == same == newer
    assert await _drafts(database, scene.agent) == [newer]
    assert await _drafts(database, scene.tenant.admin) == []


async def test_a_page_whose_clock_is_ahead_cannot_outrun_the_others(database: Database, clock: FakeClock, scene: Scene) -> None:
    await _save(database, scene.agent, scene.id, "von morgen", clock.now() + timedelta(days=1))
    clock.advance(seconds=1)

    await _save(database, scene.agent, scene.id, "von jetzt", clock.now())

    assert [draft.text for draft in await _drafts(database, scene.agent)] == ["von jetzt"]


@pytest.mark.parametrize("at", ["0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"])
async def test_a_clock_that_is_out_of_its_mind_spoils_no_list(doors: Doors, scene: Scene, at: str) -> None:
    http = doors.agent(scene.agent)

    answer = await http.put(f"/conversations/{scene.id}/draft", json={"text": "wann", "at": at})

    assert answer.status_code == 200
    assert (await http.get("/drafts")).json() == {"items": [answer.json()]}


async def test_what_was_removed_does_not_come_back_from_another_device(database: Database, clock: FakeClock, scene: Scene) -> None:
    begun = clock.now()
    await _save(database, scene.agent, scene.id, "begonnen", begun)
    clock.advance(seconds=5)

    await _save(database, scene.agent, scene.id, "", clock.now())
    late = await _save(database, scene.agent, scene.id, "begonnen und mehr", begun + timedelta(seconds=1))

    assert late.text == ""
    assert await _drafts(database, scene.agent) == []


async def test_the_own_other_pages_are_told_and_nobody_else(database: Database, doors: Doors, clock: FakeClock, scene: Scene) -> None:
    pages = [
        await doors.agent_socket(scene.agent),
        await doors.agent_socket(scene.tenant.admin),
        await doors.visitor_socket(scene.guest.token),
    ]
    body = {"text": "begonnen", "note": False, "at": clock.now().isoformat()}
    http = doors.agent(scene.agent)

    saved = await http.put(f"/conversations/{scene.id}/draft", json=body)
    again = await http.put(f"/conversations/{scene.id}/draft", json=body)

    assert saved.status_code == again.status_code == 200, saved.text
    told = [[frame for frame in await page.settle() if frame["type"] == "draft"] for page in pages]
    assert told == [[{"type": "draft", "conversation_id": str(scene.id), **saved.json()}], [], []]


async def test_where_nothing_can_be_written(database: Database, factories: Factories, clock: FakeClock, scene: Scene) -> None:
    stranger = await factories.agent(scene.tenant.enterprise_id)
    for member, conversation_id in ((stranger, scene.id), (scene.agent, new_id())):
        with pytest.raises(ConversationNotFound):
            await _save(database, member, conversation_id, "begonnen", clock.now())
    for words in ("长" * 5_001, "a\x00", "\ud800"):
        with pytest.raises(InvalidInput) as refused:
            await _save(database, scene.agent, scene.id, words, clock.now())
        assert refused.value.fields[0].field == "text"

    assert await _drafts(database, stranger) == await _drafts(database, scene.agent) == []
    longest = await _save(database, scene.agent, scene.id, "长" * 5_000, clock.now())
    assert len(longest.text) == 5_000


@pytest.mark.parametrize(
    "body", [{"text": "a"}, {"text": "a", "at": "yesterday"}, {"text": "a", "at": "2026-11-22T10:00:00"}, {"at": "2026-11-22T10:00:00Z"}]
)
async def test_a_body_that_makes_no_sense(doors: Doors, database: Database, scene: Scene, body: dict[str, Any]) -> None:
    answer = await doors.agent(scene.agent).put(f"/conversations/{scene.id}/draft", json=body)

    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_input")
    assert await _drafts(database, scene.agent) == []


async def test_at_most_two_hundred_the_newest_first(
    database: Database, clock: FakeClock, scene: Scene, monkeypatch: pytest.MonkeyPatch, factories: Factories
) -> None:
    monkeypatch.setattr("qiatan.modules.conversations.service.drafts.MAX_DRAFTS", 2)
    channel = await factories.channel(scene.tenant.enterprise_id)
    ids = [await talk.served(database, await factories.visitor(channel), scene.agent) for _ in range(3)]
    for conversation_id in ids:
        clock.advance(seconds=1)
        await _save(database, scene.agent, conversation_id, "begonnen", clock.now())

    assert [draft.conversation_id for draft in await _drafts(database, scene.agent)] == ids[:0:-1]


async def test_gone_thirty_days_after_the_end(
    database: Database, resources: Resources, clock: FakeClock, scene: Scene, factories: Factories
) -> None:
    channel = await factories.channel(scene.tenant.enterprise_id)
    still_open = await talk.served(database, await factories.visitor(channel), scene.agent)
    removed = await talk.served(database, await factories.visitor(channel), scene.agent)
    for conversation_id, words in ((scene.id, "begonnen"), (still_open, "begonnen"), (removed, "")):
        await _save(database, scene.agent, conversation_id, words, clock.now())
    await talk.end(database, scene.agent, scene.id)

    async def kept() -> set[UUID]:
        async with database.system() as tx:
            query = select(DraftRow.conversation_id).where(DraftRow.enterprise_id == scene.tenant.enterprise_id)
            return set((await tx.session.execute(query)).scalars())

    clock.advance(days=30)
    await jobs.forget_drafts_and_mentions.run(resources)
    assert await kept() == {scene.id, still_open, removed}
    clock.advance(seconds=1)
    await jobs.forget_drafts_and_mentions.run(resources)
    assert await kept() == {still_open}

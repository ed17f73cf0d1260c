"""My day and today's leaderboard within my scope (F24)."""

from __future__ import annotations

from uuid import UUID

import pytest
from sqlalchemy import text

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.kit.access import Scope, ScopeKind
from qiatan.modules.conversations import service
from qiatan.modules.conversations.contracts import Evaluate, Home, Satisfaction
from tests.support import talk
from tests.support.access import points_of
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import Factories, Guest, Member, Tenant


async def _home(database: Database, member: Member) -> Home:
    async with database.tenant(member.enterprise_id) as tx:
        return await service.home(tx, member.actor)


async def _say(database: Database, guest: Guest, conversation_id: UUID, level: str) -> None:
    async with database.tenant(guest.actor.enterprise_id) as tx:
        await service.evaluate(tx, guest.actor, conversation_id, Evaluate(level=Satisfaction(level)))


class Floor:
    """An enterprise with a channel, and agents in two groups."""

    def __init__(self, factories: Factories, database: Database, tenant: Tenant) -> None:
        self._factories, self._database, self.tenant = factories, database, tenant

    async def guest(self) -> Guest:
        return await self._factories.visitor(await self._factories.channel(self.tenant.enterprise_id))

    async def served(self, member: Member) -> tuple[Guest, UUID]:
        guest = await self.guest()
        return guest, await talk.served(self._database, guest, member)


@pytest.fixture
async def floor(factories: Factories, database: Database) -> Floor:
    return Floor(factories, database, await factories.tenant())


async def test_my_day_counts_what_is_mine(floor: Floor, database: Database, factories: Factories, clock: FakeClock) -> None:
    # given an agent with an answered, an unanswered and an ended conversation, and somebody in the queue
    agent = await factories.agent(floor.tenant.enterprise_id, name="顾言")
    _, answered = await floor.served(agent)
    guest, ended = await floor.served(agent)
    clock.advance(seconds=30)
    await talk.answer(database, agent, answered)
    clock.advance(seconds=30)
    await talk.answer(database, agent, ended)
    await talk.answer(database, agent, ended, "还有别的吗？")
    await _say(database, guest, ended, "good")
    await talk.end(database, agent, ended)
    await floor.served(agent)
    await talk.write(database, await floor.guest())

    # when they look
    home = await _home(database, agent)

    # then each number is what it says
    assert home.mine.model_dump() == {
        "open": 2,
        "unanswered": 1,
        "queue": 1,
        "ended": 1,
        "first_answer_seconds": 45.0,
        "evaluated": 1,
        "good": 1,
    }
    assert [leader.model_dump(exclude={"agent_id"}) for leader in home.leaders] == [
        {"name": "顾言", "conversations": 3, "messages": 3, "first_answer_seconds": 45.0, "evaluated": 1, "good": 1}
    ]
    assert str(home.day) == "2026-03-02"


async def test_nothing_is_there_in_the_morning(floor: Floor, database: Database, factories: Factories, clock: FakeClock) -> None:
    # given a conversation that was served and ended yesterday
    agent = await factories.agent(floor.tenant.enterprise_id)
    _, conversation = await floor.served(agent)
    await talk.answer(database, agent, conversation)
    await talk.end(database, agent, conversation)

    # when it is past midnight in Shanghai, though not in Greenwich
    clock.advance(hours=12, minutes=5)
    home = await _home(database, agent)

    # then it is not of today
    assert str(home.day) == "2026-03-03"
    assert home.mine.ended == 0
    assert home.mine.first_answer_seconds is None
    assert home.leaders == []


async def test_who_wrote_counts_what_they_wrote_wherever_it_went(floor: Floor, database: Database, factories: Factories) -> None:
    # given a conversation in which one wrote three messages, took one back and left a note, and that another went on with
    enterprise = floor.tenant.enterprise_id
    first, second = [await factories.agent(enterprise, name=name) for name in ("甲", "乙")]
    _, conversation = await floor.served(first)
    for words in ("您好", "稍等", "看一下"):
        await talk.answer(database, first, conversation, words)
    taken_back = (await talk.answer(database, first, conversation, "错了")).seq
    async with database.tenant(enterprise) as tx:
        await service.withdraw(tx, first.actor, conversation, taken_back, new_id())
    await talk.note(database, first, conversation, "要灰色的")
    await talk.transfer(database, conversation, first, second)
    await talk.answer(database, second, conversation, "我来")

    # when the leaderboard is made
    leaders = (await _home(database, floor.tenant.admin)).leaders

    # then the conversation is the last one's, and the messages are of those who wrote them
    assert [(leader.name, leader.conversations, leader.messages) for leader in leaders] == [("乙", 1, 1), ("甲", 0, 3)]
    # and who sees nobody else sees what they wrote themselves
    assert [(leader.name, leader.messages) for leader in (await _home(database, first)).leaders] == [("甲", 3)]


async def test_the_leaderboard_ends_where_the_scope_ends(floor: Floor, database: Database, factories: Factories) -> None:
    # given a colleague of one's group and one beyond it, who each serve more than oneself
    enterprise = floor.tenant.enterprise_id
    near, far = [await factories.agent(enterprise, name=name) for name in ("近", "远")]
    group = await factories.group(enterprise, near.id)
    leading = points_of("group_leader")
    leader = await factories.agent(enterprise, points=leading, scope=Scope(ScopeKind.GROUPS, frozenset({group})), name="组长")
    alone = await factories.agent(enterprise, name="普通")
    for member in (near, near, far, far, far, leader, alone):
        await floor.served(member)

    async def names(member: Member) -> list[str]:
        return [found.name for found in (await _home(database, member)).leaders]

    # then each sees as far as their scope, the busiest first
    assert await names(leader) == ["近", "组长"]
    assert await names(alone) == ["普通"]
    assert (await names(floor.tenant.admin))[:2] == ["远", "近"]


async def test_who_took_over_an_answered_conversation_did_not_answer_first(
    floor: Floor, database: Database, factories: Factories, clock: FakeClock
) -> None:
    # given a conversation that one agent answered and another got
    first, second = [await factories.agent(floor.tenant.enterprise_id, name=name) for name in ("甲", "乙")]
    _, conversation = await floor.served(first)
    clock.advance(seconds=20)
    await talk.answer(database, first, conversation)
    clock.advance(seconds=20)
    await talk.transfer(database, conversation, first, second)

    # then it counts for who has it, without a time of their own
    (line,) = (await _home(database, second)).leaders
    assert (line.conversations, line.messages, line.first_answer_seconds) == (1, 0, None)
    # and what the other wrote stays the other's
    (line,) = (await _home(database, first)).leaders
    assert (line.conversations, line.messages, line.first_answer_seconds) == (0, 1, None)


async def test_who_cannot_take_is_not_told_of_the_queue(floor: Floor, database: Database, factories: Factories, doors: Doors) -> None:
    # given somebody waiting, an agent who may not take, and one who serves nobody
    await talk.write(database, await floor.guest())
    agent = await factories.agent(floor.tenant.enterprise_id, points=points_of("agent") - {"conversations.take"})
    outsider = await factories.agent(floor.tenant.enterprise_id, points=frozenset({"enterprise.view"}))

    # then the number is not there, and the door is closed to the other
    assert (await doors.agent(agent).get("/home")).json()["mine"]["queue"] is None
    assert (await doors.agent(outsider).get("/home")).status_code == 403


async def test_the_day_is_read_by_an_index(floor: Floor, database: Database) -> None:
    """However many conversations there were before: only those of today are looked at."""
    async with database.tenant(floor.tenant.enterprise_id) as tx:
        await tx.session.execute(text("SET LOCAL enable_seqscan = off"))
        plan = await tx.session.execute(
            text(
                """EXPLAIN SELECT assignee_id, count(*) FROM conversations
                    WHERE enterprise_id = :e AND created_at >= :since AND assignee_id IS NOT NULL GROUP BY 1"""
            ),
            {"e": floor.tenant.enterprise_id, "since": tx.now},
        )
        assert any("created_at >=" in line and "Index Cond" in line for line in plan.scalars())

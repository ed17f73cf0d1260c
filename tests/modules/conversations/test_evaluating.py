"""What customers think of the service (F25): asked by hand, asked at the end, said unasked, changed, refused."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from qiatan.infra.db import Database
from qiatan.kit.access import Scope, ScopeKind
from qiatan.kit.errors import InvalidInput, NotAllowed, TooMany
from qiatan.modules.conversations import service
from qiatan.modules.conversations.contracts import (
    Conversation,
    ConversationSettings,
    Evaluate,
    EvaluationForm,
    EvaluationRules,
    Satisfaction,
    SaveConversationRules,
)
from qiatan.modules.conversations.errors import (
    AlreadyEvaluated,
    ConversationEnded,
    ConversationNotFound,
    EvaluationClosed,
    NothingToEvaluate,
    NotInvited,
    NotYours,
)
from tests.support import talk
from tests.support.access import points_of
from tests.support.clock import NOON, FakeClock
from tests.support.doors import Doors
from tests.support.factories import Factories, Guest, Member, Tenant


class Scene:
    """A conversation that `agent` serves."""

    def __init__(self, tenant: Tenant, agent: Member, guest: Guest, conversation_id: UUID) -> None:
        self.tenant, self.agent, self.guest, self.id = tenant, agent, guest, conversation_id


@pytest.fixture
async def scene(database: Database, factories: Factories) -> Scene:
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id, name="顾言")
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    return Scene(tenant, agent, guest, await talk.served(database, guest, agent))


async def _rules(database: Database, tenant: Tenant, *, version: int = 0, **rules: Any) -> None:
    settings = ConversationSettings(evaluation=EvaluationRules(**rules))
    async with database.tenant(tenant.enterprise_id) as tx:
        await service.save_rules(tx, tenant.admin.actor, SaveConversationRules(settings=settings, version=version))


async def _invite(database: Database, member: Member, conversation_id: UUID) -> Conversation:
    async with database.tenant(member.enterprise_id) as tx:
        return await service.invite_evaluation(tx, member.actor, conversation_id)


async def _say(database: Database, guest: Guest, conversation_id: UUID, level: str = "good", remark: str = "") -> Conversation:
    async with database.tenant(guest.actor.enterprise_id) as tx:
        return await service.evaluate(tx, guest.actor, conversation_id, Evaluate(level=Satisfaction(level), remark=remark))


async def _form(database: Database, guest: Guest, conversation_id: UUID) -> EvaluationForm:
    async with database.tenant(guest.actor.enterprise_id) as tx:
        return await service.evaluation_form(tx, guest.actor, conversation_id)


async def _events(database: Database, member: Member, conversation_id: UUID) -> list[dict[str, Any]]:
    return [message.data for message in await talk.read(database, member, conversation_id) if message.data]


async def _segments(database: Database, conversation_id: UUID) -> list[list[dict[str, str]]]:
    async with database.system() as tx:
        rows = await tx.session.execute(text("SELECT segments FROM evaluations WHERE conversation_id = :id"), {"id": conversation_id})
        return list(rows.scalars())


async def test_who_serves_asks_and_the_customer_answers(database: Database, scene: Scene, clock: FakeClock) -> None:
    invited = await _invite(database, scene.agent, scene.id)

    assert invited.evaluation_invited_at == NOON
    assert (await talk.messages(database, scene.guest, scene.id))[-1].data == {
        "name": "evaluation_invited",
        "how": "by_hand",
        "agent_id": str(scene.agent.id),
        "agent_name": "顾言",
    }

    clock.advance(minutes=2)
    said = await _say(database, scene.guest, scene.id, "medium", "  等了一会儿 \n")

    assert said.evaluation is not None
    assert said.evaluation.model_dump(mode="json") == {"level": "medium", "remark": "等了一会儿", "at": "2026-03-02T04:02:00Z"}
    assert said.customer.name == ""
    assert said.version == invited.version + 1
    async with database.tenant(scene.agent.enterprise_id) as tx:
        assert (await service.get(tx, scene.agent.actor, scene.id)).evaluation == said.evaluation
    assert (await _form(database, scene.guest, scene.id)).evaluation == said.evaluation


async def test_nobody_else_asks(database: Database, scene: Scene, factories: Factories) -> None:
    leader = await factories.agent(scene.tenant.enterprise_id, role="group_leader", scope=Scope(ScopeKind.ALL))
    stranger = await factories.agent(scene.tenant.enterprise_id)
    mute = await factories.agent(scene.tenant.enterprise_id, points=points_of("agent") - {"conversations.invite_evaluation"})
    before = await talk.read(database, scene.agent, scene.id)

    with pytest.raises(NotYours):
        await _invite(database, leader, scene.id)
    with pytest.raises(ConversationNotFound):
        await _invite(database, stranger, scene.id)
    with pytest.raises(NotAllowed):
        await _invite(database, mute, scene.id)

    assert await talk.read(database, scene.agent, scene.id) == before


async def test_a_minute_lies_between_two_invitations(database: Database, scene: Scene, clock: FakeClock) -> None:
    await _invite(database, scene.agent, scene.id)
    clock.advance(seconds=20.5)
    with pytest.raises(TooMany) as refused:
        await _invite(database, scene.agent, scene.id)
    assert refused.value.retry_after == 40

    clock.advance(seconds=39.5)
    await _invite(database, scene.agent, scene.id)

    assert [event["name"] for event in await _events(database, scene.agent, scene.id)].count("evaluation_invited") == 2


async def test_who_has_said_it_is_not_asked_again(database: Database, scene: Scene, clock: FakeClock) -> None:
    await _say(database, scene.guest, scene.id)
    before = await talk.read(database, scene.agent, scene.id)
    clock.advance(hours=1)
    with pytest.raises(AlreadyEvaluated):
        await _invite(database, scene.agent, scene.id)
    assert await talk.read(database, scene.agent, scene.id) == before


async def test_after_the_end_nobody_asks(database: Database, scene: Scene) -> None:
    await talk.end(database, scene.agent, scene.id)
    with pytest.raises(ConversationEnded):
        await _invite(database, scene.agent, scene.id)


async def test_it_can_be_said_and_changed_until_a_day_after_the_end(database: Database, scene: Scene, clock: FakeClock) -> None:
    await talk.end(database, scene.agent, scene.id)
    assert (await _form(database, scene.guest, scene.id)).model_dump(mode="json") == {
        "open": True,
        "prompt": "",
        "until": "2026-03-03T04:00:00Z",
        "evaluation": None,
    }
    await _say(database, scene.guest, scene.id, "bad", "没解决")
    clock.advance(hours=24)
    changed = await _say(database, scene.guest, scene.id, "good")
    assert changed.evaluation is not None
    assert (changed.evaluation.level, changed.evaluation.remark) == (Satisfaction.GOOD, "")

    clock.advance(seconds=1)
    with pytest.raises(EvaluationClosed):
        await _say(database, scene.guest, scene.id, "bad")
    assert (await _form(database, scene.guest, scene.id)).open is False
    assert (await talk.conversation(database, scene.guest, scene.id)).evaluation == changed.evaluation


async def test_it_can_be_changed_although_the_clock_was_set_back(database: Database, scene: Scene, clock: FakeClock) -> None:
    await _invite(database, scene.agent, scene.id)
    await _say(database, scene.guest, scene.id, "bad")
    clock.advance(hours=-1)

    said = await _say(database, scene.guest, scene.id, "good")

    assert said.evaluation is not None
    assert said.evaluation.level is Satisfaction.GOOD
    assert (await _form(database, scene.guest, scene.id)).evaluation == said.evaluation


async def test_the_same_once_more_changes_nothing(database: Database, scene: Scene, clock: FakeClock) -> None:
    first = await _say(database, scene.guest, scene.id, "good", "谢谢")
    clock.advance(minutes=1)
    assert await _say(database, scene.guest, scene.id, "good", " 谢谢 ") == first


async def test_who_nobody_has_served_has_nothing_to_evaluate(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = (await talk.write(database, guest)).conversation_id
    with pytest.raises(NothingToEvaluate):
        await _say(database, guest, conversation_id)
    assert (await _form(database, guest, conversation_id)).open is False
    assert (await talk.conversation(database, guest, conversation_id)).evaluation is None


async def test_unasked_only_where_the_enterprise_lets_them(database: Database, scene: Scene) -> None:
    await _rules(database, scene.tenant, by_customer=False, prompt="您还满意吗？")
    assert (await _form(database, scene.guest, scene.id)).model_dump() == {
        "open": False,
        "prompt": "您还满意吗？",
        "until": None,
        "evaluation": None,
    }
    with pytest.raises(NotInvited):
        await _say(database, scene.guest, scene.id)
    assert (await talk.conversation(database, scene.guest, scene.id)).evaluation is None

    await _invite(database, scene.agent, scene.id)

    assert (await _form(database, scene.guest, scene.id)).open is True
    assert (await _say(database, scene.guest, scene.id)).evaluation is not None


async def test_others_say_nothing_about_it(database: Database, scene: Scene, factories: Factories) -> None:
    other = await factories.visitor(await factories.channel(scene.tenant.enterprise_id))
    with pytest.raises(ConversationNotFound):
        await _say(database, other, scene.id)
    with pytest.raises(ConversationNotFound):
        await _form(database, other, scene.id)
    assert (await talk.conversation(database, scene.guest, scene.id)).evaluation is None


async def test_a_remark_that_is_too_long_is_named_and_nothing_is_kept(database: Database, scene: Scene) -> None:
    with pytest.raises(InvalidInput) as refused:
        await _say(database, scene.guest, scene.id, "good", "很" * 501)
    assert [(problem.field, problem.code) for problem in refused.value.fields] == [("remark", "too_long")]
    assert (await _say(database, scene.guest, scene.id, "good", "很" * 500)).evaluation is not None


async def test_where_the_rules_say_so_the_end_asks(database: Database, scene: Scene) -> None:
    await _rules(database, scene.tenant, automatic=True)
    await talk.answer(database, scene.agent, scene.id)
    ended = await talk.end(database, scene.agent, scene.id)
    assert ended.evaluation_invited_at == ended.ended_at
    assert [event["name"] for event in await _events(database, scene.agent, scene.id)][-2:] == ["ended", "evaluation_invited"]
    assert (await _events(database, scene.agent, scene.id))[-1] == {"name": "evaluation_invited", "how": "automatic"}
    assert await talk.drift(database, scene.tenant.enterprise_id) == []


async def test_the_end_does_not_ask_who_has_said_it(database: Database, scene: Scene) -> None:
    await _rules(database, scene.tenant, automatic=True)
    await _say(database, scene.guest, scene.id)
    ended = await talk.end(database, scene.agent, scene.id)
    assert ended.evaluation_invited_at is None
    assert [event["name"] for event in await _events(database, scene.agent, scene.id)] == ["assigned", "ended"]


async def test_the_end_does_not_ask_who_was_never_answered(database: Database, scene: Scene) -> None:
    await _rules(database, scene.tenant, automatic=True)
    ended = await talk.end(database, scene.agent, scene.id)
    assert ended.evaluation_invited_at is None
    assert [event["name"] for event in await _events(database, scene.agent, scene.id)] == ["assigned", "ended"]
    assert (await _form(database, scene.guest, scene.id)).open is True


async def test_the_end_asks_who_was_answered_and_waits_again(database: Database, scene: Scene) -> None:
    await _rules(database, scene.tenant, automatic=True)
    await talk.answer(database, scene.agent, scene.id)
    async with database.tenant(scene.tenant.enterprise_id) as tx:
        await service.release_some_of(tx, scene.agent.id)
    async with database.tenant(scene.tenant.enterprise_id) as tx:
        ended = await service.end_own(tx, scene.guest.actor, scene.id)
    assert ended.evaluation_invited_at == ended.ended_at
    assert (await _say(database, scene.guest, scene.id)).evaluation is not None
    assert [[part["agent_id"] for part in parts] for parts in await _segments(database, scene.id)] == [[str(scene.agent.id)]]


async def test_the_end_does_not_ask_who_was_never_served(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    await _rules(database, tenant, automatic=True)
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = (await talk.write(database, guest)).conversation_id
    async with database.tenant(tenant.enterprise_id) as tx:
        assert (await service.end_own(tx, guest.actor, conversation_id)).evaluation_invited_at is None


async def test_each_who_has_served_keeps_their_part(database: Database, scene: Scene, factories: Factories, clock: FakeClock) -> None:
    second = await factories.agent(scene.tenant.enterprise_id, name="程思远")
    await _say(database, scene.guest, scene.id)
    first_part = {"agent_id": str(scene.agent.id), "since": "2026-03-02T04:00:00+00:00"}
    assert await _segments(database, scene.id) == [[first_part]]
    clock.advance(minutes=5)
    await talk.transfer(database, scene.id, scene.agent, second)

    ended = await talk.end(database, second, scene.id)

    assert ended.evaluation is not None
    assert ended.assignee_id == second.id
    assert await _segments(database, scene.id) == [[first_part, {"agent_id": str(second.id), "since": "2026-03-02T04:05:00+00:00"}]]


async def test_both_sides_hear_of_it_at_once_and_the_doors_agree(scene: Scene, doors: Doors) -> None:
    agent, visitor = await doors.agent_socket(scene.agent), await doors.visitor_socket(scene.guest.token)
    await agent.send(type="subscribe", topic="mine")
    await agent.next("subscribed")
    await visitor.send(type="subscribe", topic="mine")
    await visitor.next("subscribed")
    path = f"/conversations/{scene.id}/evaluation-invitation"

    assert (await doors.agent(scene.agent).post(path)).status_code == 200
    assert (await visitor.next("message"))["data"]["name"] == "evaluation_invited"
    again = await doors.agent(scene.agent).post(path)
    assert (again.status_code, again.headers["Retry-After"]) == (429, "60")

    http = doors.visitor(scene.guest.token)
    own = f"/widget/conversations/{scene.id}/evaluation"
    assert (await http.get(own)).json() == {"open": True, "prompt": "", "until": None, "evaluation": None}
    refused = await http.put(own, json={"level": "great"})
    assert (refused.status_code, refused.json()["error"]["fields"][0]["field"]) == (422, "level")
    assert (await http.put(own, json={"level": "good", "remark": "快"})).json()["evaluation"]["remark"] == "快"

    while (frame := await agent.next("conversation"))["conversation"]["evaluation"] is None:
        pass
    assert frame["conversation"]["evaluation"]["level"] == "good"


async def test_a_change_of_the_rules_is_in_the_log(database: Database, scene: Scene) -> None:
    await _rules(database, scene.tenant, automatic=True)
    async with database.system() as tx:
        query = text("SELECT details FROM audit_log WHERE enterprise_id = :id AND action = 'conversation_rules.changed'")
        details = (await tx.session.execute(query, {"id": scene.tenant.enterprise_id})).scalar_one()
    assert "evaluation" in str(details)

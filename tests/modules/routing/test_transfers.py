"""Transfer by hand: at once or after a yes, to whom the scope reaches, and never past anybody's maximum."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import pytest

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.kit.access import Scope, ScopeKind
from qiatan.kit.errors import Fault
from qiatan.modules.conversations.contracts import Conversation
from qiatan.modules.routing import service
from qiatan.modules.routing.contracts import PresenceStatus
from qiatan.modules.routing.contracts.decisions import Cause
from qiatan.modules.routing.contracts.transfers import Transfer, TransferOffer, TransferResult
from qiatan.modules.routing.errors import LimitReached, OfferGone
from qiatan.modules.routing.repository.offers import OfferRepository
from tests.guarantees.world import checksum
from tests.modules.routing import scene
from tests.support import talk
from tests.support.access import points_of
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import Factories, Member, Tenant


async def transfer(database: Database, member: Member, conversation_id: UUID, **to: Any) -> TransferResult:
    async with database.tenant(member.enterprise_id) as tx:
        return await service.transfer(tx, member.actor, conversation_id, Transfer(**to))


async def ask(database: Database, member: Member, conversation_id: UUID, **to: Any) -> TransferOffer:
    offer = (await transfer(database, member, conversation_id, **to)).offer
    assert offer is not None
    return offer


async def accept(database: Database, member: Member, offer_id: UUID, *, beyond: bool = False) -> Conversation:
    async with database.tenant(member.enterprise_id) as tx:
        return await service.accept_offer(tx, member.actor, offer_id, beyond_maximum=beyond)


async def refuse(database: Database, member: Member, offer_id: UUID) -> None:
    async with database.tenant(member.enterprise_id) as tx:
        await service.refuse_offer(tx, member.actor, offer_id)


async def open_offers(database: Database, member: Member) -> list[UUID]:
    async with database.tenant(member.enterprise_id) as tx:
        return [offer.id for offer in (await service.transfer_offers(tx, member.actor)).items]


async def state(database: Database, offer_id: UUID, enterprise_id: UUID) -> str:
    async with database.tenant(enterprise_id) as tx:
        row = await OfferRepository(tx, enterprise_id).get(offer_id)
    assert row is not None
    return row.state


async def two(factories: Factories, **second: Any) -> tuple[Tenant, Member, Member]:
    """An enterprise, an agent who sees everybody, and a colleague."""
    tenant = await factories.tenant()
    return (
        tenant,
        await factories.agent(tenant.enterprise_id, scope=scene.EVERYTHING, name="林溪"),
        await factories.agent(tenant.enterprise_id, **second),
    )


async def test_at_once_to_a_colleague_with_a_note(database: Database, doors: Doors, factories: Factories) -> None:
    tenant, sender, receiver = await two(factories, name="顾言")
    [conversation_id] = await scene.served(database, factories, sender)
    await scene.present(database, receiver)

    answer = await doors.agent(sender).post(
        f"/conversations/{conversation_id}/transfer", json={"agent_id": str(receiver.id), "note": "老客户, 请优先"}
    )

    assert answer.status_code == 200, answer.text
    assert (answer.json()["offer"], answer.json()["conversation"]["assignee_id"]) == (None, str(receiver.id))
    lines = (await doors.agent(receiver).get(f"/conversations/{conversation_id}/messages")).json()["items"]
    assert [(line["kind"], line["text"]) for line in lines if line["kind"] == "note"] == [("note", "老客户, 请优先")]
    decision = (await scene.why(database, tenant, conversation_id))[-1]
    assert (decision.cause, decision.agent_id, decision.by_agent_name) == (Cause.TRANSFERRED, receiver.id, "林溪")


async def test_to_a_group_goes_to_a_member_with_a_place_and_never_back(database: Database, factories: Factories) -> None:
    tenant, sender, receiver = await two(factories)
    away = await factories.agent(tenant.enterprise_id)
    group_id = await factories.group(tenant.enterprise_id, sender.id, receiver.id, away.id)
    await scene.present(database, sender, receiver)
    await scene.present(database, away, status=PresenceStatus.AWAY)
    ids = await scene.served(database, factories, sender, 3)

    for conversation_id in ids:
        await transfer(database, sender, conversation_id, group_id=group_id)

    assert await scene.loads(database, tenant) == {receiver.id: 3}
    decision = (await scene.why(database, tenant, ids[0]))[-1]
    assert [(step.reason, step.target.id if step.target else None) for step in decision.steps] == [("transferred_group", group_id)]


@pytest.mark.parametrize(
    ("kind", "status", "expected"),
    [
        (ScopeKind.SELF, 422, []),
        (ScopeKind.GROUPS, 200, ["同组"]),
        (ScopeKind.ALL, 200, ["同组", "外组", "沈知夏"]),
    ],
)
async def test_targets_are_limited_by_the_scope(
    database: Database, doors: Doors, factories: Factories, kind: ScopeKind, status: int, expected: list[str]
) -> None:
    tenant = await factories.tenant()
    near = await factories.agent(tenant.enterprise_id, name="同组")
    far = await factories.agent(tenant.enterprise_id, name="外组")
    own = await factories.group(tenant.enterprise_id, near.id, name="近")
    other = await factories.group(tenant.enterprise_id, far.id, name="远")
    sender = await factories.agent(tenant.enterprise_id, scope=Scope(kind, frozenset({own}) if kind is ScopeKind.GROUPS else frozenset()))
    await scene.present(database, near, far)
    [conversation_id] = await scene.served(database, factories, sender)
    http = doors.agent(sender)

    targets = (await http.get(f"/conversations/{conversation_id}/transfer-targets")).json()
    answer = await http.post(f"/conversations/{conversation_id}/transfer", json={"agent_id": str(near.id)})

    assert sorted(agent["name"] for agent in targets["agents"]) == sorted(expected)
    assert {group["id"] for group in targets["groups"]} == ({str(own)} if kind is ScopeKind.GROUPS else {str(own), str(other)})
    assert [(g["serving"], g["free"], g["open_now"]) for g in targets["groups"] if g["id"] == str(own)] == [(1, 1, True)]
    assert answer.status_code == status, answer.text


async def test_who_sees_no_colleagues_transfers_to_groups_if_the_setting_allows(
    database: Database, doors: Doors, factories: Factories
) -> None:
    tenant = await factories.tenant()
    sender, receiver = await factories.agent(tenant.enterprise_id), await factories.agent(tenant.enterprise_id)
    group_id = await factories.group(tenant.enterprise_id, receiver.id)
    await scene.present(database, receiver)
    first, second = await scene.served(database, factories, sender, 2)

    assert (await transfer(database, sender, first, group_id=group_id)).conversation is not None
    await scene.transfers(database, tenant, groups_for_self=False)
    refused = await doors.agent(sender).post(f"/conversations/{second}/transfer", json={"group_id": str(group_id)})

    assert (refused.status_code, refused.json()["error"]["fields"][0]["field"]) == (422, "group_id")
    assert (await doors.agent(sender).get(f"/conversations/{second}/transfer-targets")).json()["groups"] == []
    assert await scene.holder(database, tenant, second) == sender.id


async def test_what_a_transfer_is_refused_for_changes_nothing(database: Database, doors: Doors, factories: Factories) -> None:
    tenant, sender, receiver = await two(factories, max_conversations=1)
    stranger = await factories.agent((await factories.tenant()).enterprise_id)
    empty = await factories.group(tenant.enterprise_id, sender.id)
    [own, over] = await scene.served(database, factories, sender, 2)
    [theirs] = await scene.served(database, factories, receiver)
    await talk.end(database, sender, over)
    await scene.present(database, sender, tenant.admin)
    await scene.present(database, tenant.admin, status=PresenceStatus.BUSY)
    http = doors.agent(sender)
    await scene.settled(doors)
    before = await checksum(database, tenant.enterprise_id)

    async def code(conversation_id: UUID, body: dict[str, Any]) -> tuple[int, str]:
        answer = await http.post(f"/conversations/{conversation_id}/transfer", json=body)
        fields = answer.json()["error"].get("fields") or [{"field": ""}]
        return answer.status_code, fields[0]["field"] or answer.json()["error"]["code"]

    assert await code(own, {}) == (422, "agent_id")
    assert await code(own, {"agent_id": str(receiver.id), "group_id": str(empty)}) == (422, "agent_id")
    assert await code(own, {"agent_id": str(sender.id)}) == (422, "agent_id")
    assert await code(own, {"agent_id": str(stranger.id)}) == (422, "agent_id")
    assert await code(own, {"group_id": str(new_id())}) == (422, "group_id")
    assert await code(own, {"agent_id": str(receiver.id), "note": "\x00"}) == (422, "note")
    assert await code(own, {"agent_id": str(tenant.admin.id)}) == (409, "nobody_available")
    assert await code(own, {"agent_id": str(receiver.id)}) == (409, "nobody_available")
    assert await code(own, {"group_id": str(empty)}) == (409, "nobody_available")
    assert await code(over, {"group_id": str(empty)}) == (409, "conversation_ended")
    assert await code(theirs, {"agent_id": str(tenant.admin.id)}) == (404, "not_found")
    assert await checksum(database, tenant.enterprise_id) == before

    await scene.present(database, receiver)
    assert await code(own, {"agent_id": str(receiver.id)}) == (409, "limit_reached")
    assert await scene.holder(database, tenant, own) == sender.id


async def test_twenty_transfers_at_once_to_one_who_has_one_place(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    receiver = await factories.agent(tenant.enterprise_id, max_conversations=1)
    group_id = await factories.group(tenant.enterprise_id, receiver.id)
    senders = [await factories.agent(tenant.enterprise_id, scope=scene.EVERYTHING) for _ in range(20)]
    held = {sender: (await scene.served(database, factories, sender))[0] for sender in senders}
    await scene.present(database, receiver)

    results = await asyncio.gather(
        *(
            transfer(database, sender, conversation_id, **({"agent_id": receiver.id} if number % 2 else {"group_id": group_id}))
            for number, (sender, conversation_id) in enumerate(held.items())
        ),
        return_exceptions=True,
    )

    assert [isinstance(result, TransferResult) for result in results].count(True) == 1
    assert all(isinstance(result, Fault) for result in results if not isinstance(result, TransferResult)), results
    loads = await scene.loads(database, tenant)
    assert loads[receiver.id] == 1
    assert sum(loads.values()) == 20


async def test_a_colleague_is_asked_and_says_yes(database: Database, doors: Doors, factories: Factories) -> None:
    tenant, sender, receiver = await two(factories)
    await scene.transfers(database, tenant, ask=True, ask_seconds=30)
    [conversation_id] = await scene.served(database, factories, sender)
    await scene.present(database, receiver)
    asked, asking, other = [await doors.agent_socket(one) for one in (receiver, sender, tenant.admin)]

    answer = await doors.agent(sender).post(
        f"/conversations/{conversation_id}/transfer", json={"agent_id": str(receiver.id), "note": "请接一下"}
    )

    offer = answer.json()["offer"]
    assert (offer["state"], offer["note"], offer["to_name"]) == ("open", "请接一下", receiver.name)
    for socket in (asked, asking):
        assert (await socket.next("transfer_offer"))["offer"] == offer
    assert await scene.holder(database, tenant, conversation_id) == sender.id
    assert [found["id"] for found in (await doors.agent(receiver).get("/transfer-offers")).json()["items"]] == [offer["id"]]
    accepted = await doors.agent(receiver).post(f"/transfer-offers/{offer['id']}/accept")
    assert (accepted.status_code, accepted.json()["assignee_id"]) == (200, str(receiver.id))
    for socket in (asked, asking):
        assert (await socket.next("transfer_offer"))["offer"]["state"] == "accepted"
    assert [frame for frame in await other.settle() if frame["type"] == "transfer_offer"] == []
    decision = (await scene.why(database, tenant, conversation_id))[-1]
    assert (decision.agent_id, decision.by_agent_id) == (receiver.id, sender.id)


async def test_one_question_at_a_time(database: Database, doors: Doors, factories: Factories) -> None:
    tenant, sender, receiver = await two(factories)
    await scene.transfers(database, tenant, ask=True)
    [conversation_id] = await scene.served(database, factories, sender)
    await scene.present(database, receiver, tenant.admin)
    offer = await ask(database, sender, conversation_id, agent_id=receiver.id)

    refused = await doors.agent(sender).post(f"/conversations/{conversation_id}/transfer", json={"agent_id": str(tenant.admin.id)})
    withdrawn = await doors.agent(sender).delete(f"/transfer-offers/{offer.id}")
    late = await doors.agent(receiver).post(f"/transfer-offers/{offer.id}/accept")

    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "offer_open")
    assert withdrawn.status_code == 204
    assert (late.status_code, late.json()["error"]["code"]) == (409, "offer_gone")
    assert await scene.holder(database, tenant, conversation_id) == sender.id
    assert (await ask(database, sender, conversation_id, agent_id=tenant.admin.id)).to_agent_id == tenant.admin.id


async def test_of_a_group_the_first_yes_wins(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    sender = await factories.agent(tenant.enterprise_id)
    group_id = await factories.group(tenant.enterprise_id, sender.id)
    members = [await factories.agent(tenant.enterprise_id, group_ids=(group_id,)) for _ in range(6)]
    await scene.transfers(database, tenant, ask=True)
    await scene.present(database, *members)
    [conversation_id] = await scene.served(database, factories, sender)
    offer = await ask(database, sender, conversation_id, group_id=group_id)

    results = await asyncio.gather(*(accept(database, member, offer.id) for member in members), return_exceptions=True)

    [winner] = [result for result in results if isinstance(result, Conversation)]
    assert all(isinstance(result, OfferGone) for result in results if result is not winner)
    assert await scene.loads(database, tenant) == {winner.assignee_id: 1}


async def test_a_groups_question_is_over_once_everybody_there_has_refused(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    sender = await factories.agent(tenant.enterprise_id)
    group_id = await factories.group(tenant.enterprise_id)
    first, second, absent = [await factories.agent(tenant.enterprise_id, group_ids=(group_id,)) for _ in range(3)]
    await scene.transfers(database, tenant, ask=True)
    await scene.present(database, first, second)
    [conversation_id] = await scene.served(database, factories, sender)
    offer = await ask(database, sender, conversation_id, group_id=group_id)

    await refuse(database, first, offer.id)
    assert await state(database, offer.id, tenant.enterprise_id) == "open"
    assert (await open_offers(database, first), await open_offers(database, second)) == ([], [offer.id])
    with pytest.raises(OfferGone):
        await accept(database, first, offer.id)
    await refuse(database, second, offer.id)

    assert await state(database, offer.id, tenant.enterprise_id) == "refused"
    with pytest.raises(OfferGone):
        await accept(database, absent, offer.id)
    assert await scene.holder(database, tenant, conversation_id) == sender.id


async def test_an_offer_runs_out(database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant, sender, receiver = await two(factories)
    await scene.transfers(database, tenant, ask=True, ask_seconds=30)
    await scene.present(database, receiver)
    [conversation_id] = await scene.served(database, factories, sender)
    offer = await ask(database, sender, conversation_id, agent_id=receiver.id)
    clock.advance(seconds=30)

    with pytest.raises(OfferGone):
        await accept(database, receiver, offer.id)
    async with database.tenant(tenant.enterprise_id) as tx:
        await service.expire_offer(tx, offer.id)

    assert await state(database, offer.id, tenant.enterprise_id) == "expired"
    assert await scene.holder(database, tenant, conversation_id) == sender.id


async def test_the_loop_ends_an_offer_in_time_and_its_conversations_end_does_too(
    database: Database, doors: Doors, factories: Factories, clock: FakeClock
) -> None:
    tenant, sender, receiver = await two(factories)
    await scene.transfers(database, tenant, ask=True, ask_seconds=30)
    await scene.present(database, receiver)
    first, second = await scene.served(database, factories, sender, 2)
    asked = await doors.agent_socket(receiver)
    await ask(database, sender, first, agent_id=receiver.id)
    await asked.next("transfer_offer")
    clock.advance(seconds=31)
    assert (await asked.next("transfer_offer"))["offer"]["state"] == "expired"
    await scene.present(database, receiver)
    await ask(database, sender, second, agent_id=receiver.id)
    await asked.next("transfer_offer")

    await talk.end(database, sender, second)

    assert (await asked.next("transfer_offer"))["offer"]["state"] == "withdrawn"


async def test_the_maximum_holds_when_an_offer_is_accepted(database: Database, factories: Factories) -> None:
    tenant, sender, receiver = await two(factories, max_conversations=1)
    await scene.transfers(database, tenant, ask=True)
    await scene.present(database, receiver)
    [conversation_id] = await scene.served(database, factories, sender)
    offer = await ask(database, sender, conversation_id, agent_id=receiver.id)
    await scene.served(database, factories, receiver)
    before = await checksum(database, tenant.enterprise_id)

    with pytest.raises(LimitReached):
        await accept(database, receiver, offer.id)
    assert await checksum(database, tenant.enterprise_id) == before

    await accept(database, receiver, offer.id, beyond=True)
    assert await scene.loads(database, tenant) == {receiver.id: 2}
    assert await scene.audited(database, tenant.enterprise_id, "conversation.taken_beyond_maximum") == [{"open": [1, 2], "maximum": 1}]


async def test_who_may_answer_an_offer(database: Database, doors: Doors, factories: Factories) -> None:
    tenant, sender, receiver = await two(factories)
    outsider = await factories.agent(tenant.enterprise_id, points=points_of("admin"), scope=scene.EVERYTHING)
    foreign = (await factories.tenant()).admin
    await scene.transfers(database, tenant, ask=True)
    await scene.present(database, receiver)
    [conversation_id] = await scene.served(database, factories, sender)
    offer = await ask(database, sender, conversation_id, agent_id=receiver.id)
    await scene.settled(doors)
    before = await checksum(database, tenant.enterprise_id)

    for somebody, accepting, refusing, withdrawing in (
        (outsider, 404, 404, 404),
        (foreign, 404, 404, 404),
        (sender, 403, 403, None),
        (receiver, None, None, 403),
    ):
        http = doors.agent(somebody)
        if accepting:
            assert (await http.post(f"/transfer-offers/{offer.id}/accept")).status_code == accepting
        if refusing:
            assert (await http.post(f"/transfer-offers/{offer.id}/refuse")).status_code == refusing
        if withdrawing:
            assert (await http.delete(f"/transfer-offers/{offer.id}")).status_code == withdrawing

    assert await checksum(database, tenant.enterprise_id) == before


async def test_accepting_beside_a_take_over(database: Database, factories: Factories) -> None:
    """One of both gets it; the offer is over either way."""
    tenant, sender, receiver = await two(factories, max_conversations=50)
    await scene.transfers(database, tenant, ask=True)
    await scene.present(database, receiver)
    for _ in range(6):
        [conversation_id] = await scene.served(database, factories, sender)
        offer = await ask(database, sender, conversation_id, agent_id=receiver.id)

        async def over(wanted: UUID = conversation_id) -> Conversation:
            async with database.tenant(tenant.enterprise_id) as tx:
                return await service.take_over(tx, tenant.admin.actor, wanted, beyond_maximum=True)

        await asyncio.gather(accept(database, receiver, offer.id), over(), return_exceptions=True)

        assert await state(database, offer.id, tenant.enterprise_id) in ("accepted", "withdrawn")
        assert await scene.holder(database, tenant, conversation_id) == tenant.admin.id, "who takes over later takes it from whoever has it"
    assert await talk.gaps(database, tenant.enterprise_id) == []

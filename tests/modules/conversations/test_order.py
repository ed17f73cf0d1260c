"""seq is dense and counters are exact, whatever runs at once: the message log, ordinary transactions, read marks, the end."""

from __future__ import annotations

import asyncio
import random
from collections.abc import AsyncIterator
from uuid import UUID

import pytest
from sqlalchemy import text

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database, DirectConnection
from qiatan.infra.realtime.connection import Connection
from qiatan.infra.realtime.hub import Hub
from qiatan.infra.resources import Resources
from qiatan.kit.errors import Fault
from qiatan.modules.conversations import service
from qiatan.modules.conversations.contracts import SenderKind, SendMessage, Status
from qiatan.modules.conversations.errors import ConversationEnded, ConversationNotFound, TooLate
from qiatan.modules.conversations.realtime.log import MessageLog, Pending
from qiatan.modules.conversations.repository import Appended
from qiatan.modules.conversations.repository.signals import Mark, move_marks
from tests.support import talk
from tests.support.backends import somebody_waits_for_a_lock
from tests.support.clock import FakeClock
from tests.support.factories import Factories, Guest, Member
from tests.support.transports import Recorder


@pytest.fixture
async def log(database: Database, resources: Resources) -> AsyncIterator[MessageLog]:
    log = MessageLog(database.url, resources.hub, resources.relay, resources.clock)
    log.start()
    yield log
    await log.close()


def _pending(hub: Hub, guest: Guest, conversation_id: UUID, words: str, refused: list[Appended | Fault]) -> Pending:
    return Pending(
        Connection(hub, Recorder(), "192.0.2.1"),
        guest.actor.enterprise_id,
        conversation_id,
        SenderKind.CUSTOMER,
        guest.customer_id,
        new_id(),
        words,
        lambda _, result: refused.append(result),
    )


@pytest.mark.parametrize("seed", range(4))
async def test_seq_is_dense_and_counters_are_exact_after_anything_at_once(
    database: Database, factories: Factories, log: MessageLog, resources: Resources, clock: FakeClock, seed: int
) -> None:
    chance = random.Random(seed)
    tenant = await factories.tenant()
    channel = await factories.channel(tenant.enterprise_id)
    guests = [await factories.visitor(channel) for _ in range(3)]
    places = [(guest, await talk.served(database, guest, tenant.admin)) for guest in guests]
    refused: list[Appended | Fault] = []

    async def act(guest: Guest, conversation_id: UUID) -> None:
        await asyncio.sleep(chance.random() / 20)
        kind = chance.choice(["log", "log", "log", "visitor", "agent", "read", "read own", "read together", "withdraw"])
        if kind == "log":
            log.submit(_pending(resources.hub, guest, conversation_id, "记", refused))
        elif kind == "visitor":
            await talk.write(database, guest)
        elif kind == "agent":
            await talk.answer(database, tenant.admin, conversation_id)
        elif kind == "read together":
            agent = tenant.admin
            marks = [
                Mark(order, agent.enterprise_id, place, True, agent.id, None, chance.randint(1, 12))
                for order, (_, place) in enumerate(places)
            ]
            await move_marks(direct, marks)
        else:
            await _quietly(database, kind, guest, tenant.admin, conversation_id, chance.randint(1, 12))

    direct = DirectConnection(database.url)
    await asyncio.gather(*(act(*chance.choice(places)) for _ in range(90)))
    await log.close()
    await direct.close()

    assert refused == []
    assert await talk.gaps(database, tenant.enterprise_id) == []
    assert await talk.drift(database, tenant.enterprise_id) == []


async def _quietly(database: Database, kind: str, guest: Guest, agent: Member, conversation_id: UUID, seq: int) -> None:
    try:
        async with database.tenant(agent.enterprise_id) as tx:
            if kind == "read":
                await service.mark_read(tx, agent.actor, conversation_id, seq)
            elif kind == "read own":
                await service.mark_read_own(tx, guest.actor, conversation_id, seq)
            else:
                await service.withdraw_own(tx, guest.actor, conversation_id, seq, new_id())
    except (TooLate, ConversationNotFound):
        return  # somebody else's, withdrawn already, or not there yet: a refusal is an answer here


async def test_a_message_stored_while_a_read_mark_waits_is_counted(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, tenant.admin)
    await talk.write(database, guest)

    async def mark() -> None:
        async with database.tenant(tenant.enterprise_id) as tx:
            await service.mark_read(tx, tenant.admin.actor, conversation_id, 3)

    async with database.tenant(tenant.enterprise_id) as tx:
        await service.send_own(tx, guest.actor, SendMessage(client_message_id=new_id(), text="同时"))
        marking = asyncio.create_task(mark())
        await somebody_waits_for_a_lock(database)
    await marking

    assert await talk.drift(database, tenant.enterprise_id) == []
    assert (await talk.conversation(database, guest, conversation_id)).agent_unread == 1
    async with database.system() as tx:
        assert await service.count_drift(tx) == 0


async def test_drift_is_noticed(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = (await talk.write(database, guest)).conversation_id
    broken = text("UPDATE conversations SET agent_unread = 5 WHERE enterprise_id = :e AND id = :id")
    mended = text("UPDATE conversations SET agent_unread = 1 WHERE enterprise_id = :e AND id = :id")
    async with database.system() as tx:
        await tx.session.execute(broken, {"e": tenant.enterprise_id, "id": conversation_id})

    async with database.system() as tx:
        counted = await service.count_drift(tx)
        await tx.session.execute(mended, {"e": tenant.enterprise_id, "id": conversation_id})
        mended_count = await service.count_drift(tx)

    assert counted - mended_count == 1
    assert await talk.drift(database, tenant.enterprise_id) == []


async def test_the_log_and_an_end_at_once_lose_nothing(
    database: Database, factories: Factories, log: MessageLog, resources: Resources
) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, tenant.admin)
    refused: list[Appended | Fault] = []

    async def chatter() -> None:
        for number in range(60):
            log.submit(_pending(resources.hub, guest, conversation_id, str(number), refused))
            await asyncio.sleep(0.001)

    await asyncio.gather(chatter(), talk.end(database, tenant.admin, conversation_id))
    await log.close()

    kept = [message for message in await talk.messages(database, guest, conversation_id) if message.text not in (None, "你好")]
    assert [message.text for message in kept] == [str(number) for number in range(len(kept))]
    assert len(kept) + len(refused) == 60
    assert {result.outcome if isinstance(result, Appended) else result.code for result in refused} <= {"ended"}
    assert (await talk.conversation(database, guest, conversation_id)).status is Status.ENDED
    assert await talk.gaps(database, tenant.enterprise_id) == []
    with pytest.raises(ConversationEnded):
        await talk.answer(database, tenant.admin, conversation_id)

"""What tests of the automatic end share: rules that are saved, and time that passes."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from qiatan.infra.db import Database
from qiatan.modules.conversations import service
from qiatan.modules.conversations.contracts import (
    AutoEnd,
    Conversation,
    ConversationSettings,
    Grading,
    SaveConversationRules,
)
from tests.support import talk
from tests.support.factories import Factories, Guest, Member, Tenant


async def save(database: Database, tenant: Tenant, *, version: int = 0, grading: Grading | None = None, **web: Any) -> None:
    settings = ConversationSettings(auto_end={"web": AutoEnd(**web)} if web else {}, grading=grading or Grading())
    async with database.tenant(tenant.enterprise_id) as tx:
        await service.save_rules(tx, tenant.admin.actor, SaveConversationRules(settings=settings, version=version))
    await look_again(database, tenant)


async def look_again(database: Database, tenant: Tenant) -> int:
    """What the job does that saving leaves; returns in how many transactions."""
    after, turns = None, 0
    while turns == 0 or after is not None:
        async with database.tenant(tenant.enterprise_id) as tx:
            after, turns = await service.look_again(tx, after=after), turns + 1
    return turns


async def due_at(database: Database, *conversation_ids: UUID) -> list[datetime | None]:
    query = text("SELECT idle_due_at FROM conversations WHERE id = :id")
    async with database.system() as tx:
        return [(await tx.session.execute(query, {"id": one})).scalar_one() for one in conversation_ids]


async def fire(database: Database, enterprise_id: UUID) -> list[UUID]:
    """What the timer loop does at this moment: returns what was due."""
    async with database.system() as tx:
        due = [row for owner, row in await service.idle_due(tx, 1_000) if owner == enterprise_id]
    for conversation_id in due:
        async with database.tenant(enterprise_id) as tx:
            await service.end_idle(tx, conversation_id)
    return due


async def shown_now(database: Database, member: Member, conversation_id: UUID) -> Conversation:
    async with database.tenant(member.enterprise_id) as tx:
        return await service.get(tx, member.actor, conversation_id)


async def talking(database: Database, factories: Factories) -> tuple[Tenant, Guest, UUID]:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    return tenant, guest, await talk.served(database, guest, tenant.admin)

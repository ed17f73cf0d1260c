"""Looking at what is stored, and putting there what takes long to get, past the doors."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import func, select

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.modules.accounts.models import (
    AgentRow,
    AuditEntryRow,
    OneTimeLinkRow,
    PasskeyRow,
    RecoveryCodeRow,
    SessionRow,
    TotpRow,
)
from tests.support.factories import Member


async def agent_row(database: Database, agent_id: UUID) -> dict[str, Any]:
    """Every column of an agent."""
    async with database.system() as tx:
        row = (await tx.session.execute(select(AgentRow).where(AgentRow.id == agent_id))).scalar_one()
        return {column.key: getattr(row, column.key) for column in AgentRow.__table__.columns}


async def session_ids(database: Database, agent_id: UUID) -> set[UUID]:
    async with database.system() as tx:
        return set((await tx.session.execute(select(SessionRow.id).where(SessionRow.agent_id == agent_id))).scalars())


async def sessions(database: Database, agent_id: UUID) -> list[SessionRow]:
    async with database.system() as tx:
        query = select(SessionRow).where(SessionRow.agent_id == agent_id).order_by(SessionRow.created_at, SessionRow.id)
        return list((await tx.session.execute(query)).scalars())


async def links(database: Database, agent_id: UUID) -> list[OneTimeLinkRow]:
    async with database.system() as tx:
        query = select(OneTimeLinkRow).where(OneTimeLinkRow.agent_id == agent_id).order_by(OneTimeLinkRow.created_at)
        return list((await tx.session.execute(query)).scalars())


async def audit_entries(database: Database, enterprise_id: UUID) -> list[AuditEntryRow]:
    """An enterprise's audit log, oldest first."""
    async with database.system() as tx:
        query = select(AuditEntryRow).where(AuditEntryRow.enterprise_id == enterprise_id).order_by(AuditEntryRow.seq)
        return list((await tx.session.execute(query)).scalars())


async def give_factors(database: Database, member: Member) -> None:
    """An authenticator app, a passkey and a recovery code, none of which anybody holds."""
    own: dict[str, Any] = {"enterprise_id": member.enterprise_id, "agent_id": member.id}
    async with database.system() as tx:
        tx.session.add(TotpRow(**own, secret=b"x", created_at=tx.now, confirmed_at=tx.now))
        tx.session.add(PasskeyRow(**own, id=new_id(), credential_id=new_id().bytes, public_key=b"x", name="钥匙", created_at=tx.now))
        tx.session.add(RecoveryCodeRow(**own, code_hash=new_id().bytes))


async def count_factors(database: Database, agent_id: UUID) -> int:
    async with database.system() as tx:
        found = 0
        for table in (TotpRow, PasskeyRow, RecoveryCodeRow):
            query = select(func.count()).select_from(table).where(table.agent_id == agent_id)
            found += (await tx.session.execute(query)).scalar_one()
        return found


def token_of(link: str) -> str:
    """The token behind a link's #."""
    return link.partition("#token=")[2]

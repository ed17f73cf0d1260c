"""Looking at what is stored, past the doors."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import select

from qiatan.infra.db import Database
from qiatan.modules.accounts.models import AgentRow, OneTimeLinkRow, SessionRow


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


def token_of(link: str) -> str:
    """The token behind a link's #."""
    return link.partition("#token=")[2]

"""Queries on the identity provider and on whom it knows."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, delete, func, select

from qiatan.infra.db import Tx
from qiatan.modules.accounts.models import AgentRow, OidcIdentityRow, OidcProviderRow
from qiatan.modules.accounts.repository.agents import AgentRecord, record, records


class OidcRepository:
    """The provider of one enterprise."""

    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def provider(self) -> OidcProviderRow | None:
        return await self._session.get(OidcProviderRow, self._enterprise_id, populate_existing=True)

    async def add_provider(self, values: dict[str, Any]) -> OidcProviderRow:
        row = OidcProviderRow(enterprise_id=self._enterprise_id, **values)
        self._session.add(row)
        await self._session.flush()
        return row

    async def delete_provider(self) -> None:
        """Forget the provider and everybody it knew."""
        for table in (OidcIdentityRow, OidcProviderRow):
            await self._session.execute(delete(table).where(table.enterprise_id == self._enterprise_id))

    async def agent_of(self, issuer: str, subject: str) -> AgentRecord | None:
        """Whom the provider calls this subject, their row locked."""
        identity = and_(OidcIdentityRow.enterprise_id == AgentRow.enterprise_id, OidcIdentityRow.agent_id == AgentRow.id)
        query = (
            records()
            .join(OidcIdentityRow, identity)
            .where(
                OidcIdentityRow.enterprise_id == self._enterprise_id,
                OidcIdentityRow.issuer == issuer,
                OidcIdentityRow.subject == subject,
            )
            .with_for_update(of=AgentRow, key_share=True)
        )
        found = (await self._session.execute(query)).one_or_none()
        return record(found) if found else None

    async def agent_at(self, email: str) -> AgentRecord | None:
        """The enterprise's account with this address, its row locked."""
        query = records().where(AgentRow.enterprise_id == self._enterprise_id, func.lower(AgentRow.email) == func.lower(email))
        found = (await self._session.execute(query.with_for_update(of=AgentRow, key_share=True))).one_or_none()
        return record(found) if found else None

    async def known(self, agent_id: UUID, issuer: str) -> bool:
        """Whether the provider knows the agent by some subject already."""
        query = select(OidcIdentityRow.subject).where(
            OidcIdentityRow.enterprise_id == self._enterprise_id, OidcIdentityRow.agent_id == agent_id, OidcIdentityRow.issuer == issuer
        )
        return (await self._session.execute(query.limit(1))).first() is not None

    async def tie(self, agent_id: UUID, issuer: str, subject: str, *, created_at: datetime) -> None:
        row = OidcIdentityRow(enterprise_id=self._enterprise_id, agent_id=agent_id, issuer=issuer, subject=subject, created_at=created_at)
        self._session.add(row)
        await self._session.flush()

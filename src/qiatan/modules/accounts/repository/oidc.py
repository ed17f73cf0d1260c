"""Queries on the identity provider and on whom it knows."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, select

from qiatan.infra.db import Tx
from qiatan.modules.accounts.models import AgentRow, OidcIdentityRow, OidcProviderRow


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

    async def agent_id_of(self, issuer: str, subject: str) -> UUID | None:
        """Whom the provider calls this subject."""
        query = select(OidcIdentityRow.agent_id).where(
            OidcIdentityRow.enterprise_id == self._enterprise_id, OidcIdentityRow.issuer == issuer, OidcIdentityRow.subject == subject
        )
        return (await self._session.execute(query)).scalar_one_or_none()

    async def agent_id_at(self, email: str) -> UUID | None:
        """The enterprise's account with this address."""
        query = select(AgentRow.id).where(AgentRow.enterprise_id == self._enterprise_id, func.lower(AgentRow.email) == func.lower(email))
        return (await self._session.execute(query)).scalar_one_or_none()

    async def subject_of(self, agent_id: UUID, issuer: str) -> str | None:
        """How the provider calls the agent already. The caller holds the agent's lock, so there is one at most."""
        query = select(OidcIdentityRow.subject).where(
            OidcIdentityRow.enterprise_id == self._enterprise_id, OidcIdentityRow.agent_id == agent_id, OidcIdentityRow.issuer == issuer
        )
        return (await self._session.execute(query.limit(1))).scalar_one_or_none()

    async def tie(self, agent_id: UUID, issuer: str, subject: str, *, created_at: datetime) -> None:
        row = OidcIdentityRow(enterprise_id=self._enterprise_id, agent_id=agent_id, issuer=issuer, subject=subject, created_at=created_at)
        self._session.add(row)
        await self._session.flush()

"""Queries on one-time links. The function at the end looks across enterprises, in a system transaction."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, delete, func, or_, select, update

from qiatan.infra.db import Tx
from qiatan.modules.accounts.contracts import LinkPurpose
from qiatan.modules.accounts.models import AgentRow, ApiKeyRow, EnterpriseRow, OneTimeLinkRow


@dataclass(frozen=True, slots=True)
class OpenLink:
    """A link that was not used: whose it is, and the account that answers for it (that of the key's maker, where a program made it)."""

    id: UUID
    agent_id: UUID
    purpose: LinkPurpose
    answerable: UUID


class LinkRepository:
    """Links of one enterprise."""

    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def replace(self, values: dict[str, Any]) -> None:
        """Add a link; the agent's living one for the same purpose ends. The caller holds the agent's lock."""
        await self.drop(values["agent_id"], LinkPurpose(values["purpose"]))
        self._session.add(OneTimeLinkRow(enterprise_id=self._enterprise_id, **values))
        await self._session.flush()

    async def drop(self, agent_id: UUID, purpose: LinkPurpose | None = None) -> None:
        """End the agent's unused links."""
        here = and_(
            OneTimeLinkRow.enterprise_id == self._enterprise_id,
            OneTimeLinkRow.agent_id == agent_id,
            OneTimeLinkRow.used_at.is_(None),
        )
        statement = delete(OneTimeLinkRow).where(here)
        if purpose is not None:
            statement = statement.where(OneTimeLinkRow.purpose == purpose.value)
        await self._session.execute(statement)

    async def drop_of(self, agent_ids: Collection[UUID]) -> None:
        """End the unused links of these agents."""
        here = and_(OneTimeLinkRow.enterprise_id == self._enterprise_id, OneTimeLinkRow.agent_id.in_(agent_ids))
        await self._session.execute(delete(OneTimeLinkRow).where(here, OneTimeLinkRow.used_at.is_(None)))

    async def use(self, link_id: UUID, used_at: datetime) -> bool:
        """Spend a link. False when somebody else did so first (the two wait for each other here)."""
        here = and_(OneTimeLinkRow.enterprise_id == self._enterprise_id, OneTimeLinkRow.id == link_id, OneTimeLinkRow.used_at.is_(None))
        statement = update(OneTimeLinkRow).where(here).values(used_at=used_at).returning(OneTimeLinkRow.id)
        return (await self._session.execute(statement)).scalar_one_or_none() is not None

    async def renew(self, agent_id: UUID, purpose: LinkPurpose, *, email: str, token_hash: bytes, expires_at: datetime) -> bool:
        """Give the agent's unused link another token. False when there is none any more, or not for this address.

        The caller holds the agent's lock.
        """
        here = and_(
            OneTimeLinkRow.enterprise_id == self._enterprise_id,
            OneTimeLinkRow.agent_id == agent_id,
            OneTimeLinkRow.email == email,
            OneTimeLinkRow.purpose == purpose.value,
            OneTimeLinkRow.used_at.is_(None),
        )
        values = {"token_hash": token_hash, "expires_at": expires_at}
        statement = update(OneTimeLinkRow).where(here).values(values).returning(OneTimeLinkRow.id)
        return (await self._session.execute(statement)).scalar_one_or_none() is not None

    async def made_by(self, agent_ids: Collection[UUID]) -> list[OpenLink]:
        """The unused links that these accounts, or keys of theirs, have made."""
        answerable = func.coalesce(ApiKeyRow.created_by, OneTimeLinkRow.made_by)
        query = (
            select(OneTimeLinkRow.id, OneTimeLinkRow.agent_id, OneTimeLinkRow.purpose, answerable)
            .outerjoin(ApiKeyRow, and_(ApiKeyRow.enterprise_id == OneTimeLinkRow.enterprise_id, ApiKeyRow.id == OneTimeLinkRow.made_by))
            .where(OneTimeLinkRow.enterprise_id == self._enterprise_id, OneTimeLinkRow.used_at.is_(None))
            .where(OneTimeLinkRow.made_by.is_not(None), or_(OneTimeLinkRow.made_by.in_(agent_ids), ApiKeyRow.created_by.in_(agent_ids)))
        )
        return [OpenLink(found[0], found[1], LinkPurpose(found[2]), found[3]) for found in await self._session.execute(query)]

    async def drop_made_by(self, maker_id: UUID) -> None:
        """End the unused links that an account, or a key, has made."""
        here = and_(OneTimeLinkRow.enterprise_id == self._enterprise_id, OneTimeLinkRow.made_by == maker_id)
        await self._session.execute(delete(OneTimeLinkRow).where(here, OneTimeLinkRow.used_at.is_(None)))

    async def drop_these(self, link_ids: Collection[UUID]) -> None:
        """End those of these links that were not used."""
        here = and_(OneTimeLinkRow.enterprise_id == self._enterprise_id, OneTimeLinkRow.id.in_(link_ids))
        await self._session.execute(delete(OneTimeLinkRow).where(here, OneTimeLinkRow.used_at.is_(None)))


async def find_link(tx: Tx, token_hash: bytes, purpose: LinkPurpose) -> tuple[OneTimeLinkRow, AgentRow, EnterpriseRow] | None:
    """A link that can be used now, with its agent (enabled, and still at the address the link was made for) and enterprise."""
    query = (
        select(OneTimeLinkRow, AgentRow, EnterpriseRow)
        .join(AgentRow, and_(AgentRow.enterprise_id == OneTimeLinkRow.enterprise_id, AgentRow.id == OneTimeLinkRow.agent_id))
        .join(EnterpriseRow, EnterpriseRow.id == OneTimeLinkRow.enterprise_id)
        .where(OneTimeLinkRow.token_hash == token_hash, OneTimeLinkRow.purpose == purpose.value)
        .where(OneTimeLinkRow.used_at.is_(None), OneTimeLinkRow.expires_at > tx.now, AgentRow.enabled)
        .where(OneTimeLinkRow.email == AgentRow.email)
    )
    found = (await tx.session.execute(query)).one_or_none()
    return (found[0], found[1], found[2]) if found else None

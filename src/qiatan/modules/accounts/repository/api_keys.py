"""Queries on API keys. The function at the end looks across enterprises, in a system transaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, func, or_, select, tuple_, update

from qiatan.infra.db import Tx
from qiatan.modules.accounts.models import AgentRow, ApiKeyRow
from qiatan.modules.accounts.repository.agents import AgentRecord, record, records


@dataclass(frozen=True, slots=True)
class FoundKey:
    """A living key, and the enabled account that made it."""

    enterprise_id: UUID
    id: UUID
    points: Sequence[str]
    last_used_at: datetime | None
    creator: AgentRecord


class ApiKeyRepository:
    """Keys of one enterprise."""

    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id
        self._now = tx.now

    async def get(self, key_id: UUID, *, lock: bool = False) -> ApiKeyRow | None:
        query = select(ApiKeyRow).where(ApiKeyRow.enterprise_id == self._enterprise_id, ApiKeyRow.id == key_id)
        if lock:
            query = query.with_for_update().execution_options(populate_existing=True)
        return (await self._session.execute(query)).scalar_one_or_none()

    async def page(self, *, before: tuple[datetime, UUID] | None, limit: int) -> list[ApiKeyRow]:
        """Keys, newest first, from behind a key of sorting."""
        query = select(ApiKeyRow).where(ApiKeyRow.enterprise_id == self._enterprise_id)
        if before is not None:
            query = query.where(tuple_(ApiKeyRow.created_at, ApiKeyRow.id) < tuple_(*before))
        query = query.order_by(ApiKeyRow.created_at.desc(), ApiKeyRow.id.desc()).limit(limit)
        return list((await self._session.execute(query)).scalars())

    async def count_living(self) -> int:
        here = (ApiKeyRow.enterprise_id == self._enterprise_id, ApiKeyRow.revoked_at.is_(None))
        unexpired = or_(ApiKeyRow.expires_at.is_(None), ApiKeyRow.expires_at > self._now)
        return (await self._session.execute(select(func.count()).select_from(ApiKeyRow).where(*here, unexpired))).scalar_one()

    async def insert(self, values: dict[str, Any]) -> ApiKeyRow:
        row = ApiKeyRow(enterprise_id=self._enterprise_id, **values)
        self._session.add(row)
        await self._session.flush()
        return row

    async def revoke_made_by(self, agent_id: UUID) -> list[ApiKeyRow]:
        """End the living keys that an account has made; returns them."""
        here = and_(ApiKeyRow.enterprise_id == self._enterprise_id, ApiKeyRow.created_by == agent_id, ApiKeyRow.revoked_at.is_(None))
        query = select(ApiKeyRow).where(here).order_by(ApiKeyRow.created_at, ApiKeyRow.id).with_for_update()
        keys = list((await self._session.execute(query.execution_options(populate_existing=True))).scalars())
        for key in keys:
            key.revoked_at = self._now
        await self._session.flush()
        return keys

    async def use(self, key_id: UUID) -> None:
        """Note that a key was used now."""
        here = and_(ApiKeyRow.enterprise_id == self._enterprise_id, ApiKeyRow.id == key_id)
        await self._session.execute(update(ApiKeyRow).where(here).values(last_used_at=self._now))


async def find_api_key(tx: Tx, secret_hash: bytes) -> FoundKey | None:
    """A key that is neither revoked nor expired, made by somebody who may still sign in."""
    query = select(ApiKeyRow).where(
        ApiKeyRow.secret_hash == secret_hash,
        ApiKeyRow.revoked_at.is_(None),
        or_(ApiKeyRow.expires_at.is_(None), ApiKeyRow.expires_at > tx.now),
    )
    row = (await tx.session.execute(query)).scalar_one_or_none()
    if row is None:
        return None
    found = records().where(AgentRow.enterprise_id == row.enterprise_id, AgentRow.id == row.created_by)
    creator = (await tx.session.execute(found)).one_or_none()
    if creator is None or not record(creator).may_sign_in:
        return None
    return FoundKey(row.enterprise_id, row.id, row.points, row.last_used_at, record(creator))

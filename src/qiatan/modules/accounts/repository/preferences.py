"""Queries on what agents prefer."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from qiatan.infra.db import Tx
from qiatan.modules.accounts.models import PreferencesRow as Row


class PreferencesRepository:
    """The preferences of one enterprise's agents."""

    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def of(self, agent_ids: Collection[UUID]) -> dict[UUID, tuple[dict[str, Any], int]]:
        """What is saved, with its version; who never saved anything is left out."""
        query = select(Row.agent_id, Row.settings, Row.version).where(Row.enterprise_id == self._enterprise_id, Row.agent_id.in_(agent_ids))
        return {agent_id: (settings, version) for agent_id, settings, version in await self._session.execute(query)}

    async def save(self, agent_id: UUID, settings: dict[str, Any], *, version: int) -> bool:
        """Replace what has this version (0: nothing was saved yet); False when another page was quicker."""
        if version == 0:
            first = insert(Row).values(enterprise_id=self._enterprise_id, agent_id=agent_id, settings=settings, version=1)
            return (await self._session.execute(first.on_conflict_do_nothing().returning(Row.version))).first() is not None
        again = (
            update(Row)
            .where(Row.enterprise_id == self._enterprise_id, Row.agent_id == agent_id, Row.version == version)
            .values(settings=settings, version=version + 1)
            .returning(Row.version)
            .execution_options(synchronize_session=False)
        )
        return (await self._session.execute(again)).first() is not None

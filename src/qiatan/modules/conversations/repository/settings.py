"""The row of rules an enterprise has, once it has saved some."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from sqlalchemy import select, update
from sqlalchemy.dialects.postgresql import insert

from qiatan.infra.db import Tx
from qiatan.modules.conversations.models import SettingsRow


class SettingsRepository:
    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def get(self) -> tuple[dict[str, Any], int] | None:
        query = select(SettingsRow.value, SettingsRow.version).where(SettingsRow.enterprise_id == self._enterprise_id)
        row = (await self._session.execute(query)).first()
        return None if row is None else (row[0], row[1])

    async def save(self, value: dict[str, Any], *, version: int) -> bool:
        """Replace what was read as `version` (0: nothing was there); False when it is not the current one any more."""
        if version == 0:
            first = insert(SettingsRow).values(enterprise_id=self._enterprise_id, value=value, version=1).on_conflict_do_nothing()
            return (await self._session.execute(first.returning(SettingsRow.version))).first() is not None
        query = (
            update(SettingsRow)
            .where(SettingsRow.enterprise_id == self._enterprise_id, SettingsRow.version == version)
            .values(value=value, version=version + 1)
            .returning(SettingsRow.version)
            .execution_options(synchronize_session=False)
        )
        return (await self._session.execute(query)).first() is not None

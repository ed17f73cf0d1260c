"""What agents have begun to write."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.dialects.postgresql import insert

from qiatan.infra.db import Tx
from qiatan.modules.conversations.models import DraftRow

Row = DraftRow


class DraftRepository:
    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def newest(self, agent_id: UUID, limit: int) -> list[DraftRow]:
        """An agent's drafts that hold something, newest first."""
        query = select(Row).where(Row.enterprise_id == self._enterprise_id, Row.agent_id == agent_id, Row.text != "")
        return list((await self._session.execute(query.order_by(Row.at.desc(), Row.conversation_id).limit(limit))).scalars())

    async def save(self, agent_id: UUID, conversation_id: UUID, *, text: str, note: bool, at: datetime) -> bool:
        """Keep a draft; False when the kept one is as new or newer."""
        values = {"text": text, "note": note, "at": at}
        statement = insert(Row).values(enterprise_id=self._enterprise_id, agent_id=agent_id, conversation_id=conversation_id, **values)
        statement = statement.on_conflict_do_update(
            index_elements=["enterprise_id", "agent_id", "conversation_id"], set_=values, where=Row.at < at
        )
        return (await self._session.execute(statement.returning(Row.at))).first() is not None

    async def get(self, agent_id: UUID, conversation_id: UUID) -> DraftRow | None:
        return await self._session.get(Row, (self._enterprise_id, agent_id, conversation_id), populate_existing=True)

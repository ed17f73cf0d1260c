"""Queries on enterprises."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from sqlalchemy import Text, cast, or_, select

from qiatan.infra.db import Tx
from qiatan.kit.errors import NotFound
from qiatan.modules.accounts.models import EnterpriseRow


class EnterpriseRepository:
    """The one enterprise it was built for."""

    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def get(self) -> EnterpriseRow:
        """The enterprise.

        Raises:
            NotFound: there is none with this id.
        """
        row = await self._session.get(EnterpriseRow, self._enterprise_id)
        if row is None:
            raise NotFound
        return row

    async def lock(self) -> EnterpriseRow:
        """The enterprise, its row locked until the end of the transaction.

        Whatever changes who may do what, or counts against a limit, takes this lock first, so two administrators cannot demote
        each other at the same moment. References to the enterprise (new agents, new conversations) do not wait for it.
        """
        query = (
            select(EnterpriseRow)
            .where(EnterpriseRow.id == self._enterprise_id)
            .with_for_update(key_share=True)
            .execution_options(populate_existing=True)
        )
        row = (await self._session.execute(query)).scalar_one_or_none()
        if row is None:
            raise NotFound
        return row


async def insert_enterprise(tx: Tx, row: EnterpriseRow) -> None:
    tx.session.add(row)
    await tx.session.flush()


async def enterprise_ids(tx: Tx) -> list[UUID]:
    """All enterprises, oldest first. For a system transaction."""
    return list((await tx.session.execute(select(EnterpriseRow.id).order_by(EnterpriseRow.created_at, EnterpriseRow.id))).scalars())


async def enterprises_named(tx: Tx, name: str) -> list[UUID]:
    """The enterprises of this name, or the one whose id it is. For a system transaction."""
    query = select(EnterpriseRow.id).where(or_(EnterpriseRow.name == name, cast(EnterpriseRow.id, Text) == name.lower()))
    return list((await tx.session.execute(query.order_by(EnterpriseRow.id).limit(10))).scalars())


async def showing_typed(tx: Tx, enterprise_ids: Collection[UUID]) -> frozenset[UUID]:
    """Those that let agents see what a visitor types (system transactions)."""
    query = select(EnterpriseRow.id).where(EnterpriseRow.id.in_(enterprise_ids), EnterpriseRow.typing_preview)
    return frozenset((await tx.session.execute(query)).scalars())

"""Queries on what cards are described with: tags, their groups, the enterprise's own fields."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, TypeVar
from uuid import UUID

from sqlalchemy import ColumnElement, delete, func, select, text, update

from qiatan.infra.db import Tx
from qiatan.modules.customers.contracts import TagKind
from qiatan.modules.customers.models import CustomerRow, CustomerTagRow, FieldRow, TagGroupRow, TagRow

_CLAIM = text("SELECT pg_advisory_xact_lock(hashtextextended('card-words:' || CAST(:enterprise AS text), 0))")
Entry = TypeVar("Entry", TagRow, TagGroupRow, FieldRow)
Kinded = TypeVar("Kinded", TagRow, TagGroupRow)


class CatalogueRepository:
    """Tags, groups and fields alike: named, numbered rows, `kind` telling the two kinds of tags apart."""

    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def claim(self) -> None:
        """Be the only one who changes the catalogue until the transaction ends: names stay single, positions dense, limits kept."""
        await self._session.execute(_CLAIM, {"enterprise": self._enterprise_id})

    async def all(self, table: type[Entry], kind: TagKind | None = None) -> list[Entry]:
        query = select(table).where(table.enterprise_id == self._enterprise_id).order_by(table.position, table.id)
        if kind is not None:
            query = query.where(_kind_of(table) == kind)
        return list((await self._session.execute(query)).scalars())

    async def get(self, table: type[Entry], entry_id: UUID) -> Entry | None:
        query = select(table).where(table.enterprise_id == self._enterprise_id, table.id == entry_id)
        return (await self._session.execute(query.execution_options(populate_existing=True))).scalar_one_or_none()

    async def count(self, table: type[Entry], kind: TagKind | None = None) -> int:
        query = select(func.count()).select_from(table).where(table.enterprise_id == self._enterprise_id)
        if kind is not None:
            query = query.where(_kind_of(table) == kind)
        return (await self._session.execute(query)).scalar_one()

    async def taken(self, table: type[Entry], name: str, kind: TagKind | None = None, *, besides: UUID | None = None) -> bool:
        """Whether another has the name, however its letters are written."""
        query = select(table.id).where(table.enterprise_id == self._enterprise_id, func.lower(table.name) == func.lower(name))
        if kind is not None:
            query = query.where(_kind_of(table) == kind)
        if besides is not None:
            query = query.where(table.id != besides)
        return (await self._session.execute(query.limit(1))).first() is not None

    async def add(self, table: type[Kinded], kind: TagKind, *, now: datetime, **values: Any) -> Kinded:
        """Behind all others of its kind."""
        query = select(func.coalesce(func.max(table.position), 0)).where(table.enterprise_id == self._enterprise_id, table.kind == kind)
        position = (await self._session.execute(query)).scalar_one() + 1
        row = table(enterprise_id=self._enterprise_id, kind=kind.value, position=position, created_at=now, version=1, **values)
        self._session.add(row)
        await self._session.flush()
        return row

    async def add_field(self, *, now: datetime, **values: Any) -> FieldRow:
        """Behind all others."""
        query = select(func.coalesce(func.max(FieldRow.position), 0)).where(FieldRow.enterprise_id == self._enterprise_id)
        position = (await self._session.execute(query)).scalar_one() + 1
        row = FieldRow(enterprise_id=self._enterprise_id, position=position, created_at=now, version=1, **values)
        self._session.add(row)
        await self._session.flush()
        return row

    async def delete(self, table: type[Entry], entry_id: UUID) -> None:
        await self._session.execute(delete(table).where(table.enterprise_id == self._enterprise_id, table.id == entry_id))

    async def set_order(self, rows: Sequence[Entry], order: Sequence[UUID]) -> None:
        places = {entry_id: place for place, entry_id in enumerate(order, start=1)}
        for row in rows:
            if row.position != places[row.id]:
                row.position = places[row.id]
        await self._session.flush()

    async def leave_group(self, group_id: UUID) -> None:
        """The tags of a group stand in none from now on."""
        await self._session.execute(
            update(TagRow)
            .where(TagRow.enterprise_id == self._enterprise_id, TagRow.group_id == group_id)
            .values(group_id=None, version=TagRow.version + 1)
            .execution_options(synchronize_session=False)
        )

    async def customer_uses(self) -> dict[UUID, int]:
        """On how many customers each tag hangs; unused ones are absent."""
        query = (
            select(CustomerTagRow.tag_id, func.count())
            .where(CustomerTagRow.enterprise_id == self._enterprise_id)
            .group_by(CustomerTagRow.tag_id)
        )
        return dict((await self._session.execute(query)).all())

    async def drop_values(self, key: str, limit: int, *, after: UUID | None) -> UUID | None:
        """Take a field's value off some customers that have one, in the order of ids; the last of them, None where there are no more.

        `after`: where the batch before has ended. Who was looked at is not looked at again.
        """
        some = select(CustomerRow.id).where(CustomerRow.enterprise_id == self._enterprise_id, CustomerRow.fields.has_key(key))
        if after is not None:
            some = some.where(CustomerRow.id > after)
        ids = list((await self._session.execute(some.order_by(CustomerRow.id).limit(limit).with_for_update(key_share=True))).scalars())
        if ids:
            await self._session.execute(
                update(CustomerRow)
                .where(CustomerRow.enterprise_id == self._enterprise_id, CustomerRow.id.in_(ids))
                .values(fields=CustomerRow.fields.delete_path([key]))
                .execution_options(synchronize_session=False)
            )
        return ids[-1] if len(ids) == limit else None


def _kind_of(table: type[Entry]) -> ColumnElement[str]:
    column: ColumnElement[str] = table.__table__.c.kind
    return column

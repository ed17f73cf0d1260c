"""Queries on cards: who customers are, and how that was changed."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement, Row, Text, and_, cast, delete, false, func, insert, or_, select, tuple_, update

from qiatan.infra.db import Tx, is_one_of
from qiatan.modules.customers.contracts import TagKind
from qiatan.modules.customers.models import ChangeRow, CustomerRow, CustomerTagRow, TagRow
from qiatan.modules.customers.rules import email_key, id_part, phone_part

SAME_CONTACT_COUNTED = 20


class CustomerRepository:
    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def add(self, customer_id: UUID, now: datetime) -> CustomerRow:
        row = CustomerRow(
            enterprise_id=self._enterprise_id,
            id=customer_id,
            fields={},
            attributes={},
            vip=False,
            created_at=now,
            last_seen_at=now,
            version=1,
        )
        self._session.add(row)
        await self._session.flush()
        return row

    async def get(self, customer_id: UUID) -> CustomerRow | None:
        return await self._session.get(CustomerRow, (self._enterprise_id, customer_id))

    async def get_all(self, customer_ids: Collection[UUID]) -> Sequence[CustomerRow]:
        query = select(CustomerRow).where(CustomerRow.enterprise_id == self._enterprise_id, is_one_of(CustomerRow.id, customer_ids))
        return (await self._session.execute(query)).scalars().all()

    async def names(self, customer_ids: Iterable[UUID]) -> Sequence[Row[UUID, str | None, bool]]:
        query = select(CustomerRow.id, CustomerRow.name, CustomerRow.vip).where(
            CustomerRow.enterprise_id == self._enterprise_id, is_one_of(CustomerRow.id, customer_ids)
        )
        return (await self._session.execute(query)).all()

    async def find(self, words: str, *, seen: Callable[[ColumnElement[UUID]], ColumnElement[bool]], limit: int) -> Sequence[CustomerRow]:
        """Whose name, phone or e-mail contains the words, of those for whose id `seen` holds; who was here last comes first."""
        ways = [CustomerRow.name.icontains(words, autoescape=True), CustomerRow.email_key.contains(email_key(words), autoescape=True)]
        digits, mark = phone_part(words), id_part(words)
        if digits is not None:
            ways.append(CustomerRow.phone_key.contains(digits))
        if mark is not None:
            ways.append(and_(CustomerRow.name.is_(None), func.right(cast(CustomerRow.id, Text), 5).startswith(mark)))
        query = (
            select(CustomerRow)
            .where(CustomerRow.enterprise_id == self._enterprise_id, or_(*ways), seen(CustomerRow.__table__.c.id))
            .order_by(CustomerRow.last_seen_at.desc(), CustomerRow.id.desc())
            .limit(limit)
        )
        return (await self._session.execute(query)).scalars().all()

    async def locked(self, customer_id: UUID, *, alone: bool = False) -> CustomerRow | None:
        """Under a lock that other changes wait for; `alone`: that those wait for too who would open a conversation of theirs."""
        query = select(CustomerRow).where(CustomerRow.enterprise_id == self._enterprise_id, CustomerRow.id == customer_id)
        query = query.with_for_update(key_share=not alone).execution_options(populate_existing=True)
        return (await self._session.execute(query)).scalar_one_or_none()

    async def touch(self, customer_id: UUID, now: datetime, at_least: timedelta) -> None:
        """Note that they are here, unless that was noted within `at_least`."""
        await self._session.execute(
            update(CustomerRow)
            .where(
                CustomerRow.enterprise_id == self._enterprise_id,
                CustomerRow.id == customer_id,
                CustomerRow.last_seen_at < now - at_least,
            )
            .values(last_seen_at=now)
        )

    async def same_contact(self, row: CustomerRow) -> int:
        """How many others have this phone or e-mail, counted up to twenty."""
        if row.phone_key is None and row.email_key is None:
            return 0
        same = or_(
            CustomerRow.phone_key == row.phone_key if row.phone_key is not None else false(),
            CustomerRow.email_key == row.email_key if row.email_key is not None else false(),
        )
        some = (
            select(CustomerRow.id)
            .where(CustomerRow.enterprise_id == self._enterprise_id, CustomerRow.id != row.id, same)
            .limit(SAME_CONTACT_COUNTED)
            .subquery()
        )
        return (await self._session.execute(select(func.count()).select_from(some))).scalar_one()

    # -- tags

    async def tags_of(self, customer_ids: Collection[UUID]) -> dict[UUID, list[TagRow]]:
        """The tags on each of these customers, in the catalogue's order; who has none is absent."""
        query = (
            select(CustomerTagRow.customer_id, TagRow)
            .join(TagRow, and_(TagRow.enterprise_id == CustomerTagRow.enterprise_id, TagRow.id == CustomerTagRow.tag_id))
            .where(CustomerTagRow.enterprise_id == self._enterprise_id, is_one_of(CustomerTagRow.customer_id, customer_ids))
            .order_by(TagRow.position, TagRow.id)
        )
        found: dict[UUID, list[TagRow]] = {}
        for customer_id, tag in await self._session.execute(query):
            found.setdefault(customer_id, []).append(tag)
        return found

    async def known_tags(self, tag_ids: Collection[UUID], kind: TagKind) -> list[TagRow]:
        """Those of these that are tags of the kind, in the catalogue's order. They cannot be deleted before this transaction ends."""
        query = (
            select(TagRow)
            .where(TagRow.enterprise_id == self._enterprise_id, TagRow.kind == kind, is_one_of(TagRow.id, tag_ids))
            .order_by(TagRow.position, TagRow.id)
            .with_for_update(read=True, key_share=True)
        )
        return list((await self._session.execute(query)).scalars())

    async def tags(self, tag_ids: Collection[UUID]) -> list[TagRow]:
        """In the catalogue's order."""
        query = select(TagRow).where(TagRow.enterprise_id == self._enterprise_id, is_one_of(TagRow.id, tag_ids))
        return list((await self._session.execute(query.order_by(TagRow.position, TagRow.id))).scalars())

    async def set_tags(self, customer_id: UUID, tag_ids: Collection[UUID], now: datetime) -> None:
        """These and no others; what was there keeps its time."""
        await self._session.execute(
            delete(CustomerTagRow).where(
                CustomerTagRow.enterprise_id == self._enterprise_id,
                CustomerTagRow.customer_id == customer_id,
                CustomerTagRow.tag_id.not_in(tag_ids),
            )
        )
        held = select(CustomerTagRow.tag_id).where(
            CustomerTagRow.enterprise_id == self._enterprise_id, CustomerTagRow.customer_id == customer_id
        )
        there = set((await self._session.execute(held)).scalars())
        fresh = [
            {"enterprise_id": self._enterprise_id, "customer_id": customer_id, "tag_id": tag_id, "at": now}
            for tag_id in tag_ids
            if tag_id not in there
        ]
        if fresh:
            await self._session.execute(insert(CustomerTagRow), fresh)

    # -- history

    async def note_changes(self, changes: Sequence[Mapping[str, Any]]) -> None:
        if changes:
            await self._session.execute(insert(ChangeRow), [{"enterprise_id": self._enterprise_id, **change} for change in changes])

    async def changes(self, customer_id: UUID, *, field: str | None, after: tuple[datetime, UUID] | None, limit: int) -> list[ChangeRow]:
        """Newest first."""
        query = select(ChangeRow).where(ChangeRow.enterprise_id == self._enterprise_id, ChangeRow.customer_id == customer_id)
        if field is not None:
            query = query.where(ChangeRow.field == field)
        if after is not None:
            query = query.where(tuple_(ChangeRow.at, ChangeRow.id) < after)
        query = query.order_by(ChangeRow.at.desc(), ChangeRow.id.desc()).limit(limit)
        return list((await self._session.execute(query)).scalars())

"""Every query on customers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from sqlalchemy import Row, select, update

from qiatan.infra.db import Tx
from qiatan.modules.customers.models import CustomerRow


class CustomerRepository:
    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def add(self, customer_id: UUID, now: datetime) -> CustomerRow:
        row = CustomerRow(enterprise_id=self._enterprise_id, id=customer_id, created_at=now, last_seen_at=now, version=1)
        self._session.add(row)
        await self._session.flush()
        return row

    async def get(self, customer_id: UUID) -> CustomerRow | None:
        return await self._session.get(CustomerRow, (self._enterprise_id, customer_id))

    async def get_all(self, customer_ids: Collection[UUID]) -> Sequence[CustomerRow]:
        query = select(CustomerRow).where(CustomerRow.enterprise_id == self._enterprise_id, CustomerRow.id.in_(customer_ids))
        return (await self._session.execute(query)).scalars().all()

    async def names(self, customer_ids: Iterable[UUID]) -> Sequence[Row[UUID, str | None, bool]]:
        query = select(CustomerRow.id, CustomerRow.name, CustomerRow.vip).where(
            CustomerRow.enterprise_id == self._enterprise_id, CustomerRow.id.in_(list(customer_ids))
        )
        return (await self._session.execute(query)).all()

    async def change(self, customer_id: UUID, version: int, **values: object) -> CustomerRow | None:
        """None when the version is not the current one any more."""
        query = (
            update(CustomerRow)
            .where(CustomerRow.enterprise_id == self._enterprise_id, CustomerRow.id == customer_id, CustomerRow.version == version)
            .values(version=CustomerRow.version + 1, **values)
            .returning(CustomerRow)
            .execution_options(populate_existing=True)
        )
        return (await self._session.execute(query)).scalar_one_or_none()

    async def locked(self, customer_id: UUID) -> CustomerRow | None:
        query = select(CustomerRow).where(CustomerRow.enterprise_id == self._enterprise_id, CustomerRow.id == customer_id)
        query = query.with_for_update(key_share=True).execution_options(populate_existing=True)
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

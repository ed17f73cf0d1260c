"""Every query on tokens and visits."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import case, delete, func, literal, literal_column, or_, select, update
from sqlalchemy.dialects.postgresql import JSONB, distinct_on

from qiatan.infra.db import Tx, is_among
from qiatan.modules.channels import service as channels
from qiatan.modules.customers import service as customers
from qiatan.modules.visitors.contracts import VisitPage
from qiatan.modules.visitors.models import TokenRow, VisitRow


class TokenRepository:
    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def living(self, token_hash: bytes, channel_id: UUID, now: datetime) -> TokenRow | None:
        query = select(TokenRow).where(
            TokenRow.enterprise_id == self._enterprise_id,
            TokenRow.token_hash == token_hash,
            TokenRow.channel_id == channel_id,
            TokenRow.expires_at > now,
        )
        return (await self._session.execute(query)).scalar_one_or_none()

    def add(self, **values: Any) -> None:
        self._session.add(TokenRow(enterprise_id=self._enterprise_id, **values))

    async def renew(self, token_id: UUID, expires_at: datetime) -> None:
        """Move the expiry on, unless the token was replaced meanwhile."""
        await self._session.execute(self._current(token_id).values(expires_at=expires_at))

    async def replace(self, token_id: UUID, now: datetime, until: datetime) -> None:
        """Let the token live on until then only; the first replacement counts."""
        await self._session.execute(self._current(token_id).values(replaced_at=now, expires_at=until))

    def _current(self, token_id: UUID) -> Any:
        return update(TokenRow).where(
            TokenRow.enterprise_id == self._enterprise_id, TokenRow.id == token_id, TokenRow.replaced_at.is_(None)
        )


class TokenDirectory:
    """Finds who a token belongs to, and sweeps: only in a transaction across enterprises."""

    def __init__(self, tx: Tx) -> None:
        if not tx.is_system:
            raise RuntimeError("tokens are looked up across enterprises, in a system transaction")
        self._session = tx.session

    async def living(self, token_hash: bytes, now: datetime, address_group: str | None) -> tuple[TokenRow, bool] | None:
        """The token's row, while it has not expired and its channel is switched on, and whether its customer is shut out (F17)."""
        shut_out = or_(
            customers.shut_out(TokenRow.enterprise_id, TokenRow.customer_id, now),
            customers.shut_out_from(TokenRow.enterprise_id, address_group, now),
        )
        query = select(TokenRow, shut_out).where(
            TokenRow.token_hash == token_hash,
            TokenRow.expires_at > now,
            channels.enabled_channel(TokenRow.enterprise_id, TokenRow.channel_id),
        )
        found = (await self._session.execute(query)).first()
        return None if found is None else (found[0], bool(found[1]))

    async def still_living(self, tokens: Collection[tuple[UUID, UUID]], now: datetime) -> set[UUID]:
        query = select(TokenRow.id).where(
            is_among(TokenRow.enterprise_id, TokenRow.id, tokens),
            TokenRow.expires_at > now,
            channels.enabled_channel(TokenRow.enterprise_id, TokenRow.channel_id),
        )
        return set((await self._session.execute(query)).scalars())

    async def shut_out(self, tokens: Collection[tuple[UUID, UUID]], now: datetime) -> set[UUID]:
        """Whose customers are on the blacklist."""
        query = select(TokenRow.id).where(
            is_among(TokenRow.enterprise_id, TokenRow.id, tokens), customers.shut_out(TokenRow.enterprise_id, TokenRow.customer_id, now)
        )
        return set((await self._session.execute(query)).scalars())

    async def delete_expired(self, before: datetime, limit: int) -> int:
        """How many were deleted."""
        old = select(TokenRow.enterprise_id, TokenRow.id).where(TokenRow.expires_at < before).limit(limit).subquery()
        query = delete(TokenRow).where(TokenRow.enterprise_id == old.c.enterprise_id, TokenRow.id == old.c.id).returning(TokenRow.id)
        return len((await self._session.execute(query)).all())


class VisitRepository:
    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def latest(self, customer_id: UUID) -> VisitRow | None:
        query = (
            select(VisitRow)
            .where(VisitRow.enterprise_id == self._enterprise_id, VisitRow.customer_id == customer_id)
            .order_by(VisitRow.last_seen_at.desc())
            .limit(1)
        )
        return (await self._session.execute(query)).scalar_one_or_none()

    async def track(self, customer_id: UUID) -> list[VisitPage]:
        """The pages of the latest visit, oldest first."""
        query = (
            select(VisitRow.track)
            .where(VisitRow.enterprise_id == self._enterprise_id, VisitRow.customer_id == customer_id)
            .order_by(VisitRow.last_seen_at.desc())
            .limit(1)
        )
        return [VisitPage.model_validate(page) for page in (await self._session.execute(query)).scalar_one_or_none() or []]

    def add_page(self, row: VisitRow, page: VisitPage, most: int) -> None:
        """Put a page behind those of the visit; of more than `most` the oldest goes.

        The database adds it, as two tabs may tell of theirs at once.
        """
        full = func.jsonb_array_length(VisitRow.track) >= most
        kept = case((full, VisitRow.track.op("-")(literal_column("0"))), else_=VisitRow.track)
        row.track = kept.op("||")(literal([page.model_dump(mode="json")], JSONB))

    def name_last_page(self, row: VisitRow, title: str | None) -> None:
        """The page that is looked at has another title now."""
        row.track = func.jsonb_set(VisitRow.track, literal_column("'{-1,title}'"), literal(title, JSONB))

    async def newest_pages(self, limit: int) -> list[str]:
        """The pages of the visits that began last; ids are made in the order of time."""
        newest = select(VisitRow.page_url).where(VisitRow.enterprise_id == self._enterprise_id).order_by(VisitRow.id.desc()).limit(limit)
        return [page for page in (await self._session.execute(newest)).scalars() if page is not None]

    async def latest_of(self, customer_ids: Collection[UUID]) -> Sequence[VisitRow]:
        """The latest visit of each of these customers."""
        query = (
            select(VisitRow)
            .where(VisitRow.enterprise_id == self._enterprise_id, VisitRow.customer_id.in_(customer_ids))
            .ext(distinct_on(VisitRow.customer_id))
            .order_by(VisitRow.customer_id, VisitRow.last_seen_at.desc())
        )
        return (await self._session.execute(query)).scalars().all()

    async def add(self, **values: Any) -> VisitRow:
        row = VisitRow(enterprise_id=self._enterprise_id, **values)
        self._session.add(row)
        await self._session.flush()
        return row

"""Every query on quick replies."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy import ARRAY, ColumnElement, Row, Uuid, and_, case, cast, column, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from qiatan.infra.db import Tx
from qiatan.modules.replies.models import EntryRow, GroupRow, ShelfRow, UseRow

INSERTED_AT_ONCE = 500

Entry = Sequence[Any]
"""Columns in the order of `_BRIEF`."""

_BRIEF = (
    EntryRow.id,
    EntryRow.agent_id,
    EntryRow.group_id,
    EntryRow.position,
    EntryRow.title,
    EntryRow.text,
    EntryRow.kind,
    EntryRow.pinyin,
    EntryRow.initials,
    EntryRow.uses,
    EntryRow.version,
)


class Shelf(NamedTuple):
    """The version of an owner's entries, and the one in which an entry was deleted last."""

    version: int
    removed_in: int


class Shelves(NamedTuple):
    everybodys: Shelf
    own: Shelf


class ReplyRepository:
    """One enterprise's. `owner` is an agent, or None for what is everybody's."""

    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    # -- shelves

    async def touch(self, owner: UUID | None) -> int:
        """A new version of an owner's shelf, which holds up other changes of it until the end of the transaction."""
        query = (
            upsert(ShelfRow)
            .values(enterprise_id=self._enterprise_id, id=owner or self._enterprise_id, version=1)
            .on_conflict_do_update(index_elements=["enterprise_id", "id"], set_={"version": ShelfRow.version + 1})
            .returning(ShelfRow.version)
        )
        return (await self._session.execute(query)).scalar_one()

    async def shelves(self, agent_id: UUID) -> Shelves:
        """Of the enterprise and the agent; all 0 where nothing ever was."""
        query = select(ShelfRow.id, ShelfRow.version, ShelfRow.removed_in).where(
            ShelfRow.enterprise_id == self._enterprise_id, ShelfRow.id.in_([self._enterprise_id, agent_id])
        )
        found = {row.id: Shelf(row.version, row.removed_in) for row in await self._session.execute(query)}
        nothing = Shelf(0, 0)
        return Shelves(found.get(self._enterprise_id, nothing), found.get(agent_id, nothing))

    # -- reading

    async def groups(self, *owners: UUID | None) -> list[GroupRow]:
        """The owners' groups, the enterprise's first, each in order."""
        query = (
            select(GroupRow)
            .where(GroupRow.enterprise_id == self._enterprise_id, _of(GroupRow.agent_id, owners))
            .order_by(GroupRow.agent_id.nulls_first(), GroupRow.position, GroupRow.id)
        )
        return list((await self._session.execute(query)).scalars())

    async def entries(self, agent_id: UUID, since: tuple[int, int] | None = None) -> Sequence[Entry]:
        """What an agent may use, the enterprise's first, each group in order; without documents. With `since` only what is other than in
        those versions of the enterprise's shelf and the agent's."""
        query = (
            select(*_BRIEF)
            .where(EntryRow.enterprise_id == self._enterprise_id, _of(EntryRow.agent_id, (None, agent_id)))
            .order_by(EntryRow.agent_id.nulls_first(), EntryRow.group_id.nulls_first(), EntryRow.position, EntryRow.id)
        )
        if since is not None:
            query = query.where(EntryRow.changed_in > case((EntryRow.agent_id.is_(None), since[0]), else_=since[1]))
        return (await self._session.execute(query)).all()

    async def all_ids(self, agent_id: UUID) -> list[UUID]:
        """Of what `entries` has."""
        query = select(EntryRow.id).where(EntryRow.enterprise_id == self._enterprise_id, _of(EntryRow.agent_id, (None, agent_id)))
        return list((await self._session.execute(query)).scalars())

    async def entry(self, agent_id: UUID, entry_id: UUID) -> Entry | None:
        """One of them, followed by its document, and when and by whom it was changed last."""
        query = select(*_BRIEF, EntryRow.document, EntryRow.updated_at, EntryRow.updated_by).where(
            EntryRow.enterprise_id == self._enterprise_id, EntryRow.id == entry_id, _of(EntryRow.agent_id, (None, agent_id))
        )
        return (await self._session.execute(query)).one_or_none()

    async def uses(self, agent_id: UUID, entry_id: UUID | None = None) -> dict[UUID, tuple[int, datetime]]:
        """How often and when last an agent used each entry, or this one.

        A query of its own: joined to ten thousand entries that came with an import a moment ago, of which the planner does not know
        yet, it took half a minute.
        """
        query = select(UseRow.entry_id, UseRow.uses, UseRow.used_at).where(
            UseRow.enterprise_id == self._enterprise_id, UseRow.agent_id == agent_id
        )
        if entry_id is not None:
            query = query.where(UseRow.entry_id == entry_id)
        return {row.entry_id: (row.uses, row.used_at) for row in await self._session.execute(query)}

    async def group(self, group_id: UUID) -> GroupRow | None:
        return await self._session.get(GroupRow, (self._enterprise_id, group_id), populate_existing=True)

    async def get(self, entry_id: UUID) -> EntryRow | None:
        return await self._session.get(EntryRow, (self._enterprise_id, entry_id), populate_existing=True)

    async def count(self, owner: UUID | None) -> int:
        query = select(func.count()).where(EntryRow.enterprise_id == self._enterprise_id, _of(EntryRow.agent_id, (owner,)))
        return (await self._session.execute(query)).scalar_one()

    async def ids(self, owner: UUID | None) -> Sequence[Row[UUID, UUID | None]]:
        """(id, group) of all an owner has."""
        query = select(EntryRow.id, EntryRow.group_id).where(
            EntryRow.enterprise_id == self._enterprise_id, _of(EntryRow.agent_id, (owner,))
        )
        return (await self._session.execute(query)).all()

    async def plain(self, owner: UUID | None) -> Sequence[Row[str | None, str, str]]:
        """(group's name, title, text) of the plain entries of an owner, in order: those in no group, then group by group."""
        query = (
            select(GroupRow.name.label("group"), EntryRow.title, EntryRow.text)
            .outerjoin(GroupRow, and_(GroupRow.enterprise_id == EntryRow.enterprise_id, GroupRow.id == EntryRow.group_id))
            .where(EntryRow.enterprise_id == self._enterprise_id, _of(EntryRow.agent_id, (owner,)), EntryRow.kind == "plain")
            .order_by(GroupRow.position.nulls_first(), GroupRow.id.nulls_first(), EntryRow.position, EntryRow.id)
        )
        return (await self._session.execute(query)).all()

    async def count_rich(self, owner: UUID | None) -> int:
        query = select(func.count()).where(
            EntryRow.enterprise_id == self._enterprise_id, _of(EntryRow.agent_id, (owner,)), EntryRow.kind == "rich"
        )
        return (await self._session.execute(query)).scalar_one()

    async def last_positions(self, owner: UUID | None) -> dict[UUID | None, int]:
        """By group (None: in none), the position of its last entry."""
        query = (
            select(EntryRow.group_id, func.max(EntryRow.position).label("last"))
            .where(EntryRow.enterprise_id == self._enterprise_id, _of(EntryRow.agent_id, (owner,)))
            .group_by(EntryRow.group_id)
        )
        return {row.group_id: row.last for row in await self._session.execute(query)}

    # -- writing

    async def add(self, row: EntryRow | GroupRow) -> None:
        self._session.add(row)
        await self._session.flush()

    async def add_many(self, rows: list[dict[str, Any]]) -> None:
        """New entries; `enterprise_id` is added to each."""
        for start in range(0, len(rows), INSERTED_AT_ONCE):
            some = [{"enterprise_id": self._enterprise_id, **row} for row in rows[start : start + INSERTED_AT_ONCE]]
            await self._session.execute(insert(EntryRow), some)

    async def remove(self, row: EntryRow | GroupRow) -> None:
        await self._session.delete(row)
        await self._session.flush()

    async def empty_group(self, group_id: UUID, after: int) -> int:
        """Take all entries out of a group, in their order, to come after a position; answers how many."""
        ranked = (
            select(EntryRow.id, func.row_number().over(order_by=(EntryRow.position, EntryRow.id)).label("rank"))
            .where(EntryRow.enterprise_id == self._enterprise_id, EntryRow.group_id == group_id)
            .subquery()
        )
        query = (
            update(EntryRow)
            .where(EntryRow.enterprise_id == self._enterprise_id, EntryRow.id == ranked.c.id)
            .values(group_id=None, position=ranked.c.rank + after)
            .returning(EntryRow.id)
        )
        return len((await self._session.execute(query)).all())

    async def order_groups(self, ids: Sequence[UUID]) -> None:
        order = _order(ids)
        await self._session.execute(
            update(GroupRow)
            .where(GroupRow.enterprise_id == self._enterprise_id, GroupRow.id == order.c.id)
            .values(position=order.c.position)
            .execution_options(synchronize_session=False)
        )

    async def order_entries(self, group_id: UUID | None, ids: Sequence[UUID]) -> None:
        order = _order(ids)
        await self._session.execute(
            update(EntryRow)
            .where(EntryRow.enterprise_id == self._enterprise_id, EntryRow.id == order.c.id)
            .values(group_id=group_id, position=order.c.position)
            .execution_options(synchronize_session=False)
        )

    async def use(self, entry_id: UUID, agent_id: UUID) -> bool:
        """Count a use by anybody; False where the agent has no such entry."""
        query = (
            update(EntryRow)
            .where(EntryRow.enterprise_id == self._enterprise_id, EntryRow.id == entry_id, _of(EntryRow.agent_id, (None, agent_id)))
            .values(uses=EntryRow.uses + 1)
            .returning(EntryRow.id)
            .execution_options(synchronize_session=False)
        )
        return (await self._session.execute(query)).scalar_one_or_none() is not None

    async def note_use(self, entry_id: UUID, agent_id: UUID, now: datetime) -> None:
        """Count a use by this agent."""
        await self._session.execute(
            upsert(UseRow)
            .values(enterprise_id=self._enterprise_id, agent_id=agent_id, entry_id=entry_id, uses=1, used_at=now)
            .on_conflict_do_update(index_elements=["enterprise_id", "agent_id", "entry_id"], set_={"uses": UseRow.uses + 1, "used_at": now})
        )


def _of(owner: Any, owners: Sequence[UUID | None]) -> ColumnElement[bool]:
    return or_(*(owner.is_(None) if one is None else owner == one for one in owners))


def _order(ids: Sequence[UUID]) -> Any:
    """The ids with their places, from 1."""
    listed = cast(list(ids), ARRAY(Uuid()))
    return func.unnest(listed).table_valued(column("id", Uuid()), with_ordinality="position").render_derived(name="wanted")


_SHORT = (
    select(UseRow.enterprise_id, UseRow.entry_id, func.sum(UseRow.uses).label("uses"))
    .group_by(UseRow.enterprise_id, UseRow.entry_id)
    .subquery("counted")
)
"""What agents have used. Programs count for everybody only, so an entry may have more uses than that, and never fewer."""


def _is_short(enterprise_id: UUID) -> ColumnElement[bool]:
    return and_(
        EntryRow.enterprise_id == enterprise_id,
        _SHORT.c.enterprise_id == EntryRow.enterprise_id,
        _SHORT.c.entry_id == EntryRow.id,
        EntryRow.uses < _SHORT.c.uses,
    )


async def drifted_uses(tx: Tx, enterprise_id: UUID) -> int:
    """How many entries of an enterprise were used more often by its agents than by everybody. Must be 0."""
    return int((await tx.session.execute(select(func.count()).select_from(EntryRow, _SHORT).where(_is_short(enterprise_id)))).scalar_one())


async def mend_uses(tx: Tx) -> int:
    """Raise the uses of such entries to what their agents' add up to; returns of how many."""
    mended = update(EntryRow).where(_is_short(tx.enterprise_id)).values(uses=_SHORT.c.uses).returning(EntryRow.id)
    return len((await tx.session.execute(mended.execution_options(synchronize_session=False))).all())

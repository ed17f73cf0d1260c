"""The nodes: which serving processes there are, on all machines (decision 0023).

A node writes its row at the start, renews it, and takes it away when it ends. One that did not for a while is dead, and the others forget
what it said.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import structlog
from sqlalchemy import ColumnElement, Text, delete, not_, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert
from sqlalchemy.orm import Mapped, mapped_column

import qiatan
from qiatan.infra.clock import new_id, ticks
from qiatan.infra.db import Base, Database, Tx
from qiatan.infra.db.migrate import head

log = structlog.get_logger(__name__)

RENEW_SECONDS = 5.0
DEAD_AFTER = timedelta(seconds=20)
FORGOTTEN_AFTER = timedelta(minutes=10)
STEADY_SECONDS = 12.0
"""A node that went without a turn for longer does not judge others for a while."""


class NodeRow(Base):
    """Of no enterprise; the application role does not see it."""

    __tablename__ = "nodes"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    machine: Mapped[str] = mapped_column(Text)
    name: Mapped[str] = mapped_column(Text)
    version: Mapped[str] = mapped_column(Text)
    schema_revision: Mapped[str] = mapped_column(Text)
    started_at: Mapped[datetime]
    seen_at: Mapped[datetime]
    draining: Mapped[bool]
    health: Mapped[dict[str, Any] | None] = mapped_column(JSONB)


@dataclass(slots=True, eq=False)
class Node:
    """This process, as the others know it.

    `machine`: the supervisor (or the single process) it belongs to, the same for all its nodes. `name`: which of them: "1", "2" ….
    """

    machine: str
    name: str = "1"
    id: UUID = field(default_factory=new_id)
    version: str = qiatan.__version__
    schema_revision: str = field(default_factory=head)
    draining: bool = False
    health: dict[str, Any] | None = None
    """What is told of this node with its next sign of life."""

    @classmethod
    def single(cls) -> Node:
        """The only process of its machine."""
        return cls(machine=f"{socket.gethostname()}/{new_id().hex[-8:]}")


class NodeKeeper:
    """Gives signs of life of this node, and sees which others live."""

    def __init__(self, database: Database, node: Node) -> None:
        self.others: frozenset[UUID] = frozenset()
        """The other nodes that live, as seen at the last turn."""
        self.on_gone: list[Callable[[frozenset[UUID]], None]] = []
        """Called with the nodes that lived and do not any more."""
        self.on_turn: list[Callable[[], Awaitable[None]]] = []
        """Awaited after each turn of a node that has lived in order for long enough to judge others."""
        self._database = database
        self._node = node
        self._started: datetime | None = None
        self._steady_since: datetime | None = None
        self._turned_at, self._turned_on = 0.0, datetime.min.replace(tzinfo=UTC)
        self._known: frozenset[UUID] = frozenset()
        self._keeping: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Raises `DatabaseUnavailable`."""
        await self.turn()
        self._keeping = asyncio.create_task(self._keep(), name="node")

    async def close(self) -> None:
        """Take the row away: a node that ends in order is not mistaken for a dead one."""
        if self._keeping is not None:
            self._keeping.cancel()
            with suppress(asyncio.CancelledError):
                await self._keeping
        try:
            async with self._database.system() as tx:
                await tx.session.execute(delete(NodeRow).where(NodeRow.id == self._node.id))
        except Exception as error:  # noqa: BLE001 -- the database may have gone first; the row lapses
            log.info("node.not_signed_off", error=str(error))

    async def turn(self) -> None:
        """One sign of life, and a look at the others."""
        node = self._node
        async with self._database.system() as tx:
            self._started = self._started or tx.now
            said = {
                "machine": node.machine,
                "name": node.name,
                "version": node.version,
                "schema_revision": node.schema_revision,
                "seen_at": tx.now,
                "draining": node.draining,
                "health": node.health,
            }
            statement = insert(NodeRow).values(id=node.id, started_at=self._started, **said)
            await tx.session.execute(statement.on_conflict_do_update(index_elements=[NodeRow.id], set_=said))
            living = frozenset(row.id for row in await living_nodes(tx)) - {node.id}
            await tx.session.execute(delete(NodeRow).where(not_(_around(tx.now, FORGOTTEN_AFTER))))
            if self._steady_since is None or ticks() - self._turned_at > STEADY_SECONDS or self._was_set(tx.now):
                # What kept this node from its turns (a database that was away), or set its clock, does so with the others too: they
                # are to come first.
                self._steady_since = tx.now
            self._turned_at, self._turned_on = ticks(), tx.now
            may_judge = tx.now - self._steady_since >= DEAD_AFTER
        self.others = living
        if not may_judge:
            self._known |= living
            return
        gone, self._known = self._known - living, living
        if gone:
            for tell in self.on_gone:
                tell(gone)
        for work in self.on_turn:
            await work()

    def _was_set(self, now: datetime) -> bool:
        """Whether the clock went on since the last turn as no clock does by itself."""
        passed = (now - self._turned_on).total_seconds()
        return abs(passed - (ticks() - self._turned_at)) > STEADY_SECONDS

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(RENEW_SECONDS)
            try:
                await self.turn()
            except Exception as error:  # noqa: BLE001 -- this loop must live as long as the process
                log.warning("node.not_renewed", error=str(error))


def _around(now: datetime, span: timedelta) -> ColumnElement[bool]:
    """Signs of life of about now. One of the future is of a time when the clock was wrong: whoever gave it may be dead by now."""
    return NodeRow.seen_at.between(now - span, now + span)


async def living_nodes(tx: Tx) -> list[NodeRow]:
    """The nodes that have given a sign of life lately, by machine and name. Needs the system role."""
    query = select(NodeRow).where(_around(tx.now, DEAD_AFTER)).order_by(NodeRow.machine, NodeRow.name, NodeRow.started_at)
    return list((await tx.session.execute(query.execution_options(populate_existing=True))).scalars())


async def all_nodes(tx: Tx) -> list[NodeRow]:
    """All that are known, dead ones too for a while. Needs the system role."""
    query = select(NodeRow).order_by(NodeRow.machine, NodeRow.name, NodeRow.started_at).limit(1_000)
    return list((await tx.session.execute(query.execution_options(populate_existing=True))).scalars())


async def mark_draining(database: Database, node: Node) -> None:
    """This node takes nobody new."""
    node.draining = True
    async with database.system() as tx:
        await tx.session.execute(update(NodeRow).where(NodeRow.id == node.id).values(draining=True))

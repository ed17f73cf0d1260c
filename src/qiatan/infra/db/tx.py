"""One transaction as use cases see it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, cast
from uuid import UUID

from sqlalchemy.ext.asyncio import AsyncSession

from qiatan.kit.events import Event

if TYPE_CHECKING:
    from psycopg import AsyncConnection

    from qiatan.infra.jobs import Job


class Tx:
    """What a use case gets: the session, the enterprise the transaction is bound to, its time, and what it announces.

    `enterprise_id` is None for transactions of the system role. `now` is fixed for the whole transaction. Only `Database` commits.
    """

    def __init__(self, session: AsyncSession, enterprise_id: UUID | None, now: datetime) -> None:
        self.session = session
        self.now = now
        self.events: list[Event] = []
        self.memory: dict[object, object] = {}
        """What the parts of one transaction share, by a key of their own."""
        self.finishers: list[Callable[[], Awaitable[None]]] = []
        self.has_deferred = False
        self._enterprise_id = enterprise_id

    @property
    def enterprise_id(self) -> UUID:
        """The enterprise of this transaction. Asking for it in a system transaction is a programming error."""
        if self._enterprise_id is None:
            raise RuntimeError("this transaction is not bound to an enterprise")
        return self._enterprise_id

    @property
    def is_system(self) -> bool:
        return self._enterprise_id is None

    def emit(self, event: Event) -> None:
        """Announce a fact. It is published after the commit, never when the transaction fails."""
        self.events.append(event)

    def at_end(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do something as the transaction's last statements: what takes a lock that everybody needs holds it for as short as can be."""
        self.finishers.append(work)

    async def defer(self, job: Job, **arguments: Any) -> None:
        """Write a background job into this transaction: it exists exactly when the rest of the transaction does."""
        connection = await self.session.connection()
        raw = await connection.get_raw_connection()
        self.has_deferred = True
        await job.defer(cast("AsyncConnection[Any]", raw.driver_connection), arguments)

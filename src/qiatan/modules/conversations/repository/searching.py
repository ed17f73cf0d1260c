"""Finding words in conversations.

There is no index of words: the messages of at most some thousand conversations, the newest first, are read through (10,000 conversations
with 100,000 messages in some tenths of a second), and who looks further goes on from there.
"""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from sqlalchemy import or_, select, text, tuple_, union_all
from sqlalchemy.exc import DBAPIError

from qiatan.infra.db import Tx
from qiatan.modules.conversations.errors import SearchTooSlow
from qiatan.modules.conversations.models import OPEN, ConversationRow
from qiatan.modules.conversations.repository.conversations import ConversationRepository, Sight

Row = ConversationRow
SECONDS = 2.0
"""How long a whole search may take, however many statements it needs."""
_CANCELED = "57014"
_TIMEOUT = text("SELECT set_config('statement_timeout', :milliseconds, true)")
_NO_TIMEOUT = text("SET LOCAL statement_timeout TO DEFAULT")
# What was withdrawn, and every text but the newest of a message, is found by nobody.
_HITS = text(
    """
    SELECT c.id, found.seq, found.sender_kind, found.body, found.at
      FROM unnest(CAST(:conversations AS uuid[])) AS c (id)
     CROSS JOIN LATERAL (
            SELECT coalesce(m.ref_seq, m.seq) AS seq, m.sender_kind, b.body, m.at
              FROM messages m
             CROSS JOIN LATERAL (SELECT CASE WHEN m.kind = 'file' THEN m.data ->> 'name' ELSE m.text END AS body) b
             WHERE m.enterprise_id = :enterprise AND m.conversation_id = c.id
               AND m.kind IN ('text', 'note', 'rich', 'file', 'edit')
               AND lower(b.body) LIKE lower(:pattern)
               AND NOT EXISTS (SELECT 1 FROM messages w
                                WHERE w.enterprise_id = m.enterprise_id AND w.conversation_id = m.conversation_id
                                  AND w.kind = 'withdrawal' AND w.ref_seq = coalesce(m.ref_seq, m.seq))
               AND NOT EXISTS (SELECT 1 FROM messages e
                                WHERE e.enterprise_id = m.enterprise_id AND e.conversation_id = m.conversation_id
                                  AND e.kind = 'edit' AND e.ref_seq = coalesce(m.ref_seq, m.seq) AND e.seq > m.seq)
             ORDER BY 1 DESC LIMIT :most) AS found
     ORDER BY found.seq DESC
    """
)


@dataclass(frozen=True, slots=True)
class Candidate:
    id: UUID
    customer_id: UUID
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Hit:
    seq: int
    sender_kind: str
    body: str
    at: datetime


class SearchRepository:
    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._tx = tx
        self._session = tx.session
        self._enterprise_id = enterprise_id
        self._until = 0.0

    def begin(self) -> None:
        """From here to `done`, all statements together take no more than `SECONDS`."""
        self._until = time.monotonic() + SECONDS

    @asynccontextmanager
    async def in_time(self) -> AsyncGenerator[None]:
        """For a statement, which gets what is left of the time.

        Raises:
            SearchTooSlow: that was nothing, or too little.
        """
        left = int((self._until - time.monotonic()) * 1000)
        if left <= 0:
            raise SearchTooSlow(retry_after=1)
        await self._session.execute(_TIMEOUT, {"milliseconds": str(left)})
        try:
            yield
        except DBAPIError as error:
            raise SearchTooSlow(retry_after=1) if getattr(error.orig, "sqlstate", None) == _CANCELED else error from error

    async def done(self) -> None:
        await self._session.execute(_NO_TIMEOUT)

    async def candidates(self, sight: Sight, *, since: datetime, after: tuple[datetime, UUID] | None, limit: int) -> Sequence[Candidate]:
        """Conversations that are searched for an agent, newest first: served by them, joined now, or colleagues' in scope; begun `since`
        then, or open still.

        Raises:
            SearchTooSlow
        """
        joined = await ConversationRepository(self._tx, self._enterprise_id).joined_open(sight)
        searched = or_(Row.assignee_id == sight.actor.agent_id, sight.colleagues_condition(), *([Row.id.in_(joined)] if joined else []))
        query = select(Row.id, Row.customer_id, Row.created_at).where(Row.enterprise_id == self._enterprise_id, searched)
        if after is not None:
            query = query.where(tuple_(Row.created_at, Row.id) < after)
        query = query.order_by(Row.created_at.desc(), Row.id.desc()).limit(limit)
        # Apart, so that each goes along an index of its own: together, all that ended long ago would be read to find what is open.
        ways = (query.where(Row.created_at >= since), query.where(Row.created_at < since, OPEN))
        either = union_all(*(way.subquery().select() for way in ways)).subquery()
        async with self.in_time():
            rows = await self._session.execute(select(either).order_by(either.c.created_at.desc(), either.c.id.desc()).limit(limit))
        return [Candidate(row_id, customer_id, created_at) for row_id, customer_id, created_at in rows]

    async def hits(self, conversation_ids: Collection[UUID], pattern: str, *, most: int) -> dict[UUID, list[Hit]]:
        """The newest places, at most `most` in each conversation, where messages match as they read now.

        Raises:
            SearchTooSlow
        """
        if not conversation_ids:
            return {}
        values = {"enterprise": self._enterprise_id, "conversations": list(conversation_ids), "pattern": pattern, "most": most}
        async with self.in_time():
            rows = await self._session.execute(_HITS, values)
        found: dict[UUID, list[Hit]] = {}
        for conversation_id, seq, sender_kind, body, at in rows:
            found.setdefault(conversation_id, []).append(Hit(seq, sender_kind, body, at))
        return found

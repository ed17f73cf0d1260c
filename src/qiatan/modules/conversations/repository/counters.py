"""Counters of conversations against the messages they count. They change in the same transaction, so a difference is a bug."""

from __future__ import annotations

from uuid import UUID

from sqlalchemy import text

from qiatan.infra.db import Tx

# One conversation's counters, counted anew. Parenthesised for use as a lateral table.
_TRUTH = """
    SELECT coalesce(max(m.seq), 0)::int AS head,
           count(*) FILTER (WHERE m.seq > v.agent_read_seq AND m.sender_kind = 'customer'
                              AND m.kind NOT IN ('withdrawal', 'edit'))::int AS agent_unread,
           count(*) FILTER (WHERE m.seq > v.customer_read_seq AND m.sender_kind = 'agent'
                              AND m.kind NOT IN ('withdrawal', 'edit', 'note'))::int AS customer_unread,
           (count(*) FILTER (WHERE m.sender_kind = 'customer' AND m.kind NOT IN ('withdrawal', 'edit'))
            - count(*) FILTER (WHERE m.sender_kind = 'customer' AND m.kind = 'withdrawal'))::int AS from_customer,
           (count(*) FILTER (WHERE m.sender_kind = 'agent' AND m.kind NOT IN ('withdrawal', 'edit', 'note'))
            - count(*) FILTER (WHERE m.sender_kind = 'agent' AND m.kind = 'withdrawal' AND NOT m.data ? 'note'))::int AS from_agent
      FROM messages m
     WHERE m.enterprise_id = v.enterprise_id AND m.conversation_id = v.id
"""
_DIFFERS = """
    (v.head, v.agent_unread, v.customer_unread, v.customer_messages, v.agent_messages)
    IS DISTINCT FROM (truth.head, truth.agent_unread, truth.customer_unread, truth.from_customer, truth.from_agent)
"""
_COUNT = text(
    f"""
    SELECT count(*) FROM conversations v CROSS JOIN LATERAL ({_TRUTH}) AS truth
     WHERE v.status <> 'ended' AND (CAST(:enterprise AS uuid) IS NULL OR v.enterprise_id = :enterprise) AND {_DIFFERS}
    """  # noqa: S608 -- put together from constants
)
_LOCK = text(
    f"""
    SELECT v.id FROM conversations v CROSS JOIN LATERAL ({_TRUTH}) AS truth
     WHERE v.status <> 'ended' AND v.enterprise_id = :enterprise AND {_DIFFERS}
     ORDER BY v.id LIMIT :most FOR NO KEY UPDATE OF v
    """  # noqa: S608 -- as above
)
# A statement of its own: it sees what was written until the rows were locked, and nothing can be written to them any more.
_MEND = text(
    f"""
    UPDATE conversations c
       SET head = truth.head, agent_unread = truth.agent_unread, customer_unread = truth.customer_unread,
           customer_messages = truth.from_customer, agent_messages = truth.from_agent, version = c.version + 1
      FROM conversations v CROSS JOIN LATERAL ({_TRUTH}) AS truth
     WHERE v.enterprise_id = :enterprise AND v.id = ANY(:ids) AND {_DIFFERS}
       AND c.enterprise_id = v.enterprise_id AND c.id = v.id
    RETURNING c.id
    """  # noqa: S608 -- as above
)


async def drifted_counters(tx: Tx, enterprise_id: UUID | None = None) -> int:
    """How many open conversations have a head or a count that differs from their messages, of one enterprise or of all. Must be 0."""
    return int((await tx.session.execute(_COUNT, {"enterprise": enterprise_id})).scalar_one())


async def mend_counters(tx: Tx, *, most: int) -> list[UUID]:
    """Set the counters of open conversations of this enterprise that differ to what their messages say; returns whose."""
    ids = list((await tx.session.execute(_LOCK, {"enterprise": tx.enterprise_id, "most": most})).scalars())
    if not ids:
        return []
    return list((await tx.session.execute(_MEND, {"enterprise": tx.enterprise_id, "ids": ids})).scalars())

"""What routing must know of conversations."""

from __future__ import annotations

from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.modules.conversations.repository import ConversationRepository, system


async def oldest_waiting(tx: Tx) -> UUID | None:
    return await ConversationRepository(tx, tx.enterprise_id).oldest_waiting()


async def active_counts(tx: Tx) -> dict[UUID, int]:
    """Open conversations by the agent who serves them; agents with none are absent."""
    return await ConversationRepository(tx, tx.enterprise_id).active_counts()


async def active_count(tx: Tx, agent_id: UUID) -> int:
    return await ConversationRepository(tx, tx.enterprise_id).active_count(agent_id)


async def enterprises_with_waiting(tx: Tx) -> list[UUID]:
    """Needs the system role."""
    return await system.enterprises_with_waiting(tx)


async def assignees(tx: Tx) -> dict[UUID, set[UUID]]:
    """By enterprise, the agents who hold active conversations. Needs the system role."""
    return await system.assignees(tx)


async def count_drift(tx: Tx) -> int:
    """Open conversations whose counters differ from their messages; must be 0. Needs the system role."""
    return await system.drifted_counters(tx)

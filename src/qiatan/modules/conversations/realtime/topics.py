"""Scope as topics: whom a conversation's frames reach. The twin of `repository.conversations.visible_to`."""

from __future__ import annotations

from collections.abc import Iterable
from uuid import UUID

from qiatan.infra.realtime.hub import Topic


def customer(customer_id: UUID) -> Topic:
    return ("customer", customer_id)


def agent(agent_id: UUID) -> Topic:
    """All connections of one agent."""
    return ("agent", agent_id)


def queue(enterprise_id: UUID) -> Topic:
    """Who looks at the queue."""
    return ("queue", enterprise_id)


def served_by(agent_id: UUID) -> Topic:
    """Who looks at the conversations of one colleague (scope: some groups)."""
    return ("served_by", agent_id)


def everybody(enterprise_id: UUID) -> Topic:
    """Who looks at all conversations (scope: all)."""
    return ("colleagues", enterprise_id)


def one(conversation_id: UUID) -> Topic:
    """Who has this conversation open on the screen without serving it."""
    return ("conversation", conversation_id)


def viewing(conversation_id: UUID) -> Topic:
    """Whose screen shows this conversation now, whoever serves it."""
    return ("viewing", conversation_id)


def looked_at(customer_id: UUID) -> Topic:
    """Whose screen shows one of the customer's conversations now."""
    return ("looked_at", customer_id)


def audience(
    *,
    enterprise_id: UUID,
    conversation_id: UUID,
    customer_id: UUID,
    assignee_id: UUID | None,
    waiting: bool,
    joined_ids: Iterable[UUID] = (),
) -> tuple[Topic, ...]:
    """Everybody who may see a conversation's messages now; its customer comes first."""
    topics = [customer(customer_id), one(conversation_id)]
    if assignee_id is not None:
        topics += [agent(assignee_id), served_by(assignee_id), everybody(enterprise_id)]
    if waiting:
        topics.append(queue(enterprise_id))
    topics += [agent(joined) for joined in joined_ids]
    return tuple(topics)

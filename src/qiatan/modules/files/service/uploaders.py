"""Who sends something up."""

from __future__ import annotations

from uuid import UUID

from qiatan.kit.access import AgentActor, VisitorActor


def uploader_of(actor: AgentActor | VisitorActor) -> tuple[str, UUID]:
    """Kind and id by which files know who sent them."""
    if isinstance(actor, AgentActor):
        return "agent", actor.agent_id
    return "customer", actor.customer_id

"""Whether an agent looks at a page: nobody who does is called."""

from __future__ import annotations

from uuid import UUID

from qiatan.infra.realtime.connection import ASLEEP
from qiatan.infra.realtime.hub import Hub
from qiatan.kit.access import AgentActor


def has_page_awake(hub: Hub, agent_id: UUID) -> bool:
    """Whether a page of this agent is open here and does not sleep. Who looks at the product as them is somebody else."""
    return any(
        isinstance(one.actor, AgentActor) and one.actor.via == "session" and not one.memory.get(ASLEEP)
        for one in hub.listeners(("agent", agent_id))
    )

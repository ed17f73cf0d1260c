"""What a module tells the others: frozen facts, published after the transaction that made them true has been committed.

Events are hints with payload. Who must not miss one writes a job in the same transaction, or works from state that stays true
(waiting conversations stay waiting until somebody serves them).
"""

from __future__ import annotations

from uuid import UUID

from pydantic import BaseModel, ConfigDict


class Event(BaseModel):
    """Base of all events. Each subclass adds `type: Literal["module.what.v1"]` and its payload."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    enterprise_id: UUID

"""What this module tells the others."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from qiatan.kit.events import Event


class RepliesChanged(Event):
    """Entries, groups or their order changed: the enterprise's, or those of one agent (`agent_id`)."""

    type: Literal["replies.changed.v1"] = "replies.changed.v1"
    agent_id: UUID | None

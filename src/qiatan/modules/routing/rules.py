"""Who is next: pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Candidate:
    """An enabled agent with what matters for the choice. `serving` is whether they are online and connected."""

    agent_id: UUID
    serving: bool
    open: int
    maximum: int
    last_assigned_at: datetime | None


def has_place(candidate: Candidate) -> bool:
    return candidate.serving and candidate.open < candidate.maximum


def choose(candidates: Sequence[Candidate]) -> Candidate | None:
    """The serving agent with the fewest open conversations below the maximum; of equals, who has waited longest for one."""
    free = [candidate for candidate in candidates if has_place(candidate)]
    if not free:
        return None
    return min(
        free,
        key=lambda candidate: (
            candidate.open,
            candidate.last_assigned_at is not None,
            candidate.last_assigned_at.timestamp() if candidate.last_assigned_at else 0.0,
            candidate.agent_id,
        ),
    )

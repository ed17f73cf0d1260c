"""Over how long clients that are sent away at once spread their return."""

from __future__ import annotations

RETURNS_A_SECOND = 500
"""How many of them should come back in one second: they are told over how long to spread."""
MOST_AWAY = 5.0


def time_away(count: int) -> float:
    """Over how many seconds so many clients should spread their return: none for a few, at most MOST_AWAY."""
    return round(min(MOST_AWAY, count / RETURNS_A_SECOND), 1)

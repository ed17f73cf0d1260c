"""Rights, as the two built-in roles give them."""

from __future__ import annotations

from qiatan.entrypoints.registry import CATALOGUE


def points_of(role: str) -> frozenset[str]:
    """What a role holds of all points."""
    return frozenset(point.name for point in CATALOGUE if role == "admin" or point.everyday)

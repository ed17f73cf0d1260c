"""Rights, as the built-in roles and the templates give them."""

from __future__ import annotations

from qiatan.entrypoints.registry import CATALOGUE
from qiatan.kit.access import Template


def points_of(role: str) -> frozenset[str]:
    """What a built-in role (`admin`, `agent`) or one made from a template holds of all points."""
    if role in set(Template):
        return frozenset(point.name for point in CATALOGUE if Template(role) in point.templates)
    return frozenset(point.name for point in CATALOGUE if role == "admin" or point.everyday)

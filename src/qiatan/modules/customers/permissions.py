"""The points of this module. Its objects are in scope where a conversation of theirs is."""

from __future__ import annotations

from qiatan.kit.access import SERVING, Point

EDIT = Point(
    "customers.edit", "Change names, VIP marks and tags of customers whose conversations one may see", everyday=True, templates=SERVING
)

POINTS = (EDIT,)

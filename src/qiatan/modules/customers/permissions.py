"""The points of this module. Its customers are in scope where a conversation of theirs is, entries of the blacklist where who made them is."""

from __future__ import annotations

from qiatan.kit.access import HEADS, LEADING, SERVING, Point

EDIT = Point(
    "customers.edit",
    "Change names, marks, tags and fields of customers whose conversations one may see, and write notes on them",
    everyday=True,
    templates=SERVING,
)
EDIT_NOTES = Point("customers.edit_notes", "Change and delete colleagues' notes on customers", templates=LEADING)
BLOCK = Point(
    "customers.block",
    "Put customers whose conversations one may see on the blacklist, and release those that people in one's scope put there",
    everyday=True,
    templates=SERVING,
)
FIELDS = Point("customers.fields", "Make, change and delete the enterprise's own fields of customers", templates=HEADS)
TAGS = Point("tags.edit", "Make, change and delete tags of customers and of conversations", templates=LEADING)

POINTS = (EDIT, EDIT_NOTES, BLOCK, FIELDS, TAGS)

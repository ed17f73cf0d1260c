"""The points of this module. Channels belong to the whole enterprise, so scope does not narrow them."""

from __future__ import annotations

from qiatan.kit.access import HEADS, LEADING, Point

VIEW = Point("channels.view", "See the channels and their settings", templates=LEADING)
EDIT = Point("channels.edit", "Add channels, change their settings, switch them on and off", templates=HEADS)

POINTS = (VIEW, EDIT)

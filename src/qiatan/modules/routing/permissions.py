"""Routing declares no point of its own yet: taking from the queue is `conversations.take`, one's own status is everybody's own."""

from __future__ import annotations

from qiatan.kit.access import Point

POINTS: tuple[Point, ...] = ()

"""The points of this module. A file is in scope where its conversation is, which the conversations decide."""

from __future__ import annotations

from qiatan.kit.access import SERVING, Point

SEND = Point("files.send", "Send pictures to customers", everyday=True, templates=SERVING, personal=True)

POINTS = (SEND,)

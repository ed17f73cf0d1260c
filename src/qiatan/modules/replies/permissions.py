"""The points of this module. The enterprise's entries are everybody's, so scope does not narrow them; one's own are one's own."""

from __future__ import annotations

from qiatan.kit.access import HEADS, LEADING, SERVING, Point

USE = Point("replies.use", "See the quick replies and send them", everyday=True, templates=SERVING)
EDIT_OWN = Point("replies.edit_own", "Write one's own quick replies", everyday=True, templates=SERVING, personal=True)
EDIT = Point("replies.edit", "Write the enterprise's quick replies and order them", templates=LEADING)
TRANSFER = Point("replies.transfer", "Import quick replies from a spreadsheet and export them", templates=HEADS)

POINTS = (USE, EDIT_OWN, EDIT, TRANSFER)

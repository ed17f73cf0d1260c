"""Points of routing. Taking, transferring and joining are points of conversations; one's own status is everybody's own."""

from __future__ import annotations

from qiatan.kit.access import ANALYSING, HEADS, LEADING, Point

VIEW = Point("routing.view", "See how conversations are assigned: rules, queue settings, working hours, reasons, trials", templates=LEADING)
EDIT = Point("routing.edit", "Change how conversations are assigned: rules, queue, transfers, working hours", templates=HEADS)
ATTENDANCE = Point("routing.attendance", "See when colleagues within the scope were online", templates=LEADING | ANALYSING)

POINTS = (VIEW, EDIT, ATTENDANCE)

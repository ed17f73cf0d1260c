"""Permission points of looking after the installation. Administrators hold them; no template does."""

from __future__ import annotations

from qiatan.kit.access import Point

VIEW_SYSTEM = Point("system.view", "See whether the system is well, for whoever gives support")
REPAIR_SYSTEM = Point("system.repair", "Set counters right that differ from what they count", personal=True)

POINTS = (VIEW_SYSTEM, REPAIR_SYSTEM)

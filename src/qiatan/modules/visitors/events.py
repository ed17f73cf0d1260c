"""What visitors announce."""

from __future__ import annotations

from typing import Literal

from qiatan.kit.events import Event
from qiatan.modules.visitors.contracts import Visit


class VisitChanged(Event):
    """A visitor came, or went to another page."""

    type: Literal["visitors.visit_changed.v1"] = "visitors.visit_changed.v1"
    visit: Visit

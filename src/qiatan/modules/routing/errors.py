"""What can be refused here."""

from __future__ import annotations

from qiatan.kit.errors import Fault


class LimitReached(Fault):
    """You serve as many conversations as your maximum allows. End one first, or ask for a higher maximum."""

    code, status = "limit_reached", 409

"""What can be refused here."""

from __future__ import annotations

from qiatan.kit.errors import Fault


class Blocked(Fault):
    """This service is not available."""

    # What a visitor reads stays neutral (F17): it names neither a blacklist nor a reason.
    code, status = "blocked", 403


class AlreadyBlocked(Fault):
    """This customer is on the blacklist already. Release them first to change reason or time."""

    code, status = "already_blocked", 409


class LimitReached(Fault):
    """There are as many of these as allowed. Delete one first."""

    code, status = "limit_reached", 409

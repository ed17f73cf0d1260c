"""What can be refused here."""

from __future__ import annotations

from qiatan.kit.errors import Fault


class TooManyReplies(Fault):
    """There is no room for more quick replies. Delete some that nobody uses, then try again."""

    code, status = "limit_reached", 409


class TooManyGroups(Fault):
    """There is no room for more groups. Delete one that is empty, then try again."""

    code, status = "limit_reached", 409

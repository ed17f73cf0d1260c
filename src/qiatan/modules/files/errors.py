"""Faults of this module."""

from __future__ import annotations

from qiatan.kit.errors import NotFound


class FileNotFound(NotFound):
    """This picture is not there any more. Attach it again."""

    code = "file_not_found"

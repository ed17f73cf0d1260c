"""Faults of this module."""

from __future__ import annotations

from qiatan.kit.errors import Fault


class TooManyChannels(Fault):
    """An enterprise can have 100 channels. Rename and reuse one that is switched off."""

    code, status = "limit_reached", 409

"""What channels announce."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from qiatan.kit.events import Event


class ChannelChanged(Event):
    """A channel was made, changed, or switched on or off."""

    type: Literal["channels.channel_changed.v1"] = "channels.channel_changed.v1"
    channel_id: UUID
    enabled: bool
    version: int

"""Socket door of conversations."""

from qiatan.modules.conversations.realtime.inbound import ConversationDoors
from qiatan.modules.conversations.realtime.outbound import publish

__all__ = ["ConversationDoors", "publish"]

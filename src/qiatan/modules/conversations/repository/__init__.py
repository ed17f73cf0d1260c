"""Every query of this module."""

from qiatan.modules.conversations.repository.append import Appended, NewMessage, append, encode_batch
from qiatan.modules.conversations.repository.conversations import ConversationRepository
from qiatan.modules.conversations.repository.drafts import DraftRepository
from qiatan.modules.conversations.repository.mentions import MentionRepository
from qiatan.modules.conversations.repository.messages import MessageRepository
from qiatan.modules.conversations.repository.searching import SearchRepository
from qiatan.modules.conversations.repository.settings import SettingsRepository

__all__ = [
    "Appended",
    "ConversationRepository",
    "DraftRepository",
    "MentionRepository",
    "MessageRepository",
    "NewMessage",
    "SearchRepository",
    "SettingsRepository",
    "append",
    "encode_batch",
]

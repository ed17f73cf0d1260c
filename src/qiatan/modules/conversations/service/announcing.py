"""Telling what has become of a conversation."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.modules.conversations.contracts import Conversation
from qiatan.modules.conversations.events import ConversationChanged
from qiatan.modules.conversations.models import ConversationRow
from qiatan.modules.conversations.service.present import Known, present_one

Change = Literal["opened", "assigned", "transferred", "released", "ended", "renamed", "joined", "left_by", "changed"]


async def announce(
    tx: Tx, what: Change, row: ConversationRow, *, left: UUID | None = None, by: UUID | None = None, known: Known | None = None
) -> Conversation:
    """The conversation as it is now, which everybody who may see it is told after the commit. `known`: as `present` takes it."""
    conversation = await present_one(tx, row, known)
    tx.emit(ConversationChanged(enterprise_id=tx.enterprise_id, what=what, conversation=conversation, left=left, by=by))
    return conversation

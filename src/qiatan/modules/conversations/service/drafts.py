"""What an agent has begun to write, the same on all their devices."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, require
from qiatan.modules.conversations.contracts import MAX_DRAFTS, Draft, DraftList, SaveDraft
from qiatan.modules.conversations.errors import ConversationNotFound
from qiatan.modules.conversations.events import DraftChanged
from qiatan.modules.conversations.models import DraftRow
from qiatan.modules.conversations.permissions import SERVE
from qiatan.modules.conversations.repository import DraftRepository
from qiatan.modules.conversations.rules import check_draft
from qiatan.modules.conversations.service.finding import visible

OLDEST = timedelta(days=3_660)


async def list_drafts(tx: Tx, actor: AgentActor) -> DraftList:
    """One's own drafts, newest first."""
    require(actor, SERVE)
    rows = await DraftRepository(tx, actor.enterprise_id).newest(actor.agent_id, MAX_DRAFTS)
    return DraftList(items=[_contract(row) for row in rows])


async def save_draft(tx: Tx, actor: AgentActor, conversation_id: UUID, body: SaveDraft) -> Draft:
    """Keep a draft unless a newer one is kept; returns the one that holds now. An empty text removes it.

    A page whose clock is ahead writes as of now, so that it cannot outrun what is written later elsewhere; one that is years behind as of
    ten years ago, so that its time can be read again.

    Raises:
        ConversationNotFound, InvalidInput (the text)
    """
    require(actor, SERVE)
    text = check_draft(body.text)
    row = await visible(tx, actor, conversation_id)
    drafts = DraftRepository(tx, actor.enterprise_id)
    saved = await drafts.save(actor.agent_id, row.id, text=text, note=body.note, at=max(min(body.at, tx.now), tx.now - OLDEST))
    kept = await drafts.get(actor.agent_id, row.id)
    if kept is None:
        raise ConversationNotFound
    draft = _contract(kept)
    if saved:
        tx.emit(DraftChanged(enterprise_id=tx.enterprise_id, agent_id=actor.agent_id, draft=draft))
    return draft


def _contract(row: DraftRow) -> Draft:
    return Draft(conversation_id=row.conversation_id, text=row.text, note=row.note, at=row.at)

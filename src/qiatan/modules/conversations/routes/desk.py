"""What an agent's own desk keeps: the day so far, drafts, and notes in which one was named."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from qiatan.infra.http.guards import Requires
from qiatan.infra.http.transactions import TenantTx
from qiatan.kit.access import AgentActor
from qiatan.kit.cursors import MAX_PAGE, Page
from qiatan.modules.conversations import service
from qiatan.modules.conversations.contracts import Draft, DraftList, Home, Mention, MentionTargets, ReadMentions, SaveDraft
from qiatan.modules.conversations.permissions import SERVE

router = APIRouter()

MAX_WORDS = 100

Server = Annotated[AgentActor, Depends(Requires(SERVE))]


@router.get("/home")
async def get_home(actor: Server, tx: TenantTx) -> Home:
    """One's own day, and today's leaderboard of the colleagues in scope, at most 50."""
    return await service.home(tx, actor)


@router.get("/drafts")
async def list_drafts(actor: Server, tx: TenantTx) -> DraftList:
    """Own drafts, at most 200, newest first."""
    return await service.list_drafts(tx, actor)


@router.put("/conversations/{conversation_id}/draft")
async def save_draft(actor: Server, tx: TenantTx, conversation_id: UUID, body: SaveDraft) -> Draft:
    """Keep what is being written; the answer is the draft that holds now, which may be a newer one of another device."""
    return await service.save_draft(tx, actor, conversation_id, body)


@router.get("/conversations/{conversation_id}/mention-targets")
async def list_mention_targets(
    actor: Server, tx: TenantTx, conversation_id: UUID, q: Annotated[str, Query(max_length=MAX_WORDS)] = ""
) -> MentionTargets:
    """Colleagues who may see the conversation and so may be named in its notes, at most 200; with `q` those whose name contains it."""
    return await service.mention_targets(tx, actor, conversation_id, words=q)


@router.get("/mentions")
async def list_mentions(
    actor: Server, tx: TenantTx, after: str | None = None, limit: Annotated[int, Query(ge=1, le=MAX_PAGE)] = 50
) -> Page[Mention]:
    """Notes in which one was named, unread first, then newest first."""
    return await service.list_mentions(tx, actor, after=after, limit=limit)


@router.put("/mentions/read", status_code=204)
async def read_mentions(actor: Server, tx: TenantTx, body: ReadMentions) -> None:
    await service.read_mentions(tx, actor, body)

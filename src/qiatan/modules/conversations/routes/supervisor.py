"""What supervisors ask by HTTP: joining, internal notes, the rules of conversations."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from qiatan.infra.http.guards import Requires
from qiatan.infra.http.repeats import Repeatable
from qiatan.infra.http.transactions import Shared, TenantTx
from qiatan.kit.access import AgentActor
from qiatan.modules.conversations import service
from qiatan.modules.conversations.contracts import Ack, Conversation, ConversationRules, SaveConversationRules, WriteNote
from qiatan.modules.conversations.permissions import EDIT_RULES, JOIN, SERVE, VIEW_RULES

router = APIRouter(route_class=Repeatable)


@router.post("/conversations/{conversation_id}/join")
async def join_conversation(actor: Annotated[AgentActor, Depends(Requires(JOIN))], tx: TenantTx, conversation_id: UUID) -> Conversation:
    """Join a colleague's conversation; its customer is not told. At most five join."""
    return await service.join(tx, actor, conversation_id)


@router.delete("/conversations/{conversation_id}/join")
async def leave_conversation(actor: Annotated[AgentActor, Depends(Requires(SERVE))], tx: TenantTx, conversation_id: UUID) -> Conversation:
    """One's own joining ends."""
    return await service.leave(tx, actor, conversation_id)


@router.post("/conversations/{conversation_id}/notes")
async def write_note(
    actor: Annotated[AgentActor, Depends(Requires(SERVE))], tx: TenantTx, shared: Shared, conversation_id: UUID, body: WriteNote
) -> Ack:
    """An internal note: customers never get a word of it."""
    service.check_rate(shared.throttle, actor)
    return await service.note(tx, actor, conversation_id, body)


@router.get("/conversation-rules")
async def get_conversation_rules(actor: Annotated[AgentActor, Depends(Requires(VIEW_RULES))], tx: TenantTx) -> ConversationRules:
    return await service.see_rules(tx, actor)


@router.put("/conversation-rules")
async def save_conversation_rules(
    actor: Annotated[AgentActor, Depends(Requires(EDIT_RULES))], tx: TenantTx, body: SaveConversationRules
) -> ConversationRules:
    """Replace the rules; open conversations follow the new ones at once. `version` 0: nothing was saved before."""
    return await service.save_rules(tx, actor, body)

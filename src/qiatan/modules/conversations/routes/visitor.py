"""What the widget asks by HTTP, with the visitor's token."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response

from qiatan.infra.http.downloads import picture_response
from qiatan.infra.http.guards import Visitor
from qiatan.infra.http.transactions import Shared, TenantTx
from qiatan.infra.throttle import Rate
from qiatan.kit.access import VisitorActor
from qiatan.kit.cursors import MAX_PAGE
from qiatan.modules.conversations import service
from qiatan.modules.conversations.contracts import (
    Ack,
    Conversation,
    ConversationList,
    MarkRead,
    MessagePage,
    SendMessage,
    WithdrawMessage,
)

router = APIRouter(prefix="/widget")

Myself = Annotated[VisitorActor, Depends(Visitor())]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]
Seq = Annotated[int | None, Query(ge=0, le=2_000_000_000)]
SeqInPath = Annotated[int, Path(ge=0, le=2_000_000_000)]


@router.get("/conversations")
async def list_own_conversations(actor: Myself, tx: TenantTx) -> ConversationList:
    return await service.list_own(tx, actor)


@router.get("/conversations/{conversation_id}/messages")
async def list_own_messages(
    actor: Myself,
    tx: TenantTx,
    conversation_id: UUID,
    after_seq: Seq = None,
    before_seq: Seq = None,
    limit: Limit = 50,
) -> MessagePage:
    return await service.messages_own(tx, actor, conversation_id, after_seq=after_seq, before_seq=before_seq, limit=limit)


@router.post("/messages")
async def send_own_message(actor: Myself, tx: TenantTx, shared: Shared, message: SendMessage) -> Ack:
    rate = shared.settings.visitor_rate
    shared.throttle.check(f"send:{actor.customer_id}", Rate(burst=max(20, rate // 3), per_minute=rate))
    return await service.send_own(tx, actor, message)


@router.post("/conversations/{conversation_id}/messages/{seq}/withdraw")
async def withdraw_own_message(actor: Myself, tx: TenantTx, conversation_id: UUID, seq: SeqInPath, body: WithdrawMessage) -> Ack:
    return await service.withdraw_own(tx, actor, conversation_id, seq, body.client_message_id)


@router.put("/conversations/{conversation_id}/read", status_code=204)
async def mark_own_conversation_read(actor: Myself, tx: TenantTx, conversation_id: UUID, body: MarkRead) -> None:
    await service.mark_read_own(tx, actor, conversation_id, body.seq)


@router.post("/conversations/{conversation_id}/end")
async def end_own_conversation(actor: Myself, tx: TenantTx, conversation_id: UUID) -> Conversation:
    return await service.end_own(tx, actor, conversation_id)


@router.get("/files/{file_id}", response_class=Response)
async def get_own_picture(
    actor: Myself,
    tx: TenantTx,
    shared: Shared,
    file_id: UUID,
    size: Annotated[str, Query(pattern="^(full|thumb)$")] = "full",
) -> Response:
    return picture_response(await service.picture_own(tx, actor, file_id, storage=shared.storage, thumb=size == "thumb"))

"""What the widget asks by HTTP, with the visitor's token."""

from __future__ import annotations

from functools import partial
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from qiatan.infra import limits
from qiatan.infra.http.guards import Visitor, address_of
from qiatan.infra.http.transactions import Shared, TenantTx
from qiatan.infra.throttle import Rate
from qiatan.kit.access import VisitorActor
from qiatan.kit.cursors import MAX_PAGE
from qiatan.modules.conversations import service
from qiatan.modules.conversations.contracts import (
    Ack,
    Conversation,
    ConversationList,
    Evaluate,
    EvaluationForm,
    MarkRead,
    MessagePage,
    SendMessage,
    WithdrawMessage,
)
from qiatan.modules.conversations.routes.files import handed_out
from qiatan.modules.files.contracts import FileLink

router = APIRouter(prefix="/widget")

Myself = Annotated[VisitorActor, Depends(Visitor())]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]
Seq = Annotated[int | None, Query(ge=0, le=2_000_000_000)]
SeqInPath = Annotated[int, Path(ge=0, le=2_000_000_000)]


@router.get("/conversations")
async def list_own_conversations(actor: Myself, tx: TenantTx, after: str | None = None) -> ConversationList:
    """One's own on this channel, newest first, twenty at a time."""
    return await service.list_own(tx, actor, after=after)


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
async def send_own_message(request: Request, actor: Myself, tx: TenantTx, shared: Shared, message: SendMessage) -> Ack:
    rate = shared.settings.visitor_rate
    shared.throttle.check(f"send:{actor.customer_id}", Rate(burst=max(20, rate // 3), per_minute=rate))
    limits.message_sent(shared, actor.enterprise_id)
    begins = partial(limits.conversation_begins, shared, actor.enterprise_id, address_of(request))
    return await service.send_own(tx, actor, message, may_open=begins)


@router.post("/conversations/{conversation_id}/messages/{seq}/withdraw")
async def withdraw_own_message(actor: Myself, tx: TenantTx, conversation_id: UUID, seq: SeqInPath, body: WithdrawMessage) -> Ack:
    return await service.withdraw_own(tx, actor, conversation_id, seq, body.client_message_id)


@router.put("/conversations/{conversation_id}/read", status_code=204)
async def mark_own_conversation_read(actor: Myself, tx: TenantTx, conversation_id: UUID, body: MarkRead) -> None:
    await service.mark_read_own(tx, actor, conversation_id, body.seq)


@router.post("/conversations/{conversation_id}/end")
async def end_own_conversation(actor: Myself, tx: TenantTx, conversation_id: UUID) -> Conversation:
    return await service.end_own(tx, actor, conversation_id)


@router.get("/conversations/{conversation_id}/evaluation")
async def get_own_evaluation(actor: Myself, tx: TenantTx, conversation_id: UUID) -> EvaluationForm:
    """Whether the visitor may evaluate this conversation now, what they are asked, and what they have said."""
    return await service.evaluation_form(tx, actor, conversation_id)


@router.put("/conversations/{conversation_id}/evaluation")
async def evaluate_own_conversation(actor: Myself, tx: TenantTx, shared: Shared, conversation_id: UUID, body: Evaluate) -> Conversation:
    """Say what one thinks of the service, or say it anew, until 24 hours after the end."""
    shared.throttle.check(f"evaluate:{actor.customer_id}", Rate(burst=20, per_minute=20))
    return await service.evaluate(tx, actor, conversation_id, body)


@router.get("/files/{file_id}", response_class=Response)
async def get_own_file(
    request: Request,
    actor: Myself,
    shared: Shared,
    file_id: UUID,
    size: Annotated[str, Query(pattern="^(full|thumb)$")] = "full",
) -> Response:
    """A picture or file of one of the visitor's own conversations."""
    # Its own transaction instead of the request's: no connection is held while the content is read.
    async with shared.database.tenant(actor.enterprise_id) as tx:
        stored = await service.file_own(tx, actor, file_id)
    return await handed_out(request, shared, stored, thumb=size == "thumb")


@router.get("/files/{file_id}/link")
async def get_own_file_link(actor: Myself, tx: TenantTx, shared: Shared, file_id: UUID, *, download: bool = False) -> FileLink:
    """As for agents: an address that needs no token and lapses."""
    origin = shared.settings.files_url or ""
    return await service.file_link_own(tx, actor, file_id, sealer=shared.sealer, origin=origin, download=download)

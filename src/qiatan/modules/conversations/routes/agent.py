"""What agents ask by HTTP."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Response

from qiatan.infra.http.downloads import picture_response
from qiatan.infra.http.guards import Requires
from qiatan.infra.http.transactions import Shared, TenantTx
from qiatan.kit.access import AgentActor
from qiatan.kit.cursors import MAX_PAGE, Page
from qiatan.modules.conversations import service
from qiatan.modules.conversations.contracts import (
    Ack,
    ChangeCustomer,
    Context,
    Conversation,
    MarkRead,
    MessagePage,
    SendMessage,
    View,
    WithdrawMessage,
)
from qiatan.modules.conversations.permissions import END, SERVE
from qiatan.modules.customers.contracts import Customer
from qiatan.modules.customers.permissions import EDIT as EDIT_CUSTOMER

router = APIRouter()

Server = Annotated[AgentActor, Depends(Requires(SERVE))]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]
Seq = Annotated[int | None, Query(ge=0, le=2_000_000_000)]
SeqInPath = Annotated[int, Path(ge=0, le=2_000_000_000)]


@router.get("/conversations")
async def list_conversations(
    actor: Server, tx: TenantTx, view: View = View.MINE, after: str | None = None, limit: Limit = 50
) -> Page[Conversation]:
    """One page of a list. `queue` and `colleagues` need their own points on top."""
    return await service.list_conversations(tx, actor, view=view, after=after, limit=limit)


@router.get("/conversations/{conversation_id}")
async def get_conversation(actor: Server, tx: TenantTx, conversation_id: UUID) -> Conversation:
    return await service.get(tx, actor, conversation_id)


@router.get("/conversations/{conversation_id}/messages")
async def list_messages(
    actor: Server,
    tx: TenantTx,
    conversation_id: UUID,
    after_seq: Seq = None,
    before_seq: Seq = None,
    limit: Limit = 50,
) -> MessagePage:
    return await service.messages(tx, actor, conversation_id, after_seq=after_seq, before_seq=before_seq, limit=limit)


@router.post("/conversations/{conversation_id}/messages")
async def send_message(actor: Server, tx: TenantTx, conversation_id: UUID, message: SendMessage) -> Ack:
    return await service.send(tx, actor, conversation_id, message)


@router.post("/conversations/{conversation_id}/messages/{seq}/withdraw")
async def withdraw_message(actor: Server, tx: TenantTx, conversation_id: UUID, seq: SeqInPath, body: WithdrawMessage) -> Ack:
    return await service.withdraw(tx, actor, conversation_id, seq, body.client_message_id)


@router.put("/conversations/{conversation_id}/read", status_code=204)
async def mark_conversation_read(actor: Server, tx: TenantTx, conversation_id: UUID, body: MarkRead) -> None:
    await service.mark_read(tx, actor, conversation_id, body.seq)


@router.post("/conversations/{conversation_id}/end")
async def end_conversation(actor: Annotated[AgentActor, Depends(Requires(END))], tx: TenantTx, conversation_id: UUID) -> Conversation:
    return await service.end(tx, actor, conversation_id)


@router.get("/conversations/{conversation_id}/context")
async def get_conversation_context(actor: Server, tx: TenantTx, conversation_id: UUID) -> Context:
    return await service.context(tx, actor, conversation_id)


@router.patch("/conversations/{conversation_id}/customer")
async def change_customer(
    actor: Annotated[AgentActor, Depends(Requires(EDIT_CUSTOMER))], tx: TenantTx, conversation_id: UUID, body: ChangeCustomer
) -> Customer:
    """Name, VIP mark and tags; what is left out stays."""
    return await service.change_customer(tx, actor, conversation_id, body)


@router.get("/conversations/{conversation_id}/files/{file_id}", response_class=Response)
async def get_conversation_picture(
    actor: Server,
    tx: TenantTx,
    shared: Shared,
    conversation_id: UUID,
    file_id: UUID,
    size: Annotated[str, Query(pattern="^(full|thumb)$")] = "full",
) -> Response:
    """A picture of a conversation; whether it may be seen is checked again at every request."""
    return picture_response(await service.picture(tx, actor, conversation_id, file_id, storage=shared.storage, thumb=size == "thumb"))

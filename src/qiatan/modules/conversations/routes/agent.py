"""What agents ask by HTTP."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Path, Query, Request, Response

from qiatan.infra import limits
from qiatan.infra.http.admission import Lane
from qiatan.infra.http.guards import Requires
from qiatan.infra.http.repeats import Repeatable
from qiatan.infra.http.transactions import Shared, TenantTx
from qiatan.infra.throttle import Rate
from qiatan.kit.access import AgentActor
from qiatan.kit.cursors import MAX_PAGE, Page
from qiatan.modules.conversations import service
from qiatan.modules.conversations.contracts import (
    Ack,
    Context,
    Conversation,
    ConversationHit,
    EditMessage,
    MarkRead,
    MessagePage,
    SendMessage,
    View,
    WithdrawMessage,
)
from qiatan.modules.conversations.permissions import END, INVITE_EVALUATION, SERVE
from qiatan.modules.conversations.routes.files import handed_out
from qiatan.modules.files.contracts import FileLink

router = APIRouter(route_class=Repeatable)

SEARCHES = Rate(burst=60, per_minute=120)
"""Somebody who types fast and pages on; each one may read through some thousand conversations."""

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


@router.get("/conversations/search", dependencies=[Depends(Lane("search"), scope="function")])
async def search_conversations(
    actor: Server, tx: TenantTx, shared: Shared, q: str, after: str | None = None, limit: Limit = 20
) -> Page[ConversationHit]:
    """Own conversations, and colleagues' in scope, by their customer's name or what was said; `next` may follow a page with few items."""
    shared.throttle.check(f"conversations.search:{actor.agent_id}", SEARCHES)
    return await service.search(tx, actor, words=q, after=after, limit=limit)


@router.get("/conversations/{conversation_id}")
async def get_conversation(actor: Server, tx: TenantTx, conversation_id: UUID) -> Conversation:
    return await service.get(tx, actor, conversation_id)


@router.get("/conversations/{conversation_id}/earlier")
async def list_earlier_conversations(
    actor: Server, tx: TenantTx, conversation_id: UUID, after: str | None = None, limit: Limit = 20
) -> Page[Conversation]:
    """The same customer's conversations before this one, newest first."""
    return await service.earlier(tx, actor, conversation_id, after=after, limit=limit)


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
async def send_message(actor: Server, tx: TenantTx, shared: Shared, conversation_id: UUID, message: SendMessage) -> Ack:
    service.check_rate(shared.throttle, actor)
    limits.message_sent(shared, actor.enterprise_id)
    return await service.send(tx, actor, conversation_id, message)


@router.post("/conversations/{conversation_id}/messages/{seq}/withdraw")
async def withdraw_message(
    actor: Server, tx: TenantTx, shared: Shared, conversation_id: UUID, seq: SeqInPath, body: WithdrawMessage
) -> Ack:
    service.check_rate(shared.throttle, actor)
    return await service.withdraw(tx, actor, conversation_id, seq, body.client_message_id)


@router.post("/conversations/{conversation_id}/messages/{seq}/edit")
async def edit_message(actor: Server, tx: TenantTx, shared: Shared, conversation_id: UUID, seq: SeqInPath, body: EditMessage) -> Ack:
    """Another text for an own text or note, within 15 minutes."""
    service.check_rate(shared.throttle, actor)
    return await service.edit(tx, actor, conversation_id, seq, body)


@router.put("/conversations/{conversation_id}/read", status_code=204)
async def mark_conversation_read(actor: Server, tx: TenantTx, conversation_id: UUID, body: MarkRead) -> None:
    await service.mark_read(tx, actor, conversation_id, body.seq)


@router.post("/conversations/{conversation_id}/end")
async def end_conversation(actor: Annotated[AgentActor, Depends(Requires(END))], tx: TenantTx, conversation_id: UUID) -> Conversation:
    return await service.end(tx, actor, conversation_id)


@router.post("/conversations/{conversation_id}/evaluation-invitation")
async def invite_evaluation(
    actor: Annotated[AgentActor, Depends(Requires(INVITE_EVALUATION))], tx: TenantTx, conversation_id: UUID
) -> Conversation:
    """Ask the customer what they think of the service: at most once a minute, and until they have said it."""
    return await service.invite_evaluation(tx, actor, conversation_id)


@router.get("/conversations/{conversation_id}/context")
async def get_conversation_context(actor: Server, tx: TenantTx, conversation_id: UUID) -> Context:
    return await service.context(tx, actor, conversation_id)


@router.get("/conversations/{conversation_id}/files/{file_id}", response_class=Response)
async def get_conversation_file(
    request: Request,
    actor: Server,
    shared: Shared,
    conversation_id: UUID,
    file_id: UUID,
    size: Annotated[str, Query(pattern="^(full|thumb)$")] = "full",
) -> Response:
    """A picture or file of a conversation; whether it may be seen is checked again at every request. Of files parts may be asked for."""
    # Its own transaction instead of the request's: no connection is held while the content is read.
    async with shared.database.tenant(actor.enterprise_id) as tx:
        stored = await service.file(tx, actor, conversation_id, file_id)
    return await handed_out(request, shared, stored, thumb=size == "thumb")


@router.get("/conversations/{conversation_id}/files/{file_id}/link")
async def get_conversation_file_link(
    actor: Server, tx: TenantTx, shared: Shared, conversation_id: UUID, file_id: UUID, *, download: bool = False
) -> FileLink:
    """An address of a file that needs no sign-in and lapses after 15 minutes, for what a browser fetches by itself."""
    origin = shared.settings.files_url or ""
    return await service.file_link(tx, actor, conversation_id, file_id, sealer=shared.sealer, origin=origin, download=download)

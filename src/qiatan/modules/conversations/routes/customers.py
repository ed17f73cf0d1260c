"""Doors to customers: one sees and describes those whose conversations one may see."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends, Query

from qiatan.infra.http.admission import Lane
from qiatan.infra.http.guards import Requires, SignedIn
from qiatan.infra.http.repeats import Repeatable
from qiatan.infra.http.transactions import Shared, TenantTx
from qiatan.infra.throttle import Rate
from qiatan.kit.access import AgentActor
from qiatan.kit.cursors import MAX_PAGE, Page
from qiatan.modules.conversations import service
from qiatan.modules.conversations.contracts import MAX_PLACES, Conversation, CustomerHits, CustomerPlaces, TagConversation
from qiatan.modules.conversations.permissions import SERVE
from qiatan.modules.customers.contracts import (
    Block,
    BlockCustomer,
    ChangeCustomer,
    ChangeCustomerNote,
    CustomerCard,
    CustomerChange,
    CustomerNote,
    TagCatalogue,
    WriteCustomerNote,
)
from qiatan.modules.customers.permissions import BLOCK, EDIT

router = APIRouter(route_class=Repeatable)

SEARCHES = Rate(burst=60, per_minute=120)
"""Somebody who types fast; each one may read through all customers."""
COUNTS = Rate(burst=20, per_minute=20)
"""Counting reads every tag of every customer and conversation."""

Server = Annotated[AgentActor, Depends(Requires(SERVE))]
Editor = Annotated[AgentActor, Depends(Requires(EDIT))]
Blocker = Annotated[AgentActor, Depends(Requires(BLOCK))]
After = Annotated[str | None, Query(max_length=200)]
Limit = Annotated[int, Query(ge=1, le=MAX_PAGE)]


@router.get("/tags")
async def list_tags(actor: Annotated[AgentActor, Depends(SignedIn())], tx: TenantTx, shared: Shared, *, uses: bool = False) -> TagCatalogue:
    """All tags and groups in order; `uses` counts on how many things each hangs."""
    if uses:
        shared.throttle.check(f"tags.uses:{actor.agent_id}", COUNTS)
    return await service.tag_catalogue(tx, uses=uses)


@router.put("/conversations/{conversation_id}/tags")
async def tag_conversation(actor: Server, tx: TenantTx, conversation_id: UUID, body: TagConversation) -> Conversation:
    return await service.tag_conversation(tx, actor, conversation_id, body)


@router.patch("/conversations/{conversation_id}/customer")
async def change_customer(actor: Editor, tx: TenantTx, conversation_id: UUID, body: ChangeCustomer) -> CustomerCard:
    """The conversation's customer, as `PATCH /customers/{id}`."""
    return await service.change_customer(tx, actor, conversation_id, body)


@router.post("/conversations/{conversation_id}/block")
async def block_customer_of_conversation(actor: Blocker, tx: TenantTx, conversation_id: UUID, body: BlockCustomer) -> Block:
    """Their open conversations end and the widget is shut."""
    return await service.block_here(tx, actor, conversation_id, body)


@router.get("/customers/search", dependencies=[Depends(Lane("search"), scope="function")])
async def search_customers(actor: Server, tx: TenantTx, shared: Shared, q: str) -> CustomerHits:
    """At most ten of those one may see, by a part of their name, phone or e-mail; who was here last comes first."""
    shared.throttle.check(f"customers.search:{actor.agent_id}", SEARCHES)
    return await service.find_customers(tx, actor, words=q)


@router.get("/customer-places")
async def list_customer_places(
    actor: Server, tx: TenantTx, customer_id: Annotated[list[UUID], Query(min_length=1, max_length=MAX_PLACES)]
) -> CustomerPlaces:
    """Region, device and page of these customers, as lists show them."""
    return await service.places(tx, actor, customer_id)


@router.get("/customers/{customer_id}")
async def get_customer(actor: Server, tx: TenantTx, customer_id: UUID) -> CustomerCard:
    return await service.see_customer(tx, actor, customer_id)


@router.patch("/customers/{customer_id}")
async def change_known_customer(actor: Editor, tx: TenantTx, customer_id: UUID, body: ChangeCustomer) -> CustomerCard:
    """Name, VIP mark, tags and fields; what is left out stays."""
    return await service.change_known_customer(tx, actor, customer_id, body)


@router.get("/customers/{customer_id}/changes")
async def list_customer_changes(
    actor: Server,
    tx: TenantTx,
    customer_id: UUID,
    field: Annotated[str | None, Query(max_length=60)] = None,
    after: After = None,
    limit: Limit = 50,
) -> Page[CustomerChange]:
    return await service.customer_changes(tx, actor, customer_id, field=field, after=after, limit=limit)


@router.get("/customers/{customer_id}/notes")
async def list_customer_notes(actor: Server, tx: TenantTx, customer_id: UUID, after: After = None, limit: Limit = 50) -> Page[CustomerNote]:
    return await service.customer_notes(tx, actor, customer_id, after=after, limit=limit)


@router.post("/customers/{customer_id}/notes", status_code=201)
async def write_customer_note(actor: Editor, tx: TenantTx, customer_id: UUID, body: WriteCustomerNote) -> CustomerNote:
    return await service.write_customer_note(tx, actor, customer_id, body)


@router.patch("/customers/{customer_id}/notes/{note_id}")
async def change_customer_note(actor: Editor, tx: TenantTx, customer_id: UUID, note_id: UUID, body: ChangeCustomerNote) -> CustomerNote:
    """One's own; a colleague's with `customers.edit_notes`."""
    return await service.change_customer_note(tx, actor, customer_id, note_id, body)


@router.delete("/customers/{customer_id}/notes/{note_id}", status_code=204)
async def delete_customer_note(actor: Editor, tx: TenantTx, customer_id: UUID, note_id: UUID) -> None:
    """As changing one."""
    await service.delete_customer_note(tx, actor, customer_id, note_id)


@router.post("/customers/{customer_id}/block")
async def block_customer(actor: Blocker, tx: TenantTx, customer_id: UUID, body: BlockCustomer) -> Block:
    """As from a conversation."""
    return await service.block_customer(tx, actor, customer_id, body)

"""Taking, taking over, transferring by hand."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from qiatan.infra.http.guards import Requires
from qiatan.infra.http.repeats import Repeatable
from qiatan.infra.http.transactions import TenantTx
from qiatan.kit.access import AgentActor
from qiatan.modules.conversations.contracts import Conversation
from qiatan.modules.conversations.permissions import SERVE, TAKE, TAKE_OVER, TRANSFER
from qiatan.modules.routing import service
from qiatan.modules.routing.contracts.transfers import Take, Transfer, TransferOffers, TransferResult, TransferTargets

router = APIRouter(route_class=Repeatable)

Server = Annotated[AgentActor, Depends(Requires(SERVE))]
Sender = Annotated[AgentActor, Depends(Requires(TRANSFER))]


@router.post("/conversations/{conversation_id}/take")
async def take_conversation(
    actor: Annotated[AgentActor, Depends(Requires(TAKE))], tx: TenantTx, conversation_id: UUID, body: Take | None = None
) -> Conversation:
    return await service.take(tx, actor, conversation_id, beyond_maximum=body is not None and body.beyond_maximum)


@router.post("/conversations/{conversation_id}/take-over")
async def take_over_conversation(
    actor: Annotated[AgentActor, Depends(Requires(TAKE_OVER))], tx: TenantTx, conversation_id: UUID, body: Take | None = None
) -> Conversation:
    return await service.take_over(tx, actor, conversation_id, beyond_maximum=body is not None and body.beyond_maximum)


@router.get("/conversations/{conversation_id}/transfer-targets")
async def list_transfer_targets(actor: Sender, tx: TenantTx, conversation_id: UUID) -> TransferTargets:
    return await service.transfer_targets(tx, actor, conversation_id)


@router.post("/conversations/{conversation_id}/transfer")
async def transfer_conversation(actor: Sender, tx: TenantTx, conversation_id: UUID, body: Transfer) -> TransferResult:
    return await service.transfer(tx, actor, conversation_id, body)


@router.get("/transfer-offers")
async def list_transfer_offers(actor: Server, tx: TenantTx) -> TransferOffers:
    return await service.transfer_offers(tx, actor)


@router.post("/transfer-offers/{offer_id}/accept")
async def accept_transfer_offer(actor: Server, tx: TenantTx, offer_id: UUID, body: Take | None = None) -> Conversation:
    return await service.accept_offer(tx, actor, offer_id, beyond_maximum=body is not None and body.beyond_maximum)


@router.post("/transfer-offers/{offer_id}/refuse", status_code=204)
async def refuse_transfer_offer(actor: Server, tx: TenantTx, offer_id: UUID) -> None:
    await service.refuse_offer(tx, actor, offer_id)


@router.delete("/transfer-offers/{offer_id}", status_code=204)
async def withdraw_transfer_offer(actor: Server, tx: TenantTx, offer_id: UUID) -> None:
    await service.withdraw_offer(tx, actor, offer_id)

"""What cards are described with: tags, their groups, the enterprise's own fields. Reading tags is a door of conversations, which counts them."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Depends

from qiatan.infra.http.guards import Requires, SignedIn
from qiatan.infra.http.repeats import Repeatable
from qiatan.infra.http.transactions import TenantTx
from qiatan.kit.access import AgentActor
from qiatan.modules.customers import permissions, service
from qiatan.modules.customers.contracts import (
    ChangeCustomerField,
    ChangeTag,
    ChangeTagGroup,
    CustomerField,
    CustomerFieldList,
    NewCustomerField,
    NewTag,
    NewTagGroup,
    SetFieldOrder,
    SetTagOrder,
    Tag,
    TagGroup,
)

router = APIRouter(route_class=Repeatable)

Tagger = Annotated[AgentActor, Depends(Requires(permissions.TAGS))]
Fielder = Annotated[AgentActor, Depends(Requires(permissions.FIELDS))]


@router.post("/tags", status_code=201)
async def create_tag(actor: Tagger, tx: TenantTx, new: NewTag) -> Tag:
    return await service.create_tag(tx, actor, new)


@router.put("/tags/order", status_code=204)
async def order_tags(actor: Tagger, tx: TenantTx, order: SetTagOrder) -> None:
    await service.order_tags(tx, actor, order)


@router.patch("/tags/{tag_id}")
async def change_tag(actor: Tagger, tx: TenantTx, tag_id: UUID, change: ChangeTag) -> Tag:
    return await service.change_tag(tx, actor, tag_id=tag_id, change=change)


@router.delete("/tags/{tag_id}", status_code=204)
async def delete_tag(actor: Tagger, tx: TenantTx, tag_id: UUID) -> None:
    """It comes off everything it hangs on."""
    await service.delete_tag(tx, actor, tag_id=tag_id)


@router.post("/tag-groups", status_code=201)
async def create_tag_group(actor: Tagger, tx: TenantTx, new: NewTagGroup) -> TagGroup:
    return await service.create_tag_group(tx, actor, new)


@router.put("/tag-groups/order", status_code=204)
async def order_tag_groups(actor: Tagger, tx: TenantTx, order: SetTagOrder) -> None:
    await service.order_tag_groups(tx, actor, order)


@router.patch("/tag-groups/{tag_group_id}")
async def change_tag_group(actor: Tagger, tx: TenantTx, tag_group_id: UUID, change: ChangeTagGroup) -> TagGroup:
    return await service.change_tag_group(tx, actor, group_id=tag_group_id, change=change)


@router.delete("/tag-groups/{tag_group_id}", status_code=204)
async def delete_tag_group(actor: Tagger, tx: TenantTx, tag_group_id: UUID) -> None:
    """Its tags stay, in no group."""
    await service.delete_tag_group(tx, actor, group_id=tag_group_id)


@router.get("/customer-fields", dependencies=[Depends(SignedIn())])
async def list_customer_fields(tx: TenantTx) -> CustomerFieldList:
    """The enterprise's own fields; the built-in ones are always there."""
    return await service.field_list(tx)


@router.post("/customer-fields", status_code=201)
async def create_customer_field(actor: Fielder, tx: TenantTx, new: NewCustomerField) -> CustomerField:
    return await service.create_field(tx, actor, new)


@router.put("/customer-fields/order", status_code=204)
async def order_customer_fields(actor: Fielder, tx: TenantTx, order: SetFieldOrder) -> None:
    await service.order_fields(tx, actor, order)


@router.patch("/customer-fields/{field_id}")
async def change_customer_field(actor: Fielder, tx: TenantTx, field_id: UUID, change: ChangeCustomerField) -> CustomerField:
    return await service.change_field(tx, actor, field_id=field_id, change=change)


@router.delete("/customer-fields/{field_id}", status_code=204)
async def delete_customer_field(actor: Fielder, tx: TenantTx, field_id: UUID) -> None:
    """Its values are taken off the customers too."""
    await service.delete_field(tx, actor, field_id=field_id)

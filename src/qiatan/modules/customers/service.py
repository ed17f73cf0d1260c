"""Use cases on customers.

Whether an agent may see the customer is checked by the caller (conversations), who knows in which conversations they took part.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta
from uuid import UUID

from qiatan.infra.clock import new_id
from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, VisitorActor, require
from qiatan.kit.errors import NotFound, VersionConflict
from qiatan.kit.text import clean_name
from qiatan.modules.customers import permissions
from qiatan.modules.customers.contracts import NAME_LENGTH, Customer, CustomerBrief, SetMetadata
from qiatan.modules.customers.events import CustomerChanged
from qiatan.modules.customers.models import CustomerRow
from qiatan.modules.customers.repository import CustomerRepository
from qiatan.modules.customers.rules import cleaned_tags, merged_metadata, shown_name

SEEN_STEP = timedelta(minutes=1)


async def create(tx: Tx) -> Customer:
    """A new customer without a name, for somebody who was never here before."""
    return _contract(await CustomerRepository(tx, tx.enterprise_id).add(new_id(), tx.now))


async def get(tx: Tx, customer_id: UUID) -> Customer:
    """One customer.

    Raises:
        NotFound: no such customer in this enterprise.
    """
    row = await CustomerRepository(tx, tx.enterprise_id).get(customer_id)
    if row is None:
        raise NotFound
    return _contract(row)


async def get_all(tx: Tx, customer_ids: Collection[UUID]) -> dict[UUID, Customer]:
    """Many customers in one query; ids that are not this enterprise's are missing from the answer."""
    rows = await CustomerRepository(tx, tx.enterprise_id).get_all(customer_ids) if customer_ids else []
    return {row.id: _contract(row) for row in rows}


async def briefs(tx: Tx, customer_ids: Iterable[UUID]) -> dict[UUID, CustomerBrief]:
    """The shown names and marks of many customers in one query; ids that are not this enterprise's are missing from the answer."""
    rows = await CustomerRepository(tx, tx.enterprise_id).names(customer_ids)
    return {row.id: CustomerBrief(id=row.id, name=shown_name(row.id, row.name), vip=row.vip) for row in rows}


async def change(
    tx: Tx,
    actor: AgentActor,
    *,
    customer_id: UUID,
    version: int,
    name: str | None = None,
    vip: bool | None = None,
    tags: Sequence[str] | None = None,
) -> Customer:
    """Note what agents know of a customer: name, VIP mark (F12), tags. What is None stays.

    Raises:
        NotAllowed: the role lacks `customers.edit`.
        InvalidInput: the name or a tag is blank, too long or not text, or there are too many tags.
        NotFound: no such customer in this enterprise.
        VersionConflict: somebody changed them meanwhile.
    """
    require(actor, permissions.EDIT)
    changes: dict[str, object] = {}
    if name is not None:
        changes["name"] = clean_name(name, field="name", limit=NAME_LENGTH)
    if vip is not None:
        changes["vip"] = vip
    if tags is not None:
        changes["tags"] = cleaned_tags(tags)
    repository = CustomerRepository(tx, tx.enterprise_id)
    if await repository.get(customer_id) is None:
        raise NotFound
    row = await repository.change(customer_id, version, **changes)
    if row is None:
        raise VersionConflict
    customer = _contract(row)
    tx.emit(
        CustomerChanged(enterprise_id=tx.enterprise_id, customer_id=row.id, name=customer.name, vip=customer.vip, version=customer.version)
    )
    return customer


async def set_metadata(tx: Tx, actor: VisitorActor, given: SetMetadata) -> None:
    """Note what the site says of its visitor. Agents read it and rules ask for it; it never says who somebody is.

    Raises:
        InvalidInput: too many names, or a name or value that is too long or not text; nothing was changed.
    """
    row = await CustomerRepository(tx, actor.enterprise_id).locked(actor.customer_id)
    if row is None:
        raise NotFound
    merged = merged_metadata(row.attributes, given.values)
    if merged != row.attributes:
        row.attributes = merged
        await tx.session.flush()


async def seen(tx: Tx, customer_id: UUID) -> None:
    """Note that the customer is here now (to the minute; nothing is announced)."""
    await CustomerRepository(tx, tx.enterprise_id).touch(customer_id, tx.now, SEEN_STEP)


def _contract(row: CustomerRow) -> Customer:
    return Customer(
        id=row.id,
        name=shown_name(row.id, row.name),
        named=row.name is not None,
        vip=row.vip,
        tags=list(row.tags),
        metadata=dict(row.attributes),
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
        version=row.version,
    )

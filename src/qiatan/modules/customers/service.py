"""Use cases on customers.

Whether an agent may see the customer is checked by the caller (conversations), who knows in which conversations they took part.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from uuid import UUID

from qiatan.infra.clock import new_id
from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, require
from qiatan.kit.errors import NotFound, VersionConflict
from qiatan.kit.text import clean_name
from qiatan.modules.customers import permissions
from qiatan.modules.customers.contracts import NAME_LENGTH, Customer, CustomerBrief
from qiatan.modules.customers.events import CustomerChanged
from qiatan.modules.customers.models import CustomerRow
from qiatan.modules.customers.repository import CustomerRepository
from qiatan.modules.customers.rules import shown_name

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


async def briefs(tx: Tx, customer_ids: Iterable[UUID]) -> dict[UUID, CustomerBrief]:
    """The shown names of many customers in one query; ids that are not this enterprise's are missing from the answer."""
    rows = await CustomerRepository(tx, tx.enterprise_id).names(customer_ids)
    return {row.id: CustomerBrief(id=row.id, name=shown_name(row.id, row.name)) for row in rows}


async def rename(tx: Tx, actor: AgentActor, *, customer_id: UUID, name: str, version: int) -> Customer:
    """Give a customer a name.

    Raises:
        NotAllowed: the role lacks `customers.edit`.
        InvalidInput: the name is blank, too long or not text.
        NotFound: no such customer in this enterprise.
        VersionConflict: somebody changed them meanwhile.
    """
    require(actor, permissions.EDIT)
    cleaned = clean_name(name, field="name", limit=NAME_LENGTH)
    repository = CustomerRepository(tx, tx.enterprise_id)
    if await repository.get(customer_id) is None:
        raise NotFound
    row = await repository.rename(customer_id, cleaned, version)
    if row is None:
        raise VersionConflict
    tx.emit(CustomerChanged(enterprise_id=tx.enterprise_id, customer_id=row.id, name=cleaned, version=row.version))
    return _contract(row)


async def seen(tx: Tx, customer_id: UUID) -> None:
    """Note that the customer is here now (to the minute; nothing is announced)."""
    await CustomerRepository(tx, tx.enterprise_id).touch(customer_id, tx.now, SEEN_STEP)


def _contract(row: CustomerRow) -> Customer:
    return Customer(
        id=row.id,
        name=shown_name(row.id, row.name),
        named=row.name is not None,
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
        version=row.version,
    )

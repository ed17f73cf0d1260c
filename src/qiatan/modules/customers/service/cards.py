"""Cards: who customers are. Whether an agent may see the customer is checked by the caller (conversations), who knows their conversations."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import ColumnElement

from qiatan.infra.clock import new_id
from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, VisitorActor, require
from qiatan.kit.cursors import MAX_PAGE, Page, decode_time_cursor, encode_time_cursor
from qiatan.kit.errors import InvalidInput, NotFound, VersionConflict
from qiatan.kit.text import clean_name, storable
from qiatan.modules.accounts import service as accounts
from qiatan.modules.customers import permissions
from qiatan.modules.customers.contracts import (
    NAME_LENGTH,
    BlockedSince,
    ChangeCustomer,
    Customer,
    CustomerBrief,
    CustomerCard,
    CustomerChange,
    CustomerFound,
    FieldKind,
    SetMetadata,
    TagColor,
    TagKind,
    TagRef,
)
from qiatan.modules.customers.events import CustomerChanged
from qiatan.modules.customers.models import CustomerRow, FieldRow, TagRow
from qiatan.modules.customers.repository import BlockRepository, CatalogueRepository, CustomerRepository, NoteRepository
from qiatan.modules.customers.rules import OwnField, changed_fields, chosen_tags, email_key, merged_metadata, phone_key, shown_name

SEEN_STEP = timedelta(minutes=1)
Changes = dict[str, tuple[Any, Any]]


async def create(tx: Tx) -> Customer:
    """A new customer without a name, for somebody who was never here before."""
    return to_customer(await CustomerRepository(tx, tx.enterprise_id).add(new_id(), tx.now), [])


async def get(tx: Tx, customer_id: UUID) -> Customer:
    """One customer.

    Raises:
        NotFound: no such customer in this enterprise.
    """
    repository = CustomerRepository(tx, tx.enterprise_id)
    row = await repository.get(customer_id)
    if row is None:
        raise NotFound
    return to_customer(row, (await repository.tags_of({customer_id})).get(customer_id, []))


async def card(tx: Tx, customer_id: UUID) -> CustomerCard:
    """One customer with what is looked up for a single one. Raises NotFound."""
    customer = await get(tx, customer_id)
    repository = CustomerRepository(tx, tx.enterprise_id)
    row = await repository.get(customer_id)
    block = await BlockRepository(tx, tx.enterprise_id).of_customer(customer_id, tx.now)
    blocked = None
    if block is not None:
        names = await accounts.agent_names(tx, {block.agent_id})
        blocked = BlockedSince(
            by_id=block.agent_id, by_name=names.get(block.agent_id, ""), reason=block.reason, at=block.at, expires_at=block.expires_at
        )
    return CustomerCard(
        **dict(customer),
        same_contact_count=0 if row is None else await repository.same_contact(row),
        notes_count=await NoteRepository(tx, tx.enterprise_id).count(customer_id),
        blocked=blocked,
    )


async def get_all(tx: Tx, customer_ids: Collection[UUID]) -> dict[UUID, Customer]:
    """Many customers in two queries; ids that are not this enterprise's are missing from the answer."""
    if not customer_ids:
        return {}
    repository = CustomerRepository(tx, tx.enterprise_id)
    rows, tags = await repository.get_all(customer_ids), await repository.tags_of(customer_ids)
    return {row.id: to_customer(row, tags.get(row.id, [])) for row in rows}


async def briefs(tx: Tx, customer_ids: Iterable[UUID]) -> dict[UUID, CustomerBrief]:
    """The shown names and marks of many customers in one query; ids that are not this enterprise's are missing from the answer."""
    rows = await CustomerRepository(tx, tx.enterprise_id).names(customer_ids)
    return {row.id: CustomerBrief(id=row.id, name=shown_name(row.id, row.name), vip=row.vip) for row in rows}


async def find(tx: Tx, *, words: str, seen: Callable[[ColumnElement[UUID]], ColumnElement[bool]], limit: int) -> list[CustomerFound]:
    """Customers by a part of their name, phone or e-mail, who was here last first. `seen`: which of them may be seen, by their id."""
    rows = await CustomerRepository(tx, tx.enterprise_id).find(words, seen=seen, limit=limit)
    return [
        CustomerFound(
            id=row.id,
            name=shown_name(row.id, row.name),
            named=row.name is not None,
            vip=row.vip,
            phone=row.fields.get("phone"),
            email=row.fields.get("email"),
            last_seen_at=row.last_seen_at,
        )
        for row in rows
    ]


async def change(tx: Tx, actor: AgentActor, *, customer_id: UUID, change: ChangeCustomer) -> CustomerCard:
    """Note what agents know of a customer: name, VIP mark (F12), tags, fields. What is left out stays; every change is kept in the history.

    A phone or e-mail never joins two customers (F13): who has the same is only counted.

    Raises:
        NotAllowed: the role lacks `customers.edit`.
        InvalidInput: the name, a tag or a value cannot be meant; each is named.
        NotFound: no such customer in this enterprise.
        VersionConflict: somebody changed them meanwhile.
    """
    require(actor, permissions.EDIT)
    repository = CustomerRepository(tx, tx.enterprise_id)
    # Checked before the lock is taken: who writes nonsense makes nobody wait.
    name = None if change.name is None else clean_name(change.name, field="name", limit=NAME_LENGTH)
    own = {field.key: field for field in await own_fields(tx)} if change.fields else {}
    changed_fields({}, change.fields or {}, own)
    tags = None if change.tag_ids is None else await checked_tags(tx, change.tag_ids, TagKind.CUSTOMER)
    row = await repository.locked(customer_id)
    if row is None:
        raise NotFound
    if row.version != change.version:
        raise VersionConflict
    changes: Changes = dict(changed_fields(row.fields, change.fields or {}, own))
    if "name" in change.model_fields_set and name != row.name:
        changes["name"] = (row.name, name)
    if change.vip is not None and change.vip != row.vip:
        changes["vip"] = (row.vip, change.vip)
    if tags is not None:
        held = (await repository.tags_of({customer_id})).get(customer_id, [])
        if {tag.id for tag in tags} != {tag.id for tag in held}:
            changes["tags"] = ([tag.name for tag in held], [tag.name for tag in tags])
            await repository.set_tags(customer_id, [tag.id for tag in tags], tx.now)
    if changes:
        await _write(tx, actor, row, changes, {key: field.name for key, field in own.items()})
    return await card(tx, customer_id)


async def _write(tx: Tx, actor: AgentActor, row: CustomerRow, changes: Changes, labels: dict[str, str]) -> None:
    fields = dict(row.fields)
    for key, (_, after) in changes.items():
        if key == "name":
            row.name = after
        elif key == "vip":
            row.vip = after
        elif key != "tags":
            fields.pop(key, None)
            if after is not None:
                fields[key] = after
    row.fields = fields
    row.phone_key, row.email_key = phone_key(fields.get("phone")), email_key(fields.get("email"))
    row.version += 1
    await tx.session.flush()
    by = await accounts.answering_agent(tx, actor)
    await CustomerRepository(tx, tx.enterprise_id).note_changes(
        [
            {
                "id": new_id(),
                "customer_id": row.id,
                "agent_id": by,
                "at": tx.now,
                "field": key,
                "label": labels.get(key),
                "before": before,
                "after": after,
            }
            for key, (before, after) in changes.items()
        ]
    )
    announce(tx, row)


def announce(tx: Tx, row: CustomerRow) -> None:
    """Let everybody know who shows this customer's card."""
    shown = shown_name(row.id, row.name)
    tx.emit(CustomerChanged(enterprise_id=tx.enterprise_id, customer_id=row.id, name=shown, vip=row.vip, version=row.version))


async def changes(
    tx: Tx, actor: AgentActor, *, customer_id: UUID, field: str | None, after: str | None, limit: int
) -> Page[CustomerChange]:
    """What was changed of a customer, newest first; of one field on request. Raises InvalidInput (a foreign cursor, or no field's name)."""
    if field is not None and not storable(field):
        raise InvalidInput.of("field", "invalid_text", "Remove the characters that are not text (NUL, broken pairs).")
    limit = min(limit, MAX_PAGE)
    key = decode_time_cursor(after) if after else None
    rows = await CustomerRepository(tx, actor.enterprise_id).changes(customer_id, field=field, after=key, limit=limit + 1)
    names = await accounts.agent_names(tx, {row.agent_id for row in rows})
    items = [
        CustomerChange(
            id=row.id,
            at=row.at,
            by_id=row.agent_id,
            by_name=names.get(row.agent_id, ""),
            field=row.field,
            label=row.label,
            before=row.before,
            after=row.after,
        )
        for row in rows[:limit]
    ]
    following = encode_time_cursor(rows[limit - 1].at, rows[limit - 1].id) if len(rows) > limit else None
    return Page(items=items, next=following)


async def checked_tags(tx: Tx, tag_ids: Sequence[UUID], kind: TagKind) -> list[TagRow]:
    """These tags, in the catalogue's order; they stay until the transaction ends.

    Raises:
        InvalidInput: there are too many, or one is not in the catalogue (any more).
    """
    chosen = chosen_tags(tag_ids)
    found = await CustomerRepository(tx, tx.enterprise_id).known_tags(chosen, kind) if chosen else []
    if len(found) < len(chosen):
        raise InvalidInput.of("tag_ids", "unknown", "One of these tags does not exist (any more). Load the tags again.")
    return found


async def attachable(tx: Tx, tag_ids: Sequence[UUID], kind: TagKind) -> list[TagRef]:
    """These tags of a kind, to be put on something in this transaction, in the catalogue's order. Raises InvalidInput (`tag_ids`)."""
    return [to_tag_ref(tag) for tag in await checked_tags(tx, tag_ids, kind)]


async def tag_refs(tx: Tx, tag_ids: Collection[UUID]) -> dict[UUID, TagRef]:
    """Tags by id, in the catalogue's order; what is not in it is absent."""
    if not tag_ids:
        return {}
    return {tag.id: to_tag_ref(tag) for tag in await CustomerRepository(tx, tx.enterprise_id).tags(tag_ids)}


async def own_fields(tx: Tx) -> list[OwnField]:
    """The enterprise's own fields, as values are checked by them."""
    rows = await CatalogueRepository(tx, tx.enterprise_id).all(FieldRow)
    return [OwnField(str(row.id), row.name, FieldKind(row.kind), tuple(row.options)) for row in rows]


async def set_metadata(tx: Tx, actor: VisitorActor, given: SetMetadata) -> None:
    """Note what the site says of its visitor. Agents read it and rules ask for it; it never says who somebody is.

    The version stays, so that no agent's change is refused for it.

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
        announce(tx, row)


async def seen(tx: Tx, customer_id: UUID) -> None:
    """Note that the customer is here now (to the minute; nothing is announced)."""
    await CustomerRepository(tx, tx.enterprise_id).touch(customer_id, tx.now, SEEN_STEP)


def to_tag_ref(row: TagRow) -> TagRef:
    return TagRef(id=row.id, name=row.name, color=TagColor(row.color))


def to_customer(row: CustomerRow, tags: Sequence[TagRow]) -> Customer:
    return Customer(
        id=row.id,
        name=shown_name(row.id, row.name),
        named=row.name is not None,
        vip=row.vip,
        tags=[to_tag_ref(tag) for tag in tags],
        fields=dict(row.fields),
        metadata=dict(row.attributes),
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
        version=row.version,
    )

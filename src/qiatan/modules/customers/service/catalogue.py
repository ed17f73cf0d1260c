"""The words cards are described with: tags and their groups, the enterprise's own fields."""

from __future__ import annotations

from uuid import UUID

from qiatan.infra.clock import new_id
from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, require
from qiatan.kit.errors import InvalidInput, NotFound, VersionConflict
from qiatan.modules.accounts import service as accounts
from qiatan.modules.customers import permissions
from qiatan.modules.customers.contracts import (
    MAX_FIELDS,
    MAX_GROUPS_OF_A_KIND,
    MAX_TAGS_OF_A_KIND,
    ChangeCustomerField,
    ChangeTag,
    ChangeTagGroup,
    CustomerField,
    CustomerFieldList,
    FieldKind,
    NewCustomerField,
    NewTag,
    NewTagGroup,
    SetFieldOrder,
    SetTagOrder,
    Tag,
    TagCatalogue,
    TagColor,
    TagGroup,
    TagKind,
)
from qiatan.modules.customers.errors import LimitReached
from qiatan.modules.customers.events import CardWordsChanged
from qiatan.modules.customers.jobs import drop_values
from qiatan.modules.customers.models import FieldRow, TagGroupRow, TagRow
from qiatan.modules.customers.repository import CatalogueRepository
from qiatan.modules.customers.repository.catalogue import Entry
from qiatan.modules.customers.rules import cleaned_field_name, cleaned_group_name, cleaned_options, cleaned_tag_name, new_order

# -- reading: the words are no secret within the enterprise


async def tag_catalogue(tx: Tx, uses: dict[UUID, int] | None = None) -> TagCatalogue:
    """All groups and tags in order; with `uses` on how many things each hangs."""
    words = CatalogueRepository(tx, tx.enterprise_id)
    tags = [_tag(row, None if uses is None else uses.get(row.id, 0)) for row in await words.all(TagRow)]
    return TagCatalogue(groups=[_group(row) for row in await words.all(TagGroupRow)], tags=tags)


async def customer_tag_uses(tx: Tx) -> dict[UUID, int]:
    """On how many customers each tag hangs; unused ones are absent."""
    return await CatalogueRepository(tx, tx.enterprise_id).customer_uses()


async def field_list(tx: Tx) -> CustomerFieldList:
    """The enterprise's own fields in order."""
    return CustomerFieldList(items=[_field(row) for row in await CatalogueRepository(tx, tx.enterprise_id).all(FieldRow)])


# -- tags


async def create_tag(tx: Tx, actor: AgentActor, new: NewTag) -> Tag:
    """Make a tag.

    Raises:
        NotAllowed: the role lacks `tags.edit`.
        InvalidInput: the name cannot be meant or is taken, or there is no such group of this kind.
        LimitReached: there are 500 of this kind.
    """
    require(actor, permissions.TAGS)
    name = cleaned_tag_name(new.name)
    words = await _claimed(tx, actor)
    if await words.count(TagRow, new.kind) >= MAX_TAGS_OF_A_KIND:
        raise LimitReached
    await _require_group(words, new.group_id, new.kind)
    await _require_free(words, TagRow, name, new.kind)
    row = await words.add(TagRow, new.kind, now=tx.now, id=new_id(), name=name, color=new.color.value, group_id=new.group_id)
    accounts.record(tx, accounts.Who.of(actor), "tag.created", accounts.What("tag", row.id, name), kind=new.kind.value, color=row.color)
    _announce_tags(tx)
    return _tag(row)


async def change_tag(tx: Tx, actor: AgentActor, *, tag_id: UUID, change: ChangeTag) -> Tag:
    """Another name, colour or group. Errors as `create_tag`; also NotFound, VersionConflict."""
    require(actor, permissions.TAGS)
    words = await _claimed(tx, actor)
    row = await _get(words, TagRow, tag_id, change.version)
    before = {"name": row.name, "color": row.color, "group": await _group_name(words, row.group_id)}
    if change.name is not None:
        name = cleaned_tag_name(change.name)
        await _require_free(words, TagRow, name, TagKind(row.kind), besides=row.id)
        row.name = name
    if change.color is not None:
        row.color = change.color.value
    if "group_id" in change.model_fields_set:
        await _require_group(words, change.group_id, TagKind(row.kind))
        row.group_id = change.group_id
    after = {"name": row.name, "color": row.color, "group": await _group_name(words, row.group_id)}
    row.version += 1
    await tx.session.flush()
    if details := accounts.differences(before, after):
        accounts.record(tx, accounts.Who.of(actor), "tag.changed", accounts.What("tag", row.id, row.name), **details)
    _announce_tags(tx)
    return _tag(row)


async def delete_tag(tx: Tx, actor: AgentActor, *, tag_id: UUID) -> None:
    """Delete a tag: it comes off everything it hangs on. Raises NotAllowed, NotFound."""
    require(actor, permissions.TAGS)
    words = await _claimed(tx, actor)
    row = await _dropped(words, TagRow, tag_id)
    accounts.record(tx, accounts.Who.of(actor), "tag.deleted", accounts.What("tag", row.id, row.name), kind=row.kind)
    _announce_tags(tx)


async def order_tags(tx: Tx, actor: AgentActor, order: SetTagOrder) -> None:
    """Put the tags of a kind into another order. Raises NotAllowed, InvalidInput (something that is not there)."""
    require(actor, permissions.TAGS)
    await _put_in_order(tx, actor, TagRow, order.ids, order.kind)
    accounts.record(tx, accounts.Who.of(actor), "tag.ordered", accounts.What("tag", None, order.kind.value))
    _announce_tags(tx)


# -- groups of tags


async def create_tag_group(tx: Tx, actor: AgentActor, new: NewTagGroup) -> TagGroup:
    """Make a group. Raises NotAllowed, InvalidInput (the name), LimitReached (50 of this kind)."""
    require(actor, permissions.TAGS)
    name = cleaned_group_name(new.name)
    words = await _claimed(tx, actor)
    if await words.count(TagGroupRow, new.kind) >= MAX_GROUPS_OF_A_KIND:
        raise LimitReached
    await _require_free(words, TagGroupRow, name, new.kind)
    row = await words.add(TagGroupRow, new.kind, now=tx.now, id=new_id(), name=name)
    accounts.record(tx, accounts.Who.of(actor), "tag_group.created", accounts.What("tag_group", row.id, name), kind=new.kind.value)
    _announce_tags(tx)
    return _group(row)


async def change_tag_group(tx: Tx, actor: AgentActor, *, group_id: UUID, change: ChangeTagGroup) -> TagGroup:
    """Another name. Raises NotAllowed, InvalidInput, NotFound, VersionConflict."""
    require(actor, permissions.TAGS)
    name = cleaned_group_name(change.name)
    words = await _claimed(tx, actor)
    row = await _get(words, TagGroupRow, group_id, change.version)
    await _require_free(words, TagGroupRow, name, TagKind(row.kind), besides=row.id)
    before, row.name = row.name, name
    row.version += 1
    await tx.session.flush()
    if before != name:
        accounts.record(tx, accounts.Who.of(actor), "tag_group.changed", accounts.What("tag_group", row.id, name), name=[before, name])
    _announce_tags(tx)
    return _group(row)


async def delete_tag_group(tx: Tx, actor: AgentActor, *, group_id: UUID) -> None:
    """Delete a group; its tags stay, in none. Raises NotAllowed, NotFound."""
    require(actor, permissions.TAGS)
    words = await _claimed(tx, actor)
    row = await _get(words, TagGroupRow, group_id)
    await words.leave_group(row.id)
    await words.delete(TagGroupRow, row.id)
    accounts.record(tx, accounts.Who.of(actor), "tag_group.deleted", accounts.What("tag_group", row.id, row.name), kind=row.kind)
    _announce_tags(tx)


async def order_tag_groups(tx: Tx, actor: AgentActor, order: SetTagOrder) -> None:
    """As `order_tags`."""
    require(actor, permissions.TAGS)
    await _put_in_order(tx, actor, TagGroupRow, order.ids, order.kind)
    accounts.record(tx, accounts.Who.of(actor), "tag_group.ordered", accounts.What("tag_group", None, order.kind.value))
    _announce_tags(tx)


# -- the enterprise's own fields


async def create_field(tx: Tx, actor: AgentActor, new: NewCustomerField) -> CustomerField:
    """Make a field of the card.

    Raises:
        NotAllowed: the role lacks `customers.fields`.
        InvalidInput: the name cannot be meant or is taken, or the options cannot be meant.
        LimitReached: there are 50.
    """
    require(actor, permissions.FIELDS)
    name, options = cleaned_field_name(new.name), cleaned_options(new.kind, new.options)
    words = await _claimed(tx, actor)
    if await words.count(FieldRow) >= MAX_FIELDS:
        raise LimitReached
    await _require_free(words, FieldRow, name)
    row = await words.add_field(now=tx.now, id=new_id(), name=name, kind=new.kind.value, options=options)
    subject = accounts.What("customer_field", row.id, name)
    accounts.record(tx, accounts.Who.of(actor), "customer_field.created", subject, kind=new.kind.value, options=options)
    _announce_fields(tx)
    return _field(row)


async def change_field(tx: Tx, actor: AgentActor, *, field_id: UUID, change: ChangeCustomerField) -> CustomerField:
    """Another name or other options; values that are no option any more stay until somebody changes them.

    Raises:
        NotAllowed, InvalidInput, NotFound, VersionConflict: nothing was changed.
    """
    require(actor, permissions.FIELDS)
    words = await _claimed(tx, actor)
    row = await _get(words, FieldRow, field_id, change.version)
    before = {"name": row.name, "options": list(row.options)}
    if change.name is not None:
        name = cleaned_field_name(change.name)
        await _require_free(words, FieldRow, name, besides=row.id)
        row.name = name
    if change.options is not None:
        row.options = cleaned_options(FieldKind(row.kind), change.options)
    row.version += 1
    await tx.session.flush()
    if details := accounts.differences(before, {"name": row.name, "options": list(row.options)}):
        subject = accounts.What("customer_field", row.id, row.name)
        accounts.record(tx, accounts.Who.of(actor), "customer_field.changed", subject, **details)
    _announce_fields(tx)
    return _field(row)


async def delete_field(tx: Tx, actor: AgentActor, *, field_id: UUID) -> None:
    """Delete a field; a job takes its values off the customers. Their history stays. Raises NotAllowed, NotFound."""
    require(actor, permissions.FIELDS)
    words = await _claimed(tx, actor)
    row = await _dropped(words, FieldRow, field_id)
    await tx.defer(drop_values, enterprise_id=str(actor.enterprise_id), key=str(row.id))
    accounts.record(tx, accounts.Who.of(actor), "customer_field.deleted", accounts.What("customer_field", row.id, row.name), kind=row.kind)
    _announce_fields(tx)


async def order_fields(tx: Tx, actor: AgentActor, order: SetFieldOrder) -> None:
    """Put the fields into another order. Raises NotAllowed, InvalidInput (something that is not there)."""
    require(actor, permissions.FIELDS)
    await _put_in_order(tx, actor, FieldRow, order.ids)
    accounts.record(tx, accounts.Who.of(actor), "customer_field.ordered", accounts.What("customer_field", None, ""))
    _announce_fields(tx)


async def _claimed(tx: Tx, actor: AgentActor) -> CatalogueRepository:
    words = CatalogueRepository(tx, actor.enterprise_id)
    await words.claim()
    return words


async def _get(words: CatalogueRepository, table: type[Entry], entry_id: UUID, version: int | None = None) -> Entry:
    row = await words.get(table, entry_id)
    if row is None:
        raise NotFound
    if version is not None and row.version != version:
        raise VersionConflict
    return row


async def _put_in_order(tx: Tx, actor: AgentActor, table: type[Entry], ids: list[UUID], kind: TagKind | None = None) -> None:
    words = await _claimed(tx, actor)
    rows = await words.all(table, kind)
    await words.set_order(rows, new_order([row.id for row in rows], ids))


async def _dropped(words: CatalogueRepository, table: type[Entry], entry_id: UUID) -> Entry:
    row = await _get(words, table, entry_id)
    await words.delete(table, row.id)
    return row


async def _require_free(
    words: CatalogueRepository, table: type[Entry], name: str, kind: TagKind | None = None, *, besides: UUID | None = None
) -> None:
    if await words.taken(table, name, kind, besides=besides):
        raise InvalidInput.of("name", "taken", "There is one of this name already. Choose a different one.")


async def _require_group(words: CatalogueRepository, group_id: UUID | None, kind: TagKind) -> None:
    if group_id is None:
        return
    group = await words.get(TagGroupRow, group_id)
    if group is None or group.kind != kind:
        raise InvalidInput.of("group_id", "unknown", "There is no such group for this kind of tags. Load the tags again.")


async def _group_name(words: CatalogueRepository, group_id: UUID | None) -> str | None:
    group = await words.get(TagGroupRow, group_id) if group_id is not None else None
    return None if group is None else group.name


def _announce_tags(tx: Tx) -> None:
    tx.emit(CardWordsChanged(enterprise_id=tx.enterprise_id, what="tags"))


def _announce_fields(tx: Tx) -> None:
    tx.emit(CardWordsChanged(enterprise_id=tx.enterprise_id, what="customer_fields"))


def _tag(row: TagRow, uses: int | None = None) -> Tag:
    return Tag(
        id=row.id,
        name=row.name,
        color=TagColor(row.color),
        kind=TagKind(row.kind),
        group_id=row.group_id,
        position=row.position,
        uses=uses,
        version=row.version,
    )


def _group(row: TagGroupRow) -> TagGroup:
    return TagGroup(id=row.id, kind=TagKind(row.kind), name=row.name, position=row.position, version=row.version)


def _field(row: FieldRow) -> CustomerField:
    return CustomerField(
        id=row.id,
        key=str(row.id),
        name=row.name,
        kind=FieldKind(row.kind),
        options=list(row.options),
        position=row.position,
        version=row.version,
    )

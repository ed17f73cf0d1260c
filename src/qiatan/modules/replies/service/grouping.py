"""Groups, and the order of groups and entries."""

from __future__ import annotations

from uuid import UUID

from qiatan.infra.clock import new_id
from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor
from qiatan.kit.errors import InvalidInput, VersionConflict
from qiatan.modules.accounts import service as accounts
from qiatan.modules.replies.contracts import (
    MAX_GROUPS,
    MAX_OWN_GROUPS,
    NewReplyGroup,
    ReplyGroup,
    ReplyGroupChange,
    ReplyGroupOrder,
    ReplyOrder,
)
from qiatan.modules.replies.errors import TooManyGroups
from qiatan.modules.replies.models import GroupRow
from qiatan.modules.replies.repository import ReplyRepository
from qiatan.modules.replies.rules import check_group_name, moved
from qiatan.modules.replies.service.shelf import agent_of, begin, check_version, group_to_edit, require_edit, to_group


async def create_group(tx: Tx, actor: AgentActor, new: NewReplyGroup) -> ReplyGroup:
    """A new group, as the last one.

    Raises:
        NotAllowed: the role lacks `replies.edit`, or `replies.edit_own` for an own one.
        InvalidInput: names `name` (`taken`: there is one of this name).
        TooManyGroups: the enterprise has 500, or the agent 100 own ones.
    """
    require_edit(actor, new.owner)
    name = check_group_name(new.name)
    owner = agent_of(actor, new.owner)
    replies = await begin(tx, owner)
    groups = await replies.groups(owner)
    _check_free(groups, name)
    if len(groups) >= group_limit_of(owner):
        raise TooManyGroups
    row = await add_group(tx, replies, owner, name, groups)
    if owner is None:
        accounts.record(tx, accounts.Who.of(actor), "reply_group.created", accounts.What("reply_group", row.id, name))
    return to_group(row)


async def change_group(tx: Tx, actor: AgentActor, group_id: UUID, change: ReplyGroupChange) -> ReplyGroup:
    """Another name.

    Raises:
        NotFound: there is none, or it is somebody else's own.
        NotAllowed, InvalidInput: as `create_group`.
        VersionConflict: somebody else changed it meanwhile.
    """
    replies, row = await group_to_edit(tx, actor, group_id)
    check_version(row, change.version)
    name = check_group_name(change.name)
    _check_free([group for group in await replies.groups(row.agent_id) if group.id != group_id], name)
    before, row.name = row.name, name
    row.version += 1
    await tx.session.flush()
    if row.agent_id is None and before != name:
        accounts.record(tx, accounts.Who.of(actor), "reply_group.changed", accounts.What("reply_group", row.id, name), name=[before, name])
    return to_group(row)


async def delete_group(tx: Tx, actor: AgentActor, group_id: UUID) -> None:
    """The group is gone; its entries stay, in no group.

    Raises:
        NotFound, NotAllowed: as `change_group`.
    """
    replies, row = await group_to_edit(tx, actor, group_id)
    last = (await replies.last_positions(row.agent_id)).get(None, 0)
    freed = await replies.empty_group(group_id, last)
    if row.agent_id is None:
        what = accounts.What("reply_group", row.id, row.name)
        accounts.record(tx, accounts.Who.of(actor), "reply_group.deleted", what, entries=freed)
    await replies.remove(row)


async def order_groups(tx: Tx, actor: AgentActor, order: ReplyGroupOrder) -> None:
    """All groups of an owner in their new order.

    Raises:
        NotAllowed: as `create_group`.
        InvalidInput: names `ids` (`duplicate`).
        VersionConflict: these are not the groups there are; nothing was changed.
    """
    require_edit(actor, order.owner)
    owner = agent_of(actor, order.owner)
    replies = await begin(tx, owner)
    if not moved(order.ids, {row.id for row in await replies.groups(owner)}, ()):
        raise VersionConflict
    await replies.order_groups(order.ids)
    _note_order(tx, actor, owner, "groups")


async def order_replies(tx: Tx, actor: AgentActor, order: ReplyOrder) -> None:
    """The entries of a group (or of none) in their new order; those that come from elsewhere on the same shelf move here.

    Raises:
        NotAllowed: as `create_group`.
        InvalidInput: names `ids` (`duplicate`) or `group_id` (`unknown`).
        VersionConflict: an entry of the group is missing, or one is named that is not there; nothing was changed.
    """
    require_edit(actor, order.owner)
    owner = agent_of(actor, order.owner)
    replies = await begin(tx, owner)
    if order.group_id is not None and order.group_id not in {row.id for row in await replies.groups(owner)}:
        raise InvalidInput.of("group_id", "unknown", "There is no such group here (any more). Choose another one.")
    there = await replies.ids(owner)
    if not moved(order.ids, {row.id for row in there if row.group_id == order.group_id}, {row.id for row in there}):
        raise VersionConflict
    await replies.order_entries(order.group_id, order.ids)
    _note_order(tx, actor, owner, "entries")


async def add_group(tx: Tx, replies: ReplyRepository, owner: UUID | None, name: str, groups: list[GroupRow]) -> GroupRow:
    """Behind the groups there are, which it joins in the list."""
    position = max((group.position for group in groups), default=0) + 1
    row = GroupRow(enterprise_id=tx.enterprise_id, id=new_id(), agent_id=owner, name=name, position=position, version=1, created_at=tx.now)
    await replies.add(row)
    groups.append(row)
    return row


def group_limit_of(owner: UUID | None) -> int:
    return MAX_GROUPS if owner is None else MAX_OWN_GROUPS


def _check_free(groups: list[GroupRow], name: str) -> None:
    if any(group.name == name for group in groups):
        raise InvalidInput.of("name", "taken", "There is a group of this name. Choose another one.")


def _note_order(tx: Tx, actor: AgentActor, owner: UUID | None, of: str) -> None:
    if owner is None:
        accounts.record(tx, accounts.Who.of(actor), "replies.ordered", accounts.What("replies", None, ""), of=of)

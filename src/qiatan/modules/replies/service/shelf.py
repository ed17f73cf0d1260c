"""Whose entries somebody may see and change, and the one order of changes."""

from __future__ import annotations

from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, require
from qiatan.kit.errors import NotFound, VersionConflict
from qiatan.modules.replies.contracts import ReplyGroup, ReplyOwner
from qiatan.modules.replies.events import RepliesChanged
from qiatan.modules.replies.models import EntryRow, GroupRow
from qiatan.modules.replies.permissions import EDIT, EDIT_OWN
from qiatan.modules.replies.repository import ReplyRepository


def require_edit(actor: AgentActor, owner: ReplyOwner) -> None:
    """Raises NotAllowed."""
    require(actor, EDIT if owner is ReplyOwner.ENTERPRISE else EDIT_OWN)


def agent_of(actor: AgentActor, owner: ReplyOwner) -> UUID | None:
    """As rows name their owner."""
    return None if owner is ReplyOwner.ENTERPRISE else actor.agent_id


def owner_of(agent_id: UUID | None) -> ReplyOwner:
    return ReplyOwner.ENTERPRISE if agent_id is None else ReplyOwner.OWN


async def begin(tx: Tx, agent_id: UUID | None) -> ReplyRepository:
    """Begin a change: later ones of the same owner wait for the end of this, and open pages hear of it."""
    replies = ReplyRepository(tx, tx.enterprise_id)
    await replies.touch(agent_id)
    tx.emit(RepliesChanged(enterprise_id=tx.enterprise_id, agent_id=agent_id))
    return replies


async def entry_to_edit(tx: Tx, actor: AgentActor, entry_id: UUID) -> tuple[ReplyRepository, EntryRow]:
    """An entry, with the change of its shelf begun.

    Raises:
        NotFound: there is none, or it is somebody else's own.
        NotAllowed: it may be seen, not changed.
    """
    found = await ReplyRepository(tx, tx.enterprise_id).get(entry_id)
    if found is None or found.agent_id not in (None, actor.agent_id):
        raise NotFound
    require_edit(actor, owner_of(found.agent_id))
    replies = await begin(tx, found.agent_id)
    row = await replies.get(entry_id)
    if row is None:
        raise NotFound
    return replies, row


async def group_to_edit(tx: Tx, actor: AgentActor, group_id: UUID) -> tuple[ReplyRepository, GroupRow]:
    """A group, with the change of its shelf begun. Errors as `entry_to_edit`."""
    found = await ReplyRepository(tx, tx.enterprise_id).group(group_id)
    if found is None or found.agent_id not in (None, actor.agent_id):
        raise NotFound
    require_edit(actor, owner_of(found.agent_id))
    replies = await begin(tx, found.agent_id)
    row = await replies.group(group_id)
    if row is None:
        raise NotFound
    return replies, row


def check_version(row: EntryRow | GroupRow, version: int) -> None:
    """Raises VersionConflict."""
    if row.version != version:
        raise VersionConflict


def to_group(row: GroupRow) -> ReplyGroup:
    return ReplyGroup(id=row.id, owner=owner_of(row.agent_id), name=row.name, position=row.position, version=row.version)

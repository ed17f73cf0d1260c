"""Reading: the list of all an agent may use, and single entries."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, require
from qiatan.kit.errors import NotFound
from qiatan.modules.replies.contracts import Reply, ReplyBrief, ReplyIndex, ReplyKind
from qiatan.modules.replies.permissions import USE
from qiatan.modules.replies.repository import ReplyRepository
from qiatan.modules.replies.service.shelf import owner_of, to_group


async def index_version(tx: Tx, actor: AgentActor) -> str:
    """The version of what `index` would answer now: two small rows are read for it. Raises NotAllowed."""
    require(actor, USE)
    versions = await ReplyRepository(tx, tx.enterprise_id).versions(actor.agent_id)
    # Whose it is, is in it: a browser in which somebody else signs in must not take the former's own entries for theirs.
    return f"{actor.agent_id.hex[-12:]}.{versions[None]}.{versions[actor.agent_id]}"


async def index(tx: Tx, actor: AgentActor, *, since_version: str | None) -> ReplyIndex:
    """Everything the actor may use; nothing but the version where that is the one they have. Raises NotAllowed."""
    version = await index_version(tx, actor)
    if version == since_version:
        return ReplyIndex(version=version, unchanged=True, groups=[], entries=[])
    replies = ReplyRepository(tx, tx.enterprise_id)
    groups = [to_group(row) for row in await replies.groups(None, actor.agent_id)]
    entries = [_brief(row) for row in await replies.entries(actor.agent_id)]
    return ReplyIndex.model_construct(version=version, unchanged=False, groups=groups, entries=entries)


async def get(tx: Tx, actor: AgentActor, reply_id: UUID) -> Reply:
    """One entry with its document.

    Raises:
        NotAllowed: the role lacks `replies.use`.
        NotFound: there is none, or it is somebody else's own.
    """
    require(actor, USE)
    row = await ReplyRepository(tx, tx.enterprise_id).entry(actor.agent_id, reply_id)
    if row is None:
        raise NotFound
    # The document goes through its model once more: what may be drawn is said there, not by what was stored one day.
    return Reply.model_validate(
        {**_values(row), "document": row.document, "updated_at": row.updated_at, "updated_by": row.updated_by},
    )


def _brief(row: Any) -> ReplyBrief:
    """Without checks: there may be ten thousand of them, and our own columns hold what they hold."""
    return ReplyBrief.model_construct(**_values(row))


def _values(row: Any) -> dict[str, Any]:
    return {
        "id": row.id,
        "owner": owner_of(row.agent_id),
        "group_id": row.group_id,
        "position": row.position,
        "title": row.title,
        "text": row.text,
        "kind": ReplyKind(row.kind),
        "pinyin": row.pinyin,
        "initials": row.initials,
        "uses": row.uses,
        "used_at": row.used_at,
        "all_uses": row.all_uses,
        "version": row.version,
    }

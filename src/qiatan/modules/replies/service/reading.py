"""Reading: the list of all an agent may use, and single entries."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import msgspec

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, require
from qiatan.kit.errors import NotFound
from qiatan.modules.replies.contracts import Reply, ReplyOwner
from qiatan.modules.replies.permissions import USE
from qiatan.modules.replies.repository import Entry, ReplyRepository
from qiatan.modules.replies.service.shelf import to_group

Uses = Mapping[UUID, tuple[int, datetime]]
_NEVER = (0, None)
_ENTERPRISE, _OWN = ReplyOwner.ENTERPRISE.value, ReplyOwner.OWN.value


async def index_version(tx: Tx, actor: AgentActor) -> str:
    """The version of what `index` would answer now: two small rows are read for it. Raises NotAllowed."""
    require(actor, USE)
    versions = await ReplyRepository(tx, tx.enterprise_id).versions(actor.agent_id)
    # Whose it is, is in it: a browser in which somebody else signs in must not take the former's own entries for theirs.
    return f"{actor.agent_id.hex[-12:]}.{versions[None]}.{versions[actor.agent_id]}"


async def index(tx: Tx, actor: AgentActor, *, since_version: str | None) -> bytes:
    """Everything the actor may use, as a `ReplyIndex` in JSON; nothing but the version where that is the one they have.

    Encoded from the rows: to make ten thousand objects first would hold up everybody else on this loop for a second.

    Raises:
        NotAllowed: the role lacks `replies.use`.
    """
    version = await index_version(tx, actor)
    if version == since_version:
        return msgspec.json.encode({"version": version, "unchanged": True, "groups": [], "entries": []})
    replies = ReplyRepository(tx, tx.enterprise_id)
    groups = [to_group(row).model_dump(mode="json") for row in await replies.groups(None, actor.agent_id)]
    uses = await replies.uses(actor.agent_id)
    entries = [_values(row, uses) for row in await replies.entries(actor.agent_id)]
    return msgspec.json.encode({"version": version, "unchanged": False, "groups": groups, "entries": entries})


async def get(tx: Tx, actor: AgentActor, reply_id: UUID) -> Reply:
    """One entry with its document.

    Raises:
        NotAllowed: the role lacks `replies.use`.
        NotFound: there is none, or it is somebody else's own.
    """
    require(actor, USE)
    replies = ReplyRepository(tx, tx.enterprise_id)
    row = await replies.entry(actor.agent_id, reply_id)
    if row is None:
        raise NotFound
    # The document goes through its model once more: what may be drawn is said there, not by what was stored one day.
    *brief, document, updated_at, updated_by = row
    values = _values(tuple(brief), await replies.uses(actor.agent_id, reply_id))
    return Reply.model_validate({**values, "document": document, "updated_at": updated_at, "updated_by": updated_by})


def _values(row: Entry, uses: Uses) -> dict[str, Any]:
    """A `ReplyBrief`, not yet made."""
    entry_id, agent_id, group_id, position, title, text, kind, pinyin, initials, all_uses, version = row
    own_uses, used_at = uses.get(entry_id, _NEVER)
    return {
        "id": entry_id,
        "owner": _ENTERPRISE if agent_id is None else _OWN,
        "group_id": group_id,
        "position": position,
        "title": title,
        "text": text,
        "kind": kind,
        "pinyin": pinyin,
        "initials": initials,
        "uses": own_uses,
        "used_at": used_at,
        "all_uses": all_uses,
        "version": version,
    }

"""Reading: the list of all an agent may use, and single entries."""

from __future__ import annotations

import asyncio
import re
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
from qiatan.modules.replies.repository import Entry, ReplyRepository, Shelves
from qiatan.modules.replies.service.shelf import to_group

Uses = Mapping[UUID, tuple[int, datetime]]
_NEVER = (0, None)
_ENCODED_AT_ONCE = 500
_ENTERPRISE, _OWN = ReplyOwner.ENTERPRISE.value, ReplyOwner.OWN.value


async def index(tx: Tx, actor: AgentActor, *, since_version: str | None, changes: bool = False) -> bytes:
    """Everything the actor may use, as a `ReplyIndex` in JSON; nothing but the version where that is the one they have, and with
    `changes` only what is other than in the version they have: of ten thousand entries a corrected word would send nine megabytes to
    every page.

    Encoded from the rows: to make ten thousand objects first would hold up everybody else on this loop for a second.

    Raises:
        NotAllowed: the role lacks `replies.use`.
    """
    require(actor, USE)
    replies = ReplyRepository(tx, tx.enterprise_id)
    # Before the entries: what is stored in between comes once more with the next answer, and is never left out.
    shelves = await replies.shelves(actor.agent_id)
    version = _written(actor, shelves)
    if version == since_version:
        return msgspec.json.encode({"version": version, "unchanged": True, "complete": True, "groups": [], "entries": [], "ids": None})
    since = _read(actor, since_version, shelves) if changes and since_version is not None else None
    groups = [to_group(row).model_dump(mode="json") for row in await replies.groups(None, actor.agent_id)]
    uses = await replies.uses(actor.agent_id)
    is_removed = since is not None and any(shelf.removed_in > had for shelf, had in zip(shelves, since, strict=True))
    answer = {
        "version": version,
        "unchanged": False,
        "complete": since is None,
        "groups": groups,
        "ids": await replies.all_ids(actor.agent_id) if is_removed else None,
    }
    return await _with_entries(answer, [_values(row, uses) for row in await replies.entries(actor.agent_id, since)])


async def _with_entries(answer: dict[str, Any], entries: list[dict[str, Any]]) -> bytes:
    """The answer in JSON with the entries in it, encoded some at a time: others have their turns in between."""
    encoded = []
    for start in range(0, len(entries), _ENCODED_AT_ONCE):
        encoded += [msgspec.json.encode(entry) for entry in entries[start : start + _ENCODED_AT_ONCE]]
        await asyncio.sleep(0)
    return msgspec.json.encode(answer)[:-1] + b',"entries":[' + b",".join(encoded) + b"]}"


def _written(actor: AgentActor, shelves: Shelves) -> str:
    # Whose it is, is in it: a browser in which somebody else signs in must not take the former's own entries for theirs.
    return f"{actor.agent_id.hex[-12:]}.{shelves.everybodys.version}.{shelves.own.version}"


def _read(actor: AgentActor, version: str, shelves: Shelves) -> tuple[int, int] | None:
    """The versions of both shelves that are meant; None where it is no version of this agent that ever was."""
    found = re.fullmatch(r"([0-9a-f]{12})\.([0-9]{1,9})\.([0-9]{1,9})", version)
    if found is None or found[1] != actor.agent_id.hex[-12:]:
        return None
    since = int(found[2]), int(found[3])
    return since if since[0] <= shelves.everybodys.version and since[1] <= shelves.own.version else None


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

"""Entries: made, changed, deleted, used."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

from qiatan.infra.clock import new_id
from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, require
from qiatan.kit.errors import InvalidInput, NotFound
from qiatan.kit.rich_text import RichDocument, stored
from qiatan.modules.accounts import service as accounts
from qiatan.modules.pictures import service as pictures
from qiatan.modules.replies.contracts import MAX_ENTRIES, MAX_OWN_ENTRIES, NewReply, Reply, ReplyChange
from qiatan.modules.replies.errors import TooManyReplies
from qiatan.modules.replies.models import EntryRow
from qiatan.modules.replies.permissions import USE
from qiatan.modules.replies.repository import ReplyRepository
from qiatan.modules.replies.rules import CheckedEntry, Pinyin, check_entry, check_title, pinyin_of
from qiatan.modules.replies.service.reading import get
from qiatan.modules.replies.service.shelf import agent_of, begin, check_version, entry_to_edit, require_edit


async def create(tx: Tx, actor: AgentActor, new: NewReply) -> Reply:
    """A new entry, as the last of its group.

    Raises:
        NotAllowed: the role lacks `replies.edit`, or `replies.edit_own` for an own one.
        InvalidInput: names `title`, `document` (see `check_entry`) or `group_id` (`unknown`: not a group of this owner).
        TooManyReplies: the enterprise has 10,000, or the agent 2,000 own ones.
    """
    require_edit(actor, new.owner)
    title = check_title(new.title)
    content = await _content(tx, new.document)
    spelled = await spell(title)
    owner = agent_of(actor, new.owner)
    replies = await begin(tx, owner)
    await _check_group(replies, owner, new.group_id)
    if await replies.count(owner) >= limit_of(owner):
        raise TooManyReplies
    row = EntryRow(
        enterprise_id=tx.enterprise_id,
        id=new_id(),
        agent_id=owner,
        group_id=new.group_id,
        position=(await replies.last_positions(owner)).get(new.group_id, 0) + 1,
        title=title,
        pinyin=spelled.syllables,
        initials=spelled.initials,
        created_at=tx.now,
        **_stamp(tx, actor),
        **_kept(content),
    )
    await replies.add(row)
    await pictures.hold(tx, holder_id=row.id, document=content.document)
    if owner is None:
        accounts.record(tx, accounts.Who.of(actor), "reply.created", accounts.What("reply", row.id, title), kind=content.kind)
    return await get(tx, actor, row.id)


async def change(tx: Tx, actor: AgentActor, reply_id: UUID, change: ReplyChange) -> Reply:
    """Other words, another title or another group; what is left out stays. The kind follows from the content anew (F01).

    Raises:
        NotFound: there is none, or it is somebody else's own.
        NotAllowed, InvalidInput: as `create`.
        VersionConflict: somebody else changed it meanwhile.
    """
    replies, row = await entry_to_edit(tx, actor, reply_id)
    check_version(row, change.version)
    before = {"title": row.title, "text": row.text, "kind": row.kind, "group_id": row.group_id}
    if change.title is not None and (title := check_title(change.title)) != row.title:
        spelled = await spell(title)
        row.title, row.pinyin, row.initials = title, spelled.syllables, spelled.initials
    if change.document is not None:
        content = await _content(tx, change.document)
        for name, value in _kept(content).items():
            setattr(row, name, value)
        await pictures.hold(tx, holder_id=row.id, document=content.document)
    if "group_id" in change.model_fields_set and change.group_id != row.group_id:
        await _check_group(replies, row.agent_id, change.group_id)
        row.position = (await replies.last_positions(row.agent_id)).get(change.group_id, 0) + 1
        row.group_id = change.group_id
    row.version += 1
    for name, value in _stamp(tx, actor).items():
        setattr(row, name, value)
    await tx.session.flush()
    after = {"title": row.title, "text": row.text, "kind": row.kind, "group_id": row.group_id}
    if row.agent_id is None:
        details = accounts.differences(before, after)
        accounts.record(tx, accounts.Who.of(actor), "reply.changed", accounts.What("reply", row.id, row.title), **details)
    return await get(tx, actor, reply_id)


async def delete(tx: Tx, actor: AgentActor, reply_id: UUID) -> None:
    """The entry is gone for everybody; its pictures go after a day, unless a message shows them.

    Raises:
        NotFound, NotAllowed: as `change`.
    """
    replies, row = await entry_to_edit(tx, actor, reply_id)
    await pictures.hold(tx, holder_id=row.id, document=None)
    if row.agent_id is None:
        accounts.record(tx, accounts.Who.of(actor), "reply.deleted", accounts.What("reply", row.id, row.title), text=row.text)
    await replies.remove(row)


async def note_use(tx: Tx, actor: AgentActor, reply_id: UUID) -> None:
    """Count a use, for the rank of what is found. It makes no new version of the list.

    Raises:
        NotAllowed: the role lacks `replies.use`.
        NotFound: there is none, or it is somebody else's own.
    """
    require(actor, USE)
    replies = ReplyRepository(tx, tx.enterprise_id)
    if not await replies.use(reply_id, actor.agent_id):
        raise NotFound
    if actor.via == "session":  # a program has no rank of its own
        await replies.note_use(reply_id, actor.agent_id, tx.now)


def limit_of(owner: UUID | None) -> int:
    return MAX_ENTRIES if owner is None else MAX_OWN_ENTRIES


async def spell(title: str) -> Pinyin:
    """Away from the loop: the first call loads a dictionary."""
    return await asyncio.to_thread(pinyin_of, title)


async def _content(tx: Tx, document: RichDocument) -> CheckedEntry:
    content = check_entry(document)
    if content.document is None:
        return content
    settled = await pictures.settled(tx, content.document)
    return CheckedEntry(content.text, content.kind, settled)


async def _check_group(replies: ReplyRepository, owner: UUID | None, group_id: UUID | None) -> None:
    if group_id is None:
        return
    group = await replies.group(group_id)
    if group is None or group.agent_id != owner:
        raise InvalidInput.of("group_id", "unknown", "There is no such group here (any more). Choose another one.")


def _kept(content: CheckedEntry) -> dict[str, Any]:
    return {
        "text": content.text,
        "kind": content.kind.value,
        "document": stored(content.document) if content.document is not None else None,
    }


def _stamp(tx: Tx, actor: AgentActor) -> dict[str, Any]:
    return {"updated_at": tx.now, "updated_by": actor.agent_id}

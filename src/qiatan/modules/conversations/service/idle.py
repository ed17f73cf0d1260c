"""The end of conversations in which nobody writes any more (F18).

Nothing is done at a message: `idle_due_at` is when to look next, and who looks computes anew from the last line. So it moves once in
a conversation's idle time, and messages stay cheap.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime
from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.infra.resources import Resources
from qiatan.modules.channels import service as channels
from qiatan.modules.channels.contracts import ChannelKind
from qiatan.modules.conversations import jobs
from qiatan.modules.conversations.contracts import AutoEnd, Conversation, SenderKind, Status
from qiatan.modules.conversations.events import ConversationRulesChanged
from qiatan.modules.conversations.models import ConversationRow
from qiatan.modules.conversations.repository import ConversationRepository, SettingsRepository, system
from qiatan.modules.conversations.repository.conversations import Place
from qiatan.modules.conversations.rules import auto_end_of, empty_until, idle_since, next_idle
from qiatan.modules.conversations.service.ending import finish
from qiatan.modules.conversations.service.settings import load_settings
from qiatan.modules.conversations.service.writing import write_event

LOOKED_AT_ONCE = 200


async def first_due(tx: Tx, kind: ChannelKind) -> datetime | None:
    """When to look first at a conversation, on a channel of this kind, that is given to an agent now; None: never."""
    return next_idle(tx.now, None, auto_end_of(await load_settings(tx), kind), tx.now).due_at


async def idle_due(tx: Tx, limit: int, besides: Collection[UUID] = ()) -> Sequence[tuple[UUID, UUID]]:
    """(enterprise, conversation) to look at by now, earliest first; none of the enterprises `besides`. Needs the system role."""
    return await system.idle_due(tx, limit, besides)


async def next_idle_due(tx: Tx) -> datetime | None:
    """The next moment at which one has to be looked at. Needs the system role."""
    return await system.next_idle_due(tx)


async def end_idle(tx: Tx, conversation_id: UUID) -> Conversation | None:
    """Look at a conversation whose time has come: warn, end, or look again later. Returns it if it was ended.

    Does nothing if somebody else holds its row, if it has ended, or if its time has not come: doing it twice changes nothing.
    """
    repository = ConversationRepository(tx, tx.enterprise_id)
    row = await repository.get_due(conversation_id, tx.now)
    if row is None:
        return None
    if row.status == Status.WAITING and row.customer_messages == 0:
        return await _end_empty(tx, row)
    since = idle_since(
        created_at=row.created_at,
        assigned_at=row.assigned_at,
        last_at=row.last_at,
        waits=row.assignee_id is None,
        unanswered=row.unanswered_since is not None,
    )
    if since is None:
        # Who waits is not forgotten: being assigned sets the time anew.
        await repository.set_idle(row, due_at=None, warned_at=row.idle_warned_at)
        return None
    step = next_idle(since, row.idle_warned_at, await _policy(tx, row), tx.now)
    if step.act == "end":
        return await finish(tx, row, SenderKind.SYSTEM)
    if step.act == "warn" and step.due_at is not None:
        await write_event(tx, row.id, "idle_warning", ends_at=step.due_at.isoformat())
        await repository.set_idle(row, due_at=step.due_at, warned_at=tx.now)
    else:
        await repository.set_idle(row, due_at=step.due_at, warned_at=row.idle_warned_at)
    return None


async def _end_empty(tx: Tx, row: ConversationRow) -> Conversation | None:
    """Nobody is to be given a conversation whose customer has taken back all they wrote, and writes nothing else."""
    until = empty_until(row.last_at or row.created_at)
    if until <= tx.now:
        return await finish(tx, row, SenderKind.SYSTEM)
    await ConversationRepository(tx, tx.enterprise_id).set_idle(row, due_at=until, warned_at=row.idle_warned_at)
    return None


async def look_again(tx: Tx, *, after: Place | None = None) -> Place | None:
    """The rules have changed: have a page of open conversations looked at by the new ones; returns after what the next page begins, or None."""
    following = await ConversationRepository(tx, tx.enterprise_id).look_again(tx.now, after=after, limit=LOOKED_AT_ONCE)
    saved = await SettingsRepository(tx, tx.enterprise_id).get()
    if after is None and saved is not None:
        # Told once more, so that the timers begin at once.
        tx.emit(ConversationRulesChanged(enterprise_id=tx.enterprise_id, version=saved[1]))
    return following


@jobs.look_at_idle_again.kept_by
async def _look_again(resources: Resources, *, enterprise_id: str) -> None:
    """A page in each transaction; doing it twice changes nothing."""
    after: Place | None = None
    while True:
        async with resources.database.tenant(UUID(enterprise_id)) as tx:
            after = await look_again(tx, after=after)
        if after is None:
            return


async def _policy(tx: Tx, row: ConversationRow) -> AutoEnd:
    kind = (await channels.briefs(tx, {row.channel_id}))[row.channel_id].kind
    return auto_end_of(await load_settings(tx), kind)

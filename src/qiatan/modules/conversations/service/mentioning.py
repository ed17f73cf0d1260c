"""Naming colleagues in notes, and what one was named in."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, require
from qiatan.kit.cursors import MAX_PAGE, Page, decode_cursor, encode_cursor, moment_of
from qiatan.kit.errors import InvalidInput
from qiatan.modules.accounts import service as accounts
from qiatan.modules.accounts.service import Reach
from qiatan.modules.conversations.contracts import Ack, Mention, MentionTarget, MentionTargets, ReadMentions, Status
from qiatan.modules.conversations.events import Mentioned, MentionsRead
from qiatan.modules.conversations.models import ConversationRow, MentionRow
from qiatan.modules.conversations.permissions import JOIN, SERVE, TAKE, VIEW_COLLEAGUES
from qiatan.modules.conversations.repository import ConversationRepository, MentionRepository
from qiatan.modules.conversations.repository.mentions import Key
from qiatan.modules.conversations.rules import Held, preview, sees
from qiatan.modules.conversations.service.finding import sight_of, visible
from qiatan.modules.customers import service as customers

TARGETS_SHOWN = 200
MAX_SEQ = 2_000_000_000


async def mention_targets(tx: Tx, actor: AgentActor, conversation_id: UUID, *, words: str = "") -> MentionTargets:
    """Who may be named in a note of this conversation and has the words in their name, by name. Raises ConversationNotFound."""
    require(actor, SERVE)
    row = await visible(tx, actor, conversation_id)
    asked = words.strip().lower()
    found = [one for one in await _who_sees(tx, row, await team(tx)) if one.id != actor.agent_id and asked in one.name.lower()]
    items = [MentionTarget(id=person.id, name=person.name, avatar_url=person.avatar_url) for person in found[:TARGETS_SHOWN]]
    return MentionTargets(items=items)


async def team(tx: Tx) -> list[Reach]:
    """Everybody who might see a conversation, for `named`. Read before the conversation is locked: there may be thousands."""
    return await accounts.reaches(tx, (SERVE, TAKE, VIEW_COLLEAGUES, JOIN))


async def named(tx: Tx, actor: AgentActor, row: ConversationRow, agent_ids: Sequence[UUID], people: Sequence[Reach]) -> list[Reach]:
    """Those of the team whom a note is to name, each once, without its writer.

    Raises:
        InvalidInput: `mentions` names somebody who may not see the conversation.
    """
    wanted = [agent_id for agent_id in dict.fromkeys(agent_ids) if agent_id != actor.agent_id]
    if not wanted:
        return []
    seeing = {person.id: person for person in await _who_sees(tx, row, people)}
    if not seeing.keys() >= set(wanted):
        raise InvalidInput.of("mentions", "cannot_see", "Somebody named here may not see this conversation. Leave them out.")
    return [seeing[agent_id] for agent_id in wanted]


async def tell(tx: Tx, actor: AgentActor, ack: Ack, people: Sequence[Reach], text: str) -> None:
    """Note who was named in a note that was just written, and tell them."""
    if not people:
        return
    line = preview(text)
    await MentionRepository(tx, tx.enterprise_id).add(
        [person.id for person in people],
        conversation_id=ack.conversation_id,
        seq=ack.seq,
        by_id=actor.agent_id,
        preview=line,
        at=ack.at,
    )
    by_name = (await accounts.agent_names(tx, {actor.agent_id}))[actor.agent_id]
    for person in people:
        tx.emit(
            Mentioned(
                enterprise_id=tx.enterprise_id,
                agent_id=person.id,
                conversation_id=ack.conversation_id,
                seq=ack.seq,
                by_id=actor.agent_id,
                by_name=by_name,
                preview=line,
                at=ack.at,
            )
        )


async def list_mentions(tx: Tx, actor: AgentActor, *, after: str | None, limit: int) -> Page[Mention]:
    """One's own mentions in conversations one may see, unread first, then newest first. Raises InvalidInput (a foreign cursor)."""
    require(actor, SERVE)
    limit = min(limit, MAX_PAGE)
    key = _key_of(after) if after else None
    found = await MentionRepository(tx, actor.enterprise_id).page(await sight_of(tx, actor), after=key, limit=limit + 1)
    shown = found[:limit]
    guests = await customers.briefs(tx, {customer_id for _, customer_id in shown})
    names = await accounts.agent_names(tx, {row.by_id for row, _ in shown})
    items = [
        Mention(
            conversation_id=row.conversation_id,
            seq=row.seq,
            customer_name=guests[customer_id].name,
            by_id=row.by_id,
            by_name=names[row.by_id],
            preview=row.preview,
            at=row.at,
            read=row.read,
        )
        for row, customer_id in shown
    ]
    return Page(items=items, next=_cursor(shown[-1][0]) if len(found) > limit else None)


async def read_mentions(tx: Tx, actor: AgentActor, body: ReadMentions) -> None:
    """What names oneself in a conversation is read; one's other devices are told."""
    require(actor, SERVE)
    if await MentionRepository(tx, actor.enterprise_id).mark_read(actor.agent_id, body.conversation_id):
        tx.emit(MentionsRead(enterprise_id=tx.enterprise_id, agent_id=actor.agent_id, conversation_id=body.conversation_id))


async def _who_sees(tx: Tx, row: ConversationRow, people: Sequence[Reach]) -> list[Reach]:
    held = Held(
        assignee_id=row.assignee_id,
        assignee_groups=next((person.group_ids for person in people if person.id == row.assignee_id), frozenset()),
        joined_ids=frozenset(row.joined_ids),
        serving_its_customer=frozenset(await ConversationRepository(tx, tx.enterprise_id).serving(row.customer_id)),
        waits=row.status == Status.WAITING,
        open=row.status != Status.ENDED,
    )
    return [
        person
        for person in people
        if person.may(SERVE)
        and sees(held, person.id, person.scope, takes=person.may(TAKE), views=person.may(VIEW_COLLEAGUES), joins=person.may(JOIN))
    ]


def _cursor(row: MentionRow) -> str:
    return encode_cursor(int(row.read), row.at.isoformat(), str(row.conversation_id), row.seq)


def _key_of(cursor: str) -> Key:
    read, at, conversation_id, seq = decode_cursor(cursor, 4)
    try:
        key = bool(read), moment_of(at), UUID(str(conversation_id)), int(seq)
    except ValueError:
        key = None
    if key is None or not 0 <= key[3] <= MAX_SEQ:
        raise InvalidInput.of("after", "invalid", "This cursor is not ours. Start from the first page.")
    return key

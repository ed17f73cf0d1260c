"""Rows as contracts: names and faces are fetched once for a whole list."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.modules.accounts import service as accounts
from qiatan.modules.accounts.contracts import AgentBrief
from qiatan.modules.channels import service as channels
from qiatan.modules.channels.contracts import ChannelBrief
from qiatan.modules.conversations.contracts import (
    ChannelRef,
    Conversation,
    CustomerRef,
    Grade,
    LastLine,
    Message,
    MessageKind,
    Participant,
    SenderKind,
    Status,
)
from qiatan.modules.conversations.models import ConversationRow, MessageRow
from qiatan.modules.conversations.repository.evaluations import EvaluationRepository
from qiatan.modules.conversations.repository.messages import Fate
from qiatan.modules.conversations.repository.tags import ConversationTagRepository
from qiatan.modules.customers import service as customers


@dataclass(frozen=True, slots=True)
class Known:
    """What whoever changes a conversation has read already, in the same transaction."""

    channels: Mapping[UUID, ChannelBrief] = field(default_factory=dict)
    people: Mapping[UUID, AgentBrief] = field(default_factory=dict)


async def present(tx: Tx, rows: Sequence[ConversationRow], known: Known | None = None) -> list[Conversation]:
    """The rows as everybody sees them, in the same order. `known`: all channels and people of theirs."""
    if not rows:
        return []
    named = await customers.briefs(tx, {row.customer_id for row in rows})
    said = await EvaluationRepository(tx, tx.enterprise_id).of([row.id for row in rows if row.evaluated_at is not None])
    if known is None:
        known = Known(
            await channels.briefs(tx, {row.channel_id for row in rows}),
            await accounts.briefs(tx, {agent_id for row in rows for agent_id in (*row.agent_ids, *row.helper_ids)}),
        )
    tagged = await ConversationTagRepository(tx, tx.enterprise_id).of({row.id for row in rows})
    tags = await customers.tag_refs(tx, {tag_id for on_one in tagged.values() for tag_id in on_one})
    found = []
    for row in rows:
        customer, channel = named[row.customer_id], known.channels[row.channel_id]
        found.append(
            Conversation(
                id=row.id,
                customer=CustomerRef(id=customer.id, name=customer.name, vip=customer.vip),
                channel=ChannelRef(id=channel.id, kind=channel.kind, name=channel.name),
                status=Status(row.status),
                assignee_id=row.assignee_id,
                joined_ids=list(row.joined_ids),
                head=row.head,
                version=row.version,
                last=_last_line(row),
                customer_read_seq=row.customer_read_seq,
                agent_read_seq=row.agent_read_seq,
                agent_unread=row.agent_unread,
                customer_unread=row.customer_unread,
                unanswered_since=row.unanswered_since,
                replied_at=row.replied_at,
                grade=Grade(row.grade) if row.grade else None,
                evaluation=said.get(row.id),
                evaluation_invited_at=row.evaluation_invited_at,
                created_at=row.created_at,
                ended_at=row.ended_at,
                ended_by=SenderKind(row.ended_by) if row.ended_by else None,
                participants=_participants(row, known.people),
                tags=[tag for tag_id, tag in tags.items() if tag_id in tagged.get(row.id, ())],
            )
        )
    return found


async def present_one(tx: Tx, row: ConversationRow, known: Known | None = None) -> Conversation:
    return (await present(tx, [row], known))[0]


def _participants(row: ConversationRow, people: Mapping[UUID, AgentBrief]) -> list[Participant]:
    internal = [agent_id for agent_id in row.helper_ids if agent_id not in row.agent_ids]
    return [
        Participant(id=agent_id, name=people[agent_id].name, avatar_url=people[agent_id].avatar_url, internal=agent_id in internal)
        for agent_id in (*row.agent_ids, *internal)
        if agent_id in people
    ]


def _last_line(row: ConversationRow) -> LastLine | None:
    if row.last_seq is None or row.last_kind is None or row.last_sender_kind is None or row.last_at is None:
        return None
    return LastLine(
        seq=row.last_seq,
        kind=MessageKind(row.last_kind),
        sender_kind=SenderKind(row.last_sender_kind),
        sender_id=row.last_sender_id,
        preview=row.last_preview or "",
        at=row.last_at,
    )


def present_message(row: MessageRow, fate: Fate) -> Message:
    """A message as agents see it now: with its newest text, and of a withdrawn one only the fact.

    Of an edit only the newest tells its text, and none when the message was withdrawn: what was taken back is read nowhere.
    """
    is_edit = row.kind == MessageKind.EDIT
    withdrawn = fate.withdrawn and row.ref_seq is None
    edited = fate.edit_seq is not None and row.ref_seq is None and not withdrawn
    text = fate.text if edited else row.text
    if withdrawn or (is_edit and (fate.withdrawn or fate.edit_seq != row.seq)):
        text = None
    return Message(
        conversation_id=row.conversation_id,
        seq=row.seq,
        kind=MessageKind(row.kind),
        sender_kind=SenderKind(row.sender_kind),
        sender_id=row.sender_id,
        client_message_id=row.client_message_id,
        at=row.at,
        text=text,
        data=None if withdrawn else row.data,
        withdrawn=withdrawn,
        edited=edited,
    )

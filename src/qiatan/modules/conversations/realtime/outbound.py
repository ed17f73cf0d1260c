"""Committed facts as frames, each encoded once for its whole audience."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Literal

import msgspec

from qiatan.infra.realtime.connection import Connection
from qiatan.infra.realtime.doors import ChangedFrame, OutFrame, encode
from qiatan.infra.realtime.hub import Hub
from qiatan.kit.access import AgentActor, ScopeKind
from qiatan.kit.events import Event
from qiatan.modules.conversations.contracts import Conversation, Message
from qiatan.modules.conversations.events import (
    ConversationChanged,
    ConversationRead,
    ConversationRulesChanged,
    DraftChanged,
    Mentioned,
    MentionsRead,
    MessagesAppended,
)
from qiatan.modules.conversations.permissions import JOIN, SERVE, TAKE, VIEW_COLLEAGUES, VIEW_RULES
from qiatan.modules.conversations.realtime import topics
from qiatan.modules.conversations.realtime.frames import (
    ConversationFrame,
    ConversationGone,
    CustomerChangedFrame,
    DraftFrame,
    MentionFrame,
    MentionsReadFrame,
    MessageFrame,
    ReadFrame,
    VisitFrame,
)
from qiatan.modules.customers.events import CardWordsChanged, CustomerChanged, CustomerNotesChanged
from qiatan.modules.visitors.events import VisitChanged


def publish(hub: Hub, events: Sequence[Event]) -> None:
    """Turn this module's events into frames; others' events are not its business."""
    for event in events:
        if isinstance(event, MessagesAppended):
            _messages(hub, event)
        elif isinstance(event, ConversationChanged):
            _changed(hub, event)
        elif isinstance(event, ConversationRead):
            _read(hub, event)
        elif isinstance(event, Mentioned | MentionsRead | DraftChanged):
            hub.publish((topics.agent(event.agent_id),), encode(_own(event)))
        elif isinstance(event, CardWordsChanged):
            hub.publish([(f"point:{SERVE.name}", event.enterprise_id)], encode(ChangedFrame(event.what, event.enterprise_id, 0)))
        elif isinstance(event, VisitChanged | CustomerChanged | CustomerNotesChanged):
            _of_customer(hub, event)
        elif isinstance(event, ConversationRulesChanged):
            # Rules belong to no conversation; `routing` is the word for all settings of who gets one and how long.
            frame = encode(ChangedFrame("routing", event.enterprise_id, event.version))
            hub.publish([(f"point:{VIEW_RULES.name}", event.enterprise_id)], frame)


def message_frame(message: Message) -> bytes:
    return encode(MessageFrame(**{name: getattr(message, name) for name in MessageFrame.__struct_fields__}))


def _messages(hub: Hub, event: MessagesAppended) -> None:
    audience = topics.audience(
        enterprise_id=event.enterprise_id,
        conversation_id=event.conversation_id,
        customer_id=event.customer_id,
        assignee_id=event.assignee_id,
        waiting=event.waiting,
        joined_ids=event.joined_ids,
    )
    for message in event.messages:
        shown = message.for_customer()
        if shown is message:
            hub.publish(audience, message_frame(message))
        else:
            hub.publish((topics.customer(event.customer_id),), message_frame(shown))
            hub.publish(audience[1:], message_frame(message))


def _own(event: Mentioned | MentionsRead | DraftChanged) -> OutFrame:
    """What only the agent's own pages are told."""
    if isinstance(event, Mentioned):
        return MentionFrame(event.conversation_id, event.seq, event.by_id, event.by_name, event.preview, event.at)
    if isinstance(event, MentionsRead):
        return MentionsReadFrame(event.conversation_id)
    return DraftFrame(event.draft.conversation_id, event.draft.text, event.draft.note, event.draft.at)


def _of_customer(hub: Hub, event: VisitChanged | CustomerChanged | CustomerNotesChanged) -> None:
    """To the agents who look at one of the customer's conversations."""
    if isinstance(event, VisitChanged):
        visit = VisitFrame(msgspec.Raw(event.visit.model_dump_json().encode()))
        hub.publish((topics.looked_at(event.visit.customer_id),), encode(visit))
        return
    what: Literal["card", "notes"] = "card" if isinstance(event, CustomerChanged) else "notes"
    hub.publish((topics.looked_at(event.customer_id),), encode(CustomerChangedFrame(event.customer_id, what)))


def _changed(hub: Hub, event: ConversationChanged) -> None:
    conversation = event.conversation
    waits = conversation.status == "waiting"
    audience = topics.audience(
        enterprise_id=event.enterprise_id,
        conversation_id=conversation.id,
        customer_id=conversation.customer.id,
        assignee_id=conversation.assignee_id,
        waiting=waits,
        joined_ids=conversation.joined_ids,
    )
    if event.what in ("assigned", "released", "transferred"):
        _stop_watchers(hub, conversation, hub.listeners(topics.one(conversation.id)))
    elif event.what == "left_by" and event.by is not None:
        left = hub.listeners(topics.agent(event.by))
        hub.publish((topics.agent(event.by),), encode(ConversationGone(conversation.id, "mine")))
        _stop_watchers(hub, conversation, left & hub.listeners(topics.one(conversation.id)))
        _leave_colleagues(hub, event, left)
    if event.left is not None:
        hub.publish((topics.agent(event.left),), encode(ConversationGone(conversation.id, "mine")))
        if waits:
            topic = [topics.everybody(event.enterprise_id), topics.served_by(event.left), *map(topics.agent, conversation.joined_ids)]
            hub.publish(topic, encode(ConversationGone(conversation.id, "colleagues")))
        else:
            _leave_colleagues(hub, event, hub.listeners(topics.served_by(event.left)))
    if not waits:
        hub.publish((topics.queue(event.enterprise_id),), encode(ConversationGone(conversation.id, "queue")))
    hub.publish((topics.customer(conversation.customer.id),), _conversation_frame(conversation.for_customer()))
    hub.publish(audience[1:], _conversation_frame(conversation))


def _leave_colleagues(hub: Hub, event: ConversationChanged, connections: Iterable[Connection]) -> None:
    """Take it out of the lists of those who do not look at whoever serves it now, and have not joined."""
    conversation = event.conversation
    frame = encode(ConversationGone(conversation.id, "colleagues"))
    still = {topics.everybody(event.enterprise_id), *map(topics.agent, conversation.joined_ids)}
    if conversation.assignee_id is not None:
        still.add(topics.served_by(conversation.assignee_id))
    for connection in connections:
        if connection.topics.isdisjoint(still):
            connection.push(frame)


def _stop_watchers(hub: Hub, conversation: Conversation, watchers: Iterable[Connection]) -> None:
    """Who watched it may have lost the right with the new agent. Whose right depends on groups asks again."""
    topic = topics.one(conversation.id)
    for connection in watchers:
        actor = connection.actor
        if isinstance(actor, AgentActor) and not surely_sees(actor, conversation):
            hub.unsubscribe(connection, topic)
            connection.push(encode(ConversationGone(conversation.id, "conversation")))


def surely_sees(actor: AgentActor, conversation: Conversation) -> bool:
    if conversation.status == "waiting" and actor.may(TAKE):
        return True
    if actor.agent_id in conversation.joined_ids and actor.may(JOIN):
        return True
    return conversation.assignee_id == actor.agent_id or (actor.may(VIEW_COLLEAGUES) and actor.scope.kind is ScopeKind.ALL)


def _conversation_frame(conversation: Conversation) -> bytes:
    return encode(ConversationFrame(msgspec.Raw(conversation.model_dump_json().encode())))


def _read(hub: Hub, event: ConversationRead) -> None:
    audience = topics.audience(
        enterprise_id=event.enterprise_id,
        conversation_id=event.conversation_id,
        customer_id=event.customer_id,
        assignee_id=event.assignee_id,
        waiting=event.waiting,
        joined_ids=event.joined_ids,
    )
    hub.publish(audience, encode(ReadFrame(event.conversation_id, event.side, event.seq)))

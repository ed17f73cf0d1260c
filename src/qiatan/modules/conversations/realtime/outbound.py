"""Committed facts as frames, each encoded once for its whole audience."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import msgspec

from qiatan.infra.realtime.connection import Connection
from qiatan.infra.realtime.doors import ChangedFrame, encode
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
from qiatan.modules.conversations.realtime import topics, viewing
from qiatan.modules.conversations.realtime.frames import (
    ConversationFrame,
    ConversationGone,
    DraftFrame,
    MentionFrame,
    MentionsReadFrame,
    MessageFrame,
    ReadFrame,
)
from qiatan.modules.customers.events import CardWordsChanged


def publish(hub: Hub, events: Sequence[Event]) -> None:
    """Turn this module's events into frames; others' events are not its business."""
    for event in events:
        if isinstance(event, MessagesAppended):
            _messages(hub, event)
        elif isinstance(event, ConversationChanged):
            _changed(hub, event)
        elif isinstance(event, ConversationRead):
            _read(hub, event)
        elif isinstance(event, Mentioned):
            told = MentionFrame(event.conversation_id, event.seq, event.by_id, event.by_name, event.preview, event.at)
            hub.publish((topics.agent(event.agent_id),), encode(told))
        elif isinstance(event, MentionsRead):
            hub.publish((topics.agent(event.agent_id),), encode(MentionsReadFrame(event.conversation_id)))
        elif isinstance(event, DraftChanged):
            draft = event.draft
            hub.publish((topics.agent(event.agent_id),), encode(DraftFrame(draft.conversation_id, draft.text, draft.note, draft.at)))
        elif isinstance(event, CardWordsChanged):
            hub.publish([(f"point:{SERVE.name}", event.enterprise_id)], encode(ChangedFrame(event.what, event.enterprise_id, 0)))
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
        _stop_viewers(hub, conversation, hub.listeners(topics.viewing(conversation.id)))
    elif event.what == "left_by" and event.by is not None:
        left = hub.listeners(topics.agent(event.by))
        hub.publish((topics.agent(event.by),), encode(ConversationGone(conversation.id, "mine")))
        _stop_viewers(hub, conversation, left & hub.listeners(topics.viewing(conversation.id)))
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
        if isinstance(actor, AgentActor) and not _surely_sees(actor, conversation):
            hub.unsubscribe(connection, topic)
            connection.push(encode(ConversationGone(conversation.id, "conversation")))


def _stop_viewers(hub: Hub, conversation: Conversation, viewers: Iterable[Connection]) -> None:
    """Who looked at it may have lost the right: nobody tells them any more who else does, until they say again that they look."""
    lost = [
        connection
        for connection in viewers
        if isinstance(connection.actor, AgentActor) and not _surely_sees(connection.actor, conversation)
    ]
    for connection in lost:
        viewing.stop(hub, connection, conversation.id)
    if lost:
        viewing.tell(hub, conversation.id)


def _surely_sees(actor: AgentActor, conversation: Conversation) -> bool:
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

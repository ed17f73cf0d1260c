"""Committed facts as frames, each encoded once for its whole audience."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from qiatan.infra.realtime.doors import encode
from qiatan.infra.realtime.hub import Hub
from qiatan.kit.access import AgentActor, ScopeKind
from qiatan.kit.events import Event
from qiatan.modules.conversations.contracts import Conversation, Message
from qiatan.modules.conversations.events import ConversationChanged, ConversationRead, MessagesAppended
from qiatan.modules.conversations.permissions import TAKE, VIEW_COLLEAGUES
from qiatan.modules.conversations.realtime import topics
from qiatan.modules.conversations.realtime.frames import ConversationFrame, ConversationGone, MessageFrame, ReadFrame


def publish(hub: Hub, events: Sequence[Event]) -> None:
    """Turn this module's events into frames; others' events are not its business."""
    for event in events:
        if isinstance(event, MessagesAppended):
            _messages(hub, event)
        elif isinstance(event, ConversationChanged):
            _changed(hub, event)
        elif isinstance(event, ConversationRead):
            _read(hub, event)


def message_frame(message: Message) -> bytes:
    return encode(MessageFrame(**{name: getattr(message, name) for name in MessageFrame.__struct_fields__}))


def _messages(hub: Hub, event: MessagesAppended) -> None:
    audience = topics.audience(
        enterprise_id=event.enterprise_id,
        conversation_id=event.conversation_id,
        customer_id=event.customer_id,
        assignee_id=event.assignee_id,
        waiting=event.waiting,
    )
    for message in event.messages:
        hub.publish(audience, message_frame(message))


def _changed(hub: Hub, event: ConversationChanged) -> None:
    conversation = event.conversation
    waits = conversation.status == "waiting"
    audience = topics.audience(
        enterprise_id=event.enterprise_id,
        conversation_id=conversation.id,
        customer_id=conversation.customer.id,
        assignee_id=conversation.assignee_id,
        waiting=waits,
    )
    if event.what in ("assigned", "released"):
        _stop_watchers(hub, conversation)
    if event.left is not None:
        gone = encode(ConversationGone(conversation.id, "mine"))
        hub.publish((topics.agent(event.left),), gone)
        hub.publish(
            (topics.everybody(event.enterprise_id), topics.served_by(event.left)), encode(ConversationGone(conversation.id, "colleagues"))
        )
    if not waits:
        hub.publish((topics.queue(event.enterprise_id),), encode(ConversationGone(conversation.id, "queue")))
    to_customer = topics.customer(conversation.customer.id)
    hub.publish((to_customer,), _conversation_frame(conversation.for_customer()))
    hub.publish([topic for topic in audience if topic != to_customer], _conversation_frame(conversation))


def _stop_watchers(hub: Hub, conversation: Conversation) -> None:
    """Who watched it may have lost the right with the new agent. Whose right depends on groups asks again."""
    topic = topics.one(conversation.id)
    for connection in hub.listeners(topic):
        actor = connection.actor
        if isinstance(actor, AgentActor) and not _surely_sees(actor, conversation):
            hub.unsubscribe(connection, topic)
            connection.push(encode(ConversationGone(conversation.id, "conversation")))


def _surely_sees(actor: AgentActor, conversation: Conversation) -> bool:
    if conversation.status == "waiting" and actor.may(TAKE):
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
    )
    hub.publish(audience, encode(ReadFrame(event.conversation_id, event.side, event.seq)))

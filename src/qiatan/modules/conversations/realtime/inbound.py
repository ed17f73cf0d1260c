"""Frames that come in. Plain texts take the message log, read marks and typing are gathered; all else is one ordinary transaction per frame."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from functools import partial
from uuid import UUID

import structlog

from qiatan.infra import limits
from qiatan.infra.db import Tx
from qiatan.infra.realtime.connection import Connection
from qiatan.infra.realtime.doors import Frame, FrameDoor, encode, error_frame
from qiatan.infra.resources import Resources
from qiatan.infra.throttle import Rate
from qiatan.kit.access import AgentActor, ScopeKind, VisitorActor, require
from qiatan.kit.errors import BadRequest, Fault, NotAllowed, TooMany
from qiatan.kit.events import Event
from qiatan.kit.rich_text import RichDocument, parsed
from qiatan.modules.accounts import service as accounts
from qiatan.modules.conversations import service
from qiatan.modules.conversations.contracts import Ack, EditMessage, MessageKind, SenderKind, SendMessage, View
from qiatan.modules.conversations.errors import TryAgain
from qiatan.modules.conversations.permissions import JOIN, SERVE, TAKE, VIEW_COLLEAGUES
from qiatan.modules.conversations.realtime import frames, topics
from qiatan.modules.conversations.realtime.heartbeat import Heartbeats
from qiatan.modules.conversations.realtime.log import MessageLog, Pending
from qiatan.modules.conversations.realtime.outbound import surely_sees
from qiatan.modules.conversations.realtime.signals import Signals
from qiatan.modules.conversations.realtime.viewing import Viewers
from qiatan.modules.conversations.repository import Appended
from qiatan.modules.conversations.rules import check_content

log = structlog.get_logger(__name__)

MAX_WATCHED = 20
_SEND_KEY = "conversations.send_key"
_ENTERPRISE_KEY = "conversations.enterprise_key"
_OPEN = "conversations.open"
_WATCHED = "conversations.watched"
_REFUSED = "conversations.refused"
_REOPENING = "conversations.reopening"
_HELPED = "conversations.helped"


class ConversationDoors:
    """The inbound frames of conversations, with the log they write to."""

    def __init__(self, resources: Resources, *, unheard: Callable[[Sequence[Event]], None] | None = None) -> None:
        """`unheard`: hears of customers' texts whose agent looks at no page here."""
        self._resources = resources
        self._hub = resources.hub
        self._relay = resources.relay
        self._log = MessageLog(resources.database.url, resources.hub, resources.relay, resources.clock, unheard)
        self._heartbeats = Heartbeats(resources)
        self._viewers = Viewers(resources)
        self._signals = Signals(resources)
        self._tasks: set[asyncio.Task[None]] = set()
        rate = resources.settings.visitor_rate
        self._enterprise_messages = limits.rate_of(resources.settings.limits.messages)
        self._visitor_messages = Rate(burst=max(20, rate // 3), per_minute=rate)
        self.doors = (
            FrameDoor(frames.Subscribe, self.subscribe, agents=SERVE, visitors=True, reads=True),
            FrameDoor(frames.Unsubscribe, self.unsubscribe, agents=SERVE, visitors=True, reads=True),
            FrameDoor(frames.Send, self.send, agents=SERVE, visitors=True),
            FrameDoor(frames.Withdraw, self.withdraw, agents=SERVE, visitors=True),
            FrameDoor(frames.Edit, self.edit, agents=SERVE, visitors=False),
            FrameDoor(frames.Viewing, self._viewers.view, agents=SERVE, visitors=False, reads=True),
            FrameDoor(frames.Read, self._signals.read, agents=SERVE, visitors=True),
            FrameDoor(frames.Typing, self._signals.typing, agents=SERVE, visitors=True),
            FrameDoor(frames.Ping, self._heartbeats.ping, agents="every", visitors=True, reads=True),
        )

    def start(self) -> None:
        self._log.start()

    async def settled(self) -> None:
        """Wait until every text submitted so far is stored or refused, and every mark is set."""
        await self._log.settled()
        await self._signals.settled()

    def react(self, events: Sequence[Event]) -> None:
        """Called with the events of each transaction committed on any node, before they are told."""
        self._viewers.react(events, surely_sees)

    def forget_nodes(self, gone: frozenset[UUID]) -> None:
        """These nodes are gone, and with them who looked at conversations there."""
        self._viewers.forget_nodes(gone)

    def closed(self, connection: Connection) -> None:
        """A connection is gone."""
        self._viewers.leave(connection)

    async def close(self) -> None:
        await self._log.close()
        await self._signals.close()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)

    # -- topics

    async def subscribe(self, connection: Connection, frame: Frame) -> None:
        """Listen first, then read what there is: nothing can fall in between."""
        assert isinstance(frame, frames.Subscribe)
        actor = connection.actor
        if isinstance(actor, VisitorActor):
            if frame.topic != "mine":
                raise NotAllowed
            self._hub.subscribe(connection, topics.customer(actor.customer_id))
            async with self._resources.database.tenant(actor.enterprise_id) as tx:
                shown = await service.shown_own(tx, actor)
        elif isinstance(actor, AgentActor):
            if frame.topic == "conversation":
                shown = await self._watch(connection, actor, frame)
            else:
                shown = await self._subscribe_view(connection, actor, View(frame.topic))
        else:
            raise NotAllowed
        listed = [frames.ShownConversation(*row) for row in shown]
        # Only where it was looked at: what a client writes beside another topic may be anybody's id.
        named = frame.conversation_id if frame.topic == "conversation" else None
        connection.push(encode(frames.Subscribed(frame.topic, listed, named)))

    async def _subscribe_view(self, connection: Connection, actor: AgentActor, view: View) -> list[tuple[UUID, int, int]]:
        async with self._resources.database.tenant(actor.enterprise_id) as tx:
            for topic in await self._view_topics(tx, actor, view):
                self._hub.subscribe(connection, topic)
            return await service.shown(tx, actor, view)

    async def _view_topics(self, tx: Tx, actor: AgentActor, view: View) -> list[tuple[str, UUID]]:
        if view is View.MINE:
            return [topics.agent(actor.agent_id)]
        if view is View.QUEUE:
            require(actor, TAKE)
            return [topics.queue(actor.enterprise_id)]
        require(actor, VIEW_COLLEAGUES)
        if actor.scope.kind is ScopeKind.ALL:
            return [topics.everybody(actor.enterprise_id)]
        if actor.scope.kind is ScopeKind.SELF:
            return []
        members = await accounts.member_ids(tx, actor.scope.group_ids)
        return [topics.served_by(agent_id) for agent_id in members]

    async def _watch(self, connection: Connection, actor: AgentActor, frame: frames.Subscribe) -> list[tuple[UUID, int, int]]:
        if frame.conversation_id is None:
            raise BadRequest("Name the conversation (conversation_id).")
        watched: dict[UUID, None] = connection.memory.setdefault(_WATCHED, {})
        async with self._resources.database.tenant(actor.enterprise_id) as tx:
            await service.get(tx, actor, frame.conversation_id)  # may it be seen? Only then listen, and only then read
            self._hub.subscribe(connection, topics.one(frame.conversation_id))
            try:
                conversation = await service.get(tx, actor, frame.conversation_id)
            except BaseException:
                self._hub.unsubscribe(connection, topics.one(frame.conversation_id))
                raise
        watched[conversation.id] = None
        while len(watched) > MAX_WATCHED:
            oldest = next(iter(watched))
            del watched[oldest]
            self._hub.unsubscribe(connection, topics.one(oldest))
        return [(conversation.id, conversation.head, conversation.version)]

    def unsubscribe(self, connection: Connection, frame: Frame) -> None:
        assert isinstance(frame, frames.Unsubscribe)
        if frame.topic == "mine":
            raise NotAllowed("One's own conversations cannot be left.")
        actor = connection.actor
        if not isinstance(actor, AgentActor):
            raise NotAllowed
        if frame.topic == "conversation":
            if frame.conversation_id is not None:
                connection.memory.get(_WATCHED, {}).pop(frame.conversation_id, None)
                self._hub.unsubscribe(connection, topics.one(frame.conversation_id))
            return
        kinds = ("queue",) if frame.topic == "queue" else ("colleagues", "served_by")
        for topic in [topic for topic in connection.topics if topic[0] in kinds]:
            self._hub.unsubscribe(connection, topic)

    # -- writing

    def send(self, connection: Connection, frame: Frame) -> Awaitable[None] | None:
        """Texts into a known conversation go to the log without waiting; the rest is an ordinary transaction."""
        assert isinstance(frame, frames.Send)
        actor = connection.actor
        by_customer = isinstance(actor, VisitorActor)
        check_content(MessageKind(frame.kind), frame.text, frame.file_id, _document_of(frame), by_customer=by_customer)
        if isinstance(actor, AgentActor):
            self._limit(_throttle_key(connection, actor.agent_id), service.AGENT_MESSAGES)
            if frame.conversation_id is None:
                raise BadRequest("Name the conversation (conversation_id).")
        elif isinstance(actor, VisitorActor):
            self._limit(_throttle_key(connection, actor.customer_id), self._visitor_messages)
            if frame.conversation_id is not None:
                raise BadRequest("Visitors do not choose the conversation.")
        else:
            raise NotAllowed
        self._limit(_enterprise_key(connection, actor.enterprise_id), self._enterprise_messages)
        if _REOPENING in connection.memory:
            return self._send_after_reopening(connection, frame)
        return self._pass_on(connection, frame)

    def _pass_on(self, connection: Connection, frame: frames.Send) -> Awaitable[None] | None:
        actor = _known(connection)
        if isinstance(actor, AgentActor):
            target, sender, side = frame.conversation_id, actor.agent_id, SenderKind.AGENT
        else:
            target, sender, side = connection.memory.get(_OPEN), actor.customer_id, SenderKind.CUSTOMER
        if frame.kind != "text" or frame.text is None or target is None or frame.reply_to is not None:
            return self._send_in_order(connection, frame)
        pending = Pending(connection, actor.enterprise_id, target, side, sender, frame.client_message_id, frame.text, self._refused)
        if isinstance(actor, AgentActor):
            pending.may_join, pending.helped = actor.may(JOIN), self._helped
        self._log.submit(pending)
        return None

    def _helped(self, item: Pending) -> None:
        """Somebody who has joined wrote to the customer: once for each connection, the conversation is told of it."""
        known: set[UUID] = item.connection.memory.setdefault(_HELPED, set())
        if item.conversation_id not in known:
            known.add(item.conversation_id)
            task = asyncio.create_task(self._note_speaker(item))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _note_speaker(self, item: Pending) -> None:
        try:
            async with self._resources.database.tenant(item.enterprise_id) as tx:
                await service.note_speaker(tx, item.conversation_id, item.sender_id)
        except Fault as fault:
            # The message is stored; with the next one it is tried again.
            item.connection.memory[_HELPED].discard(item.conversation_id)
            log.warning("conversations.speaker_not_noted", conversation_id=str(item.conversation_id), code=fault.code)

    async def _send_in_order(self, connection: Connection, frame: frames.Send) -> None:
        """Write after what this sender wrote before, which may still be on its way through the log."""
        await self._log.settled(_known(connection).enterprise_id)
        if _REOPENING in connection.memory:
            await asyncio.wait([connection.memory[_REOPENING]])
        await self._send_ordinary(connection, frame)

    async def _send_after_reopening(self, connection: Connection, frame: frames.Send) -> None:
        await asyncio.wait([connection.memory[_REOPENING]])
        waiting = self._pass_on(connection, frame)
        if waiting is not None:
            await waiting

    async def _send_ordinary(self, connection: Connection, frame: frames.Send) -> None:
        actor = connection.actor
        message = SendMessage(
            client_message_id=frame.client_message_id,
            kind=MessageKind(frame.kind),
            text=frame.text,
            file_id=frame.file_id,
            document=_document_of(frame),
            reply_to=frame.reply_to,
        )
        if isinstance(actor, AgentActor):
            if frame.conversation_id is None:
                raise BadRequest("Name the conversation (conversation_id).")
            async with self._resources.database.tenant(actor.enterprise_id) as tx:
                ack = await service.send(tx, actor, frame.conversation_id, message)
        elif isinstance(actor, VisitorActor):
            async with self._resources.database.tenant(actor.enterprise_id) as tx:
                ack = await service.send_own(tx, actor, message, may_open=partial(self._begins, actor, connection.address))
            connection.memory[_OPEN] = ack.conversation_id
        else:
            raise NotAllowed
        _acknowledge(connection, ack)

    def _refused(self, item: Pending, result: Appended | Fault) -> None:
        """The log could not store a text. A visitor's text into an ended conversation opens a new one, in order."""
        if isinstance(result, Fault):
            item.connection.push(error_frame(result, item.client_message_id))
        elif item.sender_kind is SenderKind.CUSTOMER:
            memory = item.connection.memory
            memory.pop(_OPEN, None)
            memory.setdefault(_REFUSED, deque()).append(item)
            if _REOPENING not in memory:
                task = memory[_REOPENING] = asyncio.create_task(self._reopen(item.connection))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)
        else:
            # The ordinary way knows what this agent may see, and so which refusal may be told.
            task = asyncio.create_task(self._send_again(item.connection, item))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _send_again(self, connection: Connection, item: Pending) -> None:
        frame = frames.Send(client_message_id=item.client_message_id, text=item.text)
        if item.sender_kind is SenderKind.AGENT:
            frame.conversation_id = item.conversation_id
        try:
            await self._send_ordinary(connection, frame)
        except Fault as fault:
            connection.push(error_frame(fault, item.client_message_id))
        except Exception as error:
            log.exception("send.crashed", error=str(error))
            connection.push(error_frame(TryAgain(retry_after=1), item.client_message_id))

    async def _reopen(self, connection: Connection) -> None:
        """Write what an ended conversation refused, in order. What the visitor sends meanwhile waits for the end of this."""
        refused: deque[Pending] = connection.memory[_REFUSED]
        try:
            await self._log.settled(_known(connection).enterprise_id)  # the rest of what was on its way into the ended conversation
            while refused:
                item = refused.popleft()
                await self._send_again(connection, item)
        finally:
            del connection.memory[_REOPENING]

    async def withdraw(self, connection: Connection, frame: Frame) -> None:
        assert isinstance(frame, frames.Withdraw)
        actor = _known(connection)
        if isinstance(actor, AgentActor):
            self._limit(_throttle_key(connection, actor.agent_id), service.AGENT_MESSAGES)
        async with self._resources.database.tenant(actor.enterprise_id) as tx:
            if isinstance(actor, AgentActor):
                ack = await service.withdraw(tx, actor, frame.conversation_id, frame.seq, frame.client_message_id)
            else:
                ack = await service.withdraw_own(tx, actor, frame.conversation_id, frame.seq, frame.client_message_id)
        _acknowledge(connection, ack)

    async def edit(self, connection: Connection, frame: Frame) -> None:
        """Another text, after what this agent wrote before: that may be what is changed, still on its way through the log."""
        assert isinstance(frame, frames.Edit)
        actor = _known(connection)
        if not isinstance(actor, AgentActor):
            raise NotAllowed
        self._limit(_throttle_key(connection, actor.agent_id), service.AGENT_MESSAGES)
        await self._log.settled(actor.enterprise_id)
        async with self._resources.database.tenant(actor.enterprise_id) as tx:
            body = EditMessage(client_message_id=frame.client_message_id, text=frame.text)
            ack = await service.edit(tx, actor, frame.conversation_id, frame.seq, body)
        _acknowledge(connection, ack)

    def _begins(self, actor: VisitorActor, address: str) -> None:
        limits.conversation_begins(self._resources, actor.enterprise_id, address)

    def _limit(self, key: str, rate: Rate) -> None:
        seconds = self._resources.throttle.wait(key, rate)
        if seconds > 0:
            raise TooMany(retry_after=max(1, round(seconds + 0.5)))


def _throttle_key(connection: Connection, sender_id: UUID) -> str:
    key: str | None = connection.memory.get(_SEND_KEY)
    if key is None:
        key = connection.memory[_SEND_KEY] = service.send_key(sender_id)
    return key


def _enterprise_key(connection: Connection, enterprise_id: UUID) -> str:
    key: str | None = connection.memory.get(_ENTERPRISE_KEY)
    if key is None:
        key = connection.memory[_ENTERPRISE_KEY] = limits.message_key(enterprise_id)
    return key


def _document_of(frame: frames.Send) -> RichDocument | None:
    """Raises InvalidInput where it is none."""
    return None if frame.document is None else parsed(frame.document)


def _known(connection: Connection) -> AgentActor | VisitorActor:
    if connection.actor is None:
        raise NotAllowed
    return connection.actor


def _acknowledge(connection: Connection, ack: Ack) -> None:
    connection.push(encode(frames.AckFrame(ack.client_message_id, ack.conversation_id, ack.seq, ack.at)))

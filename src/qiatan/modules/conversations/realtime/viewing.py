"""Who looks at a conversation now: known from the sockets of all nodes, never stored.

Each node tells the others who looks at what on its own sockets, and remembers of theirs only what somebody here looks at too. So a node whose
first socket opens a conversation asks who else does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Sequence
from uuid import UUID

import msgspec
import structlog

from qiatan.infra.realtime.connection import Connection
from qiatan.infra.realtime.doors import Frame, encode
from qiatan.infra.resources import Resources
from qiatan.infra.throttle import Rate
from qiatan.kit.access import AgentActor, ScopeKind
from qiatan.kit.errors import Fault, NotAllowed, TooMany
from qiatan.kit.events import Event
from qiatan.modules.accounts import service as accounts
from qiatan.modules.conversations import service
from qiatan.modules.conversations.contracts import Conversation
from qiatan.modules.conversations.events import ConversationChanged
from qiatan.modules.conversations.permissions import VIEW_COLLEAGUES
from qiatan.modules.conversations.realtime import topics
from qiatan.modules.conversations.realtime.frames import ViewersFrame, Viewing

log = structlog.get_logger(__name__)

VIEWINGS = Rate(burst=60, per_minute=300)
"""Somebody who runs through a long list with the keyboard opens a few conversations a second."""
NOTE = "viewers"
Sees = Callable[[AgentActor, Conversation], bool]
"""Whether an agent surely sees a conversation as it is now."""
_VIEWED = "conversations.viewed"
_CUSTOMER = "conversations.viewed_customer"
_NAME = "conversations.viewer_name"


class Looks(msgspec.Struct, array_like=True):
    """What one node says to the others: who looks at a conversation on its sockets, with their names. `asks`: who does on yours?"""

    conversation_id: UUID
    names: dict[str, str]
    asks: bool = False


_pack = msgspec.msgpack.Encoder().encode
_unpack = msgspec.msgpack.Decoder(Looks).decode


class Viewers:
    """Tells the agents who look at the same conversation of each other. A socket looks at one conversation at most."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._hub = resources.hub
        self._relay = resources.relay
        self._elsewhere: dict[UUID, dict[UUID, dict[UUID, str]]] = {}
        """By conversation and node, the names of those who look at it there."""
        self._tasks: set[asyncio.Task[None]] = set()
        self._relay.notes[NOTE] = self._hear
        self._relay.on_lost.append(self._ask_again)

    async def view(self, connection: Connection, frame: Frame) -> None:
        """Note what is on this socket's screen.

        Raises:
            NotAllowed, TooMany
            ConversationNotFound: it may not be seen; then nothing is looked at.
        """
        assert isinstance(frame, Viewing)
        actor = connection.actor
        if not isinstance(actor, AgentActor):
            raise NotAllowed
        if actor.via != "session":
            return  # who looks as a colleague is nobody's company
        before = connection.memory.get(_VIEWED)
        if frame.conversation_id == before:
            return
        self.leave(connection)
        if frame.conversation_id is None:
            return
        seconds = self._resources.throttle.wait(f"viewing:{actor.agent_id}", VIEWINGS)
        if seconds > 0:
            raise TooMany(retry_after=max(1, round(seconds + 0.5)))
        async with self._resources.database.tenant(actor.enterprise_id) as tx:
            customer_id = await service.customer_seen(tx, actor, frame.conversation_id)
            if _NAME not in connection.memory:
                connection.memory[_NAME] = (await accounts.agent_names(tx, {actor.agent_id}))[actor.agent_id]
            self.leave(connection)  # another frame of this socket may have been handled meanwhile
            first = not self._hub.listeners(topics.viewing(frame.conversation_id))
            self._hub.subscribe(connection, topics.viewing(frame.conversation_id))
            self._hub.subscribe(connection, topics.looked_at(customer_id))
            connection.memory[_VIEWED] = frame.conversation_id
            connection.memory[_CUSTOMER] = customer_id
            try:
                # Who lost the right while the names were read was not heard of: look once more, now that it would be.
                await service.customer_seen(tx, actor, frame.conversation_id)
            except BaseException:
                if connection.memory.get(_VIEWED) == frame.conversation_id:
                    self.leave(connection)
                raise
        if connection.memory.get(_VIEWED) == frame.conversation_id:
            self._changed(actor.enterprise_id, frame.conversation_id, asks=first)

    def leave(self, connection: Connection) -> None:
        """This socket shows the conversation no more, or is gone."""
        conversation_id = connection.memory.get(_VIEWED)
        if conversation_id is not None and connection.actor is not None:
            self._stop(connection, conversation_id)
            self._changed(connection.actor.enterprise_id, conversation_id)

    def react(self, events: Sequence[Event], sees: Sees) -> None:
        """Stop those who lost the right to see what they look at. Whose right depends on groups is asked for anew."""
        for event in events:
            if not isinstance(event, ConversationChanged):
                continue
            viewers = self._hub.listeners(topics.viewing(event.conversation.id))
            if event.what == "left_by" and event.by is not None:
                viewers &= self._hub.listeners(topics.agent(event.by))
            elif event.what not in ("assigned", "released", "transferred"):
                continue
            self._stop_those(
                event, [one for one in viewers if isinstance(one.actor, AgentActor) and not sees(one.actor, event.conversation)]
            )

    def forget_nodes(self, gone: Iterable[UUID]) -> None:
        """These nodes are gone, and with them everybody's screens there."""
        gone = frozenset(gone)
        for conversation_id, nodes in tuple(self._elsewhere.items()):
            if gone & nodes.keys():
                self._elsewhere[conversation_id] = {node: names for node, names in nodes.items() if node not in gone}
                self._tell(conversation_id)

    def _stop_those(self, event: ConversationChanged, lost: Sequence[Connection]) -> None:
        for connection in lost:
            self._stop(connection, event.conversation.id)
        if lost:
            self._changed(event.enterprise_id, event.conversation.id)
        for connection in lost:
            actor = connection.actor
            if isinstance(actor, AgentActor) and actor.scope.kind is ScopeKind.GROUPS and actor.may(VIEW_COLLEAGUES):
                task = asyncio.create_task(self._look_again(connection, event.conversation.id))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _look_again(self, connection: Connection, conversation_id: UUID) -> None:
        """It is on the screen still, and who serves it now may work in the same groups."""
        if connection.memory.get(_VIEWED) is not None:
            return
        try:
            await self.view(connection, Viewing(conversation_id))
        except Fault as fault:
            log.debug("viewing.not_again", conversation_id=str(conversation_id), code=fault.code)

    def _stop(self, connection: Connection, conversation_id: UUID) -> None:
        if connection.memory.get(_VIEWED) == conversation_id:
            del connection.memory[_VIEWED]
            self._hub.unsubscribe(connection, topics.looked_at(connection.memory.pop(_CUSTOMER)))
        self._hub.unsubscribe(connection, topics.viewing(conversation_id))

    def _here(self, conversation_id: UUID) -> dict[UUID, str]:
        return {
            connection.actor.agent_id: str(connection.memory.get(_NAME, ""))
            for connection in self._hub.listeners(topics.viewing(conversation_id))
            if isinstance(connection.actor, AgentActor)
        }

    def _changed(self, enterprise_id: UUID, conversation_id: UUID, *, asks: bool = False) -> None:
        """Who looks at it here is another matter now."""
        if not self._hub.listeners(topics.viewing(conversation_id)):
            self._elsewhere.pop(conversation_id, None)
        self._say(enterprise_id, conversation_id, asks=asks)
        self._tell(conversation_id)

    def _tell(self, conversation_id: UUID) -> None:
        """Tell everybody here who looks at a conversation who does anywhere."""
        names = self._here(conversation_id)
        if not names:
            return
        for others in self._elsewhere.get(conversation_id, {}).values():
            names |= others
        self._hub.publish((topics.viewing(conversation_id),), encode(ViewersFrame(conversation_id, sorted(names), names)))

    # -- other nodes

    def _say(self, enterprise_id: UUID, conversation_id: UUID, *, asks: bool = False) -> None:
        if not self._relay.alone:
            here = {agent_id.hex: name for agent_id, name in self._here(conversation_id).items()}
            self._relay.note(enterprise_id, NOTE, _pack(Looks(conversation_id, here, asks)))

    def _hear(self, enterprise_id: UUID, node: UUID, body: bytes) -> None:
        said = _unpack(body)
        mine = self._hub.listeners(topics.viewing(said.conversation_id))
        if not any(one.actor is not None and one.actor.enterprise_id == enterprise_id for one in mine):
            return
        if said.asks:
            self._say(enterprise_id, said.conversation_id)
        nodes = self._elsewhere.setdefault(said.conversation_id, {})
        names = {UUID(agent_id): name for agent_id, name in said.names.items()}
        if nodes.get(node, {}) != names:
            nodes[node] = names
            self._tell(said.conversation_id)

    def _ask_again(self, enterprise_id: UUID | None) -> None:
        """What other nodes said may have been lost: say how it stands here, and ask anew."""
        asked: set[UUID] = set()
        for connection in self._hub.connections:
            conversation_id = connection.memory.get(_VIEWED)
            if conversation_id is None or connection.actor is None or conversation_id in asked:
                continue
            if enterprise_id is None or connection.actor.enterprise_id == enterprise_id:
                asked.add(conversation_id)
                self._elsewhere.pop(conversation_id, None)
                self._say(connection.actor.enterprise_id, conversation_id, asks=True)
                self._tell(conversation_id)

"""Who looks at a conversation now: known from the sockets of this process only, never stored."""

from __future__ import annotations

from uuid import UUID

from qiatan.infra.realtime.connection import Connection
from qiatan.infra.realtime.doors import Frame, encode
from qiatan.infra.realtime.hub import Hub
from qiatan.infra.resources import Resources
from qiatan.infra.throttle import Rate
from qiatan.kit.access import AgentActor
from qiatan.kit.errors import NotAllowed, TooMany
from qiatan.modules.accounts import service as accounts
from qiatan.modules.conversations import service
from qiatan.modules.conversations.realtime import topics
from qiatan.modules.conversations.realtime.frames import ViewersFrame, Viewing

VIEWINGS = Rate(burst=60, per_minute=300)
"""Somebody who runs through a long list with the keyboard opens a few conversations a second."""
_VIEWED = "conversations.viewed"
_NAME = "conversations.viewer_name"


class Viewers:
    """Tells the agents who look at the same conversation of each other. A socket looks at one conversation at most."""

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._hub = resources.hub

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
            await service.get(tx, actor, frame.conversation_id)
            if _NAME not in connection.memory:
                connection.memory[_NAME] = (await accounts.agent_names(tx, {actor.agent_id}))[actor.agent_id]
        self.leave(connection)  # another frame of this socket may have been handled meanwhile
        self._hub.subscribe(connection, topics.viewing(frame.conversation_id))
        connection.memory[_VIEWED] = frame.conversation_id
        tell(self._hub, frame.conversation_id)

    def leave(self, connection: Connection) -> None:
        """This socket shows the conversation no more, or is gone."""
        conversation_id = connection.memory.get(_VIEWED)
        if conversation_id is not None:
            stop(self._hub, connection, conversation_id)
            tell(self._hub, conversation_id)


def stop(hub: Hub, connection: Connection, conversation_id: UUID) -> None:
    """A socket looks at it no more. Whoever still does is told with `tell`."""
    if connection.memory.get(_VIEWED) == conversation_id:
        del connection.memory[_VIEWED]
    hub.unsubscribe(connection, topics.viewing(conversation_id))


def tell(hub: Hub, conversation_id: UUID) -> None:
    """Tell everybody who looks at a conversation who does."""
    looking = hub.listeners(topics.viewing(conversation_id))
    names = {
        connection.actor.agent_id: str(connection.memory.get(_NAME, ""))
        for connection in looking
        if isinstance(connection.actor, AgentActor)
    }
    frame = ViewersFrame(conversation_id, sorted(names), names)
    hub.publish((topics.viewing(conversation_id),), encode(frame))

"""Who is to be called: agents whom something concerns while they look at no page."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import structlog

from qiatan.infra.realtime.awake import has_page_awake
from qiatan.infra.resources import Resources
from qiatan.kit.errors import Fault
from qiatan.kit.events import Event
from qiatan.modules.conversations.contracts import Message, SenderKind
from qiatan.modules.conversations.events import ConversationChanged, Mentioned, MessagesAppended
from qiatan.modules.push import service
from qiatan.modules.push.contracts import Notice, NoticeKind
from qiatan.modules.routing import service as routing
from qiatan.modules.routing.events import OfferChanged

log = structlog.get_logger(__name__)

MOST_WAITING = 10_000
"""Each enterprise may have an equal share of these, by how many have some: what is too many of one costs its own oldest and nobody else's."""
AT_ONCE = 4
"""So many enterprises are called at a time: one that waits for a lock holds up nobody while the others get on."""
BATCH = 200
GATHER_SECONDS = 0.5
_SAID = frozenset({"text", "picture", "rich", "file"})


class Caller:
    """Gathers what agents who look at no page should know, and leaves jobs for it. Enterprises have their turns.

    A later notice of a conversation takes the place of one that waits still. What a crash loses is a call, and no message.
    """

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._waiting: dict[UUID, OrderedDict[tuple[UUID, UUID], Notice]] = {}
        """By enterprise, from its first notice until all of its are called: by agent and conversation, the oldest first."""
        self._line: asyncio.Queue[UUID] = asyncio.Queue()
        """Whose turn it is: each of those once, unless it is being called or gathers still."""
        self._idle = asyncio.Event()
        self._idle.set()
        self._calling: list[asyncio.Task[None]] = []

    def start(self) -> None:
        self._calling = [asyncio.create_task(self._call(), name="push-caller") for _ in range(AT_ONCE)]

    async def close(self) -> None:
        for calling in self._calling:
            calling.cancel()

    async def settled(self) -> None:
        """Wait until there is a job for every call so far."""
        await self._idle.wait()

    def react(self, events: Sequence[Event]) -> None:
        """Called with the events of each committed transaction, and by the message log for whoever looks at no page."""
        for event in events:
            for notice in _notices(event, self._resources.clock.now()):
                if not has_page_awake(self._resources.hub, notice.agent_id):
                    self._add(notice)

    def _add(self, notice: Notice) -> None:
        waiting = self._waiting.get(notice.enterprise_id)
        if waiting is None:
            waiting = self._waiting[notice.enterprise_id] = OrderedDict()
            self._idle.clear()
            self._line_up(notice.enterprise_id)
        key = (notice.agent_id, notice.conversation_id)
        waiting.pop(key, None)
        waiting[key] = notice
        if len(waiting) > max(1, MOST_WAITING // len(self._waiting)):
            waiting.popitem(last=False)

    def _line_up(self, enterprise_id: UUID) -> None:
        if self._resources.relay.alone:
            self._line.put_nowait(enterprise_id)
        else:
            # Whose page is open on another node is known by the database only: asked once for what comes together.
            asyncio.get_running_loop().call_later(GATHER_SECONDS, self._line.put_nowait, enterprise_id)

    async def _call(self) -> None:
        while True:
            enterprise_id = await self._line.get()
            waiting = self._waiting[enterprise_id]
            await self._call_some(enterprise_id, [waiting.popitem(last=False)[1] for _ in range(min(BATCH, len(waiting)))])
            if waiting:
                self._line_up(enterprise_id)
                continue
            del self._waiting[enterprise_id]
            if not self._waiting:
                self._idle.set()

    async def _call_some(self, enterprise_id: UUID, notices: Sequence[Notice]) -> None:
        try:
            async with self._resources.database.tenant(enterprise_id) as tx:
                there = await routing.with_pages(tx, {notice.agent_id for notice in notices}, besides=self._resources.node.id)
                await service.call(tx, self._resources, [notice for notice in notices if notice.agent_id not in there])
        except Fault as fault:
            log.warning("push.not_called", enterprise_id=str(enterprise_id), code=fault.code)
        except Exception as error:
            # These calls are lost, their messages are not; who calls must live as long as the process.
            log.exception("push.call_failed", enterprise_id=str(enterprise_id), calls=len(notices), error=str(error))


def _notices(event: Event, now: datetime) -> Iterable[Notice]:
    if isinstance(event, MessagesAppended):
        said = next((message for message in reversed(event.messages) if _is_said(message)), None)
        if said is not None and event.assignee_id is not None:
            yield Notice(
                enterprise_id=event.enterprise_id,
                agent_id=event.assignee_id,
                kind=NoticeKind.MESSAGE,
                conversation_id=event.conversation_id,
                customer_id=event.customer_id,
                text=said.text or "",
                at=said.at,
            )
    elif isinstance(event, ConversationChanged):
        conversation = event.conversation
        if event.what in ("assigned", "transferred") and conversation.assignee_id is not None:
            yield Notice(
                enterprise_id=event.enterprise_id,
                agent_id=conversation.assignee_id,
                kind=NoticeKind.ASSIGNED,
                conversation_id=conversation.id,
                name=conversation.customer.name,
                text=conversation.last.preview if conversation.last is not None else "",
                at=now,
            )
    elif isinstance(event, OfferChanged):
        yield from _offers(event)
    elif isinstance(event, Mentioned):
        yield Notice(
            enterprise_id=event.enterprise_id,
            agent_id=event.agent_id,
            kind=NoticeKind.MENTION,
            conversation_id=event.conversation_id,
            name=event.by_name,
            text=event.preview,
            at=event.at,
        )


def _offers(event: OfferChanged) -> Iterable[Notice]:
    offer = event.offer
    if offer.state != "open":
        return
    for agent_id in event.agent_ids:
        if agent_id != offer.from_agent_id:
            yield Notice(
                enterprise_id=event.enterprise_id,
                agent_id=agent_id,
                kind=NoticeKind.OFFER,
                conversation_id=offer.conversation_id,
                name=offer.from_agent_name,
                text=offer.note,
                at=offer.made_at,
            )


def _is_said(message: Message) -> bool:
    return message.sender_kind is SenderKind.CUSTOMER and message.kind in _SAID

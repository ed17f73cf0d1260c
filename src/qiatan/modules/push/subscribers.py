"""Who is to be called: agents whom something concerns while no page of theirs is open here."""

from __future__ import annotations

import asyncio
from collections import OrderedDict, defaultdict
from collections.abc import Iterable, Sequence
from datetime import datetime
from uuid import UUID

import structlog

from qiatan.infra.realtime.connection import ASLEEP
from qiatan.infra.resources import Resources
from qiatan.kit.access import AgentActor
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
BATCH = 200
GATHER_SECONDS = 0.5
_SAID = frozenset({"text", "picture", "rich", "file"})


class Caller:
    """Gathers what agents without an open page should know, and leaves jobs for it.

    A later notice of a conversation takes the place of one that waits still. What a crash loses is a call, and no message.
    """

    def __init__(self, resources: Resources) -> None:
        self._resources = resources
        self._waiting: OrderedDict[tuple[UUID, UUID, UUID], Notice] = OrderedDict()
        self._something = asyncio.Event()
        self._idle = asyncio.Event()
        self._idle.set()
        self._calling: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._calling = asyncio.create_task(self._call(), name="push-caller")

    async def close(self) -> None:
        if self._calling is not None:
            self._calling.cancel()

    async def settled(self) -> None:
        """Wait until there is a job for every call so far."""
        await self._idle.wait()

    def react(self, events: Sequence[Event]) -> None:
        """Called with the events of each committed transaction, and by the message log for whoever has no page open."""
        for event in events:
            for notice in _notices(event, self._resources.clock.now()):
                if self._has_no_page(notice.agent_id):
                    self._add(notice)

    def _has_no_page(self, agent_id: UUID) -> bool:
        listeners = self._resources.hub.listeners(("agent", agent_id))
        return not any(isinstance(one.actor, AgentActor) and one.actor.via == "session" and not one.memory.get(ASLEEP) for one in listeners)

    def _add(self, notice: Notice) -> None:
        key = (notice.enterprise_id, notice.agent_id, notice.conversation_id)
        self._waiting.pop(key, None)
        self._waiting[key] = notice
        if len(self._waiting) > MOST_WAITING:
            self._waiting.popitem(last=False)
        self._idle.clear()
        self._something.set()

    async def _call(self) -> None:
        while True:
            await self._something.wait()
            self._something.clear()
            while self._waiting:
                await self._call_all()
            self._idle.set()

    async def _call_all(self) -> None:
        """One round: all that wait, enterprise by enterprise."""
        if not self._resources.relay.alone:
            # Whose page is open on another node is known by the database only: asked once for what comes together.
            await asyncio.sleep(GATHER_SECONDS)
        waiting: defaultdict[UUID, list[tuple[UUID, UUID, UUID]]] = defaultdict(list)
        for key in self._waiting:
            waiting[key[0]].append(key)
        for enterprise_id, keys in waiting.items():
            for start in range(0, len(keys), BATCH):
                # Some may have been crowded out while others were called.
                notices = [self._waiting.pop(key) for key in keys[start : start + BATCH] if key in self._waiting]
                await self._call_some(enterprise_id, notices)

    async def _call_some(self, enterprise_id: UUID, notices: Sequence[Notice]) -> None:
        try:
            async with self._resources.database.tenant(enterprise_id) as tx:
                there = await routing.with_pages(tx, {notice.agent_id for notice in notices}, besides=self._resources.node.id)
                await service.call(tx, self._resources, [notice for notice in notices if notice.agent_id not in there])
        except Fault as fault:
            log.warning("push.not_called", enterprise_id=str(enterprise_id), code=fault.code)
        except Exception as error:
            # These calls are lost, their messages are not; this loop must live as long as the process.
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

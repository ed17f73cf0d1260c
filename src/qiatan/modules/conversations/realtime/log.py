"""The message log: texts from sockets, gathered and written in one transaction (architecture: the way of a message)."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from uuid import UUID

import msgspec
import structlog
from psycopg import sql

from qiatan.infra import metrics
from qiatan.infra.clock import Clock
from qiatan.infra.db import DirectConnection
from qiatan.infra.group_commit import GroupCommit, Unavailable
from qiatan.infra.realtime.awake import has_page_awake
from qiatan.infra.realtime.connection import Connection
from qiatan.infra.realtime.doors import encode
from qiatan.infra.realtime.hub import Hub
from qiatan.infra.realtime.relay import Relay
from qiatan.kit.errors import DatabaseUnavailable, Fault
from qiatan.kit.events import Event
from qiatan.modules.conversations.contracts import Message, MessageKind, SenderKind
from qiatan.modules.conversations.errors import TryAgain
from qiatan.modules.conversations.events import MessagesAppended
from qiatan.modules.conversations.realtime import topics
from qiatan.modules.conversations.realtime.frames import AckFrame, MessageFrame
from qiatan.modules.conversations.repository import Appended, NewMessage
from qiatan.modules.conversations.repository.append import decode_results, encode_batch
from qiatan.modules.conversations.rules import preview

log = structlog.get_logger(__name__)

_APPEND = sql.SQL("SELECT append_messages(%s::json, %s::timestamptz)::text")


@dataclass(slots=True, eq=False)
class Pending:
    """A text on its way to the disk. `refused` hears what the log could not store."""

    connection: Connection
    enterprise_id: UUID
    conversation_id: UUID
    sender_kind: SenderKind
    sender_id: UUID
    client_message_id: UUID
    text: str
    refused: Callable[[Pending, Appended | Fault], None]
    may_join: bool = False
    """Whether an agent may also write where they have joined."""
    helped: Callable[[Pending], None] | None = None
    """Hears that an agent has written who does not serve the conversation."""
    since: float = field(default_factory=time.monotonic)
    """When it came, for the measure of how long it took."""
    tried: bool = False
    """Written once already with an unknown outcome: a `repeated` now may be that first try, of which nobody was told."""


def _is_own_repeat(item: Pending, result: Appended, again: set[UUID]) -> bool:
    same_place = result.conversation_id == item.conversation_id
    return result.outcome == "repeated" and item.client_message_id in again and same_place


def _is_unheard(hub: Hub, item: Pending, result: Appended) -> bool:
    if item.sender_kind is not SenderKind.CUSTOMER or result.assignee_id is None:
        return False
    return not has_page_awake(hub, result.assignee_id)


def _told(item: Pending, result: Appended, seq: int) -> MessagesAppended:
    """What an ordinary transaction would have announced."""
    message = Message(
        conversation_id=item.conversation_id,
        seq=seq,
        kind=MessageKind.TEXT,
        sender_kind=item.sender_kind,
        sender_id=item.sender_id,
        client_message_id=item.client_message_id,
        at=result.at,
        text=item.text,
        data=None,
    )
    return MessagesAppended(
        enterprise_id=item.enterprise_id,
        conversation_id=item.conversation_id,
        customer_id=result.customer_id,
        assignee_id=result.assignee_id,
        joined_ids=tuple(result.joined or ()),
        waiting=bool(result.waiting),
        messages=(message,),
    )


def _measure(results: Sequence[tuple[Pending, Appended | Exception]]) -> None:
    now = time.monotonic()
    for item, result in results:
        outcome = "refused" if isinstance(result, Exception) or result.seq is None else result.outcome
        metrics.MESSAGES.add(item.sender_kind.value, outcome)
        metrics.ACK_SECONDS.observe(now - item.since)


class MessageLog:
    """One writer per process, on a connection of its own; acknowledges after the commit, then tells everybody else.

    Every write is repeat-safe (sender and client message id), so a batch whose outcome is unknown is simply written again.
    """

    def __init__(self, url: str, hub: Hub, relay: Relay, clock: Clock, unheard: Callable[[Sequence[Event]], None] | None = None) -> None:
        """`unheard`: hears of a customer's text whose agent looks at no page here."""
        self._direct = DirectConnection(url)
        self._hub = hub
        self._relay = relay
        self._clock = clock
        self._unheard = unheard
        self._commits: GroupCommit[Pending, Appended] = GroupCommit(self._write, self._settle, key=lambda item: item.enterprise_id)

    def start(self) -> None:
        self._commits.start()

    async def close(self) -> None:
        """Write what waits, then let go of the database."""
        await self._commits.close()
        await self._direct.close()

    def submit(self, pending: Pending) -> None:
        if not self._commits.submit(pending):
            metrics.TURNED_AWAY.add("messages")
            pending.refused(pending, TryAgain(retry_after=1))

    async def settled(self, enterprise_id: UUID | None = None) -> None:
        """Wait until every text submitted so far (in this enterprise) is stored or refused: order for what does not take the log."""
        await self._commits.settled(enterprise_id)

    async def _write(self, batch: Sequence[Pending]) -> Sequence[Appended]:
        messages = [
            NewMessage(
                o=order,
                e=item.enterprise_id,
                c=item.conversation_id,
                sk=item.sender_kind,
                si=item.sender_id,
                m=item.client_message_id,
                k="text",
                t=item.text,
                p=preview(item.text),
                own=item.sender_kind is SenderKind.AGENT,
                j=item.may_join,
            )
            for order, item in enumerate(batch)
        ]
        again = {item.client_message_id for item in batch if item.tried}
        try:
            rows = await self._direct.rows(_APPEND, encode_batch(messages), self._clock.now())
        except DatabaseUnavailable as error:
            raise Unavailable(str(error.__cause__)) from error
        finally:
            for item in batch:
                item.tried = True
        results = decode_results(rows[0][0])
        if again:
            # A repeat of our own first try, whose outcome nobody heard: to everybody else it is new.
            results = [
                msgspec.structs.replace(result, outcome="stored") if _is_own_repeat(item, result, again) else result
                for item, result in zip(batch, results, strict=True)
            ]
        return results

    def _settle(self, results: Sequence[tuple[Pending, Appended | Exception]]) -> None:
        for item, result in results:
            if isinstance(result, Exception):
                item.refused(item, result if isinstance(result, Fault) else TryAgain(retry_after=1))
            elif result.seq is None:
                item.refused(item, result)
            else:
                self._acknowledge(item, result, result.seq)
        _measure(results)

    def _acknowledge(self, item: Pending, result: Appended, seq: int) -> None:
        item.connection.push(encode(AckFrame(item.client_message_id, result.conversation_id, seq, result.at)))
        if result.outcome != "stored" or result.customer_id is None:
            return
        frame = MessageFrame(
            item.conversation_id,
            seq,
            "text",
            item.sender_kind,
            item.sender_id,
            item.client_message_id,
            result.at,
            item.text,
            None,
        )
        audience = topics.audience(
            enterprise_id=item.enterprise_id,
            conversation_id=item.conversation_id,
            customer_id=result.customer_id,
            assignee_id=result.assignee_id,
            waiting=bool(result.waiting),
            joined_ids=result.joined or (),
        )
        self._relay.publish(item.enterprise_id, audience, encode(frame), besides=item.connection)
        if self._unheard is not None and _is_unheard(self._hub, item, result):
            self._tell_unheard(self._unheard, _told(item, result, seq))
        if item.helped is not None and item.sender_id != result.assignee_id:
            item.helped(item)

    @staticmethod
    def _tell_unheard(unheard: Callable[[Sequence[Event]], None], event: MessagesAppended) -> None:
        """The message is stored and acknowledged: a listener that fails must not cost the rest of the batch its acknowledgements."""
        try:
            unheard([event])
        except Exception as error:
            log.exception("messages.listener_failed", conversation_id=str(event.conversation_id), error=str(error))

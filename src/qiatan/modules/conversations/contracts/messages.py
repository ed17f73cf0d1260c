"""Messages: read, written, changed, taken back."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import Field

from qiatan.kit.rich_text import RichDocument
from qiatan.modules.conversations.contracts.common import INTERNAL_EVENTS, In, MessageKind, Out, ReplyTo, SenderKind


class Message(Out):
    """One entry of a conversation. Events, edits and withdrawals take a seq like everything else.

    `edited`: `text` is a later one than was written first. `data.reply_to.seq` names the message of this conversation that is answered.
    """

    conversation_id: UUID
    seq: int
    kind: MessageKind
    sender_kind: SenderKind
    sender_id: UUID | None
    client_message_id: UUID | None
    at: datetime
    text: str | None
    data: dict[str, Any] | None
    withdrawn: bool = False
    edited: bool = False

    def for_customer(self) -> Message:
        """The same as its customer gets it: of what is internal only the place in the order, so that `seq` stays without a gap.

        Of a transfer they get who serves them now (F04), not from whom and why.
        """
        if self.kind is MessageKind.EVENT and self.data is not None and self.data.get("name") == "transferred":
            return self.model_copy(update={"data": {key: self.data.get(key) for key in ("name", "agent_id", "agent_name")}})
        if not self.internal:
            return self
        return Message(
            conversation_id=self.conversation_id,
            seq=self.seq,
            kind=MessageKind.NOTE,
            sender_kind=SenderKind.SYSTEM,
            sender_id=None,
            client_message_id=None,
            at=self.at,
            text=None,
            data=None,
        )

    @property
    def internal(self) -> bool:
        """Agents among themselves: notes, their edits and withdrawal, and who began or stopped to listen."""
        data = self.data or {}
        return (
            self.kind is MessageKind.NOTE
            or (self.kind in (MessageKind.WITHDRAWAL, MessageKind.EDIT) and bool(data.get("note")))
            or (self.kind is MessageKind.EVENT and data.get("name") in INTERNAL_EVENTS)
        )


class MessagePage(Out):
    """Messages in seq order. `more` tells whether the asked direction goes on."""

    items: list[Message]
    head: int
    more: bool


class Ack(Out):
    """The message is on disk under this seq. A repeat gets the same answer."""

    client_message_id: UUID
    conversation_id: UUID
    seq: int
    at: datetime


class SendMessage(In):
    """A message to write. Text needs `text`, a picture the `file_id` of an upload, a rich one (agents only) its `document`.

    `reply_to`: the seq of the message it answers.
    """

    client_message_id: UUID
    kind: MessageKind = MessageKind.TEXT
    text: str | None = None
    file_id: UUID | None = None
    document: RichDocument | None = None
    reply_to: ReplyTo = None


class WithdrawMessage(In):
    client_message_id: UUID


class EditMessage(In):
    """Another text for an own message or note."""

    client_message_id: UUID
    text: str


class MarkRead(In):
    seq: int = Field(ge=0, le=2_000_000_000)

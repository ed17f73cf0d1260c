"""Pure decisions about conversations and messages."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

from qiatan.kit.errors import InvalidInput
from qiatan.kit.text import check_text, shorten
from qiatan.modules.conversations.contracts import MAX_TEXT, MessageKind, SenderKind

WITHDRAW_WITHIN = timedelta(minutes=2)
PREVIEW_LENGTH = 80


def check_content(kind: MessageKind, text: str | None, file_id: UUID | None) -> None:
    """Whether a send can be a message at all.

    Raises:
        InvalidInput: names `kind`, `text` (`empty`, `too_long`, `invalid_text`) or `file_id`.
    """
    if kind is MessageKind.TEXT:
        check_text(text or "", field="text", limit=MAX_TEXT)
        if file_id is not None:
            raise InvalidInput.of("file_id", "unknown", "A text carries no file. Send the picture as a message of its own.")
    elif kind is MessageKind.PICTURE:
        if file_id is None:
            raise InvalidInput.of("file_id", "missing", "Upload the picture first and name it here.")
        if text is not None:
            raise InvalidInput.of("text", "unknown", "A picture carries no text. Send the text as a message of its own.")
    else:
        raise InvalidInput.of("kind", "invalid", "Send a text or a picture.")


def preview(text: str | None) -> str:
    """What lists show of a message; pictures show none, the page says what it is."""
    return shorten(text, PREVIEW_LENGTH) if text else ""


def may_withdraw(
    *, kind: str, sender_kind: str, sender_id: UUID | None, at: datetime, by_kind: SenderKind, by_id: UUID, now: datetime
) -> bool:
    """Withdrawing is for the writer, within two minutes, and only for what people wrote."""
    own = sender_kind == by_kind and sender_id == by_id
    return own and kind in (MessageKind.TEXT, MessageKind.PICTURE) and now - at <= WITHDRAW_WITHIN

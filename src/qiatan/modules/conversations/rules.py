"""Pure decisions about conversations and messages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID

from qiatan.kit.errors import FieldProblem, InvalidInput
from qiatan.kit.text import check_text, shorten
from qiatan.modules.conversations.contracts import (
    MAX_TEXT,
    AutoEnd,
    ConversationSettings,
    Grade,
    Grading,
    MessageKind,
    SenderKind,
)

WITHDRAW_WITHIN = timedelta(minutes=2)
PREVIEW_LENGTH = 80
WARN_BEFORE = timedelta(minutes=1)


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
    return own and kind in (MessageKind.TEXT, MessageKind.PICTURE, MessageKind.NOTE) and now - at <= WITHDRAW_WITHIN


def grade_of(customer_messages: int, agent_messages: int, grading: Grading) -> Grade | None:
    """The best grade whose two thresholds are both reached (F33); None for an ordinary conversation, or when grading is off."""
    if not grading.enabled:
        return None
    for grade, needed in ((Grade.GOLD, grading.gold), (Grade.SILVER, grading.silver), (Grade.BRONZE, grading.bronze)):
        if customer_messages >= needed.customer and agent_messages >= needed.agent:
            return grade
    return None


def check_settings(settings: ConversationSettings) -> None:
    """Whether the rules can be meant.

    Raises:
        InvalidInput: names every threshold that is higher than that of a better grade, and every warning that has no time to be given.
    """
    problems = [*_grading_problems(settings.grading)]
    for kind, policy in settings.auto_end.items():
        if policy.warn and policy.minutes == 1:
            message = "The warning comes a minute before the end: allow at least 2 minutes, or switch the warning off."
            problems.append(FieldProblem(f"settings.auto_end.{kind}.minutes", "too_short", message))
    if problems:
        raise InvalidInput(fields=tuple(problems))


def _grading_problems(grading: Grading) -> Iterator[FieldProblem]:
    for better, lower in ((Grade.GOLD, Grade.SILVER), (Grade.SILVER, Grade.BRONZE)):
        for side in ("customer", "agent"):
            most, needed = getattr(getattr(grading, better), side), getattr(getattr(grading, lower), side)
            if needed > most:
                message = f"Ask for no more than {better} does ({most}), or raise {better}."
                yield FieldProblem(f"settings.grading.{lower}.{side}", "out_of_order", message)


def auto_end_of(settings: ConversationSettings, kind: str) -> AutoEnd:
    """What holds for a kind of channel: 30 minutes and no warning where nothing was said."""
    return {str(named): policy for named, policy in settings.auto_end.items()}.get(kind, AutoEnd())


@dataclass(frozen=True, slots=True)
class IdleStep:
    """What to do now with a conversation in which nobody writes, and when to look again (None: not by ourselves)."""

    act: Literal["wait", "warn", "end"]
    due_at: datetime | None


def idle_since(
    *, created_at: datetime, assigned_at: datetime | None, last_at: datetime | None, waits: bool, unanswered: bool
) -> datetime | None:
    """Since when nobody has written: the last line by a customer or a human agent, or when the agent of now got it.

    None for who waits unserved or unanswered: the enterprise owes the next word, so their conversation is not ended (F12, F18).
    """
    if waits and (unanswered or assigned_at is None):
        return None
    return max(at for at in (created_at, assigned_at, last_at) if at is not None)


def next_idle(since: datetime, warned_at: datetime | None, policy: AutoEnd, now: datetime) -> IdleStep:
    """The next step of automatic end (F18). Who is to be warned is warned a minute before the end, however late that begins."""
    if policy.minutes is None:
        return IdleStep("wait", None)
    end_at = since + timedelta(minutes=policy.minutes)
    if policy.warn:
        warn_at = end_at - WARN_BEFORE
        # An earlier warning was for another end: somebody has written since, or the rule has changed.
        if warned_at is None or warned_at < warn_at:
            return IdleStep("wait", warn_at) if now < warn_at else IdleStep("warn", now + WARN_BEFORE)
        end_at = warned_at + WARN_BEFORE
    return IdleStep("wait", end_at) if now < end_at else IdleStep("end", None)

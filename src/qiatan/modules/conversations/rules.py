"""Pure decisions about conversations and messages."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from uuid import UUID, uuid5

from qiatan.kit.access import Scope, ScopeKind
from qiatan.kit.errors import FieldProblem, InvalidInput, NotAllowed
from qiatan.kit.rich_text import RichDocument, checked
from qiatan.kit.text import check_text, shorten, storable
from qiatan.modules.conversations.contracts import (
    MAX_REMARK,
    MAX_TEXT,
    PERSONAL_KINDS,
    AutoEnd,
    ConversationSettings,
    EvaluationRules,
    Grade,
    Grading,
    MessageKind,
    SenderKind,
)
from qiatan.modules.conversations.errors import TooLateToEdit

WITHDRAW_WITHIN = timedelta(minutes=2)
STANDS_AFTER = WITHDRAW_WITHIN + timedelta(seconds=30)
"""From then on nobody can take a message back any more, also not by what began in time and ended late."""
EMPTY_FOR = timedelta(minutes=1)
"""How long who took back all they wrote keeps their place, to write it anew."""
EDIT_WITHIN = timedelta(minutes=15)
MAX_EDITS = 20
"""Of one message: each is a row for ever, and a frame to everybody who looks."""
MAX_WORDS = 100
SNIPPET_BEFORE, SNIPPET_LENGTH = 24, 80
PREVIEW_LENGTH = 80
WARN_BEFORE = timedelta(minutes=1)
EVALUATE_WITHIN = timedelta(hours=24)
INVITE_EVERY = timedelta(seconds=60)


def check_content(
    kind: MessageKind, text: str | None, file_id: UUID | None, document: RichDocument | None = None, *, by_customer: bool = False
) -> None:
    """Whether a send can be a message at all. Customers send nothing rich.

    Raises:
        InvalidInput: names `kind`, `text` (`empty`, `too_long`, `invalid_text`), `file_id` or `document` (see `rich_text.checked`).
    """
    if kind is MessageKind.RICH and not by_customer:
        _check_rich(text, file_id, document)
    elif document is not None:
        raise InvalidInput.of("document", "unknown", "Only a rich message, which agents send, carries a document.")
    elif kind is MessageKind.TEXT:
        check_text(text or "", field="text", limit=MAX_TEXT)
        if file_id is not None:
            raise InvalidInput.of("file_id", "unknown", "A text carries no file. Send the picture as a message of its own.")
    elif kind in (MessageKind.PICTURE, MessageKind.FILE):
        _check_attached(kind, text, file_id)
    else:
        raise InvalidInput.of("kind", "invalid", "Send a text, a picture or a file.")


def _check_attached(kind: MessageKind, text: str | None, file_id: UUID | None) -> None:
    if file_id is None:
        raise InvalidInput.of("file_id", "missing", f"Upload the {kind} first and name it here.")
    if text is not None:
        raise InvalidInput.of("text", "unknown", f"A {kind} carries no text. Send the text as a message of its own.")


def _check_rich(text: str | None, file_id: UUID | None, document: RichDocument | None) -> None:
    if document is None:
        raise InvalidInput.of("document", "missing", "A rich message needs its document.")
    if text is not None or file_id is not None:
        field = "text" if text is not None else "file_id"
        raise InvalidInput.of(field, "unknown", "A rich message carries its document and nothing else.")
    checked(document)


def preview(text: str | None) -> str:
    """What lists show of a message: its text, or the name of its file; pictures show none, the page says what they are."""
    return shorten(text, PREVIEW_LENGTH) if text else ""


def may_withdraw(
    *, kind: str, sender_kind: str, sender_id: UUID | None, at: datetime, by_kind: SenderKind, by_id: UUID, now: datetime
) -> bool:
    """Withdrawing is for the writer, within two minutes, and only for what people wrote."""
    own = sender_kind == by_kind and sender_id == by_id
    return own and (kind in PERSONAL_KINDS or kind == MessageKind.NOTE) and now - at <= WITHDRAW_WITHIN


def check_edit(*, kind: str, sender_kind: str, sender_id: UUID | None, at: datetime, by_id: UUID, now: datetime) -> None:
    """Whether an agent may give a message another text: the writer, within 15 minutes, a text or a note.

    Raises:
        NotAllowed: somebody else wrote it.
        InvalidInput: it has no text of its own.
        TooLateToEdit
    """
    if sender_kind != SenderKind.AGENT or sender_id != by_id:
        raise NotAllowed("Only who wrote a message can change it.")
    if kind not in (MessageKind.TEXT, MessageKind.NOTE):
        raise InvalidInput.of("seq", "invalid", "Only texts and notes can be changed.")
    if now - at > EDIT_WITHIN:
        raise TooLateToEdit


def picture_holder(conversation_id: UUID, client_message_id: UUID) -> UUID:
    """By which id a rich message holds its pictures. Derived: the id that the page chose could be that of somebody else's entry."""
    return uuid5(conversation_id, str(client_message_id))


def may_be_answered(kind: str, *, by_note: bool) -> bool:
    """Whether a message can be quoted: what a person wrote; a note only in a note, so that its customer never gets it."""
    return kind in PERSONAL_KINDS or (by_note and kind == MessageKind.NOTE)


def check_draft(text: str) -> str:
    """A draft may be blank: then it is removed.

    Raises:
        InvalidInput: `text` is too long or not text.
    """
    if not storable(text):
        raise InvalidInput.of("text", "invalid_text", "Remove the characters that are not text (NUL, broken pairs).")
    if len(text) > MAX_TEXT:
        raise InvalidInput.of("text", "too_long", f"Shorten it to {MAX_TEXT} characters; it has {len(text)}.")
    return text


@dataclass(frozen=True, slots=True)
class Held:
    """Who serves a conversation, as `sees` must know it. `assignee_groups`: where they work; `waits`: nobody serves it yet."""

    assignee_id: UUID | None
    assignee_groups: frozenset[UUID]
    joined_ids: frozenset[UUID]
    serving_its_customer: frozenset[UUID]
    waits: bool
    open: bool


def sees(held: Held, agent_id: UUID, scope: Scope, *, takes: bool, views: bool, joins: bool) -> bool:
    """Whether an agent may see a conversation: the twin of `repository.conversations.visible_to`, for asking about everybody at once.

    `takes`, `views` and `joins`: whether they hold the points for the queue, for colleagues' conversations and for joining.
    """
    if agent_id == held.assignee_id or agent_id in held.serving_its_customer:
        return True
    if (held.waits and takes) or (held.open and joins and agent_id in held.joined_ids):
        return True
    if not views or scope.kind is ScopeKind.SELF:
        return False
    return scope.kind is ScopeKind.ALL or not scope.group_ids.isdisjoint(held.assignee_groups)


def search_words(text: str) -> str:
    """What is searched for, without the blanks around it.

    Raises:
        InvalidInput: `q` is empty, too long or not text.
    """
    return check_text(text.strip(), field="q", limit=MAX_WORDS)


def like_pattern(words: str) -> str:
    """A LIKE pattern for what contains the words, every character meaning itself."""
    escaped = words.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")
    return f"%{escaped}%"


def snippet(text: str, words: str) -> str:
    """What stands around the first place of the words, on one line."""
    at = text.lower().find(words.lower())
    start = max(0, at - SNIPPET_BEFORE)
    line = " ".join(text[start:].split())
    return ("…" if start else "") + shorten(line, SNIPPET_LENGTH)


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
    if not storable(settings.evaluation.prompt):
        problems.append(FieldProblem("settings.evaluation.prompt", "invalid_text", "Remove the characters that are not text."))
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


def empty_until(last_at: datetime) -> datetime:
    """When a conversation ends that waits and in which nothing of its customer is left, by when they took it back."""
    return last_at + EMPTY_FOR


def stands(answered_at: datetime | None, now: datetime) -> bool:
    """Whether an answer is there for good: nobody can take it back any more."""
    return answered_at is not None and now - answered_at > STANDS_AFTER


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


def check_remark(remark: str) -> str:
    """The customer's words without white space around them; empty where they said none.

    Raises:
        InvalidInput: names `remark` (`too_long`, `invalid_text`).
    """
    words = remark.strip()
    return check_text(words, field="remark", limit=MAX_REMARK) if words else ""


def evaluation_until(ended_at: datetime | None) -> datetime | None:
    """The last moment at which an ended conversation can be evaluated (F25); None while it goes on."""
    return None if ended_at is None else ended_at + EVALUATE_WITHIN


def may_evaluate(rules: EvaluationRules, *, invited: bool, evaluated: bool) -> bool:
    """Who was asked may say it, and who has said it may say something else; unasked only where the enterprise allows it."""
    return invited or evaluated or rules.by_customer


def invitation_wait(invited_at: datetime | None, now: datetime) -> timedelta:
    """How long until the customer may be asked again: zero when at once."""
    return timedelta(0) if invited_at is None else max(timedelta(0), invited_at + INVITE_EVERY - now)

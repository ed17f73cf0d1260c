"""The end of a conversation, and what it earned (F33)."""

from __future__ import annotations

from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, VisitorActor, require
from qiatan.modules.conversations.contracts import Conversation, SenderKind, Status
from qiatan.modules.conversations.errors import ConversationEnded, NotYours
from qiatan.modules.conversations.models import ConversationRow
from qiatan.modules.conversations.permissions import END
from qiatan.modules.conversations.repository import ConversationRepository
from qiatan.modules.conversations.rules import grade_of
from qiatan.modules.conversations.service.announcing import announce
from qiatan.modules.conversations.service.evaluating import asked_at_end
from qiatan.modules.conversations.service.finding import locked, own, visible
from qiatan.modules.conversations.service.settings import load_settings
from qiatan.modules.conversations.service.writing import write_event


async def end(tx: Tx, actor: AgentActor, conversation_id: UUID) -> Conversation:
    """An agent ends a conversation they serve, or a waiting one they may take.

    Raises:
        ConversationNotFound, NotAllowed
        ConversationEnded: it has ended already.
        NotYours: a colleague serves it.
    """
    require(actor, END)
    row = await locked(tx, await visible(tx, actor, conversation_id))
    if row.status == Status.ENDED:
        raise ConversationEnded
    if row.status == Status.ACTIVE and row.assignee_id != actor.agent_id:
        raise NotYours
    return await finish(tx, row, SenderKind.AGENT)


async def end_own(tx: Tx, actor: VisitorActor, conversation_id: UUID) -> Conversation:
    """A visitor ends the own conversation. Raises ConversationNotFound, ConversationEnded."""
    row = await locked(tx, await own(tx, actor, conversation_id))
    if row.status == Status.ENDED:
        raise ConversationEnded
    return (await finish(tx, row, SenderKind.CUSTOMER)).for_customer()


async def finish(tx: Tx, row: ConversationRow, by: SenderKind, *, ask: bool = True) -> Conversation:
    """End an open conversation whose row is locked. Its grade is decided now and stays, whatever the rules become.

    Its customer is asked what they think of it, where the rules say so; with `ask` False not even there.
    """
    await write_event(tx, row.id, "ended", by=by)
    settings = await load_settings(tx)
    evaluation = settings.evaluation if ask else settings.evaluation.model_copy(update={"automatic": False})
    asked = {"evaluation_invited_at": tx.now} if await asked_at_end(tx, row, evaluation) else {}
    await ConversationRepository(tx, tx.enterprise_id).update(
        row,
        status=Status.ENDED,
        ended_at=tx.now,
        ended_by=by,
        unanswered_since=None,
        idle_due_at=None,
        grade=grade_of(row.customer_messages, row.agent_messages, settings.grading),
        **asked,
    )
    return await announce(tx, "ended", row)

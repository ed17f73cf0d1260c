"""What customers think of the service (F25): asking them, and hearing it."""

from __future__ import annotations

import math
from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, VisitorActor, require
from qiatan.kit.errors import TooMany
from qiatan.modules.accounts import service as accounts
from qiatan.modules.conversations.contracts import Conversation, Evaluate, EvaluationForm, EvaluationRules, Status
from qiatan.modules.conversations.errors import (
    AlreadyEvaluated,
    ConversationEnded,
    EvaluationClosed,
    NothingToEvaluate,
    NotInvited,
    NotYours,
)
from qiatan.modules.conversations.models import ConversationRow
from qiatan.modules.conversations.permissions import INVITE_EVALUATION
from qiatan.modules.conversations.repository import ConversationRepository
from qiatan.modules.conversations.repository.evaluations import EvaluationRepository
from qiatan.modules.conversations.rules import check_remark, evaluation_until, invitation_wait, may_evaluate
from qiatan.modules.conversations.service.announcing import announce
from qiatan.modules.conversations.service.finding import locked, own, visible
from qiatan.modules.conversations.service.present import present_one
from qiatan.modules.conversations.service.settings import load_settings
from qiatan.modules.conversations.service.writing import write_event


async def invite_evaluation(tx: Tx, actor: AgentActor, conversation_id: UUID) -> Conversation:
    """Ask the customer of a conversation one serves what they think of the service.

    Raises:
        ConversationNotFound, NotAllowed
        ConversationEnded, NotYours: only who serves it asks.
        NothingToEvaluate: its customer has not written yet.
        AlreadyEvaluated: they have said it.
        TooMany: they were asked less than a minute ago.
    """
    require(actor, INVITE_EVALUATION)
    row = await locked(tx, await visible(tx, actor, conversation_id))
    if row.status == Status.ENDED:
        raise ConversationEnded
    if row.assignee_id != actor.agent_id:
        raise NotYours
    if row.first_customer_at is None:
        raise NothingToEvaluate
    if row.evaluated_at is not None:
        raise AlreadyEvaluated
    wait = invitation_wait(row.evaluation_invited_at, tx.now)
    if wait:
        raise TooMany("The customer was asked less than a minute ago.", retry_after=math.ceil(wait.total_seconds()))
    name = (await accounts.briefs(tx, {actor.agent_id}))[actor.agent_id].name
    await write_event(tx, row.id, "evaluation_invited", how="by_hand", agent_id=str(actor.agent_id), agent_name=name)
    await ConversationRepository(tx, tx.enterprise_id).update(row, evaluation_invited_at=tx.now)
    return await announce(tx, "changed", row)


async def asked_at_end(tx: Tx, row: ConversationRow, rules: EvaluationRules) -> bool:
    """At the end of a conversation whose row is locked, and before it is ended: ask its customer, where the rules say so.

    What was said before is completed by who has served since. Returns whether they were asked.
    """
    if row.evaluated_at is not None:
        repository = EvaluationRepository(tx, tx.enterprise_id)
        await repository.set_segments(row.id, await repository.segments(row.id))
        return False
    # Who has waited in vain is not asked how they liked it; saying it unasked is theirs.
    if not rules.automatic or row.first_customer_at is None or row.replied_at is None:
        return False
    await write_event(tx, row.id, "evaluation_invited", how="automatic")
    return True


async def evaluation_form(tx: Tx, actor: VisitorActor, conversation_id: UUID) -> EvaluationForm:
    """What the visitor may say of an own conversation now. Raises ConversationNotFound."""
    row = await own(tx, actor, conversation_id)
    rules = (await load_settings(tx)).evaluation
    said = await EvaluationRepository(tx, tx.enterprise_id).of([row.id])
    until = evaluation_until(row.ended_at)
    in_time = until is None or tx.now <= until
    return EvaluationForm(open=in_time and _served(row) and _may(row, rules), prompt=rules.prompt, until=until, evaluation=said.get(row.id))


async def evaluate(tx: Tx, actor: VisitorActor, conversation_id: UUID, body: Evaluate) -> Conversation:
    """Say what one thinks of an own conversation, or say it anew. The same once more changes nothing.

    Raises:
        ConversationNotFound
        InvalidInput: names `remark`.
        EvaluationClosed: it ended more than 24 hours ago.
        NothingToEvaluate: one has not written, or was not served.
        NotInvited: nobody asked, and the enterprise has it said only when asked.
    """
    remark = check_remark(body.remark)
    row = await locked(tx, await own(tx, actor, conversation_id))
    until = evaluation_until(row.ended_at)
    if until is not None and tx.now > until:
        raise EvaluationClosed
    if not _served(row):
        raise NothingToEvaluate
    if not _may(row, (await load_settings(tx)).evaluation):
        raise NotInvited
    repository = EvaluationRepository(tx, tx.enterprise_id)
    before = (await repository.of([row.id])).get(row.id)
    if before is not None and (before.level, before.remark) == (body.level, remark):
        return (await present_one(tx, row)).for_customer()
    segments = await repository.segments(row.id)
    await repository.save(row.id, level=body.level, remark=remark, segments=segments, now=tx.now)
    await ConversationRepository(tx, tx.enterprise_id).update(row, evaluated_at=tx.now)
    return (await announce(tx, "changed", row)).for_customer()


def _served(row: ConversationRow) -> bool:
    """Somebody serves or served it, or has answered it since it went back into the queue."""
    return row.first_customer_at is not None and (row.assignee_id is not None or row.replied_at is not None)


def _may(row: ConversationRow, rules: EvaluationRules) -> bool:
    return may_evaluate(rules, invited=row.evaluation_invited_at is not None, evaluated=row.evaluated_at is not None)

"""Why a conversation went where it went, for those who lead."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, ScopeKind, require
from qiatan.modules.accounts import service as accounts
from qiatan.modules.conversations import service as conversations
from qiatan.modules.routing import permissions
from qiatan.modules.routing.contracts.decisions import CandidateNote, Cause, Decision, Decisions, Outcome, Step, WhyNot
from qiatan.modules.routing.models import DecisionRow
from qiatan.modules.routing.repository.decisions import DecisionRepository

MAX_SHOWN = 50


async def decisions(tx: Tx, actor: AgentActor, conversation_id: UUID) -> Decisions:
    """The decisions about a conversation that the actor may see, oldest first. Raises NotAllowed, ConversationNotFound."""
    require(actor, permissions.VIEW)
    await conversations.get(tx, actor, conversation_id)
    rows = await DecisionRepository(tx, actor.enterprise_id).of_conversation(conversation_id, MAX_SHOWN)
    names = await accounts.agent_names(tx, {one for row in rows for one in (row.agent_id, row.by_agent_id) if one is not None})
    reach = await colleagues_in_reach(tx, actor)
    return Decisions(items=[_shown(row, names, reach) for row in rows])


async def colleagues_in_reach(tx: Tx, actor: AgentActor) -> frozenset[UUID] | None:
    """Whom the actor's scope reaches; None: everybody."""
    if actor.scope.kind is ScopeKind.ALL:
        return None
    members = await accounts.member_ids(tx, actor.scope.group_ids) if actor.scope.kind is ScopeKind.GROUPS else frozenset()
    return members | {actor.agent_id}


def within_reach(steps: Iterable[Step], reach: frozenset[UUID] | None) -> list[Step]:
    """The trace without the names of those the reader's scope does not reach (F24): they are counted. Who was chosen stays."""
    if reach is None:
        return list(steps)
    return [_without(step, reach) for step in steps]


def _without(step: Step, reach: frozenset[UUID]) -> Step:
    shown = [note for note in step.candidates if _may_see(note, reach)]
    return step.model_copy(update={"candidates": shown, "more": step.more + len(step.candidates) - len(shown)})


def _may_see(note: CandidateNote, reach: frozenset[UUID]) -> bool:
    return note.agent_id is None or note.agent_id in reach or note.why is WhyNot.CHOSEN


def _shown(row: DecisionRow, names: dict[UUID, str], reach: frozenset[UUID] | None) -> Decision:
    steps: Sequence[Step] = [Step.model_validate(step) for step in row.trace]
    return Decision(
        id=row.id,
        conversation_id=row.conversation_id,
        at=row.at,
        cause=Cause(row.cause),
        outcome=Outcome(row.outcome),
        agent_id=row.agent_id,
        agent_name=names.get(row.agent_id) if row.agent_id is not None else None,
        by_agent_id=row.by_agent_id,
        by_agent_name=names.get(row.by_agent_id) if row.by_agent_id is not None else None,
        waited_seconds=row.waited_seconds,
        steps=within_reach(steps, reach),
    )

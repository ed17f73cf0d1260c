"""Deciding about rights: one decision at a time in an enterprise, by what the actor holds at that moment."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, Point, ScopeKind, require
from qiatan.kit.errors import NotAllowed, NotSignedIn
from qiatan.modules.accounts import rules
from qiatan.modules.accounts.repository import AgentRecord, AgentRepository, ApiKeyRepository, EnterpriseRepository


async def lock_rights(tx: Tx, actor: AgentActor, point: Point, *, catalogue: Collection[Point]) -> AgentActor:
    """Wait until nobody else decides about rights, and let pass who holds the point then.

    Returns the actor with the rights of that moment: what was taken from them while they waited does not count any more.

    Raises:
        NotAllowed: the role lacks the point, or does by now.
        NotSignedIn: the account was disabled meanwhile, or the key revoked.
    """
    require(actor, point)
    await EnterpriseRepository(tx, actor.enterprise_id).lock()
    if actor.via == "view":
        return actor
    answers = await answering_account(tx, actor)
    present = replace(actor, points=rules.points_of(answers.role, catalogue), scope=answers.scope, regions=answers.regions)
    if actor.via == "session":
        present = replace(present, group_ids=answers.group_ids)
    else:
        # What a key holds of its maker's points does not change; what the maker holds does.
        present = replace(present, points=present.points & actor.points)
    require(present, point)
    return present


async def answering_account(tx: Tx, actor: AgentActor) -> AgentRecord:
    """The account that answers for what is done: the actor's own, or that of whoever made the key.

    Raises:
        NotSignedIn: it was disabled meanwhile, or the key revoked.
    """
    agent_id = actor.agent_id
    if actor.via == "api_key":
        key = await ApiKeyRepository(tx, actor.enterprise_id).get(actor.agent_id)
        if key is None or key.revoked_at is not None:
            raise NotSignedIn
        agent_id = key.created_by
    record = await AgentRepository(tx, actor.enterprise_id).get(agent_id)
    if record is None or not record.row.enabled:
        raise NotSignedIn
    return record


async def answering_agent(tx: Tx, actor: AgentActor) -> UUID:
    """The id of the account that answers for what is done: a key has none of its own. Errors as `answering_account`."""
    return (await answering_account(tx, actor)).row.id if actor.via == "api_key" else actor.agent_id


def require_authority_over(actor: AgentActor, found: AgentRecord, *, catalogue: Collection[Point]) -> None:
    """Let pass who holds everything that an account does: whoever decides about it could else reach for more than their own.

    Raises:
        NotAllowed: the account's role, scope or visitors go further.
    """
    if not rules.may_grant(actor, points=rules.points_of(found.role, catalogue), scope=found.scope, regions=found.regions):
        raise beyond_own()


def beyond_own() -> NotAllowed:
    return NotAllowed("This account has, or would have, rights that you do not hold yourself.")


def require_whole_scope(actor: AgentActor) -> None:
    """Let pass whose scope is everything: what they change reaches everybody.

    Raises:
        NotAllowed: the scope is narrower.
    """
    if actor.scope.kind is not ScopeKind.ALL:
        raise NotAllowed("This reaches everybody in the enterprise, and your scope does not. Ask an administrator.")

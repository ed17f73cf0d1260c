"""Deciding about rights: one decision at a time in an enterprise, by what the actor holds at that moment."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, Point, ScopeKind, require
from qiatan.kit.errors import NotAllowed, NotSignedIn
from qiatan.modules.accounts import rules
from qiatan.modules.accounts.repository import AgentRepository, EnterpriseRepository


async def lock_rights(tx: Tx, actor: AgentActor, point: Point, *, catalogue: Collection[Point]) -> AgentActor:
    """Wait until nobody else decides about rights, and let pass who holds the point then.

    Returns the actor with the rights of that moment: what was taken from them while they waited does not count any more.

    Raises:
        NotAllowed: the role lacks the point, or does by now.
        NotSignedIn: the account was disabled meanwhile.
    """
    require(actor, point)
    await EnterpriseRepository(tx, actor.enterprise_id).lock()
    if actor.via != "session":
        return actor
    record = await AgentRepository(tx, actor.enterprise_id).get(actor.agent_id)
    if record is None or not record.row.enabled:
        raise NotSignedIn
    present = replace(actor, points=rules.points_of(record.role, catalogue), scope=record.scope, group_ids=record.group_ids)
    require(present, point)
    return present


def require_whole_scope(actor: AgentActor) -> None:
    """Let pass whose scope is everything: what they change reaches everybody.

    Raises:
        NotAllowed: the scope is narrower.
    """
    if actor.scope.kind is not ScopeKind.ALL:
        raise NotAllowed("This reaches everybody in the enterprise, and your scope does not. Ask an administrator.")

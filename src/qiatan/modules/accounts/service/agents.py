"""Seeing and changing accounts."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, Point, Scope, ScopeKind, require
from qiatan.kit.cursors import MAX_PAGE, Page, decode_time_cursor, encode_time_cursor
from qiatan.kit.errors import InvalidInput, NotAllowed, NotFound, VersionConflict
from qiatan.modules.accounts import permissions, rules
from qiatan.modules.accounts.contracts import MAX_MEMBERS_OF_GROUP, Agent, ChangeAgent, RegionMode, ScopeInput
from qiatan.modules.accounts.errors import LastAdmin, LimitReached
from qiatan.modules.accounts.events import SessionsEnded
from qiatan.modules.accounts.models import RoleRow
from qiatan.modules.accounts.repository import (
    AgentRecord,
    AgentRepository,
    EnterpriseRepository,
    GroupRepository,
    RoleRecord,
    RoleRepository,
    SessionRepository,
    role_facts,
)
from qiatan.modules.accounts.service.groups import supervisors_see_others
from qiatan.modules.accounts.service.mapping import agent_changed, group_changed, to_agent


async def agents_page(tx: Tx, actor: AgentActor, *, after: str | None, limit: int) -> Page[Agent]:
    """The accounts in the actor's scope, oldest first."""
    require(actor, permissions.VIEW_AGENTS)
    limit = min(limit, MAX_PAGE)
    key = decode_time_cursor(after) if after is not None else None
    records = await AgentRepository(tx, actor.enterprise_id).page(actor, after=key, limit=limit + 1)
    last = records[limit - 1].row if len(records) > limit else None
    items = [to_agent(record) for record in records[:limit]]
    return Page(items=items, next=encode_time_cursor(last.created_at, last.id) if last else None)


async def see_agent(tx: Tx, actor: AgentActor, *, agent_id: UUID) -> Agent:
    """One account.

    Raises:
        NotFound: there is none with this id in the actor's scope.
    """
    require(actor, permissions.VIEW_AGENTS)
    return to_agent(await _visible(AgentRepository(tx, actor.enterprise_id), actor, agent_id))


async def change_agent(tx: Tx, actor: AgentActor, *, agent_id: UUID, change: ChangeAgent, catalogue: Collection[Point]) -> Agent:
    """Change an account. Who is disabled is signed out everywhere; whose rights change has their sockets opened anew.

    Raises:
        NotFound: there is none with this id in the actor's scope.
        VersionConflict: somebody else changed it meanwhile.
        LastAdmin: no enabled administrator would be left.
        NotAllowed: the own role, scope or state; or rights, before or after, that the actor lacks.
        InvalidInput: a group does not exist or lies outside the actor's scope.
    """
    require(actor, permissions.EDIT_AGENTS)
    await EnterpriseRepository(tx, actor.enterprise_id).lock()
    agents, groups = AgentRepository(tx, actor.enterprise_id), GroupRepository(tx, actor.enterprise_id)
    before = await _visible(agents, actor, agent_id, lock=True)
    if before.row.version != change.version:
        raise VersionConflict
    role_row = before.role_row if change.role_id is None else (await require_role(tx, actor, change.role_id)).row
    role = role_facts(role_row)
    scope = _scope_after(before, role_row, change)
    enabled = before.row.enabled if change.enabled is None else change.enabled
    group_ids = before.group_ids if change.group_ids is None else frozenset(change.group_ids)
    was = (before.row.role_id, before.scope, before.row.enabled)
    regions = before.regions if change.visitor_regions is None else (change.visitor_regions.mode, change.visitor_regions.regions)
    if role_row.id != was[0]:
        require(actor, permissions.ASSIGN_ROLES)
    if scope != was[1] or regions != before.regions:
        require(actor, permissions.SET_SCOPES)
    stays_admin = role.is_admin and enabled
    if before.role.is_admin and before.may_sign_in and not stays_admin and not await agents.other_admins(agent_id):
        raise LastAdmin
    rights_change = (role_row.id, scope, enabled) != was or regions != before.regions
    _require_authority(actor, before, role, scope, rights_change=rights_change, catalogue=catalogue)
    await require_groups(groups, actor, group_ids ^ before.group_ids, field="group_ids", existing=before.group_ids)
    await require_groups(groups, actor, scope.group_ids - before.scope_group_ids, field="scope.group_ids")

    row = before.row
    row.name = change.name if change.name is not None else row.name
    row.public_name = change.public_name if change.public_name is not None else row.public_name
    row.max_conversations = change.max_conversations if change.max_conversations is not None else row.max_conversations
    row.staff_number = change.staff_number if change.staff_number is not None else row.staff_number
    row.role_id, row.scope_kind, row.enabled = role_row.id, scope.kind.value, enabled
    row.visitor_region_mode, row.visitor_regions = regions[0].value, regions[1] if regions[0] is not RegionMode.ALL else []
    row.version += 1
    await tx.session.flush()
    if scope.group_ids != before.scope_group_ids:
        await agents.set_scope_groups(agent_id, scope.group_ids)
    if group_ids != before.group_ids:
        await agents.set_groups(agent_id, group_ids)
        if await groups.full(group_ids, MAX_MEMBERS_OF_GROUP):
            raise LimitReached
        for group_id, version in await groups.touch(group_ids ^ before.group_ids):
            tx.emit(group_changed(actor.enterprise_id, group_id, version))
        await supervisors_see_others(tx, actor.enterprise_id, group_ids ^ before.group_ids)

    after = replace(before, role_row=role_row, group_ids=group_ids, scope_group_ids=scope.group_ids)
    tx.emit(agent_changed(after, earlier_groups=before.group_ids))
    if was[2] and not enabled:
        sessions = SessionRepository(tx, actor.enterprise_id)
        await sessions.delete_all(agent_id)
        await sessions.drop_links(agent_id)
        tx.emit(SessionsEnded(enterprise_id=actor.enterprise_id, agent_id=agent_id, reason="signed_out"))
    elif (role_row.id, scope, group_ids) != (was[0], was[1], before.group_ids):
        tx.emit(SessionsEnded(enterprise_id=actor.enterprise_id, agent_id=agent_id, reason="replaced"))
    return to_agent(after)


def _scope_after(before: AgentRecord, role: RoleRow, change: ChangeAgent) -> Scope:
    """The scope asked for; else the former one, or the new role's usual one where the change is to or from administrator."""
    facts = role_facts(role)
    if change.scope is None:
        return rules.usual_scope(facts) if facts.is_admin != before.role.is_admin else before.scope
    return asked_scope(change.scope, facts)


def asked_scope(asked: ScopeInput, role: rules.RoleFacts) -> Scope:
    """A scope as somebody asked for it.

    Raises:
        InvalidInput: an administrator's scope is not everything, or a scope of groups names none.
    """
    if role.is_admin and asked.kind is not ScopeKind.ALL:
        raise InvalidInput.of("scope.kind", "invalid", "Administrators always see everything. Choose another role to narrow the scope.")
    if asked.kind is not ScopeKind.GROUPS:
        return Scope(asked.kind)
    if not asked.group_ids:
        raise InvalidInput.of("scope.group_ids", "missing", "Name at least one group, or choose another kind of scope.")
    return Scope(ScopeKind.GROUPS, frozenset(asked.group_ids))


async def require_role(tx: Tx, actor: AgentActor, role_id: UUID) -> RoleRecord:
    """A role of the enterprise.

    Raises:
        InvalidInput: there is none with this id.
    """
    role = await RoleRepository(tx, actor.enterprise_id).get(role_id)
    if role is None:
        raise InvalidInput.of("role_id", "unknown", "This role does not exist. Load the roles again.")
    return role


def _require_authority(
    actor: AgentActor, before: AgentRecord, role: rules.RoleFacts, scope: Scope, *, rights_change: bool, catalogue: Collection[Point]
) -> None:
    if actor.agent_id == before.row.id:
        if rights_change:
            raise NotAllowed("Your own role, scope and state are changed by a colleague.")
        return
    for some_role, some_scope in ((before.role, before.scope), (role, scope)):
        if not rules.may_grant(actor, points=rules.points_of(some_role, catalogue), scope=some_scope):
            raise NotAllowed("This account has, or would have, rights that you do not hold yourself.")


async def _visible(agents: AgentRepository, actor: AgentActor, agent_id: UUID, *, lock: bool = False) -> AgentRecord:
    record = await agents.get(agent_id, lock=lock)
    if record is None or not rules.agent_in_scope(actor, agent_id, record.group_ids):
        raise NotFound
    return record


async def require_groups(
    groups: GroupRepository, actor: AgentActor, group_ids: frozenset[UUID], *, field: str, existing: frozenset[UUID] = frozenset()
) -> None:
    """Let pass groups that exist and lie in the actor's scope; `existing` ones are known to be there.

    Raises:
        InvalidInput: naming the field.
    """
    asked = group_ids - existing
    missing = asked - await groups.existing(asked) if asked else frozenset()
    if missing or not all(rules.group_in_scope(actor, group_id) for group_id in group_ids):
        raise InvalidInput.of(field, "unknown", "One of these groups does not exist. Load the groups again.")

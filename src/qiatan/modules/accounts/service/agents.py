"""Seeing and changing accounts."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from qiatan.infra.db import Database, Tx
from qiatan.infra.geo import Geo
from qiatan.kit.access import AgentActor, Point, RegionLimit, RegionMode, Scope, ScopeKind, require
from qiatan.kit.cursors import MAX_PAGE, Page, decode_time_cursor, encode_time_cursor
from qiatan.kit.errors import InvalidInput, NotAllowed, NotFound, VersionConflict
from qiatan.modules.accounts import permissions, rules
from qiatan.modules.accounts.contracts import MAX_MEMBERS_OF_GROUP, Agent, ChangeAgent, ScopeInput, VisitorRegions
from qiatan.modules.accounts.errors import LastAdmin, LimitReached
from qiatan.modules.accounts.events import SessionsEnded
from qiatan.modules.accounts.models import RoleRow
from qiatan.modules.accounts.repository import (
    AgentRecord,
    AgentRepository,
    GroupRepository,
    LinkRepository,
    RoleRecord,
    RoleRepository,
    SessionRepository,
    role_facts,
)
from qiatan.modules.accounts.service.audit import What, Who, record
from qiatan.modules.accounts.service.authority import beyond_own, lock_rights, require_authority_over
from qiatan.modules.accounts.service.groups import supervisors_see_others
from qiatan.modules.accounts.service.links import end_links_of
from qiatan.modules.accounts.service.mapping import agent_changed, group_changed, to_agent
from qiatan.modules.accounts.service.places import unknown_regions


async def agents_page(tx: Tx, actor: AgentActor, *, after: str | None, limit: int, role_id: UUID | None = None) -> Page[Agent]:
    """The accounts in the actor's scope, oldest first; only those who have a role, if one is given."""
    require(actor, permissions.VIEW_AGENTS)
    limit = min(limit, MAX_PAGE)
    key = decode_time_cursor(after) if after is not None else None
    records = await AgentRepository(tx, actor.enterprise_id).page(actor, after=key, limit=limit + 1, role_id=role_id)
    last = records[limit - 1].row if len(records) > limit else None
    items = [to_agent(record) for record in records[:limit]]
    return Page(items=items, next=encode_time_cursor(last.created_at, last.id) if last else None)


async def see_agent(tx: Tx, actor: AgentActor, *, agent_id: UUID) -> Agent:
    """One account.

    Raises:
        NotFound: there is none with this id in the actor's scope.
    """
    require(actor, permissions.VIEW_AGENTS)
    return to_agent(await visible_agent(tx, actor, agent_id))


async def address_of(database: Database, actor: AgentActor, agent_id: UUID) -> str:
    """Where a letter to an account in the actor's scope goes. Raises `NotFound`."""
    async with database.tenant(actor.enterprise_id) as tx:
        return (await visible_agent(tx, actor, agent_id)).row.email


@dataclass(frozen=True, slots=True)
class _Rights:
    """What an account may do and see."""

    role: RoleRow
    scope: Scope
    regions: RegionLimit
    enabled: bool
    group_ids: frozenset[UUID]

    @classmethod
    def of(cls, found: AgentRecord) -> _Rights:
        return cls(found.role_row, found.scope, found.regions, found.row.enabled, found.group_ids)

    @property
    def facts(self) -> rules.RoleFacts:
        return role_facts(self.role)


async def change_agent(tx: Tx, actor: AgentActor, *, agent_id: UUID, change: ChangeAgent, catalogue: Collection[Point], geo: Geo) -> Agent:
    """Change an account. Who is disabled is signed out everywhere; whose rights change has their sockets opened anew.

    Links to join or to choose a password end with the rights they were handed out for: who holds one may not have these. Those that the
    account itself has handed out end with the rights it did so by.

    Raises:
        NotFound: there is none with this id in the actor's scope.
        VersionConflict: somebody else changed it meanwhile.
        LastAdmin: no administrator who can sign in would be left.
        NotAllowed: the own role, scope or state; or rights, before or after, that the actor lacks; or a role or scope without the
            point for giving them.
        InvalidInput: a role, group or region does not exist, or a group lies outside the actor's scope, or scope or regions name
            nothing.
    """
    require(actor, permissions.EDIT_AGENTS)
    strange = await unknown_regions(geo, change.visitor_regions.regions) if change.visitor_regions is not None else []
    actor = await lock_rights(tx, actor, permissions.EDIT_AGENTS, catalogue=catalogue)
    found = await visible_agent(tx, actor, agent_id, lock=True)
    if found.row.version != change.version:
        raise VersionConflict
    before = _Rights.of(found)
    # Newer region data may have dropped a place that was chosen with older data; what is there may stay.
    unknown = [code for code in strange if code not in before.regions.codes]
    if unknown:
        raise InvalidInput.of("visitor_regions.regions", "unknown", f"There is no region {unknown[0]}. Choose it from the list.")
    after = await _asked_rights(tx, actor, before, change)
    await _require_change(tx, actor, found, after, catalogue)
    details = _plain_changes(found, change) | await _rights_changes(tx, actor.enterprise_id, before, after)

    changed = await _write(tx, found, before, after, change)
    tx.emit(agent_changed(changed, earlier_groups=before.group_ids, role_changed=after.role.id != before.role.id))
    await _end_what_is_over(tx, changed, before, after, catalogue)
    if details:
        record(tx, Who.of(actor), "agent.changed", What("agent", agent_id, changed.row.name), **details)
    return to_agent(changed)


async def reset_second_factor(tx: Tx, actor: AgentActor, *, agent_id: UUID, catalogue: Collection[Point]) -> Agent:
    """Take all second factors from an account whose owner lost them, and sign it out everywhere.

    Raises:
        NotFound: there is none with this id in the actor's scope.
        NotAllowed: it is the own account (its factors are changed under its own security settings), or has rights the actor lacks.
    """
    actor = await lock_rights(tx, actor, permissions.EDIT_AGENTS, catalogue=catalogue)
    found = await visible_agent(tx, actor, agent_id, lock=True)
    if actor.agent_id == agent_id:
        raise NotAllowed("Your own second factor is changed in your security settings, not here.")
    require_authority_over(actor, found, catalogue=catalogue)
    await AgentRepository(tx, actor.enterprise_id).drop_factors(agent_id)
    await SessionRepository(tx, actor.enterprise_id).delete_all(agent_id)
    found.row.version += 1
    await tx.session.flush()
    changed = replace(found, two_factor=False, last_seen_at=None)
    tx.emit(agent_changed(changed))
    tx.emit(SessionsEnded(enterprise_id=actor.enterprise_id, agent_id=agent_id, reason="signed_out"))
    record(tx, Who.of(actor), "agent.two_factor_reset", What("agent", agent_id, found.row.name))
    return to_agent(changed)


# -- deciding


async def _asked_rights(tx: Tx, actor: AgentActor, before: _Rights, change: ChangeAgent) -> _Rights:
    role = before.role if change.role_id is None else (await require_role(tx, actor, change.role_id)).row
    facts = role_facts(role)
    return _Rights(
        role=role,
        scope=_scope_after(before, facts, change.scope),
        regions=_regions_after(before, facts, change.visitor_regions),
        enabled=before.enabled if change.enabled is None else change.enabled,
        group_ids=before.group_ids if change.group_ids is None else frozenset(change.group_ids),
    )


def _scope_after(before: _Rights, role: rules.RoleFacts, asked: ScopeInput | None) -> Scope:
    """The scope asked for; else the former one, or the new role's usual one where the change is to or from administrator."""
    if asked is None:
        return rules.usual_scope(role) if role.is_admin != before.facts.is_admin else before.scope
    return asked_scope(asked, role)


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


def _regions_after(before: _Rights, role: rules.RoleFacts, asked: VisitorRegions | None) -> RegionLimit:
    """Whose visitors are seen (F22); administrators see all."""
    if asked is None:
        return RegionLimit() if role.is_admin else before.regions
    if asked.mode is RegionMode.ALL:
        return RegionLimit()
    if role.is_admin:
        raise InvalidInput.of("visitor_regions.mode", "invalid", "Administrators see all visitors. Choose another role to narrow that.")
    if not asked.regions:
        raise InvalidInput.of("visitor_regions.regions", "missing", "Choose at least one region, or let the account see all visitors.")
    return RegionLimit(asked.mode, tuple(asked.regions))


async def _require_change(tx: Tx, actor: AgentActor, found: AgentRecord, after: _Rights, catalogue: Collection[Point]) -> None:
    """Let pass a change of rights that the actor may make, of an account whose rights they hold."""
    before = _Rights.of(found)
    if after.role.id != before.role.id:
        require(actor, permissions.ASSIGN_ROLES)
    if (after.scope, after.regions) != (before.scope, before.regions):
        require(actor, permissions.SET_SCOPES)
    leaves = before.facts.is_admin and found.may_sign_in and not (after.facts.is_admin and after.enabled)
    if leaves and not await AgentRepository(tx, actor.enterprise_id).other_admins(found.row.id):
        raise LastAdmin
    if actor.agent_id != found.row.id:
        require_authority_over(actor, found, catalogue=catalogue)
        if not rules.may_grant(actor, points=rules.points_of(after.facts, catalogue), scope=after.scope, regions=after.regions):
            raise beyond_own()
    elif replace(after, group_ids=before.group_ids) != before:
        raise NotAllowed("Your own role, scope and state are changed by a colleague.")
    groups = GroupRepository(tx, actor.enterprise_id)
    await require_groups(groups, actor, after.group_ids ^ before.group_ids, field="group_ids", existing=before.group_ids)
    await require_groups(groups, actor, after.scope.group_ids - before.scope.group_ids, field="scope.group_ids")


async def require_role(tx: Tx, actor: AgentActor, role_id: UUID) -> RoleRecord:
    """A role of the enterprise.

    Raises:
        InvalidInput: there is none with this id.
    """
    role = await RoleRepository(tx, actor.enterprise_id).get(role_id)
    if role is None:
        raise InvalidInput.of("role_id", "unknown", "This role does not exist. Load the roles again.")
    return role


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


async def visible_agent(tx: Tx, actor: AgentActor, agent_id: UUID, *, lock: bool = False) -> AgentRecord:
    """An account in the actor's scope.

    Raises:
        NotFound: there is none with this id.
    """
    found = await AgentRepository(tx, actor.enterprise_id).get(agent_id, lock=lock)
    if found is None or not rules.agent_in_scope(actor, agent_id, found.group_ids):
        raise NotFound
    return found


# -- writing and telling


async def _write(tx: Tx, found: AgentRecord, before: _Rights, after: _Rights, change: ChangeAgent) -> AgentRecord:
    row, enterprise_id = found.row, found.row.enterprise_id
    agents, groups = AgentRepository(tx, enterprise_id), GroupRepository(tx, enterprise_id)
    for field, value in _plain_fields(change).items():
        setattr(row, field, value)
    row.role_id, row.scope_kind, row.enabled = after.role.id, after.scope.kind.value, after.enabled
    row.visitor_region_mode, row.visitor_regions = after.regions.mode.value, list(after.regions.codes)
    row.version += 1
    await tx.session.flush()
    if after.scope.group_ids != found.scope_group_ids:
        await agents.set_scope_groups(row.id, after.scope.group_ids)
    moved = after.group_ids ^ before.group_ids
    if moved:
        await agents.set_groups(row.id, after.group_ids)
        if await groups.full(after.group_ids, MAX_MEMBERS_OF_GROUP):
            raise LimitReached
        for group_id, version in await groups.touch(moved):
            tx.emit(group_changed(enterprise_id, group_id, version))
        await supervisors_see_others(tx, enterprise_id, moved)
    return replace(found, role_row=after.role, group_ids=after.group_ids, scope_group_ids=after.scope.group_ids)


async def _end_what_is_over(tx: Tx, changed: AgentRecord, before: _Rights, after: _Rights, catalogue: Collection[Point]) -> None:
    enterprise_id, agent_id = changed.row.enterprise_id, changed.row.id
    if replace(after, group_ids=before.group_ids) != before:
        await LinkRepository(tx, enterprise_id).drop(agent_id)
        await end_links_of(tx, enterprise_id, {agent_id}, catalogue=catalogue)
    if before.enabled and not after.enabled:
        await SessionRepository(tx, enterprise_id).delete_all(agent_id)
        tx.emit(SessionsEnded(enterprise_id=enterprise_id, agent_id=agent_id, reason="signed_out"))
    elif after != before:
        tx.emit(SessionsEnded(enterprise_id=enterprise_id, agent_id=agent_id, reason="replaced"))


def _plain_fields(change: ChangeAgent) -> dict[str, Any]:
    return change.model_dump(include={"name", "public_name", "max_conversations", "staff_number"}, exclude_none=True)


def _plain_changes(found: AgentRecord, change: ChangeAgent) -> dict[str, Any]:
    asked = _plain_fields(change).items()
    return {field: [getattr(found.row, field), value] for field, value in asked if getattr(found.row, field) != value}


def reach_in_words(scope: Scope, regions: RegionLimit, group_ids: Collection[UUID], named: Mapping[UUID, str]) -> dict[str, Any]:
    """How far an account reaches, for the audit log."""
    return {
        "scope": {"kind": scope.kind.value, "groups": sorted(named[group_id] for group_id in scope.group_ids)},
        "visitor_regions": {"mode": regions.mode.value, "regions": list(regions.codes)},
        "groups": sorted(named[group_id] for group_id in group_ids),
    }


async def _rights_changes(tx: Tx, enterprise_id: UUID, before: _Rights, after: _Rights) -> dict[str, Any]:
    """What changes, in words that can still be read when groups and roles have gone."""
    named = await GroupRepository(tx, enterprise_id).names(
        before.group_ids | after.group_ids | before.scope.group_ids | after.scope.group_ids if before != after else ()
    )

    def words(rights: _Rights) -> dict[str, Any]:
        reach = reach_in_words(rights.scope, rights.regions, rights.group_ids, named)
        return {"role": rights.role.name, "enabled": rights.enabled, **reach}

    if before == after:
        return {}
    former, present = words(before), words(after)
    return {field: [former[field], present[field]] for field in present if former[field] != present[field]}

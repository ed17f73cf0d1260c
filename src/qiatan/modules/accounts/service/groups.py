"""Groups: which agents work together."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from qiatan.infra.clock import new_id
from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, Point, require
from qiatan.kit.cursors import MAX_PAGE, Page, decode_time_cursor, encode_time_cursor
from qiatan.kit.errors import InvalidInput, NotFound, VersionConflict
from qiatan.modules.accounts import permissions, rules
from qiatan.modules.accounts.contracts import ChangeGroup, Group, NewGroup
from qiatan.modules.accounts.errors import LimitReached
from qiatan.modules.accounts.events import SessionsEnded
from qiatan.modules.accounts.repository import AgentRecord, AgentRepository, GroupRecord, GroupRepository
from qiatan.modules.accounts.service.audit import What, Who, record
from qiatan.modules.accounts.service.authority import lock_rights, require_authority_over, require_whole_scope
from qiatan.modules.accounts.service.mapping import agent_changed, group_changed, to_group


async def groups_page(tx: Tx, actor: AgentActor, *, after: str | None, limit: int) -> Page[Group]:
    """The groups in the actor's scope, oldest first, with their members."""
    require(actor, permissions.VIEW_AGENTS)
    limit = min(limit, MAX_PAGE)
    key = decode_time_cursor(after) if after is not None else None
    records = await GroupRepository(tx, actor.enterprise_id).page(actor, after=key, limit=limit + 1)
    last = records[limit - 1].row if len(records) > limit else None
    items = [to_group(found) for found in records[:limit]]
    return Page(items=items, next=encode_time_cursor(last.created_at, last.id) if last else None)


async def create_group(tx: Tx, actor: AgentActor, command: NewGroup, *, catalogue: Collection[Point]) -> Group:
    """Make a group.

    Raises:
        NotAllowed: the actor's scope is not the whole enterprise, so the new group would lie outside it; or a member has rights that
            the actor lacks.
        InvalidInput: the name is taken, or a member does not exist.
        LimitReached: there are as many groups as allowed.
    """
    actor = await lock_rights(tx, actor, permissions.EDIT_GROUPS, catalogue=catalogue)
    require_whole_scope(actor)
    groups = GroupRepository(tx, actor.enterprise_id)
    if await groups.count() >= rules.MAX_GROUPS:
        raise LimitReached
    members = await _require_members(tx, actor, frozenset(command.member_ids))
    _require_authority(actor, members, catalogue)
    group_id = new_id()
    if not await groups.insert({"id": group_id, "name": command.name, "created_at": tx.now}):
        raise _name_taken()
    await groups.set_members(group_id, command.member_ids)
    record(tx, Who.of(actor), "group.created", What("group", group_id, command.name), members=_names(members))
    tx.emit(group_changed(actor.enterprise_id, group_id, 1))
    await _members_changed(tx, actor.enterprise_id, frozenset(command.member_ids), group_id)
    return to_group(await _get(groups, group_id))


async def change_group(tx: Tx, actor: AgentActor, *, group_id: UUID, change: ChangeGroup, catalogue: Collection[Point]) -> Group:
    """Rename a group or say who is in it.

    Raises:
        NotFound: there is none with this id in the actor's scope.
        VersionConflict: somebody else changed it meanwhile.
        InvalidInput: the name is taken, or a new member does not exist.
        NotAllowed: somebody who comes or goes has rights that the actor lacks, as where an account's groups are chosen.
    """
    actor = await lock_rights(tx, actor, permissions.EDIT_GROUPS, catalogue=catalogue)
    groups = GroupRepository(tx, actor.enterprise_id)
    before = await _visible(groups, actor, group_id)
    details: dict[str, Any] = {}
    if before.row.version != change.version:
        raise VersionConflict
    if change.name is not None:
        if await groups.name_taken(change.name, besides=group_id):
            raise _name_taken()
        if change.name != before.row.name:
            details["name"] = [before.row.name, change.name]
        before.row.name = change.name
    before.row.version += 1
    await tx.session.flush()
    if change.member_ids is not None:
        member_ids = frozenset(change.member_ids)
        added = await _require_members(tx, actor, member_ids - before.member_ids)
        removed = await _agents(tx, actor.enterprise_id, before.member_ids - member_ids)
        _require_authority(actor, [*added, *removed], catalogue)
        await groups.set_members(group_id, member_ids)
        if member_ids != before.member_ids:
            details |= {"members_added": _names(added), "members_removed": _names(removed)}
            await _members_changed(tx, actor.enterprise_id, member_ids ^ before.member_ids, group_id)
            await supervisors_see_others(tx, actor.enterprise_id, {group_id})
    if details:
        record(tx, Who.of(actor), "group.changed", What("group", group_id, before.row.name), **details)
    tx.emit(group_changed(actor.enterprise_id, group_id, before.row.version))
    return to_group(await _get(groups, group_id))


async def supervisors_see_others(tx: Tx, enterprise_id: UUID, group_ids: Collection[UUID]) -> None:
    """Who works in these groups changed: whoever's scope names them hears other people from now on, so their sockets begin anew."""
    groups = GroupRepository(tx, enterprise_id)
    supervisors = {agent_id for group_id in group_ids for agent_id in await groups.scoped_agents(group_id)}
    for agent_id in sorted(supervisors):
        tx.emit(SessionsEnded(enterprise_id=enterprise_id, agent_id=agent_id, reason="replaced"))


async def delete_group(tx: Tx, actor: AgentActor, *, group_id: UUID, catalogue: Collection[Point]) -> None:
    """Delete a group. Its members stay, and scopes that named it become smaller.

    Raises:
        NotFound: there is none with this id in the actor's scope.
        NotAllowed: a member, or somebody whose scope would shrink, has rights that the actor lacks; or the actor may not set scopes and
            somebody's would shrink.
    """
    actor = await lock_rights(tx, actor, permissions.EDIT_GROUPS, catalogue=catalogue)
    groups = GroupRepository(tx, actor.enterprise_id)
    before = await _visible(groups, actor, group_id)
    members = await _agents(tx, actor.enterprise_id, before.member_ids)
    supervisors = await _agents(tx, actor.enterprise_id, await groups.scoped_agents(group_id))
    if any(found.row.id != actor.agent_id for found in supervisors):
        require(actor, permissions.SET_SCOPES)
    _require_authority(actor, [*members, *supervisors], catalogue)
    touched = {found.row.id for found in (*members, *supervisors)}
    await groups.delete(group_id)
    record(tx, Who.of(actor), "group.deleted", What("group", group_id, before.row.name), members=_names(members))
    tx.emit(group_changed(actor.enterprise_id, group_id, before.row.version + 1))
    await _members_changed(tx, actor.enterprise_id, touched, group_id)


async def _members_changed(tx: Tx, enterprise_id: UUID, agent_ids: Collection[UUID], group_id: UUID) -> None:
    """Raise the versions of these agents and have their sockets opened anew: what they may see goes by groups."""
    if not agent_ids:
        return
    await GroupRepository(tx, enterprise_id).touch_agents(agent_ids)
    for member in await AgentRepository(tx, enterprise_id).get_all(agent_ids):
        tx.emit(agent_changed(member, earlier_groups=(group_id,)))
        tx.emit(SessionsEnded(enterprise_id=enterprise_id, agent_id=member.row.id, reason="replaced"))


async def _agents(tx: Tx, enterprise_id: UUID, agent_ids: Collection[UUID]) -> list[AgentRecord]:
    return await AgentRepository(tx, enterprise_id).get_all(agent_ids) if agent_ids else []


def _names(agents: Collection[AgentRecord]) -> list[str]:
    return sorted(found.row.name for found in agents)


def _require_authority(actor: AgentActor, agents: Collection[AgentRecord], catalogue: Collection[Point]) -> None:
    """Let pass who may decide about all of these, as at the accounts' own door."""
    for found in agents:
        if found.row.id != actor.agent_id:
            require_authority_over(actor, found, catalogue=catalogue)


async def _require_members(tx: Tx, actor: AgentActor, agent_ids: frozenset[UUID]) -> list[AgentRecord]:
    """Let pass agents that exist and lie in the actor's scope."""
    found = await _agents(tx, actor.enterprise_id, agent_ids)
    if len(found) < len(agent_ids) or not all(rules.agent_in_scope(actor, member.row.id, member.group_ids) for member in found):
        raise InvalidInput.of("member_ids", "unknown", "One of these agents does not exist. Load the agents again.")
    return found


async def _visible(groups: GroupRepository, actor: AgentActor, group_id: UUID) -> GroupRecord:
    record = await groups.get(group_id, lock=True)
    if record is None or not rules.group_in_scope(actor, group_id):
        raise NotFound
    return record


async def _get(groups: GroupRepository, group_id: UUID) -> GroupRecord:
    record = await groups.get(group_id)
    if record is None:
        raise NotFound
    return record


def _name_taken() -> InvalidInput:
    return InvalidInput.of("name", "taken", "Another group has this name. Choose a different one.")

"""Roles: sets of permission points that accounts have one of (F06)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from typing import Any
from uuid import UUID

from qiatan.infra.clock import new_id
from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, Point, Template, require
from qiatan.kit.cursors import MAX_PAGE, Page, decode_time_cursor, encode_time_cursor
from qiatan.kit.errors import InvalidInput, NotAllowed, NotFound, VersionConflict
from qiatan.modules.accounts import permissions, rules
from qiatan.modules.accounts.contracts import (
    ChangeRole,
    NewRole,
    PointCatalogue,
    PointGroup,
    PointShown,
    Role,
    RoleTemplate,
    RoleTemplates,
)
from qiatan.modules.accounts.errors import LimitReached, RoleBuiltIn, RoleInUse
from qiatan.modules.accounts.events import RoleChanged
from qiatan.modules.accounts.repository import LinkRepository, LoginRepository, RoleRecord, RoleRepository, role_facts
from qiatan.modules.accounts.service.audit import What, Who, record
from qiatan.modules.accounts.service.authority import answering_account, lock_rights, require_whole_scope
from qiatan.modules.accounts.service.links import end_links_of
from qiatan.modules.accounts.service.mapping import to_role


def point_catalogue(actor: AgentActor, *, catalogue: Collection[Point]) -> PointCatalogue:
    """All points there are, by module; and which of them the actor holds, and so may give."""
    require(actor, permissions.VIEW_AGENTS)
    groups: dict[str, list[PointShown]] = {}
    for point in catalogue:
        shown = PointShown(
            name=point.name,
            explanation=point.explanation,
            everyday=point.everyday,
            personal=point.personal,
            grantable=actor.may(point),
        )
        groups.setdefault(point.name.partition(".")[0], []).append(shown)
    return PointCatalogue(groups=[PointGroup(name=name, points=points) for name, points in groups.items()])


def role_templates(actor: AgentActor, *, catalogue: Collection[Point]) -> RoleTemplates:
    """What roles may begin with that are made from a template."""
    require(actor, permissions.VIEW_AGENTS)
    return RoleTemplates(
        items=[RoleTemplate(key=template, points=sorted(rules.points_of_template(template, catalogue))) for template in Template]
    )


async def roles_page(tx: Tx, actor: AgentActor, *, after: str | None, limit: int, catalogue: Collection[Point]) -> Page[Role]:
    """The enterprise's roles, oldest first. They concern everybody, so every scope sees all of them."""
    require(actor, permissions.VIEW_AGENTS)
    limit = min(limit, MAX_PAGE)
    key = decode_time_cursor(after) if after is not None else None
    records = await RoleRepository(tx, actor.enterprise_id).page(after=key, limit=limit + 1)
    last = records[limit - 1].row if len(records) > limit else None
    items = [to_role(found, catalogue) for found in records[:limit]]
    return Page(items=items, next=encode_time_cursor(last.created_at, last.id) if last else None)


async def see_role(tx: Tx, actor: AgentActor, *, role_id: UUID, catalogue: Collection[Point]) -> Role:
    """One role.

    Raises:
        NotFound: there is none with this id.
    """
    require(actor, permissions.VIEW_AGENTS)
    return to_role(await _get(RoleRepository(tx, actor.enterprise_id), role_id), catalogue)


async def create_role(tx: Tx, actor: AgentActor, command: NewRole, *, catalogue: Collection[Point]) -> Role:
    """Make a role of points the actor holds. It demands a second factor where the actor's own role does.

    Raises:
        NotAllowed: the actor's scope is not the whole enterprise, or lacks one of the points; or the login restriction holds for the
            actor, and would not for the new role's members.
        InvalidInput: a point does not exist, or another role has the name.
        LimitReached: there are as many roles as allowed.
    """
    actor = await lock_rights(tx, actor, permissions.EDIT_ROLES, catalogue=catalogue)
    require_whole_scope(actor)
    points = _known(command.points, catalogue)
    if not rules.may_change_role(actor, before=frozenset(), after=points, security=False):
        raise _beyond_own()
    shed = await _demands_shed(tx, actor, None, before=None, after=_Shape(command.name, points, command.requires_two_factor))
    if shed.place:
        raise _restricted()
    roles = RoleRepository(tx, actor.enterprise_id)
    if await roles.count() >= rules.MAX_ROLES:
        raise LimitReached
    role_id = new_id()
    values: dict[str, Any] = {
        "name": command.name,
        "points": sorted(points),
        "requires_two_factor": command.requires_two_factor or shed.two_factor,
    }
    if not await roles.insert({"id": role_id, "created_at": tx.now, **values}):
        raise _name_taken()
    record(tx, Who.of(actor), "role.created", What("role", role_id, command.name), **values)
    tx.emit(RoleChanged(enterprise_id=actor.enterprise_id, role_id=role_id, version=1))
    return to_role(await _get(roles, role_id), catalogue)


async def change_role(tx: Tx, actor: AgentActor, *, role_id: UUID, change: ChangeRole, catalogue: Collection[Point]) -> Role:
    """Change a role. What its members may do changes at once: their sockets open anew.

    Raises:
        NotFound: there is none with this id.
        VersionConflict: somebody else changed it meanwhile.
        RoleBuiltIn: another name or other points for a built-in role.
        NotAllowed: the actor's scope is not the whole enterprise, or lacks a point that is added or removed (or, where the second
            factor is no longer or newly demanded, any point of the role); or the login restriction holds for the actor and not for the
            role, which gets more points.
        InvalidInput: a point does not exist, another role has the name, or the actor's role demands a second factor, and this one, which
            gets more points or did so too, not any more.
    """
    actor = await lock_rights(tx, actor, permissions.EDIT_ROLES, catalogue=catalogue)
    require_whole_scope(actor)
    roles = RoleRepository(tx, actor.enterprise_id)
    found = await _get(roles, role_id, lock=True)
    if found.row.version != change.version:
        raise VersionConflict
    before = _Shape(found.row.name, rules.points_of(found.facts, catalogue), found.row.requires_two_factor)
    after = _asked(before, change, catalogue)
    await _require_change(roles, actor, found, before, after)
    shed = await _demands_shed(tx, actor, role_id, before=before, after=after)
    if shed.two_factor:
        message = "Your own role demands a second factor. Demand one here too, or ask an administrator."
        raise InvalidInput.of("requires_two_factor", "demanded", message)
    if shed.place:
        raise _restricted()

    row = found.row
    row.name, row.requires_two_factor, row.version = after.name, after.requires_two_factor, row.version + 1
    if row.builtin is None:
        row.points = sorted(after.points)
    await tx.session.flush()
    rights_change = replace(after, name=before.name) != before
    members = await roles.member_ids(role_id) if rights_change else []
    if not after.points <= before.points:
        # They were handed out for what the role could do then, maybe by somebody who cannot do what it can now.
        await LinkRepository(tx, actor.enterprise_id).drop_of(members)
    if not before.points <= after.points:
        await end_links_of(tx, actor.enterprise_id, members, catalogue=catalogue)
    if after != before:
        record(tx, Who.of(actor), "role.changed", What("role", role_id, after.name), **before.differences(after))
    tx.emit(RoleChanged(enterprise_id=actor.enterprise_id, role_id=role_id, version=row.version, members=tuple(members)))
    return to_role(found, catalogue)


@dataclass(frozen=True, slots=True)
class _Shape:
    """What of a role can be changed."""

    name: str
    points: frozenset[str]
    requires_two_factor: bool

    def differences(self, after: _Shape) -> dict[str, Any]:
        former, present = asdict(self), asdict(after)
        return {field: [_plain(former[field]), _plain(present[field])] for field in present if former[field] != present[field]}


def _plain(value: Any) -> Any:
    return sorted(value) if isinstance(value, frozenset) else value


def _asked(before: _Shape, change: ChangeRole, catalogue: Collection[Point]) -> _Shape:
    return _Shape(
        name=before.name if change.name is None else change.name,
        points=before.points if change.points is None else _known(change.points, catalogue),
        requires_two_factor=before.requires_two_factor if change.requires_two_factor is None else change.requires_two_factor,
    )


async def _require_change(roles: RoleRepository, actor: AgentActor, found: RoleRecord, before: _Shape, after: _Shape) -> None:
    if found.row.builtin is not None and (after.name, after.points) != (before.name, before.points):
        raise RoleBuiltIn
    security = after.requires_two_factor != before.requires_two_factor
    if not rules.may_change_role(actor, before=before.points, after=after.points, security=security):
        raise _beyond_own()
    other = await roles.named(after.name)
    if other is not None and other.id != found.row.id:
        raise _name_taken()


async def _demands_shed(tx: Tx, actor: AgentActor, role_id: UUID | None, *, before: _Shape | None, after: _Shape) -> rules.Demands:
    """What of the actor's own role's demands a new or changed role would help them around."""
    own = (await answering_account(tx, actor)).role_row
    if role_facts(own).is_admin:
        return rules.Demands()
    policy = (await LoginRepository(tx, actor.enterprise_id).policy()).rules
    restricted = policy.role_ids if policy.enabled else frozenset[UUID]()
    return rules.demands_shed(
        rules.Demands(own.requires_two_factor, own.id in restricted),
        before=rules.Demands(before.requires_two_factor, role_id in restricted) if before is not None else None,
        after=rules.Demands(after.requires_two_factor, role_id in restricted),
        more_points=before is not None and not after.points <= before.points,
    )


async def delete_role(tx: Tx, actor: AgentActor, *, role_id: UUID, catalogue: Collection[Point]) -> None:
    """Delete a role that nobody has any more.

    Raises:
        NotFound: there is none with this id.
        RoleBuiltIn: it is built in.
        RoleInUse: somebody has it.
        NotAllowed: the actor's scope is not the whole enterprise, or lacks a point of the role.
    """
    actor = await lock_rights(tx, actor, permissions.EDIT_ROLES, catalogue=catalogue)
    require_whole_scope(actor)
    roles = RoleRepository(tx, actor.enterprise_id)
    found = await _get(roles, role_id, lock=True)
    held = rules.points_of(found.facts, catalogue)
    if found.row.builtin is not None:
        raise RoleBuiltIn
    if not rules.may_change_role(actor, before=held, after=frozenset(), security=False):
        raise _beyond_own()
    if found.member_count:
        raise RoleInUse(f"Accounts that have this role: {found.member_count}. Give them another one first.")
    await roles.delete(role_id)
    record(tx, Who.of(actor), "role.deleted", What("role", role_id, found.row.name), points=sorted(held))
    tx.emit(RoleChanged(enterprise_id=actor.enterprise_id, role_id=role_id, version=found.row.version + 1))


def _known(names: Collection[str], catalogue: Collection[Point]) -> frozenset[str]:
    unknown = rules.unknown_points(names, catalogue)
    if unknown:
        shown = ", ".join(unknown[:10])
        raise InvalidInput.of("points", "unknown", f"No permission is named so: {shown}. Load the permissions again.")
    return frozenset(names)


async def _get(roles: RoleRepository, role_id: UUID, *, lock: bool = False) -> RoleRecord:
    found = await roles.get(role_id, lock=lock)
    if found is None:
        raise NotFound
    return found


def _beyond_own() -> NotAllowed:
    return NotAllowed("This role has, or would have, permissions that you do not hold yourself.")


def _restricted() -> NotAllowed:
    return NotAllowed("The login restriction holds for you and not for this role. Ask an administrator to give it permissions.")


def _name_taken() -> InvalidInput:
    return InvalidInput.of("name", "taken", "Another role has this name. Choose a different one.")

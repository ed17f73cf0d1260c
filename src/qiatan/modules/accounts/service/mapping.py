"""Rows as contracts."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from uuid import UUID

from qiatan.infra.geo import NAMES
from qiatan.kit.access import Point
from qiatan.modules.accounts import rules
from qiatan.modules.accounts.contracts import (
    Agent,
    AgentBrief,
    AgentRegions,
    AgentScope,
    BuiltinRole,
    Enterprise,
    Group,
    RegionMode,
    RegionShown,
    Role,
    RoleBrief,
)
from qiatan.modules.accounts.events import AgentChanged, GroupChanged
from qiatan.modules.accounts.models import AgentRow, EnterpriseRow, RoleRow
from qiatan.modules.accounts.repository import AgentRecord, GroupRecord, RoleRecord


def avatar_url(row: AgentRow) -> str | None:
    """Where the picture is. The name is random and new with each picture, so it may be kept by browsers for ever."""
    return f"/api/v1/avatars/{row.avatar}" if row.avatar is not None else None


def to_agent(record: AgentRecord) -> Agent:
    row = record.row
    return Agent(
        id=row.id,
        email=row.email,
        name=row.name,
        public_name=row.public_name,
        avatar_url=avatar_url(row),
        staff_number=row.staff_number,
        role=to_role_brief(record.role_row),
        scope=AgentScope(kind=record.scope.kind, group_ids=sorted(record.scope.group_ids)),
        visitor_regions=AgentRegions(mode=RegionMode(row.visitor_region_mode), regions=list(row.visitor_regions)),
        group_ids=sorted(record.group_ids),
        max_conversations=row.max_conversations,
        enabled=row.enabled,
        pending=record.pending,
        two_factor=record.two_factor,
        last_seen_at=record.last_seen_at,
        locale=row.locale,
        created_at=row.created_at,
        version=row.version,
    )


def to_role_brief(row: RoleRow) -> RoleBrief:
    return RoleBrief(id=row.id, name=row.name, builtin=BuiltinRole(row.builtin) if row.builtin is not None else None)


def to_role(found: RoleRecord, catalogue: Collection[Point]) -> Role:
    row = found.row
    return Role(
        id=row.id,
        name=row.name,
        builtin=found.facts.builtin,
        points=sorted(rules.points_of(found.facts, catalogue)),
        requires_two_factor=row.requires_two_factor,
        member_count=found.member_count,
        created_at=row.created_at,
        version=row.version,
    )


def to_region(code: str) -> RegionShown:
    """A place by its code, with its names from the country down; an empty code is an unknown place."""
    country, *inside = code.split("/") if code else [""]
    return RegionShown(code=code, names=[NAMES.get(country, country), *inside] if country else [])


def to_brief(row: AgentRow) -> AgentBrief:
    return AgentBrief(id=row.id, name=row.public_name or row.name, avatar_url=avatar_url(row))


def to_enterprise(row: EnterpriseRow) -> Enterprise:
    return Enterprise(
        id=row.id, name=row.name, timezone=row.timezone, locale=row.locale, typing_preview=row.typing_preview, version=row.version
    )


def to_group(record: GroupRecord) -> Group:
    return Group(id=record.row.id, name=record.row.name, member_ids=sorted(record.member_ids), version=record.row.version)


def agent_changed(record: AgentRecord, *, earlier_groups: Iterable[UUID] = (), role_changed: bool = False) -> AgentChanged:
    row = record.row
    return AgentChanged(
        enterprise_id=row.enterprise_id,
        agent_id=row.id,
        version=row.version,
        serving=record.may_sign_in,
        role_changed=role_changed,
        group_ids=tuple(sorted(record.group_ids.union(earlier_groups))),
    )


def group_changed(enterprise_id: UUID, group_id: UUID, version: int) -> GroupChanged:
    return GroupChanged(enterprise_id=enterprise_id, group_id=group_id, version=version)

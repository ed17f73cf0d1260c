"""What the demo's enterprise gets."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from uuid import UUID

from qiatan.entrypoints.demo import furnish
from qiatan.entrypoints.registry import CATALOGUE
from qiatan.entrypoints.users import DemoAccess
from qiatan.infra.clock import new_id
from qiatan.infra.db import Tx
from qiatan.infra.geo import Geo
from qiatan.infra.resources import Resources
from qiatan.kit.access import AgentActor, Scope, ScopeKind, Template
from qiatan.modules.accounts import service as accounts
from qiatan.modules.accounts.contracts import ChangeAgent, NewGroup, NewRole
from qiatan.modules.channels import service as channels
from qiatan.modules.channels.contracts import ChannelChange

_DEMO_LOOK = {
    "color": "#2f6b5e",
    "title": "松间器物",
    "greeting": "您好，这里是松间器物，想看哪一样都可以问我。",
    "offline_text": "店里现在没有人。写下来，我们回来就答复您。",
}
_ROLE_NAMES = {
    Template.SPECIALIST: "客服专员",
    Template.GROUP_LEADER: "客服分组组长",
    Template.ANALYST: "数据分析师",
    Template.DEPARTMENT_HEAD: "客服部门主管",
}
_GROUP_NAMES = ("售前组", "售后组")


@dataclass(frozen=True, slots=True)
class _Colleague:
    name: str
    email: str
    role: Template
    group: str | None
    scope: ScopeKind


_COLLEAGUES = (
    _Colleague("唐砚", "tang.yan@demo.local", Template.GROUP_LEADER, "售后组", ScopeKind.GROUPS),
    _Colleague("程思远", "cheng.siyuan@demo.local", Template.SPECIALIST, "售前组", ScopeKind.SELF),
    _Colleague("陶然", "tao.ran@demo.local", Template.ANALYST, None, ScopeKind.ALL),
)


async def dress_demo(resources: Resources, access: DemoAccess) -> None:
    """Give the demo shop's widget the colours and words of the shop, and the shop some colleagues and full shelves to look at.

    Nobody can sign in as one of them: their password is thrown away here.
    """
    owner = AgentActor(
        enterprise_id=access.enterprise_id,
        agent_id=access.agent_id,
        session_id=access.agent_id,
        points=frozenset(point.name for point in CATALOGUE),
        scope=Scope(ScopeKind.ALL),
    )
    unknown_password = await accounts.hash_password(secrets.token_urlsafe(32))
    async with resources.database.tenant(access.enterprise_id) as tx:
        await _hire_demo(tx, owner, unknown_password, resources.geo)
        channel = await channels.create_default(tx)
        change = ChannelChange.model_validate({"version": channel.version, "settings": _DEMO_LOOK})
        await channels.change(tx, owner, channel_id=channel.id, change=change)
        await furnish(tx, owner)


async def _hire_demo(tx: Tx, owner: AgentActor, password_hash: str, geo: Geo) -> None:
    templates = {found.key: found.points for found in accounts.role_templates(owner, catalogue=CATALOGUE).items}
    roles: dict[Template, UUID] = {}
    for template, name in _ROLE_NAMES.items():
        role = await accounts.create_role(tx, owner, NewRole(name=name, points=templates[template]), catalogue=CATALOGUE)
        roles[template] = role.id
    groups = {name: (await accounts.create_group(tx, owner, NewGroup(name=name), catalogue=CATALOGUE)).id for name in _GROUP_NAMES}
    for colleague in _COLLEAGUES:
        agent_id, group_ids = new_id(), [groups[colleague.group]] if colleague.group is not None else []
        made = await accounts.add_agent(
            tx,
            owner.enterprise_id,
            agent_id,
            role_id=roles[colleague.role],
            name=colleague.name,
            email=colleague.email,
            password_hash=password_hash,
        )
        scope = {"kind": colleague.scope, "group_ids": group_ids if colleague.scope is ScopeKind.GROUPS else []}
        change = ChangeAgent.model_validate({"version": made.row.version, "scope": scope, "group_ids": group_ids})
        await accounts.change_agent(tx, owner, agent_id=agent_id, change=change, catalogue=CATALOGUE, geo=geo)


async def first_channel_key(resources: Resources) -> str | None:
    """The web channel of the oldest enterprise: the one the demo shop uses."""
    async with resources.database.system() as tx:
        enterprises = await accounts.enterprise_ids(tx)
    if not enterprises:
        return None
    async with resources.database.tenant(enterprises[0]) as tx:
        return (await channels.create_default(tx)).key

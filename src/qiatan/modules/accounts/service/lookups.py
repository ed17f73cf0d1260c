"""What other modules ask about accounts. All but those that say otherwise need a transaction bound to an enterprise."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, Point, Scope
from qiatan.kit.errors import NotFound
from qiatan.modules.accounts import repository, rules
from qiatan.modules.accounts.contracts import Agent, AgentBrief, BuiltinRole, Enterprise, Locale, ServingAgent
from qiatan.modules.accounts.repository import AgentRepository, EnterpriseRepository, GroupRepository, RoleRepository
from qiatan.modules.accounts.service.mapping import avatar_url, to_agent, to_brief, to_enterprise


@dataclass(frozen=True, slots=True)
class Reach:
    """Whom an agent could be told of something: what they hold of the points that were asked for, and how far their rights go."""

    id: UUID
    name: str
    avatar_url: str | None
    points: frozenset[str]
    scope: Scope
    group_ids: frozenset[UUID]

    def may(self, point: Point) -> bool:
        return point.name in self.points


KEPT = 500
"""Teams that are kept as they were read last. The largest (a few thousand agents) take a few MB."""


@dataclass(frozen=True, slots=True)
class _Team:
    digest: tuple[int, int, int]
    agents: Sequence[ServingAgent]


_teams: OrderedDict[tuple[UUID, str], _Team] = OrderedDict()


async def briefs(tx: Tx, ids: Collection[UUID]) -> dict[UUID, AgentBrief]:
    """Names and faces of agents, as visitors see them. Ids that are not of this enterprise are left out."""
    if not ids:
        return {}
    return {row.id: to_brief(row) for row in await AgentRepository(tx, tx.enterprise_id).rows(ids)}


async def agent_count(tx: Tx) -> int:
    """How many accounts there are, those who were invited and have not come yet among them."""
    return await AgentRepository(tx, tx.enterprise_id).count()


async def agent_names(tx: Tx, ids: Collection[UUID]) -> dict[UUID, str]:
    """Names of agents, as colleagues know them. Ids that are not of this enterprise are left out."""
    return await AgentRepository(tx, tx.enterprise_id).names(ids) if ids else {}


async def group_names(tx: Tx) -> dict[UUID, str]:
    """All groups of the enterprise, at most a thousand, by name."""
    return await GroupRepository(tx, tx.enterprise_id).all_names()


async def serving_agents(tx: Tx, point: Point) -> Sequence[ServingAgent]:
    """Everybody who may get conversations when present: enabled, joined, and of a role that holds `point`. In order of id.

    The very same sequence comes back for as long as nothing in it would differ, which is asked of the database each time.
    """
    key, digest = (tx.enterprise_id, point.name), await AgentRepository(tx, tx.enterprise_id).serving_digest()
    team = _teams.get(key)
    if team is None or team.digest != digest:
        team = _teams[key] = _Team(digest, await _serving(tx, point, None))
        if len(_teams) > KEPT:
            _teams.popitem(last=False)
    _teams.move_to_end(key)
    return team.agents


async def serving_agent(tx: Tx, agent_id: UUID, point: Point) -> ServingAgent | None:
    """One agent, if they may get conversations when present."""
    return next(iter(await _serving(tx, point, agent_id)), None)


async def _serving(tx: Tx, point: Point, agent_id: UUID | None) -> list[ServingAgent]:
    return [
        ServingAgent.model_construct(id=found_id, name=name, max_conversations=maximum, group_ids=sorted(group_ids))
        for found_id, name, maximum, role, group_ids in await AgentRepository(tx, tx.enterprise_id).serving(agent_id)
        if rules.points_of(role, (point,))
    ]


async def reaches(tx: Tx, points: Collection[Point]) -> list[Reach]:
    """Everybody who can sign in, by name, with what they hold of these points."""
    found = await AgentRepository(tx, tx.enterprise_id).able_to_sign_in()
    held = {record.role_row.id: rules.points_of(record.role, points) for record in found}
    return [
        Reach(
            id=record.row.id,
            name=record.row.name,
            avatar_url=avatar_url(record.row),
            points=held[record.role_row.id],
            scope=record.scope,
            group_ids=record.group_ids,
        )
        for record in found
    ]


async def member_ids(tx: Tx, group_ids: Collection[UUID]) -> frozenset[UUID]:
    """Everybody who works in one of these groups: whom a scope of kind `groups` reaches."""
    return await GroupRepository(tx, tx.enterprise_id).members_of(group_ids) if group_ids else frozenset()


async def get_agent(tx: Tx, agent_id: UUID) -> Agent:
    """One agent, whoever asks.

    Raises:
        NotFound: there is none with this id in the enterprise.
    """
    record = await AgentRepository(tx, tx.enterprise_id).get(agent_id)
    if record is None:
        raise NotFound
    return to_agent(record)


async def maximum_of(tx: Tx, agent_id: UUID) -> int:
    """How many conversations an agent may have at once.

    Raises:
        NotFound: there is none with this id in the enterprise.
    """
    maximum = await AgentRepository(tx, tx.enterprise_id).maximum(agent_id)
    if maximum is None:
        raise NotFound
    return maximum


async def get_enterprise(tx: Tx) -> Enterprise:
    """The enterprise of the transaction, with its settings."""
    return to_enterprise(await EnterpriseRepository(tx, tx.enterprise_id).get())


async def locale_of(tx: Tx, actor: AgentActor | None = None) -> Locale:
    """The language of who acts; without them, and for a program, which has none, the enterprise's, which was its founder's."""
    record = await AgentRepository(tx, tx.enterprise_id).get(actor.agent_id) if actor is not None else None
    locale = record.row.locale if record is not None else (await EnterpriseRepository(tx, tx.enterprise_id).get()).locale
    return "en" if locale == "en" else "zh-CN"


async def showing_typed(tx: Tx, enterprise_ids: Collection[UUID]) -> frozenset[UUID]:
    """Those of the enterprises that let agents see what a visitor types before it is sent (system transactions)."""
    return await repository.showing_typed(tx, enterprise_ids)


async def role_named(tx: Tx, enterprise_id: UUID, name: str) -> UUID:
    """The role of this name, or a built-in one by its key (system transactions).

    Raises:
        NotFound: the enterprise has none.
    """
    roles = RoleRepository(tx, enterprise_id)
    row = await roles.builtin(BuiltinRole(name)) if name in set(BuiltinRole) else await roles.named(name)
    if row is None:
        raise NotFound
    return row.id


async def enterprise_ids(tx: Tx) -> list[UUID]:
    """All enterprises of the installation, oldest first (system transactions)."""
    return await repository.enterprise_ids(tx)


async def enterprises_named(tx: Tx, name: str) -> list[UUID]:
    """The enterprises of this name, or the one with this id (system transactions)."""
    return await repository.enterprises_named(tx, name)


async def first_admin(tx: Tx, enterprise_id: UUID) -> UUID | None:
    """The enterprise's longest-serving administrator who can sign in."""
    row = await AgentRepository(tx, enterprise_id).first_admin()
    return row.id if row is not None else None

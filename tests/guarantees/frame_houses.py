"""Enterprises for those who say anything at all over sockets: everybody who might, and a mark in every text."""

from __future__ import annotations

from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import text

from qiatan.infra.db import Database
from qiatan.kit.access import Scope, ScopeKind
from tests.guarantees.world import World, make_world
from tests.support import talk
from tests.support.access import points_of
from tests.support.canaries import CANARIES, OURS, mark
from tests.support.doors import Doors
from tests.support.factories import Factories, Guest, Member

INTERNAL = "nur-unter-uns"
"""In the words of notes, which no visitor may read."""


@dataclass
class House:
    """One enterprise: `members` by role, `guests` by name, with the ids of what it has. `steady` and `keeper` only ever do right."""

    number: int
    world: World
    members: dict[str, Member]
    guests: dict[str, Guest]
    ended: UUID
    note_seq: int
    view_token: str
    steady: Guest
    keeper: Member
    ids: set[str] = field(default_factory=set)
    fresh: dict[str, str] = field(default_factory=dict)
    """By role, the picture that was uploaded last and is in no conversation yet."""

    @property
    def id(self) -> UUID:
        return self.world.tenant.enterprise_id


async def make_house(number: int, doors: Doors, database: Database, factories: Factories, *, marked: bool = True) -> House:
    """An enterprise with something of everything; `marked`: and its mark in every text."""
    world = await make_world(doors, database, factories)
    enterprise_id = world.tenant.enterprise_id
    group_id = world.ids["group_id"]
    team = await factories.agent(
        enterprise_id, points=points_of("admin"), scope=Scope(ScopeKind.GROUPS, frozenset({group_id})), group_ids=(group_id,)
    )
    powerless = await factories.agent(enterprise_id, points=frozenset({"enterprise.view"}))
    enrolling = await factories.agent(enterprise_id)
    strict = await factories.role(enterprise_id, points_of("agent"), requires_two_factor=True)
    async with database.system() as tx:
        await tx.session.execute(text("UPDATE agents SET role_id = :role WHERE id = :id"), {"role": strict, "id": enrolling.id})
    keeper = await factories.agent(enterprise_id, max_conversations=1)
    channel = await factories.channel(enterprise_id)
    second, third, steady = [await factories.visitor(channel) for _ in range(3)]
    await talk.served(database, second, world.colleague)
    ended = await talk.served(database, third, world.server)
    await talk.end(database, world.server, ended)
    await talk.served(database, steady, keeper)
    noted = await talk.note(database, world.server, world.ids["conversation_id"], INTERNAL)
    if marked:
        await mark(database, enterprise_id, CANARIES[number], besides=OURS)
    granted = await doors.agent(world.tenant.admin).post(f"/agents/{world.server.id}/view-as")
    members = {"admin": world.tenant.admin, "server": world.server, "colleague": world.colleague, "narrow": world.narrow}
    members |= {"team": team, "powerless": powerless, "enrolling": enrolling, "view": world.tenant.admin}
    guests = {"guest": world.guest, "second": second}
    return House(number, world, members, guests, ended, noted.seq, granted.json()["token"], steady, keeper)

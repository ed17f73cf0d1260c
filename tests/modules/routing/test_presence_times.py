"""When agents were there: spans are exact, whoever tells of their end, and the attendance counts them by day."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from qiatan.infra.db import Database
from qiatan.kit.access import Scope, ScopeKind
from qiatan.modules.routing import service
from qiatan.modules.routing.contracts import PresenceStatus
from qiatan.modules.routing.service.presence import LEASE
from tests.modules.routing import scene
from tests.modules.routing.scene import NODE
from tests.support.access import points_of
from tests.support.clock import NOON, FakeClock
from tests.support.doors import Doors
from tests.support.factories import Factories, Member

ATTENDANCE = points_of("agent") | {"routing.attendance"}


async def spans(database: Database, member: Member) -> list[tuple[str, float, float | None]]:
    """(status, begin, end) in seconds from noon."""
    query = text("SELECT status, started_at, ended_at FROM presence_spans WHERE agent_id = :id ORDER BY started_at, id")
    async with database.system() as tx:
        rows = (await tx.session.execute(query, {"id": member.id})).all()
    return [(row[0], (row[1] - NOON).total_seconds(), (row[2] - NOON).total_seconds() if row[2] else None) for row in rows]


async def choose(database: Database, member: Member, status: PresenceStatus) -> None:
    async with database.tenant(member.enterprise_id) as tx:
        await service.set_presence(tx, member.actor, status)


async def connect(database: Database, member: Member) -> None:
    async with database.tenant(member.enterprise_id) as tx:
        await service.connected(tx, member.id, NODE)


async def disconnect(database: Database, member: Member) -> None:
    async with database.tenant(member.enterprise_id) as tx:
        await service.disconnected(tx, member.id, NODE)


async def renew(database: Database, member: Member) -> list[tuple[UUID, UUID]]:
    async with database.system() as tx:
        return await service.renew(tx, [(member.enterprise_id, member.id)], NODE)


async def lapse(database: Database, member: Member) -> None:
    async with database.tenant(member.enterprise_id) as tx:
        await service.lapse(tx, member.id)


async def test_each_change_of_status_begins_a_span(database: Database, factories: Factories, clock: FakeClock) -> None:
    agent = (await factories.tenant()).admin
    await connect(database, agent)
    clock.advance(seconds=10)
    await choose(database, agent, PresenceStatus.BUSY)
    clock.advance(seconds=10)
    await choose(database, agent, PresenceStatus.BUSY)
    clock.advance(seconds=10)
    await choose(database, agent, PresenceStatus.OFFLINE)
    clock.advance(seconds=10)
    await choose(database, agent, PresenceStatus.ONLINE)
    clock.advance(seconds=5)
    await connect(database, agent)  # a second page
    await disconnect(database, agent)

    assert await spans(database, agent) == [("online", 0, 10), ("busy", 10, 30), ("online", 40, 45)]


async def test_a_status_without_a_page_is_no_time_online(database: Database, factories: Factories, clock: FakeClock) -> None:
    agent = (await factories.tenant()).admin
    await choose(database, agent, PresenceStatus.ONLINE)
    clock.advance(seconds=30)
    await choose(database, agent, PresenceStatus.AWAY)

    assert await spans(database, agent) == []


async def test_a_lease_that_lapsed_ends_the_span_when_it_ran_out(database: Database, factories: Factories, clock: FakeClock) -> None:
    agent = (await factories.tenant()).admin
    await connect(database, agent)
    clock.advance(seconds=20)
    assert await renew(database, agent) == []
    clock.advance(hours=2)

    await lapse(database, agent)
    await lapse(database, agent)

    assert await spans(database, agent) == [("online", 0, 20 + LEASE.total_seconds())]


async def test_who_is_back_after_a_lapse_was_away_in_between(database: Database, factories: Factories, clock: FakeClock) -> None:
    agent = (await factories.tenant()).admin
    await connect(database, agent)
    clock.advance(seconds=100)

    assert await renew(database, agent) == [(agent.enterprise_id, agent.id)]

    clock.advance(seconds=10)
    await disconnect(database, agent)
    assert await spans(database, agent) == [("online", 0, 60), ("online", 100, 110)]


async def test_a_lease_that_was_renewed_meanwhile_does_not_lapse(database: Database, factories: Factories, clock: FakeClock) -> None:
    agent = (await factories.tenant()).admin
    await connect(database, agent)
    clock.advance(seconds=30)
    await renew(database, agent)
    clock.advance(seconds=40)

    await lapse(database, agent)

    assert await spans(database, agent) == [("online", 0, None)]


async def test_the_loop_tells_colleagues_of_a_lease_that_lapsed(
    database: Database, doors: Doors, factories: Factories, clock: FakeClock
) -> None:
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id)
    watching = await doors.agent_socket(tenant.admin)
    await watching.send(type="subscribe", topic="colleagues")
    await watching.next("subscribed")
    await connect(database, agent)  # by a process that dies at once

    clock.advance(seconds=LEASE.total_seconds() + 1)

    while True:
        frame = await watching.next("presence")
        if frame["agent_id"] == str(agent.id) and not frame["connected"]:
            break
    assert frame == {
        "type": "presence",
        "agent_id": str(agent.id),
        "status": "online",
        "connected": False,
        "open": 0,
        "maximum": 10,
        "asleep": False,
    }
    assert await spans(database, agent) == [("online", 0, 60)]


async def listed(doors: Doors, member: Member, **query: Any) -> Any:
    answer = await doors.agent(member).get("/attendance", params=query)
    assert answer.status_code == 200, answer.text
    return answer.json()["items"]


async def test_a_night_in_the_enterprises_zone(database: Database, doors: Doors, factories: Factories, clock: FakeClock) -> None:
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id, name="顾言")
    clock.advance(hours=11, minutes=30)  # 23:30 in Shanghai
    await connect(database, agent)
    for _ in range(60):
        clock.advance(seconds=59)
        await renew(database, agent)
    await choose(database, agent, PresenceStatus.AWAY)
    clock.advance(seconds=30)

    second, first = await listed(doors, tenant.admin)

    midnight = datetime(2026, 3, 2, 16, tzinfo=UTC)
    begin = NOON + timedelta(hours=11, minutes=30)
    assert (first["day"], first["name"], first["online_seconds"], first["last_seen_at"]) == (
        "2026-03-02",
        "顾言",
        1800,
        "2026-03-02T16:00:00Z",
    )
    assert datetime.fromisoformat(first["first_seen_at"]) == begin
    online = int((begin + timedelta(seconds=59 * 60) - midnight).total_seconds())
    assert (second["day"], second["online_seconds"], second["away_seconds"], second["last_seen_at"]) == ("2026-03-03", online, 30, None)


async def test_days_are_chosen_and_bounded(doors: Doors, database: Database, factories: Factories, clock: FakeClock) -> None:
    tenant = await factories.tenant()
    await connect(database, tenant.admin)
    clock.advance(seconds=30)

    assert [item["day"] for item in await listed(doors, tenant.admin, **{"from": "2026-03-02", "to": "2026-03-02"})] == ["2026-03-02"]
    assert await listed(doors, tenant.admin, **{"from": "2026-03-03", "to": "2026-03-05"}) == []
    http = doors.agent(tenant.admin)
    for query in (
        {"from": "2026-03-05", "to": "2026-03-04"},
        {"from": "2026-01-01", "to": "2026-02-01"},
        {"from": "0001-01-01"},
        {"to": "9999-12-31"},
    ):
        answer = await http.get("/attendance", params=query)
        assert (answer.status_code, answer.json()["error"]["fields"][0]["field"]) == (422, "from"), query
    assert (await http.get("/attendance", params={"from": "yesterday"})).status_code == 422
    assert len(await listed(doors, tenant.admin, **{"from": "2026-02-01", "to": "2026-03-03"})) == 1


@pytest.mark.parametrize(
    ("kind", "names"), [(ScopeKind.SELF, ["自己"]), (ScopeKind.GROUPS, ["同组", "自己"]), (ScopeKind.ALL, ["同组", "外组", "自己"])]
)
async def test_attendance_within_the_scope(
    doors: Doors, database: Database, factories: Factories, clock: FakeClock, kind: ScopeKind, names: list[str]
) -> None:
    tenant = await factories.tenant()
    near, far = [await factories.agent(tenant.enterprise_id, name=name) for name in ("同组", "外组")]
    group_id = await factories.group(tenant.enterprise_id, near.id)
    scope = Scope(kind, frozenset({group_id}) if kind is ScopeKind.GROUPS else frozenset())
    asker = await factories.agent(tenant.enterprise_id, points=ATTENDANCE, scope=scope, name="自己")
    await scene.present(database, near, far, asker)
    clock.advance(seconds=30)

    assert [item["name"] for item in await listed(doors, asker)] == names
    one = await doors.agent(asker).get("/attendance", params={"agent_id": str(far.id)})
    assert one.status_code == (200 if kind is ScopeKind.ALL else 404)
    assert (await doors.agent(near).get("/attendance")).status_code == 403

"""What visitors are told of whether anybody serves: true whoever comes and leaves at once, and of those alone who may be given anything."""

from __future__ import annotations

import asyncio

import pytest
from fastapi import FastAPI

from qiatan.entrypoints.gateway import Gateway
from qiatan.infra.db import Database, Tx
from qiatan.infra.resources import Resources
from qiatan.kit.errors import DatabaseUnavailable
from qiatan.modules.accounts.events import AgentChanged
from qiatan.modules.routing import service
from qiatan.modules.routing.contracts import PresenceStatus
from qiatan.modules.routing.realtime import availability
from qiatan.modules.routing.subscribers import Assigner
from tests.modules.routing import scene
from tests.modules.routing.passing import stay, team
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import Factories, Guest, Member, Tenant
from tests.support.sockets import SocketClient


def teller_of(doors: Doors) -> availability.AvailabilityTeller:
    gateway: Gateway = doors.app.state.gateway
    return gateway._presence._availability


async def guest_of(factories: Factories, tenant: Tenant) -> Guest:
    return await factories.visitor(await factories.channel(tenant.enterprise_id))


async def told(doors: Doors, visitor: SocketClient) -> list[bool]:
    """What a visitor was told and did not ask for yet, once nothing is left to be told."""
    while teller_of(doors)._tasks:
        await asyncio.wait(tuple(teller_of(doors)._tasks))
    await visitor.settle()
    return [frame["online"] for frame in visitor.frames if frame["type"] == "availability"]


async def known(doors: Doors, guest: Guest) -> tuple[bool, bool]:
    """What a newcomer is told, and what is answered to who asks."""
    newcomer = await doors.socket(hello={"token": guest.token})
    asked = (await doors.visitor(guest.token).get("/widget/availability")).json()
    return (await newcomer.next("availability"))["online"], asked["online"]


def changes_of(agent: Member, count: int) -> list[AgentChanged]:
    """As when a group of so many members goes."""
    return [AgentChanged(enterprise_id=agent.enterprise_id, agent_id=agent.id, version=1, serving=True) for _ in range(count)]


async def test_the_last_two_who_leave_at_once_leave_nobody(app: FastAPI, database: Database, doors: Doors, factories: Factories) -> None:
    tenant, [one, other] = await team(database, factories, 2)
    guest = await guest_of(factories, tenant)
    visitor = await doors.visitor_socket(guest.token)

    # when each leaves before the other's leaving is certain
    async with database.tenant(one.enterprise_id) as tx:
        await service.disconnected(tx, one.id, scene.NODE)
        async with database.tenant(other.enterprise_id) as at_once:
            await service.disconnected(at_once, other.id, scene.NODE)
        assert await told(doors, visitor) == []

    assert (await told(doors, visitor), await known(doors, guest)) == ([False], (False, False))


async def test_what_was_seen_before_somebody_left_is_not_told_after_it(
    app: FastAPI, database: Database, doors: Doors, factories: Factories
) -> None:
    tenant, [agent] = await team(database, factories, 1)
    guest = await guest_of(factories, tenant)
    visitor = await doors.visitor_socket(guest.token)

    # when somebody's end of a conversation is told of late, which began before they left
    async with database.tenant(tenant.enterprise_id) as ending:
        await service.announce(ending, agent.id)
        async with database.tenant(tenant.enterprise_id) as tx:
            await service.set_presence(tx, agent.actor, PresenceStatus.OFFLINE)

    assert (await told(doors, visitor), await known(doors, guest)) == ([False], (False, False))


async def test_who_is_about_to_be_renewed_is_there(
    app: FastAPI, database: Database, doors: Doors, factories: Factories, clock: FakeClock
) -> None:
    tenant, [agent] = await team(database, factories, 1)
    guest = await guest_of(factories, tenant)
    clock.advance(seconds=51)
    async with database.tenant(tenant.enterprise_id) as tx:
        await service.announce(tx, agent.id)

    before = await known(doors, guest)
    await stay(database, agent)

    assert (before, await known(doors, guest)) == ((True, True), (True, True))


async def test_a_thousand_changed_at_once_are_looked_at_as_one(database: Database, factories: Factories, resources: Resources) -> None:
    _, [agent] = await team(database, factories, 1)
    assigner = Assigner(resources)
    needed: list[int] = []

    for count in (1, 1_000):
        before = database.committed
        assigner.react(changes_of(agent, count))
        await assigner.settled()
        needed.append(database.committed - before)

    assert needed[1] == needed[0] > 0


async def test_whether_anybody_serves_is_read_once_for_all_that_happened_meanwhile(
    app: FastAPI, database: Database, doors: Doors, factories: Factories, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant, [agent] = await team(database, factories, 1)
    visitor = await doors.visitor_socket((await guest_of(factories, tenant)).token)
    assert await told(doors, visitor) == []
    anybody_serves, begun, go, answers = service.anybody_serves, asyncio.Event(), asyncio.Event(), list[bool]()

    async def read(tx: Tx) -> bool:
        begun.set()
        await go.wait()
        answers.append(await anybody_serves(tx))
        return answers[-1]

    monkeypatch.setattr(service, "anybody_serves", read)
    teller_of(doors).react(changes_of(agent, 1_000))
    await begun.wait()
    for event in changes_of(agent, 1_000):
        teller_of(doors).react([event])
        await asyncio.sleep(0)
    go.set()

    assert (await told(doors, visitor), answers) == ([], [True, True])


async def test_where_nobody_listens_nothing_is_read(
    app: FastAPI, database: Database, doors: Doors, factories: Factories, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a visitor who was told that somebody serves, and left
    tenant, [agent] = await team(database, factories, 1)
    guest = await guest_of(factories, tenant)
    visitor = await doors.visitor_socket(guest.token)
    assert await told(doors, visitor) == []
    await visitor.close()
    anybody_serves, answers = service.anybody_serves, list[bool]()

    async def read(tx: Tx) -> bool:
        answers.append(await anybody_serves(tx))
        return answers[-1]

    monkeypatch.setattr(service, "anybody_serves", read)
    await scene.present(database, agent, status=PresenceStatus.OFFLINE)
    again = await doors.socket(hello={"token": guest.token})

    assert (await told(doors, again), answers) == ([False], [False])


async def test_a_reading_that_failed_is_tried_again(
    app: FastAPI, database: Database, doors: Doors, factories: Factories, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant, [agent] = await team(database, factories, 1)
    visitor = await doors.visitor_socket((await guest_of(factories, tenant)).token)
    assert await told(doors, visitor) == []
    anybody_serves, failures = service.anybody_serves, [RuntimeError(), DatabaseUnavailable(retry_after=1)]

    async def read(tx: Tx) -> bool:
        if failures:
            raise failures.pop()
        return await anybody_serves(tx)

    monkeypatch.setattr(availability, "AGAIN_SECONDS", 0)
    monkeypatch.setattr(service, "anybody_serves", read)
    await scene.present(database, agent, status=PresenceStatus.OFFLINE)

    assert (await told(doors, visitor), failures) == ([False], [])


async def unheard(database: Database, agent: Member, status: PresenceStatus) -> None:
    """Somebody comes or leaves, and no event arrives here."""
    listeners, database.listeners[:] = list(database.listeners), []
    await scene.present(database, agent, status=status)
    database.listeners[:] = listeners


@pytest.mark.parametrize(
    ("before", "after"), [(PresenceStatus.ONLINE, PresenceStatus.OFFLINE), (PresenceStatus.OFFLINE, PresenceStatus.ONLINE)]
)
async def test_what_nobody_told_of_is_found(
    app: FastAPI, database: Database, doors: Doors, factories: Factories, before: PresenceStatus, after: PresenceStatus
) -> None:
    tenant = await factories.tenant()
    await scene.present(database, tenant.admin, status=before)
    visitor = await doors.visitor_socket((await guest_of(factories, tenant)).token)
    await teller_of(doors).check()
    assert await told(doors, visitor) == []
    await unheard(database, tenant.admin, after)

    await teller_of(doors).check()

    assert await told(doors, visitor) == [after is PresenceStatus.ONLINE]


async def test_who_is_given_nothing_serves_nobody(database: Database, doors: Doors, factories: Factories) -> None:
    tenant = await factories.tenant()
    idle = await factories.agent(tenant.enterprise_id, max_conversations=0)
    http = doors.visitor((await factories.visitor(await factories.channel(tenant.enterprise_id))).token)

    await scene.present(database, idle)
    alone = (await http.get("/widget/availability")).json()
    await scene.present(database, tenant.admin)

    assert (alone, (await http.get("/widget/availability")).json()) == ({"online": False}, {"online": True})


@pytest.mark.parametrize("change", [{"max_conversations": 0}, {"enabled": False}])
async def test_visitors_hear_when_the_last_may_be_given_nothing_more(
    app: FastAPI, database: Database, doors: Doors, factories: Factories, change: dict[str, object]
) -> None:
    tenant, [agent] = await team(database, factories, 1)
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    visitor = await doors.socket(hello={"token": guest.token})
    before = (await visitor.next("availability"))["online"]

    answer = await doors.agent(tenant.admin).patch(f"/agents/{agent.id}", json={**change, "version": 1})

    assert answer.status_code == 200
    assert (before, (await visitor.next("availability"))["online"]) == (True, False)


async def test_a_visitor_who_comes_back_hears_what_became_true_meanwhile(app: FastAPI, doors: Doors, factories: Factories) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    first = await doors.socket(hello={"token": guest.token})
    nobody = (await first.next("availability"))["online"]
    await first.close()
    await (await doors.agent_socket(tenant.admin)).settle()

    again = await doors.socket(hello={"token": guest.token})

    assert (nobody, (await again.next("availability"))["online"]) == (False, True)


@pytest.mark.parametrize("of_all", [True, False])
async def test_visitors_hear_it_anew_where_news_may_have_been_lost(
    app: FastAPI, database: Database, doors: Doors, factories: Factories, of_all: bool
) -> None:
    # given somebody who came to another node, of which this one did not hear
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    visitor = await doors.socket(hello={"token": guest.token})
    nobody = (await visitor.next("availability"))["online"]
    await unheard(database, tenant.admin, PresenceStatus.ONLINE)

    gateway: Gateway = doors.app.state.gateway
    gateway.resources.relay._missed(None if of_all else tenant.enterprise_id)

    assert (nobody, (await visitor.next("availability"))["online"]) == (False, True)

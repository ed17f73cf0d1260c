"""What visitors are told of whether anybody serves: true whoever comes and leaves at once, and of those alone who may be given anything."""

from __future__ import annotations

import asyncio

import pytest
from fastapi import FastAPI

from qiatan.entrypoints.gateway import Gateway
from qiatan.infra.db import Database
from qiatan.modules.routing import service
from qiatan.modules.routing.events import PresenceChanged
from tests.modules.routing import scene
from tests.modules.routing.passing import team
from tests.support.backends import somebody_waits_for_a_lock
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import Factories


def told(database: Database) -> list[bool]:
    """Whether anybody serves, as each change of presence tells it from now on."""
    heard: list[bool] = []
    database.listeners.append(lambda events: heard.extend(one.anybody_serves for one in events if isinstance(one, PresenceChanged)))
    return heard


async def test_the_last_two_who_leave_at_once_leave_nobody(database: Database, factories: Factories, clock: FakeClock) -> None:
    _, [one, other] = await team(database, factories, 2)
    heard = told(database)

    # when the second leaves before the first's leaving is certain, which began a moment later
    async with database.tenant(other.enterprise_id) as beginning:
        await beginning.session.connection()
        clock.advance(seconds=0.2)
        async with database.tenant(one.enterprise_id) as tx:
            await service.disconnected(tx, one.id, scene.NODE)
            leaving = asyncio.create_task(service.disconnected(beginning, other.id, scene.NODE))
            waiting = asyncio.create_task(somebody_waits_for_a_lock(database))
            await asyncio.wait((leaving, waiting), return_when=asyncio.FIRST_COMPLETED)
        await asyncio.gather(leaving, waiting, return_exceptions=True)

    assert heard == [True, False]


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
    listeners, database.listeners[:] = list(database.listeners), []
    await scene.present(database, tenant.admin)
    database.listeners[:] = listeners

    gateway: Gateway = doors.app.state.gateway
    gateway.resources.relay._missed(None if of_all else tenant.enterprise_id)

    assert (nobody, (await visitor.next("availability"))["online"]) == (False, True)

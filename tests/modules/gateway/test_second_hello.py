"""A hello that goes wrong half-way leaves nothing: the next one on the same line is like the first."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

import pytest

from qiatan.entrypoints import entrance
from qiatan.entrypoints.gateway import Gateway
from qiatan.infra.resources import Resources
from qiatan.kit.errors import DatabaseUnavailable
from tests.support import talk
from tests.support.doors import Doors
from tests.support.factories import Factories


class Ear:
    """What this node hears of the others, as if there were some: how often each enterprise, by those who listen."""

    def __init__(self, resources: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
        self.users: Counter[UUID] = Counter()
        monkeypatch.setattr(resources.relay, "listen", self._listen)
        monkeypatch.setattr(resources.relay, "unlisten", self._unlisten)

    async def _listen(self, enterprise_id: UUID) -> bool:
        self.users[enterprise_id] += 1
        return self.users[enterprise_id] == 1

    def _unlisten(self, enterprise_id: UUID) -> None:
        self.users[enterprise_id] -= 1


class Lookup:
    """Who somebody is; the database is away at the lookups that are named."""

    def __init__(self, name: str, away_at: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self._asked, self._away_at, self._find = 0, away_at, getattr(entrance, name)
        monkeypatch.setattr(entrance, name, self._looked_up)

    async def _looked_up(self, *given: Any, **named: Any) -> Any:
        self._asked += 1
        if self._asked == self._away_at:
            raise DatabaseUnavailable(retry_after=1)
        return await self._find(*given, **named)


@pytest.fixture
def gateway(doors: Doors) -> Gateway:
    found: Gateway = doors.app.state.gateway
    return found


def _places(gateway: Gateway) -> dict[tuple[UUID, bool], int]:
    return dict(gateway.entrance.ceiling._of)


async def test_a_visitor_whose_hello_failed_half_way_is_heard_and_counted_once_after_the_next(
    doors: Doors, factories: Factories, resources: Resources, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a node that begins to hear the enterprise, and a database that is away when it looks once more
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    ear = Ear(resources, monkeypatch)
    Lookup("visitor_of", 2, monkeypatch)
    socket = await doors.socket()
    await socket.send(type="hello", protocol=1, token=guest.token)
    refused = await socket.next()
    left = (ear.users[tenant.enterprise_id], _places(gateway), len(gateway.entrance.pending))

    # when the visitor says hello again, and goes
    await socket.send(type="hello", protocol=1, token=guest.token)
    welcome = await socket.next()
    inside = (ear.users[tenant.enterprise_id], _places(gateway), len(gateway.entrance.pending))
    await socket.close()

    assert (refused["type"], refused["code"], welcome["type"]) == ("error", "database_unavailable", "welcome")
    assert left == (0, {}, 1)
    assert inside == (1, {(tenant.enterprise_id, False): 1}, 0)
    assert (ear.users[tenant.enterprise_id], _places(gateway)) == (0, {})


async def test_an_agent_who_was_not_let_in_hears_nothing_and_may_say_hello_again(
    doors: Doors, factories: Factories, resources: Resources, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a database that is away when the agent's rights are looked at once more
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    agent = await factories.agent(tenant.enterprise_id)
    ear = Ear(resources, monkeypatch)
    Lookup("agent_of", 2, monkeypatch)
    socket = await doors.socket(cookie=agent.session_token)
    await socket.send(type="hello", protocol=1)
    refused = await socket.next()

    # when something happens that concerns the agent, and then the agent says hello again
    await talk.served(resources.database, guest, agent)
    await gateway.settled()
    heard = list(socket.frames)
    await socket.send(type="hello", protocol=1)
    welcome = await socket.next()

    assert (refused["type"], refused["code"]) == ("error", "database_unavailable")
    assert (heard, welcome["type"], welcome["me"]["id"]) == ([], "welcome", str(agent.id))
    assert (ear.users[tenant.enterprise_id], _places(gateway)) == (1, {(tenant.enterprise_id, True): 1})
    await socket.close()
    assert (ear.users[tenant.enterprise_id], _places(gateway)) == (0, {})


async def test_a_second_hello_in_another_name_is_counted_where_it_belongs(
    doors: Doors, factories: Factories, resources: Resources, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    guests = [await factories.visitor(await factories.channel((await factories.tenant()).enterprise_id)) for _ in range(2)]
    first, second = (guest.actor.enterprise_id for guest in guests)
    ear = Ear(resources, monkeypatch)
    Lookup("visitor_of", 2, monkeypatch)
    socket = await doors.socket()
    await socket.send(type="hello", protocol=1, token=guests[0].token)
    await socket.next("error")

    await socket.send(type="hello", protocol=1, token=guests[1].token)
    await socket.next("welcome")

    assert (ear.users[first], ear.users[second], _places(gateway)) == (0, 1, {(second, False): 1})


async def test_who_goes_while_the_node_begins_to_hear_leaves_nothing(
    doors: Doors, factories: Factories, resources: Resources, gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    ear = Ear(resources, monkeypatch)
    socket = await doors.socket()

    async def listen(enterprise_id: UUID) -> bool:
        await socket.close()
        return await ear._listen(enterprise_id)

    monkeypatch.setattr(resources.relay, "listen", listen)

    await socket.send(type="hello", protocol=1, token=guest.token)
    await socket.handled()

    assert (ear.users[tenant.enterprise_id], _places(gateway), len(gateway.entrance.pending)) == (0, {}, 0)

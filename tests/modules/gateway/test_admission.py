"""What an enterprise, an address and this process let in: who is refused changes nothing, and who waited goes on."""

from __future__ import annotations

from pathlib import Path
from uuid import UUID

import pytest
from fastapi import FastAPI

from qiatan.entrypoints import entrance
from qiatan.entrypoints.ceiling import Ceiling
from qiatan.entrypoints.gateway import Gateway
from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.fair import Gate
from qiatan.infra.limits import Limits
from qiatan.infra.realtime import connection as connections
from qiatan.infra.settings import Settings
from qiatan.infra.throttle import Rate
from tests.support import talk
from tests.support.clock import StandingSeconds
from tests.support.doors import PUBLIC_URL, Doors
from tests.support.factories import Factories, Guest
from tests.support.sockets import SocketClient

FEW = Limits(messages=60, conversations=60, visitors=60, connections=1, address_conversations=1)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, public_url=PUBLIC_URL, limits=FEW)


async def _guests(factories: Factories, count: int) -> list[Guest]:
    channel = await factories.channel((await factories.tenant()).enterprise_id)
    return [await factories.visitor(channel) for _ in range(count)]


async def _send(socket: SocketClient, words: str) -> dict[str, object]:
    message_id = str(new_id())
    await socket.send(type="send", client_message_id=message_id, text=words)
    await socket.settle()
    return next(
        frame for frame in reversed(socket.frames) if frame.get("client_message_id") == message_id or frame.get("ref") == message_id
    )


async def test_the_messages_of_an_enterprise_are_counted_together(
    doors: Doors, factories: Factories, database: Database, seconds: StandingSeconds
) -> None:
    one, two = await _guests(factories, 2)
    [other] = await _guests(factories, 1)
    clients = [doors.visitor(guest.token, address=f"198.51.100.{number}") for number, guest in enumerate((one, two, other), start=1)]
    for number in range(20):
        answer = await clients[number % 2].post("/widget/messages", json={"client_message_id": str(new_id()), "text": str(number)})
        assert answer.status_code == 200

    refused = await clients[1].post("/widget/messages", json={"client_message_id": str(new_id()), "text": "too much"})
    elsewhere = await clients[2].post("/widget/messages", json={"client_message_id": str(new_id()), "text": "a neighbour"})

    assert (refused.status_code, refused.json()["error"]["code"], refused.headers["Retry-After"]) == (429, "too_many", "2")
    assert elsewhere.status_code == 200
    stored = await talk.stored(database, one.actor.enterprise_id)
    assert sorted(words for _, _, words in stored if words is not None) == sorted(str(number) for number in range(20))

    seconds.now += 2
    again = await clients[1].post("/widget/messages", json={"client_message_id": str(new_id()), "text": "on it goes"})
    assert again.status_code == 200


async def test_a_socket_hears_when_to_send_again(doors: Doors, factories: Factories, database: Database, seconds: StandingSeconds) -> None:
    [guest] = await _guests(factories, 1)
    [neighbour] = await _guests(factories, 1)
    client = doors.visitor(guest.token, address="198.51.100.1")
    socket, beside = await doors.visitor_socket(guest.token), await doors.visitor_socket(neighbour.token)
    for number in range(19):
        sent = await client.post("/widget/messages", json={"client_message_id": str(new_id()), "text": str(number)})
        assert sent.status_code == 200
    seconds.now += 0.5  # the visitor's own rate and the enterprise's are the same here; a half is not a whole one
    assert (await _send(socket, "the twentieth"))["type"] == "ack"

    refused = await _send(socket, "one more")

    assert (refused["type"], refused["code"], refused["retry_after"]) == ("error", "too_many", 1)
    assert (await _send(beside, "hello"))["type"] == "ack"
    assert "one more" not in {words for _, _, words in await talk.stored(database, guest.actor.enterprise_id)}
    seconds.now += 1
    assert (await _send(socket, "on it goes"))["type"] == "ack"


async def test_from_one_address_only_so_many_conversations_begin(
    doors: Doors, factories: Factories, database: Database, seconds: StandingSeconds
) -> None:
    guests = await _guests(factories, 4)

    async def write(guest: Guest, address: str) -> int:
        client = doors.visitor(guest.token, address=address)
        return (await client.post("/widget/messages", json={"client_message_id": str(new_id()), "text": "你好"})).status_code

    assert [await write(guest, "198.51.100.1") for guest in guests[:3]] == [200, 200, 429]
    # Who talks already goes on; another address is counted by itself.
    assert [await write(guests[0], "198.51.100.1"), await write(guests[3], "198.51.100.2")] == [200, 200]
    assert len({conversation_id for conversation_id, _, _ in await talk.stored(database, guests[0].actor.enterprise_id)}) == 3
    seconds.now += 60
    assert await write(guests[2], "198.51.100.1") == 200


async def test_an_enterprise_has_only_so_many_visitors_connected_and_its_agents_still_come_in(doors: Doors, factories: Factories) -> None:
    tenant = await factories.tenant()
    channel = await factories.channel(tenant.enterprise_id)
    first, second = await factories.visitor(channel), await factories.visitor(channel)
    [neighbour] = await _guests(factories, 1)
    inside = await doors.visitor_socket(first.token)

    refused = await doors.socket()
    await refused.send(type="hello", protocol=1, token=second.token)
    code = await refused.until_closed()
    polling = await doors.stranger().post("/poll", json={"hello": {"protocol": 1, "token": second.token}})

    assert (code, refused.frames[-1]["code"]) == (connections.CLOSE_TOO_MANY, "too_many")
    assert (polling.status_code, polling.json()["error"]["code"], polling.headers["Retry-After"]) == (429, "too_many", "30")
    await doors.agent_socket(tenant.admin)
    await doors.visitor_socket(neighbour.token)
    await inside.settle()  # nobody who was inside lost their place

    await inside.close()
    await doors.visitor_socket(second.token)


async def test_hellos_are_counted_by_whoever_owns_the_address(
    doors: Doors, factories: Factories, seconds: StandingSeconds, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(entrance, "HELLOS", Rate(burst=1, per_minute=1))
    guests = [(await _guests(factories, 1))[0] for _ in range(3)]

    async def answer(guest: Guest, address: str) -> dict[str, object]:
        socket = await doors.socket(address=address)
        await socket.send(type="hello", protocol=1, token=guest.token)
        return await socket.next()

    assert (await answer(guests[0], "2001:db8:1:2::1"))["type"] == "welcome"
    refused = await answer(guests[1], "2001:db8:1:2:3:4:5:6")
    assert (refused["type"], refused["code"], refused["retry_after"]) == ("error", "too_many", 60)
    assert (await answer(guests[2], "2001:db8:1:3::1"))["type"] == "welcome"
    seconds.now += 60
    assert (await answer(guests[1], "2001:db8:1:2:3:4:5:6"))["type"] == "welcome"


async def test_a_full_process_says_so_and_takes_nobody_more(app: FastAPI, doors: Doors, factories: Factories) -> None:
    guests = await _guests(factories, 2)
    gateway: Gateway = app.state.gateway
    gateway.entrance.ceiling = Ceiling(1, 10)
    inside = await doors.visitor_socket(guests[0].token)

    refused = await doors.socket()
    code = await refused.until_closed()
    polling = await doors.stranger().post("/poll", json={"hello": {"protocol": 1, "token": guests[1].token}})

    assert (code, refused.frames[-1]["type"], refused.frames[-1]["code"]) == (connections.CLOSE_TOO_MANY, "bye", "too_many")
    assert polling.status_code == 429
    assert gateway.entrance.ceiling.refused == 2
    await inside.close()
    await doors.visitor_socket(guests[1].token)


async def test_a_full_lane_refuses_the_costly_and_leaves_the_cheap(app: FastAPI, doors: Doors, factories: Factories) -> None:
    tenant, other = await factories.tenant(), await factories.tenant()
    agent, neighbour = doors.agent(tenant.admin), doors.agent(other.admin)
    lane = Gate(2, 1, waiting=0, waiting_of_each=0, seconds=1)
    app.state.lanes = {"search": lane}
    await lane.enter(tenant.enterprise_id)

    refused = await agent.get("/conversations/search", params={"q": "杯子"})

    assert (refused.status_code, refused.json()["error"]["code"], refused.headers["Retry-After"]) == (503, "try_again", "1")
    assert (await agent.get("/conversations")).status_code == 200
    assert (await neighbour.get("/conversations/search", params={"q": "杯子"})).status_code == 200
    lane.leave(tenant.enterprise_id)
    assert (await agent.get("/conversations/search", params={"q": "杯子"})).status_code == 200
    assert lane.inside == 0


async def test_who_waits_for_the_database_waits_for_the_own_enterprise_only(database: Database, factories: Factories) -> None:
    noisy, quiet = (await factories.tenant()).enterprise_id, (await factories.tenant()).enterprise_id
    gate = database.gate
    database.gate = Gate(3, 2, waiting=1, waiting_of_each=0, seconds=1)
    try:
        async with database.tenant(noisy), database.tenant(noisy):
            with pytest.raises(Exception, match="Try again in a moment") as refused:
                async with database.tenant(noisy):
                    pass
            async with database.tenant(quiet) as tx:
                assert tx.enterprise_id == quiet
    finally:
        database.gate = gate

    assert getattr(refused.value, "code", None) == "try_again"
    assert isinstance(quiet, UUID)

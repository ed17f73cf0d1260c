"""Long polling tells the same story as a socket."""

from __future__ import annotations

import asyncio
import re
from typing import Any
from uuid import UUID

import httpx
import pytest

from qiatan.entrypoints import polling, sweeping
from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.modules.routing.realtime import presence
from tests.modules.accounts.reading import session_ids
from tests.modules.accounts.restricting import AMERICA, GUANGZHOU, SHENZHEN, logins, restrict, role_of
from tests.support import talk
from tests.support.doors import Doors
from tests.support.factories import Factories, Member


class Poll:
    """A polling client, as the page's one."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http
        self.id = ""
        self.headers = {"X-Qiatan-Csrf": "1"}
        self.frames: list[dict[str, Any]] = []

    async def open(self, **hello: Any) -> httpx.Response:
        if "token" in hello:
            self.headers["Authorization"] = f"Bearer {hello['token']}"
        answer = await self.http.post("/poll", json={"hello": hello}, headers=self.headers)
        self.id = answer.json().get("poll_id", "")
        return answer

    async def call(self, *frames: dict[str, Any]) -> httpx.Response:
        answer = await self.http.post(f"/poll/{self.id}", json={"frames": list(frames)}, headers=self.headers)
        self.frames += answer.json().get("frames", [])
        return answer

    async def until(self, kind: str) -> dict[str, Any]:
        async with asyncio.timeout(5):
            while True:
                for index, frame in enumerate(self.frames):
                    if frame["type"] == kind:
                        return self.frames.pop(index)
                assert (await self.call()).status_code == 200


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(polling, "WAIT_SECONDS", 0.3)


async def test_the_same_story_gives_the_same_frames(doors: Doors, factories: Factories, database: Database) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    await doors.agent(tenant.admin).put("/presence/me", json={"status": "away"})
    socket, poll = await doors.visitor_socket(guest.token), Poll(doors.stranger())
    assert (await poll.open(token=guest.token, protocol=1)).status_code == 200
    await poll.until("welcome")
    await socket.send(type="subscribe", topic="mine")
    await poll.call({"type": "subscribe", "topic": "mine"})
    await poll.until("subscribed")
    await socket.next("subscribed")

    conversation_id = (await talk.write(database, guest)).conversation_id
    await talk.assign(database, conversation_id, tenant.admin)
    ack = await talk.answer(database, tenant.admin, conversation_id)
    await talk.end(database, tenant.admin, conversation_id)

    await socket.settle()
    await poll.call({"type": "ping"})
    await poll.until("pong")
    heard = [[frame for frame in frames if frame["type"] != "availability"] for frames in (poll.frames, socket.frames)]
    assert heard[0] == heard[1]
    assert [frame["type"] for frame in heard[0]] == [
        "message",
        "conversation",
        "message",
        "conversation",
        "message",
        "message",
        "conversation",
    ]
    assert ack.seq == 3


async def test_a_visitor_writes_by_polling(doors: Doors, factories: Factories, database: Database) -> None:
    guest = await factories.visitor(await factories.channel((await factories.tenant()).enterprise_id))
    poll = Poll(doors.stranger())
    await poll.open(token=guest.token)

    sends = [{"type": "send", "client_message_id": str(UUID(int=number)), "text": str(number)} for number in range(5)]
    assert (await poll.call(*sends)).status_code == 200
    acks = [await poll.until("ack") for _ in sends]

    assert [(ack["client_message_id"], ack["seq"]) for ack in acks] == [(str(UUID(int=n)), n + 1) for n in range(5)]
    assert [text for _, _, text in await talk.stored(database, guest.actor.enterprise_id)] == ["0", "1", "2", "3", "4"]


async def test_an_agent_polls_with_the_cookie(doors: Doors, factories: Factories) -> None:
    tenant = await factories.tenant()
    poll = Poll(doors.agent(tenant.admin))

    await poll.open(protocol=1)

    assert (await poll.until("welcome"))["me"] == {"kind": "agent", "id": str(tenant.admin.id)}


@pytest.mark.parametrize("hello", [{"token": 7}, {"more": 1}, {"protocol": "one"}])
async def test_a_hello_that_cannot_be_read_is_the_callers_fault(doors: Doors, hello: dict[str, Any]) -> None:
    poll = Poll(doors.stranger())

    answer = await poll.open(**hello)

    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")
    assert doors.app.state.pollers._open == {}


@pytest.mark.parametrize("hello", [{}, {"token": "x"}, {"type": "ping"}, {"token": "a" * 300}])
async def test_without_a_right_there_is_no_poll(doors: Doors, hello: dict[str, Any]) -> None:
    poll = Poll(doors.stranger())

    answer = await poll.open(**hello)

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "not_signed_in")
    assert doors.app.state.pollers._open == {}


async def test_a_poll_nobody_opened_and_one_of_somebody_else(doors: Doors, factories: Factories) -> None:
    guest = await factories.visitor(await factories.channel((await factories.tenant()).enterprise_id))
    poll, other = Poll(doors.stranger()), Poll(doors.stranger())
    await poll.open(token=guest.token)

    for guess in ("x", "0" * 32, poll.id[:-1], poll.id.swapcase()):
        other.id = guess
        answer = await other.call()
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")

    assert re.fullmatch(r"[0-9a-f]{32}\.[A-Za-z0-9_-]{32}", poll.id)  # its node, and 192 random bits
    assert (await poll.until("welcome"))["type"] == "welcome"


@pytest.mark.parametrize("shown", [None, "Bearer ", "Bearer x", "Basic {0}", "Bearer {1}"])
async def test_who_knows_the_id_of_a_visitors_poll_is_not_the_visitor(doors: Doors, factories: Factories, shown: str | None) -> None:
    channel = await factories.channel((await factories.tenant()).enterprise_id)
    guest, other = await factories.visitor(channel), await factories.visitor(channel)
    poll, thief = Poll(doors.stranger()), Poll(doors.stranger())
    await poll.open(token=guest.token)
    thief.id = poll.id
    if shown is not None:
        thief.headers["Authorization"] = shown.format(guest.token, other.token)

    for frames in ([], [{"type": "ping"}]):
        answer = await thief.call(*frames)
        assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")

    assert (await poll.until("welcome"))["me"] == {"kind": "customer", "id": str(guest.customer_id)}
    await poll.until("availability")
    await poll.call({"type": "ping"})
    await poll.until("pong")
    assert [frame["type"] for frame in poll.frames] == []


async def test_who_knows_the_id_of_an_agents_poll_is_not_the_agent(doors: Doors, factories: Factories, database: Database) -> None:
    tenant = await factories.tenant()
    conversation_id = (await talk.write(database, await factories.visitor(await factories.channel(tenant.enterprise_id)))).conversation_id
    poll = Poll(doors.agent(tenant.admin))
    await poll.open(protocol=1)
    elsewhere = doors.agent(await factories.session(tenant.admin))
    colleague = doors.agent(await factories.agent(tenant.enterprise_id))

    for http in (doors.stranger(), elsewhere, colleague):
        thief = Poll(http)
        thief.id = poll.id
        text = {"type": "send", "conversation_id": str(conversation_id), "client_message_id": str(new_id()), "text": "nicht von mir"}
        for frames in ([], [text]):
            answer = await thief.call(*frames)
            assert (answer.status_code, answer.json()["error"]["code"]) == (404, "not_found")

    assert (await poll.until("welcome"))["me"] == {"kind": "agent", "id": str(tenant.admin.id)}
    assert "nicht von mir" not in [text for _, _, text in await talk.stored(database, tenant.enterprise_id)]


@pytest.fixture
async def restricted(doors: Doors, factories: Factories, database: Database) -> Member:
    """An agent who may be signed in from Guangdong only."""
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id)
    await restrict(doors, tenant, await role_of(database, agent), regions=["CN/广东省"])
    return agent


@pytest.mark.parametrize("frames", [[], [{"type": "ping"}]])
async def test_a_poll_ends_where_its_agent_may_not_be(
    doors: Doors, restricted: Member, database: Database, frames: list[dict[str, Any]]
) -> None:
    poll, abroad = Poll(doors.agent(restricted, address=SHENZHEN)), Poll(doors.agent(restricted, address=AMERICA))
    assert (await poll.open(protocol=1)).status_code == 200
    abroad.id = poll.id

    answer = await abroad.call(*frames)

    assert (answer.status_code, answer.json()["error"]["code"]) == (401, "not_signed_in")
    assert await session_ids(database, restricted.id) == set()
    assert await logins(database, restricted.enterprise_id) == [
        (restricted.id, AMERICA, "US", "session", False, "region_denied"),
    ]
    assert await _ends(poll)
    assert [frame["type"] for frame in poll.frames if frame["type"] == "pong"] == []


async def test_a_poll_goes_on_where_its_agent_may_be(doors: Doors, restricted: Member, database: Database) -> None:
    poll, moved = Poll(doors.agent(restricted, address=SHENZHEN)), Poll(doors.agent(restricted, address=GUANGZHOU))
    await poll.open(protocol=1)
    moved.id = poll.id

    assert (await moved.until("welcome"))["me"] == {"kind": "agent", "id": str(restricted.id)}

    (connection,) = [found for found in doors.app.state.resources.hub.connections if found.actor.agent_id == restricted.id]
    assert connection.address == GUANGZHOU
    assert await logins(database, restricted.enterprise_id) == []


async def test_other_pages_may_not_poll(doors: Doors, factories: Factories) -> None:
    tenant = await factories.tenant()
    http = doors.agent(tenant.admin)
    evil, bare = {"Origin": "http://qiatan.test.evil.example", "X-Qiatan-Csrf": "1"}, {"X-Qiatan-Csrf": ""}

    answers = [await http.post("/poll", json={"hello": {}}, headers=headers) for headers in (evil, bare)]

    assert [(answer.status_code, answer.json()["error"]["code"]) for answer in answers] == [(403, "origin_refused"), (403, "csrf_failed")]


async def test_a_call_without_news_comes_back_empty(doors: Doors, factories: Factories) -> None:
    guest = await factories.visitor(await factories.channel((await factories.tenant()).enterprise_id))
    poll = Poll(doors.stranger())
    await poll.open(token=guest.token)
    await poll.until("welcome")
    await poll.until("availability")

    answer = await poll.call()

    assert (answer.status_code, answer.json()) == (200, {"frames": []})


@pytest.mark.parametrize(
    ("frames", "status"),
    [
        ([{"type": "ping"}] * 101, 422),
        (["ping"], 422),
        ("ping", 422),
        ([{"type": "typing", "text": "x" * 70_000}], 413),
        ([{"type": "nonsense"}, {"nothing": 1}], 200),
    ],
)
async def test_bad_input_by_polling(doors: Doors, factories: Factories, frames: Any, status: int) -> None:
    guest = await factories.visitor(await factories.channel((await factories.tenant()).enterprise_id))
    poll = Poll(doors.stranger())
    await poll.open(token=guest.token)
    await poll.until("welcome")

    answer = await poll.http.post(f"/poll/{poll.id}", json={"frames": frames}, headers=poll.headers)

    assert answer.status_code == status
    if status == 200:
        assert [(await poll.until("error"))["code"] for _ in frames] == ["unknown_frame", "bad_frame"]
    broken = '{"frames": [{"type": "typing", "text": "\\ud800"}]}'
    answer = await poll.http.post(f"/poll/{poll.id}", content=broken, headers={**poll.headers, "Content-Type": "application/json"})
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "bad_request")
    assert (await poll.call({"type": "ping"})).status_code == 200


async def test_a_poller_that_went_away_is_forgotten_and_serves_no_more(
    doors: Doors, factories: Factories, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(presence, "GRACE_SECONDS", 0.01)
    tenant = await factories.tenant()
    poll = Poll(doors.agent(tenant.admin))
    await poll.open(protocol=1)
    await poll.until("welcome")
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    http = doors.visitor(guest.token)
    assert (await http.get("/widget/availability")).json() == {"online": True}

    monkeypatch.setattr(sweeping, "IDLE_SECONDS", 0.0)
    monkeypatch.setattr(sweeping, "SWEEP_SECONDS", 0.01)
    running = doors.app.state.gateway.sweeper
    running.stop()
    running.start()

    async with asyncio.timeout(5):
        while (await http.get("/widget/availability")).json()["online"]:
            await asyncio.sleep(0.02)
    assert await _ends(poll)


async def test_a_poll_ends_with_its_session(doors: Doors, factories: Factories) -> None:
    tenant = await factories.tenant()
    poll = Poll(doors.agent(tenant.admin))
    await poll.open(protocol=1)
    await poll.until("welcome")

    assert (await doors.agent(tenant.admin).delete("/session")).status_code == 204

    await poll.call({"type": "send", "client_message_id": str(new_id()), "text": "noch da"})
    assert await _ends(poll)
    assert [frame["type"] for frame in poll.frames if frame["type"] not in ("presence", "bye")] == []
    assert (await poll.open(protocol=1)).status_code == 401


async def _ends(poll: Poll) -> bool:
    """What was written before is delivered; then the poll is gone."""
    for _ in range(3):
        if (await poll.call()).status_code == 404:
            return True
    return False

"""Who may open a connection, and when it ends."""

from __future__ import annotations

import asyncio

import pytest

from qiatan.entrypoints import entrance, gateway, sweeping
from qiatan.infra.db import Database
from qiatan.kit.access import Scope, ScopeKind
from tests.support.clock import FakeClock, StandingSeconds
from tests.support.doors import PUBLIC_URL, Doors
from tests.support.factories import PASSWORD, Factories


@pytest.mark.parametrize(
    "origin",
    [
        "http://qiatan.test.evil.example",
        "http://evil.example/?http://qiatan.test",
        "http://xqiatan.test",
        "http://qiatan.test:81",
        "http://qiatan.test@evil.example",
        "http://evil.example#qiatan.test",
        "ftp://qiatan.test",
        "null",
        "",
        "qiatan.test",
    ],
)
async def test_other_pages_cannot_open_a_socket_with_an_agents_cookie(doors: Doors, factories: Factories, origin: str) -> None:
    tenant = await factories.tenant()

    socket = await doors.socket(cookie=tenant.admin.session_token, origin=origin)

    assert (socket.close_code, socket.close_reason) == (4403, "origin_refused")


@pytest.mark.parametrize("origin", [PUBLIC_URL, None])
async def test_our_own_page_and_programs_without_pages_can(doors: Doors, factories: Factories, origin: str | None) -> None:
    tenant = await factories.tenant()
    socket = await doors.socket(cookie=tenant.admin.session_token, origin=origin)

    await socket.send(type="hello", protocol=1)

    assert (await socket.next("welcome"))["me"] == {"kind": "agent", "id": str(tenant.admin.id)}


async def test_a_visitors_welcome_names_the_customer(doors: Doors, factories: Factories, clock: FakeClock) -> None:
    guest = await factories.visitor(await factories.channel((await factories.tenant()).enterprise_id))
    socket = await doors.socket()

    await socket.send(type="hello", protocol=1, token=guest.token)

    welcome = await socket.next()
    assert welcome == {
        "type": "welcome",
        "protocol": 1,
        "me": {"kind": "customer", "id": str(guest.customer_id)},
        "at": clock.now().isoformat().replace("+00:00", "Z"),
    }


@pytest.mark.parametrize("token", ["", "x", "a" * 43, "a" * 10_000, "\x00", "字"])
async def test_wrong_tokens(doors: Doors, token: str) -> None:
    socket = await doors.socket()

    await socket.send(type="hello", protocol=1, token=token)

    assert await socket.until_closed() == 4401
    assert socket.frames == [{"type": "bye", "code": "token_expired", "message": "Sign in first."}]


async def test_an_expired_token(doors: Doors, factories: Factories, clock: FakeClock) -> None:
    guest = await factories.visitor(await factories.channel((await factories.tenant()).enterprise_id))
    clock.advance(days=800)
    socket = await doors.socket()

    await socket.send(type="hello", protocol=1, token=guest.token)

    assert await socket.until_closed() == 4401


async def test_a_visitors_token_is_no_cookie_and_a_session_is_no_visitors_token(doors: Doors, factories: Factories) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    with_cookie = await doors.socket(cookie=guest.token)
    with_token = await doors.socket()

    await with_cookie.send(type="hello", protocol=1)
    await with_token.send(type="hello", protocol=1, token=tenant.admin.session_token)

    assert [await with_cookie.until_closed(), await with_token.until_closed()] == [4401, 4401]
    assert with_cookie.frames[-1]["code"] == "signed_out"


async def test_no_cookie_and_no_token(doors: Doors) -> None:
    socket = await doors.socket()

    await socket.send(type="hello", protocol=1)

    assert await socket.until_closed() == 4401
    assert socket.frames == [{"type": "bye", "code": "signed_out", "message": "Sign in first."}]


@pytest.mark.parametrize(("enabled", "pending"), [(False, False), (True, True)])
async def test_accounts_that_may_not_sign_in(doors: Doors, factories: Factories, enabled: bool, pending: bool) -> None:
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id, enabled=enabled, pending=pending)
    socket = await doors.socket(cookie=agent.session_token)

    await socket.send(type="hello", protocol=1)

    assert await socket.until_closed() == 4401


async def test_nothing_is_heard_or_done_before_the_hello(doors: Doors, factories: Factories) -> None:
    tenant = await factories.tenant()
    socket = await doors.socket(cookie=tenant.admin.session_token)

    for frame in ({"type": "ping"}, {"type": "subscribe", "topic": "queue"}, {"type": "typing"}):
        await socket.send(**frame)
        answer = await socket.next()
        assert (answer["type"], answer["code"]) == ("error", "not_signed_in")


async def test_a_second_hello_changes_nobody(doors: Doors, factories: Factories) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    socket = await doors.visitor_socket(guest.token)

    await socket.send(type="hello", protocol=1)
    await socket.send(type="subscribe", topic="queue")

    assert (await socket.next())["code"] == "not_allowed"


async def test_without_a_hello_the_connection_ends_whatever_else_is_sent(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sweeping, "HELLO_SECONDS", 0.15)
    monkeypatch.setattr(sweeping, "SWEEP_SECONDS", 0.02)
    async with Doors(doors.app) as fresh:
        await _restart_sweep(fresh)
        silent, busy = await fresh.socket(), await fresh.socket()

        async def chatter() -> None:
            while busy.close_code is None:
                await busy.send(type="ping")
                await asyncio.sleep(0.03)

        chattering = asyncio.create_task(chatter())
        codes = [await silent.until_closed(), await busy.until_closed()]
        await chattering

    assert codes == [4408, 4408]
    assert silent.frames == [{"type": "bye", "code": "idle", "message": "No hello came."}]


async def test_a_silent_connection_ends_and_one_with_heartbeats_stays(
    doors: Doors, factories: Factories, seconds: StandingSeconds, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (entrance, gateway, sweeping):
        monkeypatch.setattr(module, "time", seconds)
    monkeypatch.setattr(sweeping, "SWEEP_SECONDS", 0.02)
    await _restart_sweep(doors)
    guest = await factories.visitor(await factories.channel((await factories.tenant()).enterprise_id))
    silent, alive = await doors.visitor_socket(guest.token), await doors.visitor_socket(guest.token)

    seconds.now += sweeping.IDLE_SECONDS
    await alive.settle()
    seconds.now += 1

    assert await silent.until_closed() == 4408
    assert silent.frames[-1]["code"] == "idle"
    await alive.settle()
    assert alive.close_code is None


async def _restart_sweep(doors: Doors) -> None:
    """The sweep sleeps with the time it read at its start: begin it anew under the patched one."""
    running = doors.app.state.gateway.sweeper
    running.stop()
    running.start()


async def test_a_password_change_closes_the_other_sessions_sockets_at_once(
    doors: Doors, factories: Factories, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No turn of the sweep is waited for."""
    monkeypatch.setattr(sweeping, "SWEEP_SECONDS", 3600.0)
    await _restart_sweep(doors)
    tenant = await factories.tenant()
    here = await factories.agent(tenant.enterprise_id)
    elsewhere = await factories.session(here)
    stays, ends, colleague = [await doors.agent_socket(member) for member in (here, elsewhere, tenant.admin)]

    answer = await doors.agent(here).put("/me/password", json={"current_password": PASSWORD, "new_password": "another one, longer"})

    assert answer.status_code == 204
    assert await ends.until_closed() == 4401
    assert ends.frames[-1]["code"] == "signed_out"
    await stays.settle()
    await colleague.settle()
    assert (stays.close_code, colleague.close_code) == (None, None)
    again = await doors.socket(cookie=elsewhere.session_token)
    await again.send(type="hello", protocol=1)
    assert await again.until_closed() == 4401


async def test_signing_out_closes_the_sessions_own_socket(doors: Doors, factories: Factories) -> None:
    tenant = await factories.tenant()
    other = await factories.session(tenant.admin)
    ends, stays = await doors.agent_socket(tenant.admin), await doors.agent_socket(other)

    assert (await doors.agent(tenant.admin).delete("/session")).status_code == 204

    assert await ends.until_closed() == 4401
    await stays.settle()
    assert stays.close_code is None


async def test_a_disabled_agents_sockets_close_and_their_conversations_wait_again(
    doors: Doors, factories: Factories, database: Database
) -> None:
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id)
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    socket, visitor = await doors.agent_socket(agent), await doors.visitor_socket(guest.token)
    await visitor.send(type="subscribe", topic="mine")
    await visitor.send(type="send", client_message_id=guest.customer_id, text="你好")
    while (await visitor.next("conversation"))["conversation"]["assignee_id"] is None:
        pass

    answer = await doors.agent(tenant.admin).patch(f"/agents/{agent.id}", json={"enabled": False, "version": 1})

    assert answer.status_code == 200
    assert await socket.until_closed() == 4401
    released = (await visitor.next("conversation"))["conversation"]
    assert (released["status"], released["assignee_id"]) == ("waiting", None)
    online = await doors.agent_socket(tenant.admin)
    assert (await online.next("conversation"))["conversation"]["assignee_id"] == str(tenant.admin.id)


async def test_a_right_that_is_lost_ends_the_connection_that_had_it(doors: Doors, factories: Factories) -> None:
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id, role="admin", scope=Scope(ScopeKind.ALL))
    socket = await doors.agent_socket(agent)
    await socket.send(type="subscribe", topic="colleagues")
    await socket.next("subscribed")

    ordinary = await factories.role_id(tenant.enterprise_id, "agent")
    change = {"role_id": str(ordinary), "scope": {"kind": "self", "group_ids": []}, "version": 1}
    assert (await doors.agent(tenant.admin).patch(f"/agents/{agent.id}", json=change)).status_code == 200

    assert await socket.until_closed() == 1012
    assert socket.frames[-1]["code"] == "replaced"
    again = await doors.agent_socket(agent)
    await again.send(type="subscribe", topic="colleagues")
    assert (await again.next("error"))["code"] == "not_allowed"


async def test_the_end_of_the_server_is_said(doors: Doors, factories: Factories) -> None:
    guest = await factories.visitor(await factories.channel((await factories.tenant()).enterprise_id))
    socket, stranger = await doors.visitor_socket(guest.token), await doors.socket()

    await doors.app.state.gateway.close()

    assert [await socket.until_closed(), await stranger.until_closed()] == [1012, 1012]
    assert socket.frames[-1]["code"] == "restarting"

"""A phone that sleeps: its agent stays present for a while, colleagues see it, and what comes rings."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.kit.access import Scope, ScopeKind
from qiatan.kit.errors import DatabaseUnavailable
from qiatan.modules.routing import service as routing
from qiatan.modules.routing.realtime import presence
from qiatan.modules.routing.service import SLEEP
from tests.modules.push.test_push import Work, agent, guest, service, settings, subscribe, work
from tests.support import talk
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import Factories, Guest, Member
from tests.support.push_service import PushService
from tests.support.sockets import SocketClient

__all__ = ["agent", "guest", "service", "settings", "work"]


@pytest.fixture(autouse=True)
def _no_grace(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(presence, "GRACE_SECONDS", 0.0)


@pytest.fixture
async def colleague(doors: Doors, factories: Factories, agent: Member) -> SocketClient:
    """Looks at the colleagues."""
    socket = await doors.agent_socket(await factories.agent(agent.enterprise_id, role="department_head", scope=Scope(ScopeKind.ALL)))
    await socket.send(type="subscribe", topic="colleagues")
    await socket.next("subscribed")
    return socket


async def _let_go() -> None:
    """Wait until everybody whose page closed is let go."""
    names = ("presence-let-go", "presence-doze")
    while tasks := [task for task in asyncio.all_tasks() if task.get_name() in names]:
        await asyncio.wait(tasks)


async def _told(socket: SocketClient, member: Member) -> list[tuple[bool, bool | None]]:
    """(connected, asleep) of each frame about an agent."""
    found = [
        (one["connected"], one.get("asleep"))
        for one in await socket.settle()
        if one["type"] == "presence" and one["agent_id"] == str(member.id)
    ]
    socket.frames.clear()
    return found


async def _say(visitor: SocketClient, words: str) -> None:
    await visitor.send(type="send", client_message_id=str(new_id()), text=words)
    await visitor.next("ack")


async def _seen(doors: Doors, member: Member) -> dict[str, Any]:
    items = (await doors.agent(member).get("/presence")).json()["items"]
    return next(one for one in items if one["agent_id"] == str(member.id))


async def test_a_sleeping_phone_is_there_and_called_until_the_lease_of_sleep_ends(
    service: PushService,
    doors: Doors,
    database: Database,
    agent: Member,
    guest: Guest,
    work: Work,
    clock: FakeClock,
    colleague: SocketClient,
) -> None:
    # given an agent on a phone that is called
    await talk.served(database, guest, agent)
    await work()
    phone = service.browser()
    await subscribe(doors, agent, phone)
    page = await doors.agent_socket(agent)
    await page.settle()
    await _told(colleague, agent)

    # when the screen goes dark, and the browser freezes the page
    await page.send(type="page", asleep=True)
    await page.settle()
    assert await _told(colleague, agent) == [(True, True)]
    await talk.write(database, guest, "线还通着")
    await work()
    await page.close()
    await _let_go()

    # then the agent is there, as somebody whose phone sleeps, and each message rings
    assert await _told(colleague, agent) == [(True, True)]
    seen = await _seen(doors, agent)
    assert (seen["status"], seen["connected"], seen["asleep"]) == ("online", True, True)
    clock.advance(seconds=SLEEP.total_seconds() - 1)
    await talk.write(database, guest, "页面冻住了")
    await work()
    assert [phone.read(call.body)["text"] for call in service.pushed] == ["线还通着", "页面冻住了"]

    # and is not any more when the time is over
    clock.advance(seconds=1)
    assert (await colleague.next("presence"))["connected"] is False
    seen = await _seen(doors, agent)
    assert (seen["connected"], seen["asleep"]) == (False, False)


async def test_every_text_from_a_visitors_socket_rings_while_the_line_of_a_dark_phone_lives(
    service: PushService, doors: Doors, database: Database, agent: Member, guest: Guest, work: Work
) -> None:
    # given an agent whose phone's screen is dark, and its line lives
    await talk.served(database, guest, agent)
    await work()
    phone = service.browser()
    await subscribe(doors, agent, phone)
    page = await doors.agent_socket(agent)
    await page.send(type="page", asleep=True)
    await page.settle()
    visitor = await doors.visitor_socket(guest.token)

    # when their customer writes: the first text opens the way, all others take the message log
    for words in ("第一句", "第二句", "第三句"):
        await _say(visitor, words)
        await work()

    # then each one rings
    assert [phone.read(call.body)["text"] for call in service.pushed] == ["第一句", "第二句", "第三句"]

    # and none any more once somebody looks at the page
    await page.send(type="page", asleep=False)
    await page.settle()
    await _say(visitor, "第四句")
    await work()
    assert len(service.pushed) == 3


async def test_who_only_looks_as_a_colleague_keeps_no_call_of_theirs_back(
    service: PushService, doors: Doors, database: Database, factories: Factories, work: Work
) -> None:
    # given an agent with no page open, and an administrator who looks as them
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id)
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    await talk.served(database, guest, agent)
    await work()
    phone = service.browser()
    await subscribe(doors, agent, phone)
    grant = (await doors.agent(tenant.admin).post(f"/agents/{agent.id}/view-as")).json()
    page = await doors.socket(cookie=tenant.admin.session_token)
    await page.send(type="hello", protocol=1, view_as=grant["token"])
    await page.next("welcome")
    visitor = await doors.visitor_socket(guest.token)

    for words in ("第一句", "第二句"):
        await _say(visitor, words)
        await work()

    assert [phone.read(call.body)["text"] for call in service.pushed] == ["第一句", "第二句"]


async def test_who_looks_at_the_phone_again_is_awake_and_goes_with_the_page(
    doors: Doors, agent: Member, colleague: SocketClient, service: PushService, work: Work, database: Database, guest: Guest
) -> None:
    await talk.served(database, guest, agent)
    await subscribe(doors, agent, service.browser())
    page = await doors.agent_socket(agent)
    await page.send(type="page", asleep=True)
    await page.settle()
    await page.close()
    await _let_go()
    await _told(colleague, agent)

    page = await doors.agent_socket(agent)
    await page.send(type="page", asleep=False)
    await page.settle()
    await talk.write(database, guest, "醒了")
    await work()
    assert set(await _told(colleague, agent)) == {(True, False)}
    assert service.pushed == []

    await page.close()
    await _let_go()
    assert (await _told(colleague, agent))[-1] == (False, False)


async def test_a_page_at_the_desk_counts_as_long_as_it_is_open_and_then_the_phone(
    doors: Doors, agent: Member, colleague: SocketClient
) -> None:
    phone, desk = await doors.agent_socket(agent), await doors.agent_socket(agent)
    await desk.settle()
    await phone.settle()
    await _told(colleague, agent)

    await phone.send(type="page", asleep=True)
    await phone.settle()
    assert await _told(colleague, agent) == [(True, False)]
    await phone.close()
    await _let_go()
    assert (await _seen(doors, agent))["asleep"] is False

    await desk.close()
    await _let_go()
    assert (await _told(colleague, agent))[-1] == (True, True)

    # and whoever opens a page again is awake
    await (await doors.agent_socket(agent)).settle()
    assert (await _told(colleague, agent))[-1] == (True, False)


async def test_a_line_that_stays_open_in_the_dark_keeps_its_agent_there(doors: Doors, agent: Member, clock: FakeClock, app: Any) -> None:
    page = await doors.agent_socket(agent)
    await page.send(type="page", asleep=True)
    await page.settle()
    keeper = app.state.gateway._presence

    for _ in range(4):
        clock.advance(seconds=SLEEP.total_seconds() / 2 + 1)
        await keeper.renew()

    seen = await _seen(doors, agent)
    assert (seen["connected"], seen["asleep"]) == (True, True)


async def test_who_only_looks_as_a_colleague_puts_nobody_to_sleep(doors: Doors, factories: Factories) -> None:
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id)
    grant = (await doors.agent(tenant.admin).post(f"/agents/{agent.id}/view-as")).json()
    page = await doors.socket(cookie=tenant.admin.session_token)
    await page.send(type="hello", protocol=1, view_as=grant["token"])
    await page.next("welcome")

    await page.send(type="page", asleep=True)

    assert (await page.next("error"))["code"] == "read_only_view"
    assert (await _seen(doors, agent))["asleep"] is False


async def test_a_phone_that_fell_asleep_while_the_database_was_away_is_called_from_the_next_turn_on(
    doors: Doors, agent: Member, database: Database, monkeypatch: pytest.MonkeyPatch, app: Any
) -> None:
    # given a phone whose screen goes dark while the database is away
    async def away(*arguments: Any, **named: Any) -> None:
        raise DatabaseUnavailable(retry_after=1)

    page = await doors.agent_socket(agent)
    await page.settle()
    with monkeypatch.context() as silent:
        silent.setattr(routing, "fall_asleep", away)
        await page.send(type="page", asleep=True)
        await page.settle()
    async with database.tenant(agent.enterprise_id) as tx:
        assert await routing.with_pages(tx, {agent.id}, besides=new_id()) == {agent.id}

    # when the leases are renewed
    await app.state.gateway._presence.renew()

    # then no other node takes it for a page that is looked at, and its agent is there
    async with database.tenant(agent.enterprise_id) as tx:
        assert await routing.with_pages(tx, {agent.id}, besides=new_id()) == set()
    seen = await _seen(doors, agent)
    assert (seen["connected"], seen["asleep"]) == (True, True)


@pytest.mark.parametrize(("closing", "leaving"), [(1, 0), (1, 2), (0, 1)])
async def test_a_page_that_went_while_the_database_was_away_keeps_no_call_back(
    doors: Doors, agent: Member, database: Database, monkeypatch: pytest.MonkeyPatch, closing: int, leaving: int
) -> None:
    # given an agent whose only page closes while the database is away
    away = {"page_closed": closing, "disconnected": leaving}

    def failing(name: str) -> Callable[..., Awaitable[None]]:
        done = getattr(routing, name)

        async def first_away(*arguments: Any) -> None:
            if away[name]:
                away[name] -= 1
                raise DatabaseUnavailable(retry_after=1)
            await done(*arguments)

        return first_away

    for name in away:
        monkeypatch.setattr(routing, name, failing(name))
    monkeypatch.setattr(presence, "AGAIN_SECONDS", 0.0)
    page = await doors.agent_socket(agent)
    await page.settle()

    # when it is back
    await page.close()
    await _let_go()

    # then no other node takes them for somebody who looks at a page, and nobody for somebody who is there
    async with database.tenant(agent.enterprise_id) as tx:
        assert await routing.with_pages(tx, {agent.id}, besides=new_id()) == set()
    assert away == {"page_closed": 0, "disconnected": 0}
    assert (await _seen(doors, agent))["connected"] is False

"""Calling agents whose pages are closed: who is called, with what, and who no longer is."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.http_out import HttpOut
from qiatan.infra.resources import Resources
from qiatan.infra.settings import Settings
from qiatan.infra.web_push import Outcome, Subscription, WebPush
from qiatan.modules.push.jobs import jobs
from tests.support import talk
from tests.support.clock import NOON, FakeClock
from tests.support.doors import PUBLIC_URL, Doors
from tests.support.factories import Factories, Guest, Member
from tests.support.push_service import Browser, PushService, push_service
from tests.support.work import app_without_turns

Work = Callable[[], Awaitable[None]]


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, public_url=PUBLIC_URL, outbound_allow=(ip_network("127.0.0.0/8"),))


@pytest.fixture
async def service() -> AsyncIterator[PushService]:
    async with push_service() as running:
        yield running


@pytest.fixture
def work(resources: Resources, doors: Doors) -> Work:
    """Whatever was to be pushed is pushed."""

    async def worked() -> None:
        await doors.app.state.gateway.settled()
        app = app_without_turns(resources.database.url, [jobs], resources)
        async with app.open_async():
            await app.run_worker_async(wait=False, install_signal_handlers=False, delete_jobs="successful")

    return worked


@pytest.fixture
async def agent(factories: Factories) -> Member:
    return await factories.agent((await factories.tenant()).enterprise_id)


@pytest.fixture
async def guest(factories: Factories, agent: Member) -> Guest:
    return await factories.visitor(await factories.channel(agent.enterprise_id))


async def subscribe(doors: Doors, member: Member, browser: Browser) -> str:
    """Returns the key that pushes for this browser are proven with."""
    saved = await doors.agent(member).put("/me/push", json=browser.subscription)
    assert (saved.status_code, saved.json()["endpoint"]) == (200, browser.endpoint), saved.text
    key: str = saved.json()["public_key"]
    return key


async def prefer(doors: Doors, member: Member, **wishes: Any) -> None:
    saved = await doors.agent(member).put("/me/preferences", json={"settings": wishes, "version": 0})
    assert saved.status_code == 200, saved.text


async def test_a_message_calls_the_phone_of_an_agent_without_an_open_page(
    service: PushService, doors: Doors, database: Database, agent: Member, guest: Guest, work: Work, clock: FakeClock
) -> None:
    conversation_id = await talk.served(database, guest, agent)
    await work()
    phone = service.browser()
    key = await subscribe(doors, agent, phone)

    await talk.write(database, guest, "还在吗")
    await work()

    (call,) = service.pushed
    told = phone.read(call.body)
    assert (told["kind"], told["conversation_id"], told["text"]) == ("message", str(conversation_id), "还在吗")
    assert (told["locale"], bool(told["name"])) == ("zh-CN", True)
    assert (call.path, call.headers["content-encoding"], call.headers["ttl"]) == ("/push/one", "aes128gcm", "900")
    assert len(call.headers["topic"]) == 32
    assert "还在吗".encode() not in call.body
    claims = call.claims(key, service.origin)
    assert (claims["sub"], claims["exp"]) == (PUBLIC_URL, int((clock.now() + timedelta(hours=12)).timestamp()))


async def test_a_text_from_a_socket_calls_too_and_several_of_one_conversation_share_a_topic(
    service: PushService, doors: Doors, database: Database, agent: Member, guest: Guest, work: Work
) -> None:
    await talk.served(database, guest, agent)
    await work()
    phone = service.browser()
    await subscribe(doors, agent, phone)
    page = await doors.visitor_socket(guest.token)

    for words in ("第一句", "第二句"):
        await page.send(type="send", client_message_id=str(new_id()), text=words)
        await page.next("ack")
        await work()

    assert [phone.read(call.body)["text"] for call in service.pushed] == ["第一句", "第二句"]
    assert len({call.headers["topic"] for call in service.pushed}) == 1


async def test_nobody_is_called_who_has_a_page_open_has_signed_out_or_has_quiet_hours(
    service: PushService, doors: Doors, database: Database, factories: Factories, agent: Member, guest: Guest, work: Work
) -> None:
    await talk.served(database, guest, agent)
    await work()
    await subscribe(doors, agent, service.browser())

    page = await doors.agent_socket(agent)
    await talk.write(database, guest, "页面开着")
    await work()
    await page.close()
    await prefer(doors, agent, quiet_hours={"enabled": True, "start": "00:00", "until": "23:59", "days": [1, 2, 3, 4, 5, 6, 7]})
    await talk.write(database, guest, "请勿打扰")
    await work()
    async with database.tenant(agent.enterprise_id) as tx:
        await tx.session.execute(text("DELETE FROM sessions WHERE id = :id"), {"id": agent.actor.session_id})
    await talk.write(database, guest, "已经退出")
    await work()

    assert service.pushed == []
    async with database.tenant(agent.enterprise_id) as tx:
        assert (await tx.session.execute(text("SELECT count(*) FROM push_subscriptions"))).scalar_one() == 0


async def test_what_was_written_stays_out_where_the_agent_wants_that(
    service: PushService, doors: Doors, database: Database, agent: Member, guest: Guest, work: Work
) -> None:
    await talk.served(database, guest, agent)
    await work()
    phone = service.browser()
    await subscribe(doors, agent, phone)
    await prefer(doors, agent, push_preview=False)

    await talk.write(database, guest, "身份证号是")
    await work()

    assert [phone.read(call.body)["text"] for call in service.pushed] == [""]


@pytest.mark.parametrize("status", [404, 410])
async def test_a_browser_that_is_gone_is_forgotten(
    status: int, service: PushService, doors: Doors, database: Database, agent: Member, guest: Guest, work: Work
) -> None:
    await talk.served(database, guest, agent)
    await work()
    await subscribe(doors, agent, service.browser())
    service.status = status

    await talk.write(database, guest)
    await work()

    assert len(service.pushed) == 1
    assert (await doors.agent(agent).get("/me/push")).json()["endpoint"] is None


@pytest.mark.parametrize("status", [400, 401, 403, 413, 429])
async def test_a_browser_whose_service_refuses_us_stays_subscribed_and_is_called_again(
    status: int, service: PushService, doors: Doors, database: Database, agent: Member, guest: Guest, work: Work
) -> None:
    """Our clock may be wrong, or our key: that is mended here, and browsers must not have to subscribe anew."""
    await talk.served(database, guest, agent)
    await work()
    phone = service.browser()
    await subscribe(doors, agent, phone)
    service.status = status

    with capture_logs() as logged:
        await talk.write(database, guest, "在吗")
        await work()
    kept = (await doors.agent(agent).get("/me/push")).json()["endpoint"]
    service.status = 201
    async with database.system() as tx:
        waits = text("UPDATE procrastinate_jobs SET scheduled_at = NULL WHERE task_name = 'push.deliver' RETURNING attempts")
        attempts = list((await tx.session.execute(waits)).scalars())
    await work()

    assert kept == phone.endpoint
    assert attempts == [1]
    assert [phone.read(call.body)["text"] for call in service.pushed] == ["在吗", "在吗"]
    told = [(line["service"], line["status"]) for line in logged if line["event"] == "push.refused"]
    assert told == [("127.0.0.1", status)]


async def test_a_service_that_may_not_be_called_now_is_no_reason_to_forget_a_browser(service: PushService, resources: Resources) -> None:
    """What may be called is our own setting, and where a name leads may be wrong for a while."""
    http = HttpOut(())
    browser = service.browser()
    to = Subscription(browser.endpoint, **browser.subscription["keys"])

    outcome = await WebPush(http, resources.sealer, PUBLIC_URL).send(to, b"{}", topic="t", ttl=timedelta(minutes=1), now=NOON)
    await http.close()

    assert (outcome, service.pushed) == (Outcome.LATER, [])


async def test_a_call_that_is_not_taken_is_tried_again_and_what_failed_tells_nothing_of_the_text(
    service: PushService, doors: Doors, database: Database, agent: Member, guest: Guest, work: Work, clock: FakeClock
) -> None:
    await talk.served(database, guest, agent)
    await work()
    await subscribe(doors, agent, service.browser())
    service.status = 503
    await talk.write(database, guest, "银行卡")
    await work()
    waiting = text("SELECT args::text FROM procrastinate_jobs WHERE task_name = 'push.deliver' AND args ->> 'session_id' = :id")
    again = text("UPDATE procrastinate_jobs SET scheduled_at = NULL WHERE task_name = 'push.deliver'")

    async with database.system() as tx:
        (arguments,) = (await tx.session.execute(waiting, {"id": str(agent.actor.session_id)})).scalars()
        await tx.session.execute(again)
    clock.advance(minutes=16)
    service.status = 201
    await work()

    assert "银行卡" not in arguments
    assert len(service.pushed) == 1  # a quarter of an hour later it is no news any more
    async with database.system() as tx:
        assert list((await tx.session.execute(waiting, {"id": str(agent.actor.session_id)})).scalars()) == []


async def test_a_browser_belongs_to_the_session_that_subscribed_last(
    service: PushService, doors: Doors, factories: Factories, agent: Member
) -> None:
    colleague = await factories.agent(agent.enterprise_id)
    browser = service.browser()
    await subscribe(doors, agent, browser)

    await subscribe(doors, colleague, browser)

    assert (await doors.agent(agent).get("/me/push")).json()["endpoint"] is None
    assert (await doors.agent(colleague).delete("/me/push")).status_code == 204
    assert (await doors.agent(colleague).get("/me/push")).json()["endpoint"] is None


async def test_sessions_that_subscribe_one_browser_at_the_same_time_leave_it_to_one_of_them(
    service: PushService, doors: Doors, factories: Factories, agent: Member, database: Database
) -> None:
    # given a browser, and agents whose sessions all bring it at once
    browser = service.browser()
    agents = [agent, *[await factories.agent(agent.enterprise_id) for _ in range(5)]]

    answers = await asyncio.gather(*(doors.agent(one).put("/me/push", json=browser.subscription) for one in agents))

    # then all are answered, and one has it
    assert {one.status_code for one in answers} == {200}
    async with database.system() as tx:
        kept = await tx.session.execute(text("SELECT endpoint FROM push_subscriptions"))
    assert kept.scalars().all() == [browser.endpoint]


@pytest.mark.parametrize(
    ("endpoint", "field"),
    [
        ("http://push.example.com/x", "endpoint"),
        ("https://10.0.0.1/x", "endpoint"),
        ("https://[::1]/x", "endpoint"),
        ("https://169.254.169.254/latest", "endpoint"),
        ("https://me@127.0.0.1/x", "endpoint"),
        ("nonsense", "endpoint"),
    ],
)
async def test_an_address_inside_is_refused_and_nothing_is_kept(
    endpoint: str, field: str, service: PushService, doors: Doors, agent: Member
) -> None:
    subscription = service.browser().subscription | {"endpoint": endpoint}

    refused = await doors.agent(agent).put("/me/push", json=subscription)

    assert (refused.status_code, refused.json()["error"]["fields"][0]["field"]) == (422, field)
    assert (await doors.agent(agent).get("/me/push")).json()["endpoint"] is None


@pytest.mark.parametrize("keys", [{"p256dh": "AAAA", "auth": "AAAA"}, {"p256dh": "!", "auth": "!"}])
async def test_keys_that_are_none_are_refused(keys: dict[str, str], service: PushService, doors: Doors, agent: Member) -> None:
    refused = await doors.agent(agent).put("/me/push", json=service.browser().subscription | {"keys": keys})

    assert (refused.status_code, refused.json()["error"]["fields"][0]["field"]) == (422, "keys")

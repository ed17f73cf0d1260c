"""The five first steps: done by facts, left out for good, and the look at the enterprise's site."""

from __future__ import annotations

import ipaddress
from typing import Any

import pytest
from sqlalchemy import text

from qiatan.infra.db import Database
from qiatan.infra.http_out import HttpOut
from qiatan.kit.access import AgentActor
from qiatan.kit.errors import InvalidInput, NotAllowed
from qiatan.modules.onboarding import service
from qiatan.modules.onboarding.contracts import CheckSite, SiteCheck, SiteProblem
from tests.support import talk
from tests.support.doors import Doors
from tests.support.factories import Factories, Tenant
from tests.support.network import free_port
from tests.support.web_server import web_server

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


async def _seen(doors: Doors, tenant: Tenant) -> dict[str, Any]:
    answer = await doors.agent(tenant.admin).get("/onboarding")
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


def _done(seen: dict[str, Any]) -> list[str]:
    return [state["step"] for state in seen["steps"] if state["done"]]


async def _check(database: Database, actor: AgentActor, url: str, *, http: HttpOut | None = None) -> SiteCheck:
    return await service.check_site(database, actor, CheckSite(url=url), http=http or HttpOut(LOOPBACK))


async def test_a_new_enterprise_has_all_before_it(doors: Doors, factories: Factories) -> None:
    tenant = await factories.tenant()
    channel = await factories.channel(tenant.enterprise_id)

    seen = await _seen(doors, tenant)

    assert [state["step"] for state in seen["steps"]] == ["name", "look", "snippet", "colleagues", "conversation"]
    assert _done(seen) == []
    assert seen["open"] is True
    assert seen["channel_id"] == str(channel.id)
    assert channel.key in seen["snippet"]


async def test_each_step_is_done_by_what_is_there(doors: Doors, factories: Factories, database: Database) -> None:
    # given an enterprise whose administrator does one thing after the other
    tenant = await factories.tenant()
    channel = await factories.channel(tenant.enterprise_id)
    http = doors.agent(tenant.admin)

    # when the name is saved, be it as it was
    await http.patch("/enterprise", json={"name": tenant.name, "version": 1})
    assert _done(await _seen(doors, tenant)) == ["name"]
    # when the widget is changed
    await http.patch(f"/channels/{channel.id}", json={"settings": {"title": "松间客服"}, "version": 1})
    assert _done(await _seen(doors, tenant)) == ["name", "look"]
    # when somebody comes, first from our own demo page, then from the enterprise's site
    guest = await factories.visitor(channel)
    for page, done in (("http://qiatan.test/demo/", False), ("https://www.songjian.example/", True)):
        async with database.tenant(tenant.enterprise_id) as tx:
            await tx.session.execute(
                text("UPDATE visits SET page_url = :page WHERE enterprise_id = :e"), {"page": page, "e": tenant.enterprise_id}
            )
        assert ("snippet" in _done(await _seen(doors, tenant))) is done
    # when a colleague is invited, and a customer answered
    await factories.agent(tenant.enterprise_id, pending=True)
    conversation = await talk.served(database, guest, tenant.admin)
    assert _done(await _seen(doors, tenant)) == ["name", "look", "snippet", "colleagues"]
    await talk.answer(database, tenant.admin, conversation)

    # then nothing is left
    seen = await _seen(doors, tenant)
    assert _done(seen) == ["name", "look", "snippet", "colleagues", "conversation"]
    assert seen["open"] is False


async def test_what_was_left_out_never_comes_back(doors: Doors, factories: Factories) -> None:
    # given two administrators
    tenant = await factories.tenant()
    second = await factories.agent(tenant.enterprise_id, role="admin")

    # when one leaves out a step and the other the rest, one of them twice
    first = await doors.agent(tenant.admin).post("/onboarding/skip", json={"steps": ["snippet"]})
    assert first.json()["open"] is True
    rest = await doors.agent(second).post("/onboarding/skip", json={"steps": ["name", "look", "snippet", "conversation"]})

    # then all of it is left out, for both; what is done stays done
    assert rest.json()["open"] is False
    seen = await _seen(doors, tenant)
    assert [(state["done"], state["skipped"]) for state in seen["steps"]] == [
        (False, True),
        (False, True),
        (False, True),
        (True, False),
        (False, True),
    ]


async def test_the_wrong_step_is_named_and_nothing_is_left_out(doors: Doors, factories: Factories) -> None:
    tenant = await factories.tenant()

    bodies: tuple[dict[str, object], ...] = ({"steps": ["elsewhere"]}, {"steps": []}, {"steps": ["name"], "all": True})
    for body in bodies:
        assert (await doors.agent(tenant.admin).post("/onboarding/skip", json=body)).status_code == 422

    assert not any(state["skipped"] for state in (await _seen(doors, tenant))["steps"])


async def test_it_is_no_business_of_an_ordinary_agent(doors: Doors, factories: Factories, database: Database) -> None:
    # given an agent who may not change the enterprise
    tenant = await factories.tenant()
    agent = await factories.agent(tenant.enterprise_id)
    http = doors.agent(agent)

    # then every door is closed, and nothing was left out
    assert (await http.get("/onboarding")).status_code == 403
    assert (await http.post("/onboarding/skip", json={"steps": ["name"]})).status_code == 403
    assert (await http.post("/onboarding/check-site", json={"url": "https://example.com"})).status_code == 403
    with pytest.raises(NotAllowed):
        await _check(database, agent.actor, "https://example.com")
    assert not any(state["skipped"] for state in (await _seen(doors, tenant))["steps"])


async def test_the_snippet_is_found_on_the_site(doors: Doors, factories: Factories, database: Database) -> None:
    tenant = await factories.tenant()
    channel = await factories.channel(tenant.enterprise_id)
    stranger = await factories.channel((await factories.tenant()).enterprise_id)
    actor = tenant.admin.actor
    async with web_server() as server:
        site = f"http://127.0.0.1:{server.port}"
        server.says("/", f'<script src="https://chat.example/w.js" data-key="{channel.key}"></script>')
        server.says("/bare", "<html></html>")
        server.says("/foreign", f'<script data-key="{stranger.key}"></script>')
        server.says("/broken", "no", status=500)

        # when it is not there, then it is told why, and the step stays open
        for page in ("/bare", "/foreign"):
            assert await _check(database, actor, site + page) == SiteCheck(
                url=site + page, found=False, problem=SiteProblem.MISSING, status=200
            )
        assert (await _check(database, actor, site + "/broken")).problem is SiteProblem.STATUS
        assert _done(await _seen(doors, tenant)) == []

        # when it is there, then the step is done
        assert await _check(database, actor, site) == SiteCheck(url=site, found=True, problem=None, status=200)
    assert _done(await _seen(doors, tenant)) == ["snippet"]


async def test_a_site_that_cannot_be_asked(factories: Factories, database: Database) -> None:
    tenant = await factories.tenant()
    async with web_server() as server:
        site = f"http://127.0.0.1:{server.port}/"

        # when the page lies inside a private network, then nothing is sent to it
        inside = await _check(database, tenant.admin.actor, site, http=HttpOut())
        assert inside.problem is SiteProblem.REFUSED
        assert server.heard == []
    # when nobody listens
    assert (await _check(database, tenant.admin.actor, f"http://127.0.0.1:{free_port()}/")).problem is SiteProblem.UNREACHABLE
    # when it is no address
    with pytest.raises(InvalidInput) as refused:
        await _check(database, tenant.admin.actor, "javascript://alert")
    assert [problem.field for problem in refused.value.fields] == ["url"]


async def test_the_look_is_asked_for_a_few_times_a_minute(doors: Doors, factories: Factories) -> None:
    tenant = await factories.tenant()
    http = doors.agent(tenant.admin)

    answers = [(await http.post("/onboarding/check-site", json={"url": "http://127.0.0.1/"})).status_code for _ in range(11)]

    assert answers == [200] * 10 + [429]

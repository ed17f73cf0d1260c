"""The browsers one is signed in with: seen, and sent away."""

from __future__ import annotations

from uuid import uuid4

import pytest
from sqlalchemy import update

from qiatan.infra.db import Database
from qiatan.modules.accounts.models import SessionRow
from tests.modules.accounts.factors import audited, said
from tests.modules.accounts.reading import session_ids
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import PASSWORD, Factories, Member, Tenant

CHROME = "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36"


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant()


@pytest.fixture
async def member(factories: Factories, tenant: Tenant) -> Member:
    return await factories.agent(tenant.enterprise_id)


async def test_each_browser_is_shown_with_place_and_device(doors: Doors, member: Member, clock: FakeClock) -> None:
    clock.advance(minutes=1)
    browser = doors.stranger(address="114.114.114.114", headers={"User-Agent": CHROME})
    signed_in = await browser.post("/session", json={"email": member.email, "password": PASSWORD})
    browser.headers["X-Qiatan-Csrf"] = signed_in.json()["me"]["csrf_token"]

    shown = (await browser.get("/me/sessions")).json()["items"]

    assert [(one["current"], one["address"], one["device"], one["method"]) for one in shown] == [
        (True, "114.114.114.114", "Chrome 141 · Windows", "password"),
        (False, "192.0.2.1", "", "password"),
    ]
    assert shown[0]["region"]["code"].startswith("CN/江苏省")
    assert shown[0]["region"]["names"][:2] == ["中国", "江苏省"]
    assert shown[1]["region"] == {"code": "", "names": []}


async def test_expired_sessions_and_those_of_others_are_not_shown(
    doors: Doors, factories: Factories, member: Member, tenant: Tenant, clock: FakeClock, database: Database
) -> None:
    expired = await factories.session(member)
    async with database.system() as tx:
        await tx.session.execute(update(SessionRow).where(SessionRow.id == expired.actor.session_id).values(expires_at=clock.now()))
    shown = (await doors.agent(member).get("/me/sessions")).json()["items"]
    assert [one["id"] for one in shown] == [str(member.actor.session_id)]


async def test_a_browser_that_is_sent_away_is_out_at_once_with_its_sockets(
    doors: Doors, factories: Factories, member: Member, database: Database
) -> None:
    elsewhere = await factories.session(member)
    theirs, ours = await doors.agent_socket(elsewhere), await doors.agent_socket(member)

    ended = await doors.agent(member).delete(f"/me/sessions/{elsewhere.actor.session_id}")

    assert ended.status_code == 204
    assert (await theirs.next("bye"))["code"] == "signed_out"
    assert (await doors.agent(elsewhere).get("/me")).status_code == 401
    await ours.send(type="ping")
    assert await ours.next("pong")
    assert await session_ids(database, member.id) == {member.actor.session_id}
    assert "session.ended" in await audited(database, member.enterprise_id)


async def test_all_but_this_one_are_sent_away(doors: Doors, factories: Factories, member: Member, database: Database) -> None:
    others = [await factories.session(member) for _ in range(3)]
    assert (await doors.agent(member).delete("/me/sessions")).status_code == 204
    assert await session_ids(database, member.id) == {member.actor.session_id}
    assert {(await doors.agent(other).get("/me")).status_code for other in others} == {401}
    assert (await doors.agent(member).get("/me")).status_code == 200


async def test_sessions_of_others_are_not_there(
    doors: Doors, factories: Factories, member: Member, tenant: Tenant, database: Database
) -> None:
    foreign = (await factories.tenant()).admin
    for session_id in (tenant.admin.actor.session_id, foreign.actor.session_id, uuid4()):
        assert said(await doors.agent(member).delete(f"/me/sessions/{session_id}")) == (404, "not_found")
    assert await session_ids(database, tenant.admin.id) == {tenant.admin.actor.session_id}
    assert await session_ids(database, foreign.id) == {foreign.actor.session_id}


async def test_a_tampered_cookie_is_nobody(doors: Doors, member: Member, database: Database) -> None:
    token = member.session_token
    for tampered in (token[:-1] + ("A" if token[-1] != "A" else "B"), token.swapcase(), token + "A", token[1:], "", "x" * 5000):
        browser = doors.stranger()
        browser.headers["Cookie"] = f"qiatan_session={tampered}"
        assert said(await browser.get("/me")) == (401, "not_signed_in")
    assert await session_ids(database, member.id) == {member.actor.session_id}

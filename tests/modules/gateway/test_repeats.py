"""Calls that come again because nobody heard of the first: with a key they are done once."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from sqlalchemy import func, select, text

from qiatan.infra import answers
from qiatan.infra.answers import AnswerRow
from qiatan.infra.db import Database
from qiatan.infra.resources import Resources
from qiatan.modules.accounts import jobs
from tests.modules.replies.words import says
from tests.support import talk
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.doubt import Line
from tests.support.factories import Factories, Guest, Member, Tenant

KEY = "8e03978e-40d5-43dd-bc93-6894a57f9324"
OTHER = "2f1b9c4a-0c1e-4a57-8d6e-5f3f2f0f7a11"


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant()


@pytest.fixture
async def guest(factories: Factories, tenant: Tenant) -> Guest:
    return await factories.visitor(await factories.channel(tenant.enterprise_id))


@pytest.fixture
async def agent(doors: Doors, factories: Factories, database: Database, tenant: Tenant, guest: Guest) -> Member:
    """Serves the guest; nothing else goes on."""
    agent = await factories.agent(tenant.enterprise_id, name="顾言")
    await talk.served(database, guest, agent)
    await doors.app.state.gateway.settled()
    return agent


@pytest.fixture
def http(doors: Doors, agent: Member) -> httpx.AsyncClient:
    return doors.agent(agent)


def _keyed(key: str = KEY) -> dict[str, Any]:
    return {"headers": {"Idempotency-Key": key}}


def _path(guest: Guest) -> str:
    return f"/customers/{guest.customer_id}/notes"


async def _texts(http: httpx.AsyncClient, guest: Guest) -> list[str]:
    return [note["text"] for note in (await http.get(_path(guest))).json()["items"]]


async def _kept(database: Database, tenant: Tenant) -> int:
    async with database.system() as tx:
        query = select(func.count()).select_from(AnswerRow).where(AnswerRow.enterprise_id == tenant.enterprise_id)
        return (await tx.session.execute(query)).scalar_one()


async def test_a_note_whose_commit_was_not_heard_of_is_there_once_and_answered_as_it_was(
    http: httpx.AsyncClient, database: Database, guest: Guest, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a note that is stored, and answered by nobody
    line = Line(database, monkeypatch)
    line.fates = ["stored_unheard"]
    unheard = await http.post(_path(guest), json={"text": "要发票"}, **_keyed())

    # when the page sends the same once more, and again
    second = await http.post(_path(guest), json={"text": "要发票"}, **_keyed())
    third = await http.post(_path(guest), json={"text": "要发票"}, **_keyed())

    # then it is there once, and what was answered tells of it
    (stored,) = (await http.get(_path(guest))).json()["items"]
    assert (unheard.status_code, second.status_code, third.status_code) == (503, 201, 201)
    assert second.json() == third.json() == stored
    assert second.headers["content-type"] == third.headers["content-type"] == "application/json"


async def test_what_was_not_stored_is_done_when_it_comes_again(
    http: httpx.AsyncClient, database: Database, guest: Guest, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    line = Line(database, monkeypatch)
    line.fates = ["lost"]
    lost = await http.post(_path(guest), json={"text": "要发票"}, **_keyed())
    kept_before = await _kept(database, tenant)

    again = await http.post(_path(guest), json={"text": "要发票"}, **_keyed())

    assert (lost.status_code, kept_before, again.status_code) == (503, 0, 201)
    assert await _texts(http, guest) == ["要发票"]
    assert await _kept(database, tenant) == 1


async def test_calls_that_come_at_once_with_one_key_are_one(http: httpx.AsyncClient, guest: Guest) -> None:
    calls = [http.post(_path(guest), json={"text": "要发票"}, **_keyed()) for _ in range(4)]

    given = await asyncio.gather(*calls)

    assert [one.status_code for one in given] == [201] * 4
    assert len({one.json()["id"] for one in given}) == 1
    assert await _texts(http, guest) == ["要发票"]


async def test_calls_without_a_key_or_with_another_are_calls_of_their_own(
    http: httpx.AsyncClient, database: Database, guest: Guest, tenant: Tenant
) -> None:
    for options in (_keyed(), _keyed(OTHER), {}, {}):
        assert (await http.post(_path(guest), json={"text": "要发票"}, **options)).status_code == 201

    assert await _texts(http, guest) == ["要发票"] * 4
    assert await _kept(database, tenant) == 2


@pytest.mark.parametrize("other", ["body", "path"])
async def test_a_key_that_stands_for_another_call_is_refused(
    http: httpx.AsyncClient, database: Database, factories: Factories, guest: Guest, agent: Member, tenant: Tenant, other: str
) -> None:
    # given a call with a key, and another customer
    await http.post(_path(guest), json={"text": "要发票"}, **_keyed())
    someone = await factories.visitor(await factories.channel(tenant.enterprise_id))
    await talk.served(database, someone, agent)

    # when the key comes with something else
    path, body = (_path(guest), "不要发票") if other == "body" else (_path(someone), "要发票")
    refused = await http.post(path, json={"text": body}, **_keyed())

    # then that is refused, and nothing has changed
    (problem,) = refused.json()["error"]["fields"]
    assert (refused.status_code, problem["field"], problem["code"]) == (422, "idempotency-key", "taken")
    assert (await _texts(http, guest), await _texts(http, someone)) == (["要发票"], [])
    assert await _kept(database, tenant) == 1


@pytest.mark.parametrize("key", ["", "k" * 256])
async def test_what_is_no_key_is_refused(http: httpx.AsyncClient, database: Database, guest: Guest, tenant: Tenant, key: str) -> None:
    refused = await http.post(_path(guest), json={"text": "要发票"}, **_keyed(key))

    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "bad_request")
    assert (await _texts(http, guest), await _kept(database, tenant)) == ([], 0)


async def test_a_refusal_is_not_kept(http: httpx.AsyncClient, guest: Guest) -> None:
    """What is asked may be right by then: a role that was given, a name that is free."""
    refused = await http.post(_path(guest), json={"text": " "}, **_keyed())

    taken = await http.post(_path(guest), json={"text": "要发票"}, **_keyed())

    assert (refused.status_code, taken.status_code) == (422, 201)


async def test_a_colleague_with_the_same_key_makes_a_call_of_their_own(
    doors: Doors, factories: Factories, http: httpx.AsyncClient, database: Database, guest: Guest, tenant: Tenant
) -> None:
    elsewhere = await factories.tenant()
    titles = {"owner": "own", "group_id": None, "title": "问候", "document": says("您好")}
    colleagues = [doors.agent(await factories.agent(one.enterprise_id)) for one in (tenant, elsewhere)]

    given = [await one.post("/replies", json=titles, **_keyed()) for one in (http, *colleagues)]

    assert [one.status_code for one in given] == [201] * 3
    assert len({one.json()["id"] for one in given}) == 3


async def test_who_may_not_do_it_any_more_is_not_told_what_they_did(
    doors: Doors, factories: Factories, database: Database, tenant: Tenant, guest: Guest
) -> None:
    agent = await factories.agent(tenant.enterprise_id, points=frozenset({"conversations.serve", "customers.edit"}))
    await talk.served(database, guest, agent)
    http = doors.agent(agent)
    await http.post(_path(guest), json={"text": "要发票"}, **_keyed())
    async with database.system() as tx:
        await tx.session.execute(
            text("UPDATE roles SET points = '{conversations.serve}' WHERE enterprise_id = :e AND 'customers.edit' = ANY (points)"),
            {"e": tenant.enterprise_id},
        )

    again = await http.post(_path(guest), json={"text": "要发票"}, **_keyed())

    assert (again.status_code, again.json()["error"]["code"]) == (403, "not_allowed")


async def test_what_has_no_body_and_what_answers_nothing_is_done_once_too(
    doors: Doors, http: httpx.AsyncClient, tenant: Tenant, agent: Member
) -> None:
    entry = {"owner": "own", "group_id": None, "title": "问候", "document": says("您好")}
    made = (await http.post("/replies", json=entry)).json()

    given = [await http.post(f"/replies/{made['id']}/used", **_keyed()) for _ in range(3)]

    assert [(one.status_code, one.content) for one in given] == [(204, b"")] * 3
    assert [one["uses"] for one in (await http.get("/replies")).json()["entries"]] == [1]


async def test_answers_are_forgotten_after_a_day(
    http: httpx.AsyncClient, database: Database, resources: Resources, clock: FakeClock, guest: Guest, tenant: Tenant
) -> None:
    await http.post(_path(guest), json={"text": "要发票"}, **_keyed())
    clock.advance(hours=1)
    await http.post(_path(guest), json={"text": "要合同"}, **_keyed(OTHER))
    clock.advance(hours=23, minutes=1)

    await jobs.purge_answers.run(resources)

    assert await _kept(database, tenant) == 1
    assert (await http.post(_path(guest), json={"text": "要合同"}, **_keyed(OTHER))).status_code == 201
    assert await _texts(http, guest) == ["要合同", "要发票"]


async def test_of_one_caller_only_so_many_answers_are_kept(
    http: httpx.AsyncClient, database: Database, clock: FakeClock, guest: Guest, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "KEPT_OF_EACH", 2)

    for number in range(4):
        await http.post(_path(guest), json={"text": f"{number}"}, **_keyed(f"key-{number}"))
        clock.advance(seconds=1)
    last = await http.post(_path(guest), json={"text": "3"}, **_keyed("key-3"))

    assert (await _kept(database, tenant), last.status_code) == (2, 201)
    assert await _texts(http, guest) == ["3", "2", "1", "0"]

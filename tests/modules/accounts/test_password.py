"""Changing the password."""

from __future__ import annotations

import pytest

from qiatan.infra.db import Database
from tests.modules.accounts.reading import agent_row, session_ids
from tests.support.doors import Doors
from tests.support.factories import PASSWORD, Factories, Tenant

NEW = "tea leaves unfold"


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant()


async def test_a_new_password_ends_all_other_sessions_and_their_sockets(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database
) -> None:
    elsewhere = await factories.session(tenant.admin)
    here, there = await doors.agent_socket(tenant.admin), await doors.agent_socket(elsewhere)

    changed = await doors.agent(tenant.admin).put("/me/password", json={"current_password": PASSWORD, "new_password": NEW})

    assert changed.status_code == 204
    assert await there.until_closed() == 4401
    assert [frame["code"] for frame in there.frames if frame["type"] == "bye"] == ["signed_out"]
    await here.settle()
    assert here.close_code is None
    assert await session_ids(database, tenant.admin.id) == {tenant.admin.actor.session_id}
    assert (await doors.agent(elsewhere).get("/me")).status_code == 401
    assert (await doors.agent(tenant.admin).get("/me")).status_code == 200
    body = {"email": tenant.admin.email, "password": PASSWORD}
    assert (await doors.stranger().post("/session", json=body)).status_code == 401
    assert (await doors.stranger().post("/session", json=body | {"password": NEW})).status_code == 200


async def test_it_is_not_changed_without_the_current_one(doors: Doors, factories: Factories, tenant: Tenant, database: Database) -> None:
    elsewhere = await factories.session(tenant.admin)
    before = await agent_row(database, tenant.admin.id)

    refused = await doors.agent(tenant.admin).put("/me/password", json={"current_password": "a wrong one", "new_password": NEW})

    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "wrong_credentials")
    assert await agent_row(database, tenant.admin.id) == before
    assert (await doors.agent(elsewhere).get("/me")).status_code == 200


async def test_guessing_the_current_one_is_throttled(doors: Doors, tenant: Tenant, database: Database) -> None:
    before = await agent_row(database, tenant.admin.id)
    thief = doors.agent(tenant.admin)
    wrong = {"current_password": "a wrong one", "new_password": NEW}
    codes = [(await thief.put("/me/password", json=wrong)).status_code for _ in range(5)]
    right = await thief.put("/me/password", json={"current_password": PASSWORD, "new_password": NEW})
    assert [*codes, right.status_code] == [401] * 5 + [429]
    assert await agent_row(database, tenant.admin.id) == before


@pytest.mark.parametrize("password", ["123456789", "x" * 201, None, 1234567890])
async def test_a_weak_one_is_refused_with_the_remedy(doors: Doors, tenant: Tenant, database: Database, password: object) -> None:
    before = await agent_row(database, tenant.admin.id)
    refused = await doors.agent(tenant.admin).put("/me/password", json={"current_password": PASSWORD, "new_password": password})
    assert refused.status_code == 422
    assert [problem["field"] for problem in refused.json()["error"]["fields"]] == ["new_password"]
    assert await agent_row(database, tenant.admin.id) == before

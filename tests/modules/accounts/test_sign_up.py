"""Making an enterprise."""

from __future__ import annotations

from dataclasses import replace
from uuid import UUID, uuid4

import pytest
from sqlalchemy import func, select

from qiatan.entrypoints.app import build_app
from qiatan.infra.db import Database
from qiatan.infra.resources import Resources
from qiatan.kit.events import Event
from qiatan.modules.accounts.events import EnterpriseCreated
from qiatan.modules.accounts.models import EnterpriseRow
from tests.modules.accounts.factors import login_log
from tests.modules.accounts.reading import agent_row
from tests.support.doors import Doors
from tests.support.factories import Factories


def body(**other: object) -> dict[str, object]:
    email = f"{uuid4().hex}@example.com"
    return {"enterprise_name": "云上茶", "name": "许清", "email": email, "password": "tea leaves unfold", **other}


async def enterprises(database: Database) -> int:
    async with database.system() as tx:
        return (await tx.session.execute(select(func.count()).select_from(EnterpriseRow))).scalar_one()


async def test_signing_up_makes_an_enterprise_whose_administrator_is_signed_in(doors: Doors, database: Database) -> None:
    events: list[Event] = []
    database.listeners.append(events.extend)
    browser = doors.stranger()
    asked = body()

    made = await browser.post("/signup", json=asked)

    assert made.status_code == 201
    me = made.json()
    assert me["enterprise"]["name"] == "云上茶"
    assert (me["enterprise"]["timezone"], me["enterprise"]["typing_preview"]) == ("Asia/Shanghai", True)
    assert (me["agent"]["email"], me["agent"]["role"]["builtin"], me["agent"]["scope"]["kind"]) == (asked["email"], "admin", "all")
    assert "agents.edit" in me["points"]
    assert [event for event in events if isinstance(event, EnterpriseCreated)] == [
        EnterpriseCreated(enterprise_id=UUID(me["enterprise"]["id"]))
    ]
    assert (await browser.get("/me")).json() == me
    assert await login_log(database, UUID(me["agent"]["id"])) == [("sign_up", True, "not_restricted")]


async def test_the_password_is_stored_as_argon2id_only(doors: Doors, database: Database) -> None:
    me = (await doors.stranger().post("/signup", json=body())).json()
    row = await agent_row(database, UUID(me["agent"]["id"]))
    assert row["password_hash"].startswith("$argon2id$")
    assert "tea leaves unfold" not in str(row)


async def test_an_address_has_one_account_in_the_whole_installation_whatever_the_case(
    doors: Doors, factories: Factories, database: Database
) -> None:
    tenant = await factories.tenant()
    before = await enterprises(database)

    refused = await doors.stranger().post("/signup", json=body(email=tenant.admin.email.upper().replace("EXAMPLE.COM", "example.com")))

    assert refused.status_code == 409
    assert refused.json()["error"]["code"] == "email_taken"
    assert await enterprises(database) == before


async def test_one_address_signs_up_a_few_times_an_hour(doors: Doors, database: Database) -> None:
    browser = doors.stranger(address="203.0.113.9")
    for _ in range(5):
        assert (await browser.post("/signup", json=body())).status_code == 201
    before = await enterprises(database)

    refused = await browser.post("/signup", json=body())

    assert refused.status_code == 429
    assert refused.json()["error"]["code"] == "too_many"
    assert refused.headers["Retry-After"] == "720"
    assert await enterprises(database) == before


async def test_sign_up_can_be_switched_off(resources: Resources, database: Database) -> None:
    closed = replace(resources, settings=replace(resources.settings, signup_open=False))
    before = await enterprises(database)
    async with Doors(build_app(closed)) as doors:
        assert (await doors.stranger().get("/instance")).json()["signup_open"] is False
        refused = await doors.stranger().post("/signup", json=body())
    assert refused.status_code == 403
    assert refused.json()["error"]["code"] == "signup_closed"
    assert await enterprises(database) == before


@pytest.mark.parametrize(
    ("field", "value", "code"),
    [
        ("password", "short", "invalid"),
        ("password", None, "missing"),
        ("email", "nobody", "invalid"),
        ("email", ["ming@example.com"], "invalid"),
        ("name", "\u200b", "invalid"),
        ("enterprise_name", "茶" * 201, "too_long"),
        ("enterprise_id", "01a20260-bf16-7939-9d6e-04bee08fd8a3", "unknown"),
    ],
)
async def test_bad_input_is_named(doors: Doors, database: Database, field: str, value: object, code: str) -> None:
    asked = body(**{field: value})
    if value is None:
        del asked[field]
    before = await enterprises(database)

    refused = await doors.stranger().post("/signup", json=asked)

    assert refused.status_code == 422
    assert [(problem["field"], problem["code"]) for problem in refused.json()["error"]["fields"]] == [(field, code)]
    assert str(value) not in refused.text
    assert await enterprises(database) == before

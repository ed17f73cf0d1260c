"""The enterprise's own settings."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.doors import Doors
from tests.support.factories import Factories, Tenant


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant()


async def test_an_administrator_changes_name_zone_and_typing_preview(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    member = await factories.agent(tenant.enterprise_id)
    socket = await doors.agent_socket(member)

    changed = await doors.agent(tenant.admin).patch(
        "/enterprise", json={"name": "云上茶", "timezone": "Asia/Urumqi", "typing_preview": False, "version": 1}
    )

    assert changed.status_code == 200
    assert (await doors.agent(member).get("/enterprise")).json() == changed.json()
    assert changed.json() == {
        "id": str(tenant.enterprise_id),
        "name": "云上茶",
        "timezone": "Asia/Urumqi",
        "locale": "zh-CN",
        "typing_preview": False,
        "version": 2,
    }
    frame = {"type": "changed", "object": "enterprise", "id": str(tenant.enterprise_id), "version": 2}
    assert await socket.next("changed") == frame


@pytest.mark.parametrize(
    ("changed", "field"),
    [
        ({"timezone": "Mars/Base"}, "timezone"),
        ({"timezone": "../etc/passwd"}, "timezone"),
        ({"timezone": "Asia\x00/Shanghai"}, "timezone"),
        ({"name": ""}, "name"),
        ({"name": "x" * 61}, "name"),
        ({"typing_preview": "perhaps"}, "typing_preview"),
        ({"created_at": "2020-01-01T00:00:00Z"}, "created_at"),
        ({"id": "01a20260-bf16-7939-9d6e-04bee08fd8a3"}, "id"),
    ],
)
async def test_bad_values_change_nothing(doors: Doors, tenant: Tenant, changed: dict[str, Any], field: str) -> None:
    admin = doors.agent(tenant.admin)
    before = (await admin.get("/enterprise")).json()
    refused = await admin.patch("/enterprise", json={"version": 1, **changed})
    assert refused.status_code == 422
    assert [problem["field"] for problem in refused.json()["error"]["fields"]] == [field]
    assert (await admin.get("/enterprise")).json() == before


async def test_a_stale_version_changes_nothing(doors: Doors, tenant: Tenant) -> None:
    admin = doors.agent(tenant.admin)
    first = (await admin.patch("/enterprise", json={"name": "先", "version": 1})).json()
    refused = await admin.patch("/enterprise", json={"name": "后", "version": 1})
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "version_conflict")
    assert (await admin.get("/enterprise")).json() == first


async def test_ordinary_agents_see_and_do_not_change(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    member = await factories.agent(tenant.enterprise_id)
    assert (await doors.agent(member).get("/enterprise")).status_code == 200
    refused = await doors.agent(member).patch("/enterprise", json={"name": "我的", "version": 1})
    assert refused.status_code == 403
    assert (await doors.agent(member).get("/enterprise")).json()["name"] == tenant.name

"""The catalogue of tags, and tags on customers."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.throttle import Rate
from qiatan.modules.conversations.routes import customers as routes
from qiatan.modules.routing.service.case import case_of
from tests.support import talk
from tests.support.doors import Doors
from tests.support.factories import Factories, Tenant


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant()


@pytest.fixture
def admin(doors: Doors, tenant: Tenant) -> httpx.AsyncClient:
    return doors.agent(tenant.admin)


async def _tag(http: httpx.AsyncClient, name: str, kind: str = "customer", **more: Any) -> dict[str, Any]:
    answer = await http.post("/tags", json={"kind": kind, "name": name, **more})
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


async def _names(http: httpx.AsyncClient) -> list[str]:
    return [tag["name"] for tag in (await http.get("/tags")).json()["tags"]]


async def test_tags_and_groups_are_made_ordered_changed_and_deleted(
    doors: Doors, factories: Factories, tenant: Tenant, admin: httpx.AsyncClient
) -> None:
    page = await doors.agent_socket(await factories.agent(tenant.enterprise_id))
    group = (await admin.post("/tag-groups", json={"kind": "customer", "name": "价值"})).json()
    old = await _tag(admin, " 老客 ", color="blue", group_id=group["id"])
    big = await _tag(admin, "大客户")
    other = await _tag(admin, "老客", "conversation")
    told = await page.next("changed")
    assert (told["object"], told["id"], told["version"]) == ("tags", str(tenant.enterprise_id), 0)
    assert old == {
        **old,
        "name": "老客",
        "color": "blue",
        "group_id": group["id"],
        "kind": "customer",
        "position": 1,
        "uses": None,
        "version": 1,
    }
    assert (big["color"], big["group_id"], big["position"], other["position"]) == ("gray", None, 2, 1)

    assert (await admin.put("/tags/order", json={"kind": "customer", "ids": [big["id"]]})).status_code == 204
    changed = await admin.patch(f"/tags/{old['id']}", json={"name": "熟客", "color": "pink", "group_id": None, "version": 1})
    kept = await admin.patch(f"/tags/{big['id']}", json={"group_id": group["id"], "version": 1})

    assert (changed.json()["name"], changed.json()["color"], changed.json()["group_id"]) == ("熟客", "pink", None)
    assert (kept.json()["name"], kept.json()["group_id"], kept.json()["version"]) == ("大客户", group["id"], 2)
    catalogue = (await admin.get("/tags")).json()
    assert [tag["name"] for tag in catalogue["tags"] if tag["kind"] == "customer"] == ["大客户", "熟客"]
    renamed = await admin.patch(f"/tag-groups/{group['id']}", json={"name": "分层", "version": 1})
    assert (renamed.json()["name"], renamed.json()["version"]) == ("分层", 2)
    assert (await admin.delete(f"/tag-groups/{group['id']}")).status_code == 204
    left = (await admin.get("/tags")).json()
    assert (left["groups"], [tag["group_id"] for tag in left["tags"]]) == ([], [None, None, None])
    assert (await admin.delete(f"/tags/{other['id']}")).status_code == 204
    assert await _names(admin) == ["大客户", "熟客"]
    actions = [entry["action"] for entry in (await admin.get("/audit?limit=20")).json()["items"]]
    assert {"tag.created", "tag.ordered", "tag.changed", "tag_group.changed", "tag_group.deleted", "tag.deleted"} <= set(actions)


async def test_tags_that_cannot_be_meant(doors: Doors, factories: Factories, tenant: Tenant, admin: httpx.AsyncClient) -> None:
    group = (await admin.post("/tag-groups", json={"kind": "conversation", "name": "结果"})).json()
    foreign = doors.agent((await factories.tenant()).admin)
    theirs = (await foreign.post("/tag-groups", json={"kind": "customer", "name": "他们的"})).json()
    vip = await _tag(admin, "Vip")
    before = (await admin.get("/tags")).json()

    for body, field in (
        ({"kind": "customer", "name": " "}, "name"),
        ({"kind": "customer", "name": "长" * 31}, "name"),
        ({"kind": "customer", "name": "VIP"}, "name"),
        ({"kind": "customer", "name": "新", "color": "#fff"}, "color"),
        ({"kind": "agent", "name": "新"}, "kind"),
        ({"kind": "customer", "name": "新", "group_id": group["id"]}, "group_id"),
        ({"kind": "customer", "name": "新", "group_id": theirs["id"]}, "group_id"),
    ):
        answer = await admin.post("/tags", json=body)
        assert (answer.status_code, [problem["field"] for problem in answer.json()["error"]["fields"]]) == (422, [field]), body
    assert (await admin.patch(f"/tags/{vip['id']}", json={"name": "x", "version": 2})).status_code == 409
    assert (await admin.patch(f"/tags/{vip['id']}", json={"group_id": group["id"], "version": 1})).status_code == 422
    assert (await admin.put("/tags/order", json={"kind": "conversation", "ids": [vip["id"]]})).status_code == 422
    assert [(await foreign.delete(f"/tags/{vip['id']}")).status_code, (await foreign.delete(f"/tag-groups/{group['id']}")).status_code] == [
        404,
        404,
    ]
    ordinary = doors.agent(await factories.agent(tenant.enterprise_id))
    assert (await ordinary.post("/tags", json={"kind": "customer", "name": "我的"})).status_code == 403
    assert (await admin.get("/tags")).json() == before == (await ordinary.get("/tags")).json()


async def test_of_two_tags_made_at_once_with_one_name_one_is_refused(admin: httpx.AsyncClient) -> None:
    answers = await asyncio.gather(*(admin.post("/tags", json={"kind": "customer", "name": name}) for name in ("同名", "同名", "另一个")))

    assert sorted(answer.status_code for answer in answers) == [201, 201, 422]
    assert sorted(await _names(admin)) == sorted(["同名", "另一个"])
    assert sorted(tag["position"] for tag in (await admin.get("/tags")).json()["tags"]) == [1, 2]


async def test_tags_on_a_customer_come_off_with_the_tag(
    doors: Doors, database: Database, factories: Factories, tenant: Tenant, admin: httpx.AsyncClient
) -> None:
    agent = await factories.agent(tenant.enterprise_id)
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, agent)
    old, big, other = await _tag(admin, "老客", color="green"), await _tag(admin, "大客户"), await _tag(admin, "投诉", "conversation")
    http, path = doors.agent(agent), f"/customers/{guest.customer_id}"

    tagged = await http.patch(path, json={"tag_ids": [big["id"], old["id"], big["id"]], "version": 1})

    assert tagged.json()["tags"] == [
        {"id": old["id"], "name": "老客", "color": "green"},
        {"id": big["id"], "name": "大客户", "color": "gray"},
    ]
    for wrong in ([other["id"]], [str(new_id())]):
        refused = await http.patch(path, json={"tag_ids": [old["id"], *wrong], "version": 2})
        assert (refused.status_code, refused.json()["error"]["fields"][0]["code"]) == (422, "unknown")
    async with database.tenant(tenant.enterprise_id) as tx:
        assert (await case_of(tx, conversation_id)).tags == {"老客", "大客户"}
    counted = {tag["name"]: tag["uses"] for tag in (await http.get("/tags?uses=true")).json()["tags"]}
    assert counted == {"老客": 1, "大客户": 1, "投诉": 0}

    fewer = await http.patch(path, json={"tag_ids": [old["id"]], "version": 2})
    assert [tag["name"] for tag in fewer.json()["tags"]] == ["老客"]
    assert (await admin.delete(f"/tags/{old['id']}")).status_code == 204
    assert (await http.get(path)).json()["tags"] == []
    history = (await http.get(f"{path}/changes?field=tags")).json()["items"]
    assert [(one["before"], one["after"]) for one in history] == [(["老客", "大客户"], ["老客"]), ([], ["老客", "大客户"])]


async def test_a_tag_that_is_deleted_while_it_is_put_on_leaves_nothing_behind(
    doors: Doors, database: Database, factories: Factories, tenant: Tenant, admin: httpx.AsyncClient
) -> None:
    agent = await factories.agent(tenant.enterprise_id)
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    await talk.served(database, guest, agent)
    tag = await _tag(admin, "老客")

    put, deleted = await asyncio.gather(
        doors.agent(agent).patch(f"/customers/{guest.customer_id}", json={"tag_ids": [tag["id"]], "version": 1}),
        admin.delete(f"/tags/{tag['id']}"),
    )

    assert (put.status_code, deleted.status_code) in {(200, 204), (422, 204)}
    assert (await doors.agent(agent).get(f"/customers/{guest.customer_id}")).json()["tags"] == []


async def test_nobody_has_uses_counted_without_end(doors: Doors, tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(routes, "COUNTS", Rate(burst=1, per_minute=1))
    http = doors.agent(tenant.admin)

    answers = [(await http.get(path)).status_code for path in ("/tags?uses=true", "/tags?uses=true", "/tags")]

    assert answers == [200, 429, 200]

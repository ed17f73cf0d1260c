"""Setting from where people may sign in: what is taken, what is refused, and what a draft would do."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import uuid4

import pytest

from qiatan.infra.db import Database
from qiatan.kit.access import Scope, ScopeKind
from tests.modules.accounts.restricting import (
    CHENGDU,
    POLICY,
    SHENZHEN,
    audited,
    restrict,
    role_of,
    rules_of,
    stored_policy,
    trusted,
)
from tests.support.clock import NOON, FakeClock
from tests.support.doors import Doors
from tests.support.factories import Factories, Member, Tenant

SECURITY = frozenset({"security.view", "security.edit"})


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant()


@pytest.fixture
async def agent(factories: Factories, tenant: Tenant) -> Member:
    return await factories.agent(tenant.enterprise_id, name="魏小满")


async def test_before_it_was_saved_nobody_is_restricted(doors: Doors, tenant: Tenant, agent: Member) -> None:
    answer = await doors.agent(tenant.admin).get(POLICY)
    assert answer.json() == {
        "enabled": False,
        "role_ids": [],
        "regions": [],
        "trusted": [],
        "restricted_count": 0,
        "free_count": 2,
        "version": 0,
    }


async def test_a_policy_is_shown_as_it_was_saved(
    doors: Doors, factories: Factories, tenant: Tenant, agent: Member, database: Database
) -> None:
    await factories.agent(tenant.enterprise_id, enabled=False)
    await factories.agent(tenant.enterprise_id, pending=True)
    role = await role_of(database, agent)

    saved = await restrict(
        doors,
        tenant,
        role,
        regions=["CN/广东省/深圳市", "SG", "CN/四川省"],
        trusted=[
            {"first": "::ffff:203.0.113.0/120", "note": "  总部  "},
            {"first": " 2001:DB8::1", "last": "2001:db8::ff"},
            {"first": "198.51.100.7", "last": ""},
        ],
    )

    assert saved == {
        "enabled": True,
        "role_ids": [str(role)],
        "regions": [
            {"code": "CN/四川省", "names": ["中国", "四川省"]},
            {"code": "CN/广东省/深圳市", "names": ["中国", "广东省", "深圳市"]},
            {"code": "SG", "names": ["新加坡"]},
        ],
        "trusted": [
            {"first": "203.0.113.0/24", "last": None, "note": "总部", "last_used_at": None},
            {"first": "2001:db8::1", "last": "2001:db8::ff", "note": "", "last_used_at": None},
            {"first": "198.51.100.7", "last": None, "note": "", "last_used_at": None},
        ],
        "restricted_count": 1,
        "free_count": 1,
        "version": 1,
    }
    assert (await doors.agent(tenant.admin).get(POLICY)).json() == saved


async def test_a_change_is_written_down_with_before_and_after(doors: Doors, tenant: Tenant, agent: Member, database: Database) -> None:
    role = await role_of(database, agent)
    await restrict(doors, tenant, role, regions=["CN"])
    await restrict(doors, tenant, role, regions=["CN", "SG"], trusted=[{"first": "10.0.0.1", "last": "10.0.0.9"}], version=1)

    first, second = await audited(database, tenant.enterprise_id, "login_policy.changed")

    assert first.actor_id == tenant.admin.id
    assert first.details == {"enabled": [False, True], "roles": [[], ["普通客服"]], "regions": [[], ["CN"]]}
    assert second.details == {
        "regions": [["CN"], ["CN", "SG"]],
        "trusted": [[], ["10.0.0.1 – 10.0.0.9"]],
        "notes": [[], [""]],
    }


async def test_an_address_that_stays_keeps_when_it_was_used(
    doors: Doors, tenant: Tenant, agent: Member, database: Database, clock: FakeClock
) -> None:
    role = await role_of(database, agent)
    await restrict(doors, tenant, role, trusted=[{"first": "203.0.113.0/24"}, {"first": "198.51.100.0/24"}])
    clock.advance(minutes=6)
    await doors.agent(agent, address="203.0.113.9").get("/me")
    used = (await trusted(database, tenant.enterprise_id))[0]

    saved = await restrict(doors, tenant, role, trusted=[{"first": "192.0.2.1"}, {"first": "203.0.113.0/24", "note": "新"}], version=1)

    assert used.last_used_at == NOON + timedelta(minutes=6)
    kept = (await trusted(database, tenant.enterprise_id))[1]
    assert (kept.id, kept.created_at, kept.last_used_at, kept.note) == (used.id, NOON, used.last_used_at, "新")
    assert [entry["last_used_at"] is not None for entry in saved["trusted"]] == [False, True]


@pytest.mark.parametrize(
    ("draft", "field", "code"),
    [
        ({"roles": 0, "regions": ["CN"]}, "role_ids", "empty"),
        ({"roles": 1}, "regions", "empty"),
        ({"roles": 1, "regions": ["CN/广东"]}, "regions", "unknown"),
        ({"roles": 1, "regions": ["ZZ"]}, "regions", "unknown"),
        ({"roles": 1, "trusted": [{"first": "10.1.2.3/8"}]}, "trusted.0.first", "invalid"),
        ({"roles": 1, "trusted": [{"first": "10.0.0.1"}, {"first": "10.0.0.9", "last": "10.0.0.1"}]}, "trusted.1.last", "invalid"),
        ({"roles": 1, "trusted": [{"first": "10.0.0.1", "last": "::1"}]}, "trusted.0.last", "invalid"),
        ({"roles": 1, "trusted": [{"first": "office"}]}, "trusted.0.first", "invalid"),
    ],
)
async def test_what_cannot_be_meant_is_refused_by_field_and_changes_nothing(
    doors: Doors, tenant: Tenant, agent: Member, database: Database, draft: dict[str, Any], field: str, code: str
) -> None:
    roles = [await role_of(database, agent)] * draft.pop("roles")
    body = rules_of(*roles, **draft)

    answers = [
        await doors.agent(tenant.admin).put(POLICY, json=body | {"version": 0}),
        await doors.agent(tenant.admin).post(f"{POLICY}/preview", json=body),
    ]

    for answer in answers:
        assert answer.status_code == 422, answer.text
        assert [(problem["field"], problem["code"]) for problem in answer.json()["error"]["fields"]] == [(field, code)]
    assert await stored_policy(database, tenant.enterprise_id) is None
    assert await audited(database, tenant.enterprise_id, "login_policy.changed") == []


@pytest.mark.parametrize(
    "change",
    [
        {"trusted": [{"first": "10.0.0.1"}] * 201},
        {"regions": ["CN"] * 501},
        {"trusted": [{"first": "1" * 65}]},
        {"trusted": [{"first": "10.0.0.1", "note": "长" * 61}]},
        {"trusted": [{"first": "10.0.0.1", "position": 3}]},
        {"regions": ["C\x00N"]},
        {"regions": "CN"},
        {"role_ids": ["x"]},
        {"enabled": "perhaps"},
        {"version": -1},
        {"enterprise_id": str(uuid4())},
    ],
)
async def test_bodies_of_another_form_are_refused(
    doors: Doors, tenant: Tenant, agent: Member, database: Database, change: dict[str, Any]
) -> None:
    body = rules_of(await role_of(database, agent), trusted=[{"first": "10.0.0.1"}], version=0)
    answer = await doors.agent(tenant.admin).put(POLICY, json=body | change)
    assert (answer.status_code, answer.json()["error"]["code"]) == (422, "invalid_input")
    assert await stored_policy(database, tenant.enterprise_id) is None


async def test_the_administrators_role_cannot_be_selected(doors: Doors, tenant: Tenant, agent: Member, database: Database) -> None:
    roles = (await role_of(database, agent), await role_of(database, tenant.admin))
    answer = await doors.agent(tenant.admin).put(POLICY, json=rules_of(*roles, regions=["CN"], version=0))
    assert answer.status_code == 422
    assert [(problem["field"], problem["code"]) for problem in answer.json()["error"]["fields"]] == [("role_ids", "admin")]
    assert await stored_policy(database, tenant.enterprise_id) is None


async def test_a_role_of_another_enterprise_is_unknown(
    doors: Doors, factories: Factories, tenant: Tenant, agent: Member, database: Database
) -> None:
    other = await factories.tenant("别家")
    foreign = await role_of(database, await factories.agent(other.enterprise_id))
    for role in (foreign, uuid4()):
        answer = await doors.agent(tenant.admin).put(POLICY, json=rules_of(role, regions=["CN"], version=0))
        assert answer.status_code == 422
        assert [(problem["field"], problem["code"]) for problem in answer.json()["error"]["fields"]] == [("role_ids", "unknown")]
    assert await stored_policy(database, tenant.enterprise_id) is None


async def test_switched_off_it_may_be_empty(doors: Doors, tenant: Tenant, database: Database) -> None:
    await restrict(doors, tenant, enabled=False)
    assert await stored_policy(database, tenant.enterprise_id) == (False, 1)


async def test_of_two_who_save_at_once_one_is_told_so(doors: Doors, tenant: Tenant, agent: Member, database: Database) -> None:
    role = await role_of(database, agent)
    bodies = [rules_of(role, regions=[region], version=0) for region in ("CN", "SG")]
    browsers = [doors.agent(tenant.admin), doors.agent(tenant.admin)]

    answers = await asyncio.gather(*(browser.put(POLICY, json=body) for browser, body in zip(browsers, bodies, strict=True)))

    assert sorted(answer.status_code for answer in answers) == [200, 409]
    refused = next(answer for answer in answers if answer.status_code == 409)
    assert refused.json()["error"]["code"] == "version_conflict"
    assert await stored_policy(database, tenant.enterprise_id) == (True, 1)
    assert len(await audited(database, tenant.enterprise_id, "login_policy.changed")) == 1


async def test_rules_that_lock_out_their_author_need_a_confirmation(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database
) -> None:
    head = await factories.agent(tenant.enterprise_id, points=SECURITY, scope=Scope(ScopeKind.ALL))
    browser = doors.agent(head, address=CHENGDU)
    body = rules_of(await role_of(database, head), regions=["CN/广东省"], version=0)

    asked = await browser.put(POLICY, json=body)

    assert (asked.status_code, asked.json()["error"]["code"]) == (409, "would_lock_out")
    assert f"{CHENGDU} (中国、四川省、成都市)" in asked.json()["error"]["message"]
    assert await stored_policy(database, tenant.enterprise_id) is None
    assert (await browser.get(POLICY)).status_code == 200

    confirmed = await browser.put(POLICY, json=body | {"confirm_lock_out": True})

    assert confirmed.status_code == 200
    assert (await browser.get(POLICY)).status_code == 401
    assert (await audited(database, tenant.enterprise_id, "login_policy.changed"))[0].details["locked_out"] is True


async def test_rules_that_spare_their_author_need_none(doors: Doors, factories: Factories, tenant: Tenant, database: Database) -> None:
    head = await factories.agent(tenant.enterprise_id, points=SECURITY, scope=Scope(ScopeKind.ALL))
    role = await role_of(database, head)
    spare: list[dict[str, Any]] = [
        {"regions": ["CN/四川省"]},
        {"trusted": [{"first": CHENGDU}]},
        {"regions": ["CN/广东省"], "enabled": False},
    ]
    for version, draft in enumerate(spare):
        answer = await doors.agent(head, address=CHENGDU).put(POLICY, json=rules_of(role, version=version, **draft))
        assert answer.status_code == 200, answer.text


async def test_the_policy_is_for_those_who_hold_the_point(
    doors: Doors, factories: Factories, tenant: Tenant, agent: Member, database: Database
) -> None:
    body = rules_of(await role_of(database, agent), regions=["CN"], version=0)
    viewer = await factories.agent(tenant.enterprise_id, points=frozenset({"security.view"}))
    trial = {"address": SHENZHEN, "role_id": body["role_ids"][0]}

    assert (await doors.agent(viewer).get(POLICY)).status_code == 200
    assert (await doors.agent(viewer).put(POLICY, json=body)).status_code == 403
    for method, path, sent in (("GET", "", None), ("PUT", "", body), ("POST", "/preview", body), ("POST", "/trial", trial)):
        assert (await doors.agent(agent).request(method, POLICY + path, json=sent)).status_code == 403
        assert (await doors.stranger().request(method, POLICY + path, json=sent)).status_code == 401
    assert await stored_policy(database, tenant.enterprise_id) is None


async def test_pages_that_show_it_hear_of_a_change(doors: Doors, tenant: Tenant, agent: Member, database: Database) -> None:
    watching, other = await doors.agent_socket(tenant.admin), await doors.agent_socket(agent)
    await restrict(doors, tenant, await role_of(database, agent), trusted=[{"first": "192.0.2.0/24"}])

    changed = await watching.next("changed")

    assert changed == {"type": "changed", "object": "security", "id": str(tenant.enterprise_id), "version": 1}
    assert [frame for frame in await other.settle() if frame["type"] == "changed"] == []

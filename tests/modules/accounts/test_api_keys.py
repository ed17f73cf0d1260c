"""Keys for programs: making and revoking them, and what a program may do with one."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text, update

from qiatan.entrypoints.registry import CATALOGUE
from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.http.guards import Requires
from qiatan.infra.throttle import Rate
from qiatan.kit.access import Scope, ScopeKind
from qiatan.modules.accounts.models import UNUSABLE, AgentRow
from qiatan.modules.accounts.repository import EnterpriseRepository
from tests.guarantees.world import checksum
from tests.modules.accounts.factors import said
from tests.support.access import points_of
from tests.support.backends import somebody_waits_for_a_lock
from tests.support.clock import NOON, FakeClock
from tests.support.doors import Doors
from tests.support.factories import PASSWORD, Factories, Member, Tenant
from tests.support.routes import every_route

NEW = {"name": "报表", "points": ["enterprise.view"], "password": PASSWORD}
IMPERSONAL = sorted(point.name for point in CATALOGUE if not point.personal)


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant()


async def _make(doors: Doors, maker: Member, *points: str, **more: Any) -> dict[str, Any]:
    new = {"name": "报表", "points": list(points or ["enterprise.view"]), "password": PASSWORD, **more}
    answer = await doors.agent(maker).post("/api-keys", json=new)
    assert answer.status_code == 201, answer.text
    return dict(answer.json())


def _program(doors: Doors, made: dict[str, Any], **options: Any) -> httpx.AsyncClient:
    return doors.visitor(made["secret"], **options)


async def _entries(doors: Doors, tenant: Tenant) -> list[tuple[str, str]]:
    items = (await doors.agent(tenant.admin).get("/audit?action=api_key")).json()["items"]
    return [(item["action"], item["subject"]["id"]) for item in reversed(items)]


# -- making and revoking


async def test_a_key_is_shown_once_and_kept_as_a_hash(doors: Doors, database: Database, tenant: Tenant) -> None:
    http = doors.agent(tenant.admin)
    until = (NOON + timedelta(days=90)).isoformat().replace("+00:00", "Z")

    made = await _make(doors, tenant.admin, "enterprise.view", "agents.view", expires_at=until)

    secret = made["secret"]
    assert secret.startswith("qk_")
    assert len(secret) == 46
    key = made["api_key"]
    assert key == {
        "id": key["id"],
        "name": "报表",
        "prefix": secret[:10],
        "points": ["agents.view", "enterprise.view"],
        "created_by": str(tenant.admin.id),
        "created_at": "2026-03-02T04:00:00Z",
        "expires_at": until,
        "last_used_at": None,
        "revoked_at": None,
    }
    assert (await http.get("/api-keys")).json() == {"items": [key], "next": None}
    async with database.system() as tx:
        stored = (await tx.session.execute(text("SELECT t::text FROM api_keys t WHERE id = :id"), {"id": key["id"]})).scalar_one()
        logged = (
            await tx.session.execute(
                text("SELECT string_agg(t::text, ' ') FROM audit_log t WHERE enterprise_id = :id"), {"id": tenant.enterprise_id}
            )
        ).scalar_one()
    assert secret not in stored + logged
    assert await _entries(doors, tenant) == [("api_key.created", key["id"])]


async def test_keys_are_listed_newest_first_in_pages(doors: Doors, tenant: Tenant, clock: FakeClock) -> None:
    ids = []
    for _ in range(3):
        ids.append((await _make(doors, tenant.admin))["api_key"]["id"])
        clock.advance(seconds=1)
    http = doors.agent(tenant.admin)

    first = (await http.get("/api-keys?limit=2")).json()
    second = (await http.get("/api-keys", params={"limit": 2, "after": first["next"]})).json()

    assert [key["id"] for page in (first, second) for key in page["items"]] == ids[::-1]
    assert second["next"] is None


async def test_a_revoked_key_is_worth_nothing_at_once_and_stays_in_the_list(doors: Doors, tenant: Tenant) -> None:
    made = await _make(doors, tenant.admin)
    http, program = doors.agent(tenant.admin), _program(doors, made)
    assert (await program.get("/enterprise")).status_code == 200
    path = f"/api-keys/{made['api_key']['id']}"

    assert [(await http.delete(path)).status_code for _ in range(2)] == [204, 204]

    refused = await program.get("/enterprise")
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "not_signed_in")
    assert (await http.get("/api-keys")).json()["items"][0]["revoked_at"] == "2026-03-02T04:00:00Z"
    assert [action for action, _ in await _entries(doors, tenant)] == ["api_key.created", "api_key.revoked"]


@pytest.mark.parametrize(
    ("points", "code"),
    [
        (["agents.fly"], "unknown"),
        (["conversations.serve"], "personal"),
        (["api_keys.manage"], "personal"),
        (["channels.edit"], "not_held"),
    ],
)
async def test_points_a_key_cannot_hold_are_named(
    doors: Doors, database: Database, tenant: Tenant, factories: Factories, points: list[str], code: str
) -> None:
    held = points_of("admin") - {"channels.edit"}
    maker = await factories.agent(tenant.enterprise_id, points=held, scope=Scope(ScopeKind.ALL))
    before = await checksum(database, tenant.enterprise_id)

    refused = await doors.agent(maker).post(
        "/api-keys", json={"name": "报表", "points": ["enterprise.view", *points], "password": PASSWORD}
    )

    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "invalid_input")
    problems = refused.json()["error"]["fields"]
    assert [(problem["field"], problem["code"]) for problem in problems] == [("points", code)]
    assert points[0] in problems[0]["message"]
    assert await checksum(database, tenant.enterprise_id) == before


@pytest.mark.parametrize(
    "body",
    [
        {"points": []},
        {"points": ["enterprise.view"] * 501},
        {"points": "enterprise.view"},
        {"points": ["enterprise.view"], "name": ""},
        {"points": ["enterprise.view"], "name": "\x00"},
        {"points": ["enterprise.view"], "expires_at": "2026-03-02T04:00:00Z"},
        {"points": ["enterprise.view"], "expires_at": "2026-03-02T12:00:00"},
        {"points": ["enterprise.view"], "expires_at": "9999-12-31T23:59:59-12:00"},
        {"points": ["enterprise.view"], "expires_at": "0001-01-01T00:00:00+12:00"},
        {"points": ["enterprise.view"], "revoked_at": None},
        {"points": ["enterprise.view"], "created_by": str(UUID(int=1))},
    ],
)
async def test_bad_input_makes_no_key(doors: Doors, tenant: Tenant, body: dict[str, Any]) -> None:
    http = doors.agent(tenant.admin)

    refused = await http.post("/api-keys", json={"name": "报表", "password": PASSWORD, **body})

    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "invalid_input")
    assert (await http.get("/api-keys")).json()["items"] == []


async def test_an_open_browser_alone_makes_no_key(doors: Doors, tenant: Tenant) -> None:
    http = doors.agent(tenant.admin)

    without = await http.post("/api-keys", json=NEW | {"password": None})
    wrong = [await http.post("/api-keys", json=NEW | {"password": "not this one"}) for _ in range(4)]
    late = await http.post("/api-keys", json=NEW)

    assert (without.status_code, without.json()["error"]["fields"][0]["field"]) == (422, "password")
    assert [said(answer) for answer in wrong] == [(401, "wrong_credentials")] * 4
    assert said(late) == (429, "too_many")
    assert (await http.get("/api-keys")).json()["items"] == []


async def test_what_else_is_wrong_uses_up_no_tries_at_the_password(doors: Doors, tenant: Tenant) -> None:
    http = doors.agent(tenant.admin)
    past = NEW | {"expires_at": NOON.isoformat()}

    refused = [await http.post("/api-keys", json=past) for _ in range(6)]
    made = await http.post("/api-keys", json=NEW)

    assert [said(answer) for answer in refused] == [(422, "invalid_input")] * 6
    assert {answer.json()["error"]["fields"][0]["field"] for answer in refused} == {"expires_at"}
    assert made.status_code == 201


async def test_who_has_no_password_makes_keys_just_after_signing_in(
    doors: Doors, tenant: Tenant, database: Database, clock: FakeClock
) -> None:
    async with database.system() as tx:
        await tx.session.execute(update(AgentRow).where(AgentRow.id == tenant.admin.id).values(password_hash=UNUSABLE))
    http, new = doors.agent(tenant.admin), {"name": "报表", "points": ["enterprise.view"]}
    assert (await http.post("/api-keys", json=new)).status_code == 201
    clock.advance(minutes=10)

    refused = await http.post("/api-keys", json=new)

    assert said(refused) == (403, "recent_sign_in_required")
    assert len((await http.get("/api-keys")).json()["items"]) == 1


async def test_whose_scope_is_not_everything_manages_no_keys(
    doors: Doors, database: Database, tenant: Tenant, factories: Factories
) -> None:
    made = await _make(doors, tenant.admin)
    group = await factories.group(tenant.enterprise_id)
    before = await checksum(database, tenant.enterprise_id)
    for scope in (Scope(ScopeKind.SELF), Scope(ScopeKind.GROUPS, frozenset({group}))):
        maker = await factories.agent(tenant.enterprise_id, points=points_of("admin"), scope=scope)
        before = await checksum(database, tenant.enterprise_id)
        http = doors.agent(maker)
        answers = [
            await http.get("/api-keys"),
            await http.post("/api-keys", json=NEW),
            await http.delete(f"/api-keys/{made['api_key']['id']}"),
        ]
        assert [(answer.status_code, answer.json()["error"]["code"]) for answer in answers] == [(403, "not_allowed")] * 3
        assert await checksum(database, tenant.enterprise_id) == before


async def test_keys_of_others_do_not_exist(doors: Doors, tenant: Tenant, factories: Factories) -> None:
    made = await _make(doors, tenant.admin)
    other = doors.agent((await factories.tenant()).admin)

    assert (await other.get("/api-keys")).json()["items"] == []
    assert (await other.delete(f"/api-keys/{made['api_key']['id']}")).status_code == 404
    assert (await doors.agent(tenant.admin).delete(f"/api-keys/{new_id()}")).status_code == 404
    assert (await _program(doors, made).get("/enterprise")).status_code == 200


async def test_a_hundred_living_keys_are_enough(doors: Doors, database: Database, tenant: Tenant, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qiatan.modules.accounts.service.api_keys.MAX_KEYS", 3)
    first, *_ = [await _make(doors, tenant.admin) for _ in range(3)]
    http = doors.agent(tenant.admin)

    refused = await http.post("/api-keys", json=NEW)
    await http.delete(f"/api-keys/{first['api_key']['id']}")
    made = await http.post("/api-keys", json=NEW)

    assert (refused.status_code, refused.json()["error"]["code"], made.status_code) == (409, "limit_reached", 201)


# -- acting with one


async def test_a_program_acts_with_the_points_of_its_key(doors: Doors, tenant: Tenant) -> None:
    """Without a CSRF header: no page of others can send a key."""
    made = await _make(doors, tenant.admin, "enterprise.view", "enterprise.edit", "audit.view")
    program = _program(doors, made, address="203.0.113.7")

    changed = await program.patch("/enterprise", json={"name": "云上茶", "version": 1})

    assert (changed.status_code, changed.json()["name"]) == (200, "云上茶")
    refused = await program.get("/agents")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_allowed")
    entry = (await program.get("/audit?action=enterprise")).json()["items"][0]
    assert entry["actor"] == {"kind": "api_key", "id": made["api_key"]["id"], "name": "报表"}
    assert entry["address"] == "203.0.113.7"


async def test_the_last_use_is_shown_to_five_minutes(doors: Doors, tenant: Tenant, clock: FakeClock) -> None:
    made = await _make(doors, tenant.admin)
    program, http = _program(doors, made), doors.agent(tenant.admin)
    seen = []
    for minutes in (0, 4, 1):
        clock.advance(minutes=minutes)
        await program.get("/enterprise")
        seen.append((await http.get("/api-keys")).json()["items"][0]["last_used_at"])

    assert seen == ["2026-03-02T04:00:00Z", "2026-03-02T04:00:00Z", "2026-03-02T04:05:00Z"]


async def test_a_key_ends_at_its_time(doors: Doors, tenant: Tenant, clock: FakeClock) -> None:
    made = await _make(doors, tenant.admin, expires_at=(NOON + timedelta(hours=1)).isoformat())
    program = _program(doors, made)
    clock.advance(minutes=59, seconds=59)
    before = (await program.get("/enterprise")).status_code
    clock.advance(seconds=1)

    assert (before, (await program.get("/enterprise")).status_code) == (200, 401)


async def test_a_key_does_no_more_than_whoever_made_it_may_now(
    doors: Doors, database: Database, tenant: Tenant, factories: Factories
) -> None:
    maker = await factories.agent(tenant.enterprise_id, points=points_of("admin"), scope=Scope(ScopeKind.ALL))
    program = _program(doors, await _make(doors, maker, "agents.view", "enterprise.view"))
    everybody = len((await program.get("/agents")).json()["items"])

    async def change(statement: str) -> None:
        async with database.system() as tx:
            await tx.session.execute(text(statement), {"id": maker.id})

    await change("UPDATE agents SET scope_kind = 'self' WHERE id = :id")
    narrowed = (await program.get("/agents")).json()["items"]
    await change("UPDATE roles SET points = '{enterprise.view}' WHERE id = (SELECT role_id FROM agents WHERE id = :id)")
    lost = (await program.get("/agents")).status_code
    kept = (await program.get("/enterprise")).status_code
    await change("UPDATE agents SET enabled = false WHERE id = :id")

    assert (everybody, narrowed, lost, kept) == (2, [], 403, 200)
    assert (await program.get("/enterprise")).status_code == 401


async def test_a_key_rests_while_its_maker_has_to_add_a_second_factor(doors: Doors, tenant: Tenant, factories: Factories) -> None:
    held = frozenset({"api_keys.manage", "agents.view"})
    maker = await factories.agent(tenant.enterprise_id, points=held, scope=Scope(ScopeKind.ALL))
    program, admin = _program(doors, await _make(doors, maker, "agents.view")), doors.agent(tenant.admin)
    role = (await admin.get(f"/agents/{maker.id}")).json()["role"]["id"]

    answers = [await program.get("/agents")]
    for version, demanded in ((1, True), (2, False)):
        await admin.patch(f"/roles/{role}", json={"requires_two_factor": demanded, "version": version})
        answers.append(await program.get("/agents"))

    assert [answer.status_code for answer in answers] == [200, 403, 200]
    assert answers[1].json()["error"]["code"] == "two_factor_required"


async def test_a_key_decides_about_rights_with_what_its_maker_holds_once_its_turn_comes(
    doors: Doors, database: Database, tenant: Tenant, factories: Factories
) -> None:
    # given a program that waits while others decide about rights
    maker = await factories.agent(tenant.enterprise_id, points=points_of("admin"), scope=Scope(ScopeKind.ALL))
    program = _program(doors, await _make(doors, maker, "groups.edit"))
    async with database.tenant(tenant.enterprise_id) as tx:
        await EnterpriseRepository(tx, tenant.enterprise_id).lock()
        waiting = asyncio.create_task(program.post("/groups", json={"name": "新组"}))
        await somebody_waits_for_a_lock(database)
        # when its maker is switched off meanwhile
        await tx.session.execute(text("UPDATE agents SET enabled = false WHERE id = :id"), {"id": maker.id})

    # then it has no say any more
    refused = await waiting
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "not_signed_in")
    assert (await doors.agent(tenant.admin).get("/groups")).json()["items"] == []


@pytest.mark.parametrize("key", ["qk_", "qk_" + "a" * 43, "qk_" + "a" * 5_000, "qk_ä", "qk_\x00" + "a" * 42, "QK_" + "a" * 43])
async def test_unknown_keys_are_nobody(doors: Doors, key: str) -> None:
    refused = await doors.stranger(csrf=None).get("/enterprise", headers={b"Authorization": b"Bearer " + key.encode()})

    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "not_signed_in")


async def test_trying_keys_is_slowed_down_by_address_and_does_not_stop_a_good_one(
    doors: Doors, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qiatan.modules.accounts.service.api_keys.UNKNOWN_KEYS", Rate(burst=3, per_minute=0.001))
    made = await _make(doors, tenant.admin)
    guesser = doors.visitor("qk_" + "a" * 43, address="203.0.113.8")
    tried = [(await guesser.get("/enterprise")).status_code for _ in range(4)]
    elsewhere = _program(doors, made, address="203.0.113.9")

    assert tried == [401, 401, 401, 429]
    assert [(await elsewhere.get("/enterprise")).status_code for _ in range(6)] == [200] * 6


async def test_keys_open_no_sockets_and_no_polls(doors: Doors, tenant: Tenant) -> None:
    made = await _make(doors, tenant.admin)
    socket = await doors.socket()

    await socket.send(type="hello", protocol=1, token=made["secret"])

    assert await socket.until_closed() == 4401
    assert [frame["code"] for frame in socket.frames] == ["token_expired"]
    polled = await _program(doors, made).post("/poll", json={"hello": {"protocol": 1}}, headers={"X-Qiatan-Csrf": "1"})
    assert polled.status_code == 401


async def test_a_key_with_one_point_reaches_its_calls_only(doors: Doors, tenant: Tenant) -> None:
    reading = {
        route.path.removeprefix("/api/v1"): route.guards[0].point.name
        for route in every_route()
        if route.path is not None and route.method == "GET" and "{" not in route.path and isinstance(route.guards[0], Requires)
    }
    for point in IMPERSONAL:
        program = _program(doors, await _make(doors, tenant.admin, point))

        statuses = {path: (await program.get(path)).status_code for path in reading}

        assert {path for path, status in statuses.items() if status != 403} == {path for path, held in reading.items() if held == point}
        assert max(statuses.values()) < 500

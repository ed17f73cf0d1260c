"""What agents write on a customer's card: fields, their history, notes."""

from __future__ import annotations

import asyncio
from typing import Any
from uuid import UUID

import httpx
import pytest
from sqlalchemy import text

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.resources import Resources
from qiatan.kit.access import Scope, ScopeKind
from qiatan.modules.customers import jobs
from qiatan.modules.customers.repository import CatalogueRepository, CustomerRepository
from tests.support import talk
from tests.support.access import points_of
from tests.support.clock import FakeClock
from tests.support.doors import Doors
from tests.support.factories import PASSWORD, Factories, Guest, Member, Tenant


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant()


@pytest.fixture
async def guest(factories: Factories, tenant: Tenant) -> Guest:
    return await factories.visitor(await factories.channel(tenant.enterprise_id))


@pytest.fixture
async def agent(factories: Factories, database: Database, tenant: Tenant, guest: Guest) -> Member:
    """Serves the guest."""
    agent = await factories.agent(tenant.enterprise_id, name="顾言")
    await talk.served(database, guest, agent)
    return agent


def _codes(answer: httpx.Response) -> list[tuple[str, str]]:
    assert answer.status_code == 422, answer.text
    return [(problem["field"], problem["code"]) for problem in answer.json()["error"]["fields"]]


async def test_fields_are_kept_one_by_one_with_their_history(doors: Doors, clock: FakeClock, guest: Guest, agent: Member) -> None:
    http, path = doors.agent(agent), f"/customers/{guest.customer_id}"

    first = await http.patch(path, json={"fields": {"phone": " 138 0013 8000 ", "company": "松间", "qq": ""}, "version": 1})
    clock.advance(minutes=1)
    second = await http.patch(path, json={"name": "林夕", "vip": True, "fields": {"phone": "139 0013 9000", "company": None}, "version": 2})

    assert (first.status_code, first.json()["fields"], first.json()["version"]) == (200, {"phone": "138 0013 8000", "company": "松间"}, 2)
    assert (second.json()["fields"], second.json()["name"], second.json()["version"]) == ({"phone": "139 0013 9000"}, "林夕", 3)
    assert (await http.get(path)).json() == second.json()
    history = (await http.get(f"{path}/changes")).json()
    told = {(one["field"], one["before"], one["after"], one["by_name"]) for one in history["items"]}
    assert told == {
        ("phone", None, "138 0013 8000", "顾言"),
        ("company", None, "松间", "顾言"),
        ("phone", "138 0013 8000", "139 0013 9000", "顾言"),
        ("company", "松间", None, "顾言"),
        ("name", None, "林夕", "顾言"),
        ("vip", False, True, "顾言"),
    }
    assert [one["at"] for one in history["items"]] == sorted((one["at"] for one in history["items"]), reverse=True)
    phones = (await http.get(f"{path}/changes?field=phone&limit=1")).json()
    older = (await http.get(f"{path}/changes?field=phone&limit=1&after={phones['next']}")).json()
    assert [one["after"] for one in phones["items"] + older["items"]] == ["139 0013 9000", "138 0013 8000"]
    assert older["next"] is None


async def test_what_was_so_already_is_no_change(doors: Doors, guest: Guest, agent: Member) -> None:
    http, path = doors.agent(agent), f"/customers/{guest.customer_id}"
    await http.patch(path, json={"fields": {"age": "42"}, "version": 1})

    again = await http.patch(path, json={"fields": {"age": " 042 ", "qq": None}, "vip": False, "version": 2})

    assert (again.status_code, again.json()["version"]) == (200, 2)
    assert len((await http.get(f"{path}/changes")).json()["items"]) == 1


async def test_a_name_is_taken_away_by_null_and_stays_where_it_is_left_out(doors: Doors, guest: Guest, agent: Member) -> None:
    http, path = doors.agent(agent), f"/customers/{guest.customer_id}"
    made = (await http.get(path)).json()["name"]
    await http.patch(path, json={"name": "林夕", "version": 1})

    kept = (await http.patch(path, json={"vip": True, "version": 2})).json()
    refused = await http.patch(path, json={"name": " ", "version": 3})
    taken = (await http.patch(path, json={"name": None, "version": 3})).json()
    again = (await http.patch(path, json={"name": None, "version": 4})).json()

    assert (kept["name"], kept["named"], kept["version"]) == ("林夕", True, 3)
    assert _codes(refused) == [("name", "empty")]
    assert (taken["name"], taken["named"], taken["vip"], taken["version"]) == (made, False, True, 4)
    assert again["version"] == 4
    history = (await http.get(f"{path}/changes?field=name")).json()["items"]
    assert [(one["before"], one["after"]) for one in sorted(history, key=lambda one: one["before"] or "")] == [
        (None, "林夕"),
        ("林夕", None),
    ]


async def test_a_card_that_somebody_changed_meanwhile_stays_theirs(doors: Doors, guest: Guest, agent: Member) -> None:
    http, path = doors.agent(agent), f"/customers/{guest.customer_id}"

    answers = await asyncio.gather(*(http.patch(path, json={"fields": {"company": name}, "version": 1}) for name in "甲乙丙"))

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409]
    won = next(answer.json() for answer in answers if answer.status_code == 200)
    assert (await http.get(path)).json()["fields"] == won["fields"]
    assert len((await http.get(f"{path}/changes")).json()["items"]) == 1


async def test_the_same_phone_or_mail_is_counted_and_joins_nobody(
    doors: Doors, database: Database, factories: Factories, tenant: Tenant, guest: Guest, agent: Member
) -> None:
    other, stranger = await factories.visitor(await factories.channel(tenant.enterprise_id)), await factories.tenant()
    await talk.served(database, other, agent)
    elsewhere = await factories.visitor(await factories.channel(stranger.enterprise_id))
    await talk.served(database, elsewhere, stranger.admin)
    await doors.agent(stranger.admin).patch(f"/customers/{elsewhere.customer_id}", json={"fields": {"phone": "13800138000"}, "version": 1})
    http = doors.agent(agent)

    await http.patch(f"/customers/{guest.customer_id}", json={"fields": {"phone": "+86 138-0013-8000", "email": "A@b.cn"}, "version": 1})
    same = await http.patch(f"/customers/{other.customer_id}", json={"fields": {"phone": "13800138000"}, "version": 1})
    mailed = await http.patch(f"/customers/{other.customer_id}", json={"fields": {"phone": None, "email": "a@B.CN"}, "version": 2})
    alone = await http.patch(f"/customers/{other.customer_id}", json={"fields": {"email": None}, "version": 3})

    assert [answer.json()["same_contact_count"] for answer in (same, mailed, alone)] == [1, 1, 0]
    assert {answer.json()["id"] for answer in (same, mailed, alone)} == {str(other.customer_id)}
    assert (await http.get(f"/customers/{guest.customer_id}")).json()["fields"] == {"phone": "+86 138-0013-8000", "email": "A@b.cn"}


async def test_an_enterprises_own_fields(
    doors: Doors, database: Database, resources: Resources, tenant: Tenant, guest: Guest, agent: Member
) -> None:
    admin, http = doors.agent(tenant.admin), doors.agent(agent)
    page = await doors.agent_socket(agent)
    made = await admin.post("/customer-fields", json={"name": " 尺码 ", "kind": "choice", "options": ["大", "小"]})
    number = (await admin.post("/customer-fields", json={"name": "年消费", "kind": "number"})).json()
    size = made.json()
    assert (made.status_code, size["name"], size["key"], size["position"]) == (201, "尺码", size["id"], 1)
    told = await page.next("changed")
    assert (told["object"], told["id"], told["version"]) == ("customer_fields", str(tenant.enterprise_id), 0)

    kept = await http.patch(f"/customers/{guest.customer_id}", json={"fields": {size["key"]: "大", number["key"]: "012.50"}, "version": 1})
    refused = await http.patch(f"/customers/{guest.customer_id}", json={"fields": {size["key"]: "中", number["key"]: "x"}, "version": 2})
    assert kept.json()["fields"] == {size["key"]: "大", number["key"]: "12.5"}
    assert _codes(refused) == [(f"fields.{size['key']}", "not_an_option"), (f"fields.{number['key']}", "not_a_number")]

    assert (await admin.put("/customer-fields/order", json={"ids": [number["id"], size["id"]]})).status_code == 204
    renamed = await admin.patch(f"/customer-fields/{size['id']}", json={"name": "号型", "options": ["中", "小"], "version": 1})
    assert (renamed.json()["name"], renamed.json()["options"], renamed.json()["kind"]) == ("号型", ["中", "小"], "choice")
    assert [field["name"] for field in (await http.get("/customer-fields")).json()["items"]] == ["年消费", "号型"]
    assert (await http.get(f"/customers/{guest.customer_id}")).json()["fields"][size["key"]] == "大"  # until somebody changes it

    assert (await admin.delete(f"/customer-fields/{size['id']}")).status_code == 204
    await jobs.drop_values.run(resources, enterprise_id=str(tenant.enterprise_id), key=size["key"])
    card = (await http.get(f"/customers/{guest.customer_id}")).json()
    assert card["fields"] == {number["key"]: "12.5"}
    history = (await http.get(f"/customers/{guest.customer_id}/changes?field={size['key']}")).json()["items"]
    assert [(one["label"], one["after"]) for one in history] == [("尺码", "大")]
    assert await _deferred(database, size["key"]) == 1


async def test_a_deleted_fields_values_go_batch_by_batch_and_nobody_is_looked_at_twice(
    doors: Doors, database: Database, factories: Factories, resources: Resources, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(jobs, "BATCH", 2)
    key, kept = str(new_id()), str(new_id())
    channel = await factories.channel(tenant.enterprise_id)
    holders = [(await factories.visitor(channel)).customer_id for _ in range(5)]
    async with database.tenant(tenant.enterprise_id) as tx:
        for customer_id in holders:
            row = await CustomerRepository(tx, tx.enterprise_id).locked(customer_id)
            assert row is not None
            row.fields = {key: "x", kept: "y"}
    starts: list[UUID | None] = []
    drop = CatalogueRepository.drop_values

    async def noting(self: CatalogueRepository, key: str, limit: int, *, after: UUID | None) -> UUID | None:
        starts.append(after)
        return await drop(self, key, limit, after=after)

    monkeypatch.setattr(CatalogueRepository, "drop_values", noting)

    await jobs.drop_values.run(resources, enterprise_id=str(tenant.enterprise_id), key=key)

    assert starts == [None, *sorted(holders)[1:4:2]]
    async with database.tenant(tenant.enterprise_id) as tx:
        cards = [await CustomerRepository(tx, tx.enterprise_id).get(customer_id) for customer_id in holders]
    assert [card.fields for card in cards if card is not None] == [{kept: "y"}] * 5


async def _deferred(database: Database, key: str) -> int:
    query = text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'customers.drop_values' AND args ->> 'key' = :key")
    async with database.system() as tx:
        return int((await tx.session.execute(query, {"key": key})).scalar_one())


async def test_own_fields_that_cannot_be_meant(doors: Doors, tenant: Tenant, agent: Member) -> None:
    admin = doors.agent(tenant.admin)
    made = (await admin.post("/customer-fields", json={"name": "Size", "kind": "choice", "options": ["大", "小"]})).json()

    for body, code in (
        ({"name": " ", "kind": "text"}, ("name", "empty")),
        ({"name": "长" * 31, "kind": "text"}, ("name", "too_long")),
        ({"name": "size", "kind": "text"}, ("name", "taken")),
        ({"name": "别的", "kind": "choice", "options": ["大"]}, ("options", "too_few")),
        ({"name": "别的", "kind": "text", "options": ["大", "小"]}, ("options", "not_a_choice")),
        ({"name": "别的", "kind": "phone"}, ("kind", "enum")),
    ):
        assert _codes(await admin.post("/customer-fields", json=body))[0][0] == code[0]
    assert (await admin.patch(f"/customer-fields/{made['id']}", json={"name": "x", "version": 2})).status_code == 409
    assert _codes(await admin.patch(f"/customer-fields/{made['id']}", json={"options": ["大", "大"], "version": 1})) == [
        ("options.1", "twice")
    ]
    assert _codes(await admin.put("/customer-fields/order", json={"ids": [str(new_id())]})) == [("ids.0", "unknown")]
    assert (await doors.agent(agent).post("/customer-fields", json={"name": "我的", "kind": "text"})).status_code == 403
    assert (await admin.get("/customer-fields")).json()["items"] == [made]


async def test_fifty_own_fields_are_enough(doors: Doors, tenant: Tenant) -> None:
    admin = doors.agent(tenant.admin)
    for number in range(50):
        assert (await admin.post("/customer-fields", json={"name": f"字段{number}", "kind": "text"})).status_code == 201

    refused = await admin.post("/customer-fields", json={"name": "再一个", "kind": "text"})

    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "limit_reached")
    assert len((await admin.get("/customer-fields")).json()["items"]) == 50


async def test_notes_on_a_customer(
    doors: Doors, factories: Factories, clock: FakeClock, tenant: Tenant, guest: Guest, agent: Member
) -> None:
    leader = await factories.agent(tenant.enterprise_id, role="group_leader", scope=Scope(ScopeKind.ALL), name="程思远")
    http, leading, path = doors.agent(agent), doors.agent(leader), f"/customers/{guest.customer_id}/notes"

    first = await http.post(path, json={"text": " 喜欢\r\n素色 "})
    clock.advance(minutes=1)
    second = (await leading.post(path, json={"text": "大客户"})).json()
    changed = await http.patch(f"{path}/{first.json()['id']}", json={"text": "喜欢深色", "version": 1})

    assert (first.status_code, first.json()["text"], first.json()["mine"], first.json()["author_name"]) == (201, "喜欢\n素色", True, "顾言")
    assert (changed.json()["text"], changed.json()["version"]) == ("喜欢深色", 2)
    assert changed.json()["changed_at"] == clock.now().isoformat().replace("+00:00", "Z")
    notes = (await http.get(path)).json()["items"]
    assert [(note["text"], note["mine"], note["author_name"]) for note in notes] == [
        ("大客户", False, "程思远"),
        ("喜欢深色", True, "顾言"),
    ]
    assert (await http.get(f"/customers/{guest.customer_id}")).json()["notes_count"] == 2

    refused = [
        (await http.patch(f"{path}/{second['id']}", json={"text": "不是", "version": 1})).status_code,
        (await http.delete(f"{path}/{second['id']}")).status_code,
        (await http.patch(f"{path}/{first.json()['id']}", json={"text": "旧的", "version": 1})).status_code,
        (await http.delete(f"{path}/{new_id()}")).status_code,
    ]
    assert refused == [403, 403, 409, 404]
    assert _codes(await http.post(path, json={"text": " \n "})) == [("text", "empty")]
    assert _codes(await http.post(path, json={"text": "长" * 2001})) == [("text", "too_long")]
    assert len((await http.get(path)).json()["items"]) == 2

    assert (await leading.patch(f"{path}/{first.json()['id']}", json={"text": "喜欢深色，勿打扰", "version": 2})).status_code == 200
    assert (await leading.delete(f"{path}/{first.json()['id']}")).status_code == 204
    assert [note["text"] for note in (await http.get(path)).json()["items"]] == ["大客户"]
    log = (await doors.agent(tenant.admin).get("/audit?action=customer_note.deleted")).json()["items"]
    assert [(entry["subject"]["id"], entry["details"]["written_by"]) for entry in log] == [(str(guest.customer_id), str(agent.id))]


async def test_two_hundred_notes_are_enough(doors: Doors, database: Database, tenant: Tenant, guest: Guest, agent: Member) -> None:
    statement = text(
        """INSERT INTO customer_notes (enterprise_id, id, customer_id, agent_id, text, created_at)
           SELECT :e, gen_random_uuid(), :c, :a, 'x', now() FROM generate_series(1, 199)"""
    )
    async with database.system() as tx:
        await tx.session.execute(statement, {"e": tenant.enterprise_id, "c": guest.customer_id, "a": agent.id})
    http, path = doors.agent(agent), f"/customers/{guest.customer_id}/notes"

    answers = await asyncio.gather(*(http.post(path, json={"text": "同时"}) for _ in range(3)))

    assert sorted(answer.status_code for answer in answers) == [201, 409, 409]
    assert (await http.get(f"/customers/{guest.customer_id}")).json()["notes_count"] == 200


async def test_a_customer_is_seen_by_who_may_see_a_conversation_of_theirs(
    doors: Doors, database: Database, factories: Factories, tenant: Tenant, guest: Guest, agent: Member
) -> None:
    colleague = await factories.agent(tenant.enterprise_id)
    group = await factories.group(tenant.enterprise_id, agent.id)
    leader = await factories.agent(tenant.enterprise_id, role="group_leader", scope=Scope(ScopeKind.GROUPS, frozenset({group})))
    foreign = (await factories.tenant()).admin
    analyst = await factories.agent(tenant.enterprise_id, role="analyst", scope=Scope(ScopeKind.ALL))
    unseen = await factories.visitor(await factories.channel(tenant.enterprise_id))  # has written nothing yet
    path = f"/customers/{guest.customer_id}"
    calls: list[tuple[str, str, dict[str, Any] | None]] = [
        ("GET", path, None),
        ("PATCH", path, {"vip": True, "version": 1}),
        ("GET", f"{path}/changes", None),
        ("GET", f"{path}/notes", None),
        ("POST", f"{path}/notes", {"text": "x"}),
        ("POST", f"{path}/block", {"reason": "x"}),
    ]

    for member, status in ((colleague, 404), (foreign, 404), (analyst, 403)):
        http = doors.agent(member)
        answers = [await http.request(method, where, json=body) for method, where, body in calls]
        assert [answer.status_code for answer in answers] == [status] * len(calls)
    assert (await doors.agent(tenant.admin).get(f"/customers/{unseen.customer_id}")).status_code == 404
    untouched = (await doors.agent(agent).get(path)).json()
    assert (untouched["version"], untouched["vip"], untouched["notes_count"], untouched["blocked"]) == (1, False, 0, None)
    assert (await doors.agent(leader).get(path)).json() == untouched
    assert (await doors.agent(leader).patch(path, json={"vip": True, "version": 1})).status_code == 200


async def test_a_program_notes_in_the_name_of_its_maker(
    doors: Doors, database: Database, factories: Factories, tenant: Tenant, guest: Guest
) -> None:
    await talk.served(database, guest, tenant.admin)
    new = {"name": "同步", "points": ["customers.edit", "conversations.view_colleagues"], "password": PASSWORD}
    made = await doors.agent(tenant.admin).post("/api-keys", json=new)
    program = doors.visitor(made.json()["secret"])

    changed = await program.patch(f"/customers/{guest.customer_id}", json={"fields": {"company": "松间"}, "version": 1})
    noted = await program.post(f"/customers/{guest.customer_id}/notes", json={"text": "来自 CRM"})

    assert (changed.status_code, noted.status_code) == (200, 201), changed.text
    history = (await doors.agent(tenant.admin).get(f"/customers/{guest.customer_id}/changes")).json()["items"]
    assert [UUID(one["by_id"]) for one in history] == [tenant.admin.id]
    assert UUID(noted.json()["author_id"]) == tenant.admin.id
    assert "customers.edit" in points_of("agent")


async def test_names_of_fields_that_are_no_text_are_refused(doors: Doors, guest: Guest, agent: Member) -> None:
    http, path = doors.agent(agent), f"/customers/{guest.customer_id}"
    body = '{"version":1,"fields":{"\\ud800":"x"}}'

    asked = await http.get(f"{path}/changes?field=%00")
    written = await http.patch(path, content=body, headers={"Content-Type": "application/json"})

    assert _codes(asked) == [("field", "invalid_text")]
    assert _codes(written) == [("fields.?", "unknown")]
    assert (await http.get(path)).json()["version"] == 1

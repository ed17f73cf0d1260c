"""The audit log: what is in it, who reads it, and that nobody rewrites it."""

from __future__ import annotations

import asyncio
import csv
import io
from datetime import timedelta
from typing import Any
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.db.roles import APP, SYSTEM
from qiatan.modules.accounts import service
from qiatan.modules.accounts.contracts import ActorKind, ChangeEnterprise
from qiatan.modules.accounts.service import What, Who, record
from tests.support.access import points_of
from tests.support.clock import NOON, FakeClock
from tests.support.doors import Doors
from tests.support.factories import Factories, Tenant

SHOP = UUID(int=77)


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant()


async def _note(database: Database, tenant: Tenant, *actions: str, who: Who | None = None, **details: Any) -> None:
    async with database.tenant(tenant.enterprise_id) as tx:
        for action in actions:
            record(tx, who or Who.of(tenant.admin.actor), action, What("shop", SHOP, "松间"), **details)


async def _rows(database: Database, enterprise_id: UUID) -> list[tuple[int, str]]:
    query = text("SELECT seq, action FROM audit_log WHERE enterprise_id = :id ORDER BY seq")
    async with database.system() as tx:
        return [(row[0], row[1]) for row in await tx.session.execute(query, {"id": enterprise_id})]


# -- what is written


async def test_a_change_of_the_enterprise_tells_who_and_what_was_before(doors: Doors, tenant: Tenant) -> None:
    http = doors.agent(tenant.admin, address="203.0.113.5")

    await http.patch("/enterprise", json={"name": "云上茶", "typing_preview": True, "version": 1})

    assert (await http.get("/audit")).json() == {
        "items": [
            {
                "seq": 1,
                "at": "2026-03-02T04:00:00Z",
                "actor": {"kind": "agent", "id": str(tenant.admin.id), "name": "沈知夏"},
                "address": "203.0.113.5",
                "action": "enterprise.changed",
                "subject": {"kind": "enterprise", "id": str(tenant.enterprise_id), "name": "云上茶"},
                "details": {"name": ["松间器物", "云上茶"]},
            }
        ],
        "next": None,
    }


async def test_a_change_that_changes_nothing_or_is_refused_leaves_no_entry(doors: Doors, database: Database, tenant: Tenant) -> None:
    http = doors.agent(tenant.admin)

    await http.patch("/enterprise", json={"name": tenant.name, "version": 1})
    await http.patch("/enterprise", json={"name": "云上茶", "version": 1})
    await http.patch("/enterprise", json={"timezone": "Mars/Base", "version": 2})

    assert await _rows(database, tenant.enterprise_id) == []


async def test_signing_up_is_the_first_entry(doors: Doors, database: Database) -> None:
    signed_up = await doors.stranger(address="203.0.113.6").post(
        "/signup",
        json={"enterprise_name": "新店", "name": "明", "email": f"{new_id().hex}@example.com", "password": "tea leaves unfold"},
    )

    assert signed_up.status_code == 201, signed_up.text
    me = signed_up.json()
    query = text("SELECT action, actor_kind, actor_id, address, subject_name, details FROM audit_log WHERE enterprise_id = :id AND seq = 1")
    async with database.system() as tx:
        first = (await tx.session.execute(query, {"id": me["enterprise"]["id"]})).one()
    assert tuple(first) == ("enterprise.created", "agent", UUID(me["agent"]["id"]), "203.0.113.6", "新店", {"admin": "明"})


async def test_channels_tell_what_changed_in_them(doors: Doors, tenant: Tenant) -> None:
    http = doors.agent(tenant.admin)
    channel = (await http.post("/channels", json={"name": "官网"})).json()

    await http.patch(f"/channels/{channel['id']}", json={"enabled": False, "settings": {"title": "松间"}, "version": 1})

    changed, created = (await http.get("/audit?action=channel")).json()["items"]
    assert (created["action"], created["subject"]) == ("channel.created", {"kind": "channel", "id": channel["id"], "name": "官网"})
    assert changed["action"] == "channel.changed"
    assert changed["details"] == {"enabled": [True, False], "title": [channel["settings"]["title"], "松间"]}


async def test_a_transaction_that_fails_leaves_no_entry(database: Database, tenant: Tenant) -> None:
    await _note(database, tenant, "shop.opened")

    with pytest.raises(RuntimeError):  # noqa: PT012 -- what fails is the end of the block
        async with database.tenant(tenant.enterprise_id) as tx:
            record(tx, Who.of(tenant.admin.actor), "shop.closed")
            raise RuntimeError

    await _note(database, tenant, "shop.painted")
    assert await _rows(database, tenant.enterprise_id) == [(1, "shop.opened"), (2, "shop.painted")]
    assert (await service.verify_chain(database, tenant.enterprise_id)).flaw is None


async def test_a_use_case_that_fails_after_its_entry_leaves_neither(doors: Doors, database: Database, tenant: Tenant) -> None:
    with pytest.raises(RuntimeError):  # noqa: PT012 -- what fails is the end of the block
        async with database.tenant(tenant.enterprise_id) as tx:
            await service.change_enterprise(tx, tenant.admin.actor, ChangeEnterprise(name="云上茶", version=1))
            raise RuntimeError

    assert await _rows(database, tenant.enterprise_id) == []
    assert (await doors.agent(tenant.admin).get("/enterprise")).json()["name"] == "松间器物"


async def test_many_changes_at_once_make_one_dense_chain(database: Database, tenant: Tenant, factories: Factories) -> None:
    """Also of changes that take the enterprise's lock, and of system transactions that write for two enterprises at once."""
    other = await factories.tenant()

    async def change(number: int) -> None:
        if number % 3 == 0:
            async with database.system() as tx:
                for enterprise_id in sorted([tenant.enterprise_id, other.enterprise_id], reverse=number % 2 == 0):
                    record(tx, Who(ActorKind.SYSTEM), "shop.swept", enterprise_id=enterprise_id, number=number)
            return
        async with database.tenant(tenant.enterprise_id) as tx:
            if number % 3 == 1:
                await tx.session.execute(text("SELECT 1 FROM enterprises WHERE id = :id FOR NO KEY UPDATE"), {"id": tenant.enterprise_id})
            record(tx, Who.of(tenant.admin.actor), "shop.counted", number=number)

    await asyncio.gather(*(change(number) for number in range(50)))

    assert [seq for seq, _ in await _rows(database, tenant.enterprise_id)] == list(range(1, 51))
    assert [seq for seq, _ in await _rows(database, other.enterprise_id)] == list(range(1, 18))
    for enterprise_id, count in ((tenant.enterprise_id, 50), (other.enterprise_id, 17)):
        report = await service.verify_chain(database, enterprise_id)
        assert (report.flaw, report.entries, report.seq) == (None, count, count)


# -- reading


async def test_it_is_read_newest_first_in_pages(doors: Doors, database: Database, tenant: Tenant) -> None:
    await _note(database, tenant, *(f"shop.n{number}" for number in "abcde"))
    http = doors.agent(tenant.admin)

    first = (await http.get("/audit?limit=2")).json()
    await _note(database, tenant, "shop.later")
    second = (await http.get("/audit", params={"limit": 2, "after": first["next"]})).json()
    third = (await http.get("/audit", params={"limit": 2, "after": second["next"]})).json()

    assert [[item["seq"] for item in page["items"]] for page in (first, second, third)] == [[5, 4], [3, 2], [1]]
    assert third["next"] is None


async def test_filters_narrow_it(doors: Doors, database: Database, tenant: Tenant, factories: Factories, clock: FakeClock) -> None:
    colleague = (await factories.agent(tenant.enterprise_id)).id
    await _note(database, tenant, "shop.opened", "shopping.done", "role.changed")
    clock.advance(hours=1)
    await _note(database, tenant, "shop.closed", who=Who(ActorKind.AGENT, colleague))
    async with database.tenant(tenant.enterprise_id) as tx:
        record(tx, Who(ActorKind.OPERATOR), "password.reset", What("agent", colleague, "顾言"))
    http = doors.agent(tenant.admin)

    async def seqs(**params: Any) -> list[int]:
        answer = await http.get("/audit", params=params)
        assert answer.status_code == 200, answer.text
        return [item["seq"] for item in answer.json()["items"]]

    later = (NOON + timedelta(hours=1)).isoformat()
    assert await seqs(action="shop") == [4, 1]
    assert await seqs(action="shop.opened") == [1]
    assert await seqs(action="sho") == []
    assert await seqs(action="shop_") == []
    assert await seqs(actor_id=str(colleague)) == [4]
    assert await seqs(subject_kind="agent") == [5]
    assert await seqs(subject_id=str(SHOP)) == [4, 3, 2, 1]
    assert await seqs(**{"from": later}) == [5, 4]
    assert await seqs(to=later) == [3, 2, 1]
    assert await seqs(to=later, action="shop") == [1]
    last = (await http.get("/audit?limit=1")).json()["items"][0]
    assert last["actor"] == {"kind": "operator", "id": None, "name": ""}


@pytest.mark.parametrize(
    "query",
    [
        "action=%00",
        "action=Shop",
        "action=" + "a" * 61,
        "subject_kind=a%27b",
        "actor_id=7",
        "from=yesterday",
        "to=2026-03-02T04:00:00",
        "after=x",
        "after=WyJhIl0",
        "after=W3RydWVd",
        "limit=0",
        "limit=101",
    ],
)
async def test_filters_that_cannot_be_meant_are_refused(doors: Doors, tenant: Tenant, query: str) -> None:
    refused = await doors.agent(tenant.admin).get(f"/audit?{query}")

    assert (refused.status_code, refused.json()["error"]["code"]) == (422, "invalid_input")


async def test_one_enterprise_reads_its_own(doors: Doors, database: Database, tenant: Tenant, factories: Factories) -> None:
    await _note(database, tenant, "shop.opened")
    other = await factories.tenant()

    assert (await doors.agent(other.admin).get("/audit")).json() == {"items": [], "next": None}
    assert (await doors.agent(other.admin).get(f"/audit?subject_id={SHOP}")).json()["items"] == []


@pytest.mark.parametrize("role", ["agent", "specialist", "group_leader", "analyst", "department_head"])
async def test_only_administrators_read_it_unless_a_role_says_so(doors: Doors, tenant: Tenant, factories: Factories, role: str) -> None:
    refused = doors.agent(await factories.agent(tenant.enterprise_id, role=role))
    reader = doors.agent(await factories.agent(tenant.enterprise_id, points=frozenset({"audit.view"})))

    assert [(await refused.get(path)).status_code for path in ("/audit", "/audit/export")] == [403, 403]
    assert [(await reader.get(path)).status_code for path in ("/audit", "/audit/export")] == [200, 403]


async def test_an_export_is_a_table_and_is_audited_itself(doors: Doors, database: Database, tenant: Tenant) -> None:
    await _note(database, tenant, "shop.opened", "shop.closed", name=["=1+1", "b"])
    http = doors.agent(tenant.admin)

    exported = await http.get("/audit/export?action=shop")

    assert exported.status_code == 200
    assert exported.headers["content-type"].startswith("text/csv")
    assert "audit-2026-03-02.csv" in exported.headers["content-disposition"]
    lines = list(csv.DictReader(io.StringIO(exported.content.decode("utf-8-sig"))))
    assert [(line["seq"], line["action"], line["actor"], line["subject"]) for line in lines] == [
        ("2", "shop.closed", "沈知夏", "松间"),
        ("1", "shop.opened", "沈知夏", "松间"),
    ]
    assert lines[0]["details"] == '{"name": ["=1+1", "b"]}'
    newest = (await http.get("/audit?limit=1")).json()["items"][0]
    assert (newest["action"], newest["details"]) == ("audit.exported", {"filters": {"action": "shop"}})


async def test_a_long_export_is_read_in_pieces_and_ends_where_it_began(
    doors: Doors, database: Database, tenant: Tenant, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qiatan.modules.accounts.service.audit_log._BATCH", 3)
    monkeypatch.setattr("qiatan.modules.accounts.service.audit_log.MAX_EXPORTED", 8)
    await _note(database, tenant, *(["shop.counted"] * 10))

    exported = await doors.agent(tenant.admin).get("/audit/export")

    seqs = [line["seq"] for line in csv.DictReader(io.StringIO(exported.content.decode("utf-8-sig")))]
    assert seqs == ["10", "9", "8", "7", "6", "5", "4", "3"]


# -- nobody rewrites it


@pytest.mark.parametrize(
    "statement", ["UPDATE audit_log SET address = 'x'", "DELETE FROM audit_log", "TRUNCATE audit_log", "DELETE FROM audit_heads"]
)
@pytest.mark.parametrize("role", [APP, SYSTEM])
async def test_the_programs_own_roles_cannot_change_it(database: Database, tenant: Tenant, role: str, statement: str) -> None:
    await _note(database, tenant, "shop.opened")
    async with await psycopg.AsyncConnection.connect(database.url, options=f"-c role={role}") as connection:
        await connection.execute("SELECT set_config('qiatan.enterprise', %s, true)", (str(tenant.enterprise_id),))
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="permission denied"):
            await connection.execute(statement.encode())

    assert await _rows(database, tenant.enterprise_id) == [(1, "shop.opened")]


@pytest.mark.parametrize("statement", ["UPDATE audit_log SET address = 'x'", "DELETE FROM audit_log", "TRUNCATE audit_log"])
async def test_the_owner_of_the_database_is_stopped_too(database: Database, tenant: Tenant, statement: str) -> None:
    await _note(database, tenant, "shop.opened")
    async with await psycopg.AsyncConnection.connect(database.url) as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="append-only"):
            await connection.execute(statement.encode())

    assert await _rows(database, tenant.enterprise_id) == [(1, "shop.opened")]


@pytest.fixture
async def chain(database: Database, tenant: Tenant) -> UUID:
    """A chain of five entries."""
    await _note(database, tenant, "shop.opened", "shop.counted", "shop.counted", "shop.counted", "shop.closed", number=7)
    return tenant.enterprise_id


async def _tamper(database: Database, statement: str, enterprise_id: UUID) -> None:
    """As the owner of the database, who may switch the trigger off."""
    async with await psycopg.AsyncConnection.connect(database.url) as connection:
        await connection.execute("ALTER TABLE audit_log DISABLE TRIGGER USER")
        await connection.execute(sql.SQL(statement), {"id": enterprise_id})
        await connection.execute("ALTER TABLE audit_log ENABLE TRIGGER USER")


async def test_a_whole_chain_is_whole(database: Database, chain: UUID) -> None:
    report = await service.verify_chain(database, chain)

    assert (report.flaw, report.entries, report.seq) == (None, 5, 5)
    assert (await service.verify_chain(database, chain, noted=(5, report.hash))).flaw is None
    assert (await service.verify_chain(database, new_id())).entries == 0


@pytest.mark.parametrize(
    ("statement", "good", "flaw"),
    [
        ("UPDATE audit_log SET address = 'x' WHERE enterprise_id = %(id)s AND seq = 3", 2, "entry 3 was changed"),
        ("UPDATE audit_log SET details = '{\"number\": 8}' WHERE enterprise_id = %(id)s AND seq = 1", 0, "entry 1 was changed"),
        ("UPDATE audit_log SET at = at + interval '1 microsecond' WHERE enterprise_id = %(id)s AND seq = 5", 4, "entry 5 was changed"),
        ("UPDATE audit_log SET actor_id = NULL WHERE enterprise_id = %(id)s AND seq = 2", 1, "entry 2 was changed"),
        ("UPDATE audit_log SET hash = previous_hash WHERE enterprise_id = %(id)s AND seq = 2", 1, "entry 2 was changed"),
        (
            "UPDATE audit_log SET previous_hash = hash WHERE enterprise_id = %(id)s AND seq = 4",
            3,
            "entry 4 does not follow the entry before it",
        ),
        ("DELETE FROM audit_log WHERE enterprise_id = %(id)s AND seq = 1", 0, "entry 1 is missing"),
        ("DELETE FROM audit_log WHERE enterprise_id = %(id)s AND seq = 3", 2, "entry 3 is missing"),
        ("DELETE FROM audit_log WHERE enterprise_id = %(id)s AND seq = 5", 4, "the entries after 4 are missing: the last one was 5"),
        ("DELETE FROM audit_log WHERE enterprise_id = %(id)s", 0, "the entries after 0 are missing: the last one was 5"),
        ("UPDATE audit_heads SET seq = 4 WHERE enterprise_id = %(id)s", 5, "the head says 4, which is not the end of the chain (5)"),
        (
            "UPDATE audit_heads SET hash = sha256('x') WHERE enterprise_id = %(id)s",
            5,
            "the head says 5, which is not the end of the chain (5)",
        ),
        ("DELETE FROM audit_heads WHERE enterprise_id = %(id)s", 5, "the head says 0, which is not the end of the chain (5)"),
    ],
)
async def test_tampering_is_found(database: Database, chain: UUID, statement: str, good: int, flaw: str) -> None:
    await _tamper(database, statement, chain)

    report = await service.verify_chain(database, chain)

    assert (report.flaw, report.entries) == (flaw, good)


async def test_a_log_written_anew_as_a_whole_is_found_by_a_head_noted_earlier(database: Database, tenant: Tenant, chain: UUID) -> None:
    """A chain that is right in itself: only somebody else's note can tell."""
    noted = await service.verify_chain(database, chain)
    await _tamper(database, "DELETE FROM audit_log WHERE enterprise_id = %(id)s", chain)
    await _tamper(database, "DELETE FROM audit_heads WHERE enterprise_id = %(id)s", chain)
    await _note(database, tenant, *(["shop.invented"] * 6))

    assert (await service.verify_chain(database, chain)).flaw is None
    assert (await service.verify_chain(database, chain, noted=(noted.seq, noted.hash))).flaw == (
        "the head noted earlier (5) is not in this chain: it was written anew"
    )
    assert (await service.verify_chain(database, chain, noted=(9, noted.hash))).flaw is not None


async def test_a_removed_tail_with_a_matching_head_is_found_by_a_head_noted_earlier(database: Database, chain: UUID) -> None:
    noted = await service.verify_chain(database, chain)
    await _tamper(database, "DELETE FROM audit_log WHERE enterprise_id = %(id)s AND seq = 5", chain)
    await _tamper(
        database,
        "UPDATE audit_heads SET seq = 4, hash = (SELECT hash FROM audit_log WHERE enterprise_id = %(id)s AND seq = 4)"
        " WHERE enterprise_id = %(id)s",
        chain,
    )

    assert (await service.verify_chain(database, chain)).flaw is None
    assert (await service.verify_chain(database, chain, noted=(noted.seq, noted.hash))).flaw is not None


async def test_verifying_goes_on_while_entries_are_added(
    database: Database, tenant: Tenant, chain: UUID, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("qiatan.modules.accounts.service.audit_log._BATCH", 2)

    async def write() -> None:
        for _ in range(10):
            await _note(database, tenant, "shop.counted")

    reports, _ = await asyncio.gather(asyncio.gather(*(service.verify_chain(database, chain) for _ in range(3))), write())

    assert [report.flaw for report in reports] == [None, None, None]


def test_the_points_of_the_log_are_the_administrators() -> None:
    assert {"audit.view", "audit.export"} <= points_of("admin")
    assert all(not {"audit.view", "audit.export"} & points_of(role) for role in ("agent", "department_head"))

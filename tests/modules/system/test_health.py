"""The health page's answers: who is told what, and counters that are compared and set right."""

from __future__ import annotations

from datetime import datetime, timedelta
from uuid import UUID

import pytest
from sqlalchemy import text

from qiatan.entrypoints.system import health
from qiatan.entrypoints.system.counters import compare_all
from qiatan.entrypoints.system.monitor import Monitor
from qiatan.infra import metrics
from qiatan.infra.db import Database, Tx
from qiatan.infra.resources import Resources
from qiatan.kit.access import Scope
from qiatan.kit.errors import DatabaseUnavailable
from qiatan.modules.accounts import service as accounts
from qiatan.modules.conversations import service as conversations
from tests.modules.accounts.factors import audited
from tests.support import talk
from tests.support.access import points_of
from tests.support.doors import Doors
from tests.support.factories import Factories, Tenant

PARTS = ["nodes", "database", "disk", "mail", "backups", "bus", "timers", "jobs"]


async def _sql(database: Database, statement: str, **values: object) -> None:
    async with database.system() as tx:
        await tx.session.execute(text(statement), values)


def _runs(monkeypatch: pytest.MonkeyPatch, tenant: Tenant) -> None:
    """Whose installation it is: the database of tests has many enterprises, of which none of ours is the first."""

    async def operator(_: Tx) -> UUID:
        return tenant.enterprise_id

    monkeypatch.setattr(health, "_operator", operator)


@pytest.fixture
async def monitor(doors: Doors, resources: Resources) -> Monitor:
    """This process has given a sign of life with what it knows of itself."""
    found: Monitor = doors.app.state.monitor
    found.look()
    await resources.nodes.turn()
    return found


@pytest.mark.usefixtures("monitor")
async def test_who_runs_the_installation_is_told_everything(
    doors: Doors, factories: Factories, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await factories.tenant()
    _runs(monkeypatch, tenant)
    await doors.agent_socket(tenant.admin)

    answer = await doors.agent(tenant.admin).get("/system/health")

    assert answer.status_code == 200
    found = answer.json()
    assert found["operator"] is True
    lines = {line["name"]: line for line in found["lines"]}
    assert list(lines) == PARTS
    assert lines["database"]["facts"]["bytes"] > 1_000_000
    assert lines["database"]["facts"]["connections"] <= lines["database"]["facts"]["most"]
    assert lines["disk"]["facts"]["free"] > 0
    assert (lines["mail"]["level"], lines["mail"]["state"]) == ("good", "none")
    assert (lines["bus"]["level"], lines["bus"]["state"]) == ("good", "none")
    mine = [node for node in found["nodes"] if node["machine"] == resources.node.machine.partition("/")[0] and node["alive"]]
    assert any(node["memory"] > 10_000_000 and node["version"] == resources.node.version for node in mine)
    for secret in (resources.database.url, tenant.admin.session_token, str(resources.settings.data_dir), tenant.admin.email):
        assert secret not in answer.text


@pytest.mark.usefixtures("monitor")
async def test_a_schedule_that_another_process_has_and_that_has_stopped_is_bad_here_too(
    doors: Doors, database: Database, factories: Factories, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await factories.tenant()
    _runs(monkeypatch, tenant)
    assert resources.settings.backup_at is None
    await _sql(
        database,
        """INSERT INTO backups (id, due_at, started_at, ended_at, ok, machine, path, size)
           VALUES (gen_random_uuid(), :at, :at, :at, true, 'shop-2', '/mnt/safe/a.tar', 1)""",
        at=resources.clock.now() - timedelta(days=4),
    )
    try:
        lines = (await doors.agent(tenant.admin).get("/system/health")).json()["lines"]
    finally:
        await _sql(database, "DELETE FROM backups")

    (found,) = (line for line in lines if line["name"] == "backups")
    assert (found["level"], found["state"], found["facts"]["scheduled"]) == ("bad", "old", True)


@pytest.mark.usefixtures("monitor")
async def test_another_enterprise_sees_levels_and_no_figures(doors: Doors, factories: Factories, monkeypatch: pytest.MonkeyPatch) -> None:
    _runs(monkeypatch, await factories.tenant())
    other = await factories.tenant()

    found = (await doors.agent(other.admin).get("/system/health")).json()

    assert found["operator"] is False
    assert found["nodes"] == []
    assert [line["name"] for line in found["lines"]] == PARTS
    assert all(line["facts"] == {} for line in found["lines"])
    assert (await doors.agent(other.admin).get("/system/counters")).json()["night_at"] is None


async def test_the_first_enterprise_runs_the_installation(database: Database, factories: Factories) -> None:
    tenant = await factories.tenant()
    await _sql(database, "UPDATE enterprises SET created_at = '2000-01-01' WHERE id = :id", id=tenant.enterprise_id)
    try:
        async with database.system() as tx:
            assert await health.is_operator(tx, tenant.admin.actor)
            assert not await health.is_operator(tx, (await factories.tenant()).admin.actor)
    finally:
        await _sql(database, "UPDATE enterprises SET created_at = now() WHERE id = :id", id=tenant.enterprise_id)


async def test_a_dead_node_is_shown_as_gone(
    doors: Doors, database: Database, factories: Factories, monitor: Monitor, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert monitor is not None
    tenant = await factories.tenant()
    _runs(monkeypatch, tenant)
    name = f"dead-{tenant.enterprise_id.hex}"
    async with database.system() as tx:
        await tx.session.execute(
            text(
                "INSERT INTO nodes (id, machine, name, version, schema_revision, started_at, seen_at, draining)"
                " VALUES (:id, :name, '7', '0.0.1', '0001', CAST(:now AS timestamptz) - interval '1 hour', CAST(:now AS timestamptz) - interval '1 minute', false)"
            ),
            {"id": tenant.enterprise_id, "name": name, "now": tx.now},
        )
    try:
        found = (await doors.agent(tenant.admin).get("/system/health")).json()
    finally:
        await _sql(database, "DELETE FROM nodes WHERE machine = :name", name=name)

    (dead,) = [node for node in found["nodes"] if node["machine"] == name]
    assert (dead["alive"], dead["level"], dead["version"], dead["memory"]) == (False, "bad", "0.0.1", None)
    (line,) = [line for line in found["lines"] if line["name"] == "nodes"]
    assert (line["level"], line["state"]) == ("warn", "gone")


async def test_counters_are_right_after_a_talk(doors: Doors, factories: Factories, database: Database) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, tenant.admin)
    await talk.answer(database, tenant.admin, conversation_id)

    found = (await doors.agent(tenant.admin).get("/system/counters")).json()

    assert (found["conversations"], found["replies"], found["audit"]) == (0, 0, 0)


async def _break(database: Database, tenant: Tenant, factories: Factories) -> UUID:
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, tenant.admin)
    await _sql(database, "UPDATE conversations SET agent_unread = agent_unread + 5, head = head + 2 WHERE id = :id", id=conversation_id)
    return conversation_id


async def test_drift_is_found_mended_and_noted(doors: Doors, factories: Factories, database: Database) -> None:
    tenant, other = await factories.tenant(), await factories.tenant()
    conversation_id = await _break(database, tenant, factories)
    untouched = await _break(database, other, factories)
    http = doors.agent(tenant.admin)
    async with database.system() as tx:
        query = text("SELECT head, agent_unread, version FROM conversations WHERE id = :id")
        before = (await tx.session.execute(query, {"id": conversation_id})).one()
    assert (await http.get("/system/counters")).json()["conversations"] == 1

    mended = await http.post("/system/counters/mend")

    assert mended.json() == {"conversations": 1, "replies": 0}
    assert (await http.get("/system/counters")).json()["conversations"] == 0
    async with database.system() as tx:
        after = (await tx.session.execute(query, {"id": conversation_id})).one()
    assert (after.head, after.agent_unread, after.version) == (before.head - 2, before.agent_unread - 5, before.version + 1)
    assert "counters.mended" in await audited(database, tenant.enterprise_id)
    assert (await doors.agent(other.admin).get("/system/counters")).json()["conversations"] == 1, "nobody else's were touched"
    await _sql(database, "UPDATE conversations SET agent_unread = agent_unread - 5, head = head - 2 WHERE id = :id", id=untouched)


async def test_nothing_to_mend_leaves_no_entry(doors: Doors, factories: Factories, database: Database) -> None:
    tenant = await factories.tenant()

    assert (await doors.agent(tenant.admin).post("/system/counters/mend")).json() == {"conversations": 0, "replies": 0}
    assert "counters.mended" not in await audited(database, tenant.enterprise_id)


async def test_who_lacks_the_point_or_the_scope_mends_nothing(doors: Doors, factories: Factories, database: Database) -> None:
    tenant = await factories.tenant()
    conversation_id = await _break(database, tenant, factories)
    plain = await factories.agent(tenant.enterprise_id)
    narrow = await factories.agent(tenant.enterprise_id, points=points_of("admin"), scope=Scope())

    assert (await doors.agent(plain).get("/system/health")).status_code == 403
    assert (await doors.agent(plain).get("/system/counters")).status_code == 403
    assert (await doors.agent(plain).post("/system/counters/mend")).status_code == 403
    assert (await doors.agent(narrow).post("/system/counters/mend")).status_code == 403

    assert (await doors.agent(tenant.admin).get("/system/counters")).json()["conversations"] == 1
    await _sql(database, "UPDATE conversations SET agent_unread = agent_unread - 5, head = head - 2 WHERE id = :id", id=conversation_id)


async def test_one_enterprise_that_cannot_be_compared_keeps_the_night_from_no_other(
    factories: Factories, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given the last of three has drifted, when the first cannot be read, then the drift is found; when none can, it fails."""
    first, _, last = await factories.tenant(), await factories.tenant(), await factories.tenant()
    await _break(database, last, factories)
    count = conversations.count_drift
    unreadable = {first.enterprise_id}

    async def fail(tx: Tx, enterprise_id: UUID) -> int:
        if enterprise_id in unreadable:
            raise RuntimeError("a row of its own is broken")
        return await count(tx, enterprise_id)

    monkeypatch.setattr(conversations, "count_drift", fail)

    assert (await compare_all(database))["conversations"] == 1

    async with database.system() as tx:
        unreadable.update(await accounts.enterprise_ids(tx))
    with pytest.raises(RuntimeError, match="a row of its own is broken"):
        await compare_all(database)
    assert metrics.DRIFT.values[("conversations",)] == 1


async def test_a_night_that_left_one_out_is_not_noted_and_calls_no_counter_right(
    factories: Factories, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Given a drift was found, when its enterprise alone takes longer than the database allows, then the others are looked at and it stays."""
    slow, other = await factories.tenant(), await factories.tenant()
    await _break(database, slow, factories)
    await compare_all(database)
    before = metrics.last_comparison()
    count = conversations.count_drift
    counted: list[UUID] = []

    async def count_or_time_out(tx: Tx, enterprise_id: UUID) -> int:
        if enterprise_id == slow.enterprise_id:
            await tx.session.execute(text("SET LOCAL statement_timeout = '1ms'"))
            await tx.session.execute(text("SELECT pg_sleep(60)"))
        counted.append(enterprise_id)
        return await count(tx, enterprise_id)

    monkeypatch.setattr(conversations, "count_drift", count_or_time_out)

    assert (await compare_all(database))["conversations"] == 0

    assert other.enterprise_id in counted
    assert metrics.last_comparison() == before
    assert metrics.DRIFT.values[("conversations",)] == 1


async def test_where_the_database_is_away_the_comparison_ends_at_once_and_notes_nothing(
    factories: Factories, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The job tries again; it waits for no time-out of each enterprise."""
    for _ in range(3):
        await factories.tenant()
    await compare_all(database)
    before, drift = metrics.last_comparison(), dict(metrics.DRIFT.values)
    asked: list[UUID] = []

    async def break_off(_: Tx, enterprise_id: UUID) -> int:
        asked.append(enterprise_id)
        raise DatabaseUnavailable(retry_after=1)

    async def no_answer() -> tuple[datetime, float, float]:
        raise DatabaseUnavailable(retry_after=1)

    monkeypatch.setattr(conversations, "count_drift", break_off)
    monkeypatch.setattr(database, "glance_at_clock", no_answer)

    with pytest.raises(DatabaseUnavailable):
        await compare_all(database)

    assert len(asked) == 1
    assert metrics.last_comparison() == before
    assert metrics.DRIFT.values == drift


async def test_the_night_compares_everybody_and_remembers(
    empty_database: str, doors: Doors, factories: Factories, resources: Resources, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    alone = Database(empty_database)
    try:
        assert await compare_all(alone) == {"conversations": 0, "replies": 0, "audit": 0}
    finally:
        await alone.dispose()
    assert metrics.DRIFT.values[("conversations",)] == 0
    tenant = await factories.tenant()
    _runs(monkeypatch, tenant)
    doors.app.state.monitor.look()
    await resources.nodes.turn()

    found = (await doors.agent(tenant.admin).get("/system/counters")).json()

    assert found["night_at"] is not None
    assert found["night_drifted"] == 0

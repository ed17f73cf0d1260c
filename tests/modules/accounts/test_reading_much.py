"""Exports and long logs: how often, and by which index."""

from __future__ import annotations

from datetime import timedelta

import psycopg
import pytest

from qiatan.infra.db import Database
from qiatan.modules.accounts.repository import AuditFilters, AuditRepository
from tests.modules.accounts.reading import audit_entries
from tests.support.clock import NOON
from tests.support.doors import Doors
from tests.support.factories import Factories, Tenant

ALLOWED = 6


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant()


async def test_exports_are_counted_together_and_by_who_asks(doors: Doors, factories: Factories, tenant: Tenant, database: Database) -> None:
    browser = doors.agent(tenant.admin)
    paths = ["/audit/export", "/security/login-log/export"]
    answers = [await browser.get(paths[number % 2]) for number in range(ALLOWED)]
    assert [answer.status_code for answer in answers] == [200] * ALLOWED
    before = [entry.action for entry in await audit_entries(database, tenant.enterprise_id)]

    for path in paths:
        # From another browser of theirs too.
        blocked = await doors.agent(await factories.session(tenant.admin)).get(path)
        assert (blocked.status_code, blocked.json()["error"]["code"]) == (429, "too_many")
        assert blocked.headers["Retry-After"] == "100"
    assert [entry.action for entry in await audit_entries(database, tenant.enterprise_id)] == before

    colleague = await factories.agent(tenant.enterprise_id, points=frozenset({"audit.view", "audit.export"}))
    assert (await doors.agent(colleague).get("/audit/export")).status_code == 200
    assert (await browser.get("/audit")).status_code == 200


@pytest.mark.parametrize(
    ("first", "last", "shown"),
    [(1, 2, 48), (10, 40, 51), (99, None, 49)],
    ids=["a day", "a month", "the newest"],
)
async def test_a_stretch_of_time_is_looked_up_by_time(
    database: Database, database_url: str, tenant: Tenant, first: int, last: int | None, shown: int
) -> None:
    """Not by walking back from the newest entry past everything that came later."""
    filters = AuditFilters(since=NOON + timedelta(days=first), until=NOON + timedelta(days=last) if last is not None else None)
    async with database.tenant(tenant.enterprise_id) as tx:
        database_dialect = (await tx.session.connection()).dialect
        query = AuditRepository(tx, tenant.enterprise_id)._found(filters, before=None, limit=51)
    asked = str(query.compile(dialect=database_dialect, compile_kwargs={"literal_binds": True}))
    # Undone at the end: these entries are in no chain.
    with psycopg.connect(database_url) as owner, owner.transaction(force_rollback=True):
        owner.execute(
            "INSERT INTO audit_log (enterprise_id, seq, at, actor_kind, address, action, details, previous_hash, hash)"
            " SELECT %s, n, %s + n * interval '30 minutes', 'system', '', 'shop.swept', '{}', '', '' FROM generate_series(1, 4800) AS n",
            (tenant.enterprise_id, NOON),
        )
        owner.execute("ANALYZE audit_log")
        plan = [line for (line,) in owner.execute(f"EXPLAIN {asked}")]
        seqs = [row[1] for row in owner.execute(asked)]

    assert any("ix_audit_log_by_time" in line for line in plan), plan
    assert (len(seqs), seqs) == (shown, sorted(seqs, reverse=True))
    assert seqs[0] == (last * 48 - 1 if last is not None else 4800)

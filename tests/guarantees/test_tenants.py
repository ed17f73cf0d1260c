"""The three nets that keep enterprises apart: keys, rows, and the role that sees one enterprise only."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from uuid import UUID

import psycopg
import pytest
from psycopg import sql
from psycopg.types.json import Jsonb
from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.exc import DBAPIError

from qiatan.entrypoints.tables import metadata
from qiatan.infra.clock import new_id
from qiatan.infra.db import Database, Tx
from qiatan.infra.db.roles import APP, SYSTEM
from tests.guarantees.world import World, checksum, make_world
from tests.support.doors import Doors
from tests.support.factories import Factories

INSTALLATION_WIDE = frozenset({"schema_steps", "backups", "nodes", "tries", "page_files"})
"""Tables of no enterprise, closed to the role that sees one; procrastinate's own are not ours."""
TABLES = sorted(metadata.tables.keys() - INSTALLATION_WIDE)
NOT_GRANTED = {"audit_log": {"UPDATE", "DELETE", "TRUNCATE"}, "audit_heads": {"DELETE", "TRUNCATE"}}
"""What the program may not even do to its own enterprise's rows: the audit log is only ever added to."""


def _owner(name: str) -> str:
    return "id" if name == "enterprises" else "enterprise_id"


@pytest.mark.parametrize("name", TABLES)
def test_every_key_begins_with_the_enterprise(name: str) -> None:
    table = metadata.tables[name]
    assert next(iter(table.primary_key.columns)).name == _owner(name)
    assert table.columns[_owner(name)].nullable is False


@pytest.mark.parametrize("name", TABLES)
def test_every_reference_carries_the_enterprise_on_both_sides(name: str) -> None:
    for reference in metadata.tables[name].foreign_key_constraints:
        pairs = {element.parent.name: element.column.name for element in reference.elements}
        assert pairs["enterprise_id"] == _owner(reference.referred_table.name), reference


async def test_the_database_agrees(database: Database) -> None:
    async with await psycopg.AsyncConnection.connect(database.url) as connection:
        rows = await (
            await connection.execute(
                """
                SELECT c.relname, c.relrowsecurity, r.rolname,
                       (SELECT array_agg(p.polname::text ORDER BY p.polname) FROM pg_policy p WHERE p.polrelid = c.oid)
                  FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner
                 WHERE c.relnamespace = 'public'::regnamespace AND c.relkind IN ('r', 'p')
                   AND c.relname NOT LIKE 'procrastinate%%' AND c.relname <> 'alembic_version'
                """
            )
        ).fetchall()
        owned = await (
            await connection.execute(
                "SELECT count(*) FROM pg_class c JOIN pg_roles r ON r.oid = c.relowner WHERE r.rolname = ANY(%s)", ([APP, SYSTEM],)
            )
        ).fetchone()
        rights = await (
            await connection.execute(
                "SELECT rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb, rolcanlogin FROM pg_roles WHERE rolname = ANY(%s)",
                ([APP, SYSTEM],),
            )
        ).fetchall()

    assert {row[0] for row in rows} == set(metadata.tables)
    for name, secured, owner, policies in rows:
        assert secured, name
        assert owner not in (APP, SYSTEM), name
        assert policies == (["all_enterprises"] if name in INSTALLATION_WIDE else ["all_enterprises", "one_enterprise"]), name
    assert owned == (0,)
    assert sorted(rights) == [(APP, False, False, False, False, False), (SYSTEM, False, False, False, False, False)]


@pytest.fixture
async def world(doors: Doors, database: Database, factories: Factories) -> World:
    world = await make_world(doors, database, factories)
    async with database.tenant(world.tenant.enterprise_id) as tx:
        for statement in (
            "INSERT INTO agent_scope_groups (enterprise_id, agent_id, group_id) VALUES (:e, :a, :g)",
            "INSERT INTO agent_presence (enterprise_id, agent_id, status, lease_until) VALUES (:e, :a, 'away', now())",
            "INSERT INTO presence_pages (enterprise_id, agent_id, node_id) VALUES (:e, :a, :a)",
            """INSERT INTO one_time_links (enterprise_id, id, agent_id, purpose, email, token_hash, created_at, expires_at)
               VALUES (:e, :a, :a, 'sign_in', 'x@example.com', decode(md5(random()::text), 'hex'), now(), now())""",
        ):
            await tx.session.execute(text(statement), {"e": world.tenant.enterprise_id, "a": world.server.id, "g": world.ids["group_id"]})
    return world


async def test_the_application_role_sees_and_touches_one_enterprise(database: Database, factories: Factories, world: World) -> None:
    """In raw SQL, without any WHERE of ours."""
    ours, theirs = (await factories.tenant()).enterprise_id, world.tenant.enterprise_id
    before = await checksum(database, theirs)

    for name in TABLES:
        owner = _owner(name)
        async with database.system() as tx:
            exists = (await tx.session.execute(text(f"SELECT count(*) FROM {name} WHERE {owner} = :id"), {"id": theirs})).scalar_one()  # noqa: S608 -- our own table names
        assert exists, f"{name}: the world has no row to hide"
        async with database.tenant(ours) as tx:
            seen = (await tx.session.execute(text(f"SELECT DISTINCT {owner} FROM {name}"))).scalars().all()  # noqa: S608 -- our own table names
            assert set(seen) <= {ours}, name
            for verb, attempt in (("UPDATE", f"UPDATE {name} SET {owner} = {owner}"), ("DELETE", f"DELETE FROM {name}")):  # noqa: S608 -- our own table names
                if verb in NOT_GRANTED.get(name, ()):
                    continue  # refused whosever the row is: the test below
                touched = text(f"{attempt} WHERE {owner} = :id RETURNING 1")
                assert (await tx.session.execute(touched, {"id": theirs})).all() == [], attempt

    assert await checksum(database, theirs) == before


@pytest.mark.parametrize("role", [APP, SYSTEM])
async def test_both_roles_may_do_everything_to_rows_but_rewrite_the_audit_log(database: Database, role: str) -> None:
    verbs = ("SELECT", "INSERT", "UPDATE", "DELETE")
    async with await psycopg.AsyncConnection.connect(database.url) as connection:
        for name in TABLES:
            row = await (
                await connection.execute(
                    "SELECT array_agg(verb) FROM unnest(%s::text[]) verb WHERE has_table_privilege(%s, %s, verb)", (list(verbs), role, name)
                )
            ).fetchone()
            assert row is not None
            assert set(row[0]) == set(verbs) - NOT_GRANTED.get(name, set()), name


@pytest.mark.parametrize("name", sorted(INSTALLATION_WIDE))
async def test_the_application_role_does_not_reach_what_belongs_to_no_enterprise(database: Database, name: str) -> None:
    async with await psycopg.AsyncConnection.connect(database.url, options=f"-c role={APP}") as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await connection.execute(sql.SQL("SELECT 1 FROM {}").format(sql.Identifier(name)))


async def test_no_row_can_be_written_into_another_enterprise(database: Database, factories: Factories, world: World) -> None:
    theirs = world.tenant.enterprise_id
    ours = (await factories.tenant()).enterprise_id
    for name in TABLES:
        query = text(f"SELECT * FROM {name} WHERE {_owner(name)} = :id LIMIT 1")  # noqa: S608 -- our own table names
        async with database.system() as tx:
            row = (await tx.session.execute(query, {"id": theirs})).mappings().one()
        columns = metadata.tables[name].columns
        is_json = {column.name for column in columns if isinstance(column.type, JSONB)}
        values = {column: Jsonb(value) if column in is_json and value is not None else value for column, value in row.items()}

        with pytest.raises(psycopg.errors.InsufficientPrivilege, match="row-level security"):
            await _insert_as_app(database, ours, name, values)


async def _insert_as_app(database: Database, enterprise_id: UUID, name: str, values: Mapping[str, object]) -> None:
    async with await psycopg.AsyncConnection.connect(database.url, options=f"-c role={APP}") as connection:
        await connection.execute("SELECT set_config('qiatan.enterprise', %s, true)", (str(enterprise_id),))
        statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
            sql.Identifier(name), sql.SQL(", ").join(map(sql.Identifier, values)), sql.SQL(", ").join(sql.Placeholder() * len(values))
        )
        await connection.execute(statement, list(values.values()))


async def test_without_an_enterprise_the_application_role_sees_nothing(database: Database, world: World) -> None:
    async with await psycopg.AsyncConnection.connect(database.url, options=f"-c role={APP}") as connection:
        for name in TABLES:
            row = await (await connection.execute(sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(name)))).fetchone()
            assert row == (0,), name


async def test_a_reference_across_enterprises_cannot_be_stored(database: Database, factories: Factories, world: World) -> None:
    """Even by the role that sees all of them."""
    ours = await factories.tenant()
    attempts: list[Callable[[Tx], Awaitable[object]]] = [
        lambda tx: tx.session.execute(
            text("INSERT INTO group_members (enterprise_id, group_id, agent_id) VALUES (:e, :g, :a)"),
            {"e": ours.enterprise_id, "g": world.ids["group_id"], "a": ours.admin.id},
        ),
        lambda tx: tx.session.execute(
            text("UPDATE conversations SET assignee_id = :a WHERE enterprise_id = :e AND id = :c"),
            {"a": ours.admin.id, "e": world.tenant.enterprise_id, "c": world.ids["conversation_id"]},
        ),
        lambda tx: tx.session.execute(
            text(
                "INSERT INTO messages (enterprise_id, conversation_id, seq, kind, sender_kind, at) VALUES (:e, :c, 99, 'text', 'agent', now())"
            ),
            {"e": ours.enterprise_id, "c": world.ids["conversation_id"]},
        ),
    ]
    for attempt in attempts:
        with pytest.raises(DBAPIError, match="foreign key"):
            async with database.system() as tx:
                await attempt(tx)


async def test_the_enterprise_of_a_transaction_does_not_stay_on_its_connection(database: Database, factories: Factories) -> None:
    tenants = [await factories.tenant() for _ in range(4)]

    async def seen(enterprise_id: UUID) -> list[UUID]:
        async with database.tenant(enterprise_id) as tx:
            return list((await tx.session.execute(text("SELECT id FROM enterprises"))).scalars())

    order = [tenant.enterprise_id for tenant in tenants for _ in range(5)]
    assert await asyncio.gather(*map(seen, order)) == [[enterprise_id] for enterprise_id in order]
    assert await seen(new_id()) == []


@pytest.mark.parametrize(
    "statement", ["DROP TABLE visits", "ALTER TABLE visits DISABLE ROW LEVEL SECURITY", "CREATE TABLE x (a int)", "TRUNCATE visits"]
)
@pytest.mark.parametrize("role", [APP, SYSTEM])
async def test_neither_role_may_change_the_schema(database: Database, role: str, statement: str) -> None:
    async with await psycopg.AsyncConnection.connect(database.url, options=f"-c role={role}") as connection:
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            await connection.execute(statement.encode())

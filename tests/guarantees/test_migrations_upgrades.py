"""A database with data of any earlier revision becomes what a new one is, keeps what it had, and the program reads it."""

from __future__ import annotations

from dataclasses import replace
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from alembic import command

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database, migrate
from qiatan.infra.resources import Resources
from qiatan.kit.access import AgentActor, Scope, ScopeKind
from qiatan.modules.accounts import service as accounts
from qiatan.modules.channels import service as channels
from qiatan.modules.conversations import service as conversations
from qiatan.modules.conversations.contracts import View
from tests.guarantees.history import CUSTOMERS, MESSAGES, Shop, counts, fill
from tests.support.access import points_of
from tests.support.postgres import elsewhere

REVISIONS = [path.name[:4] for path in sorted((migrate.migrations_folder() / "versions").glob("[0-9]*_*.py"))]
NOT_KEPT = {"0009": {"one_time_links"}}
"""Tables that a revision empties: links of before 0009 did not say for whom they were."""
ADDED_TO = {"roles", "tags", "customer_tags", "schema_steps"}
"""Tables that migrations fill: 0009 makes each enterprise its roles, 0013 makes tags of words, and each step is noted."""


def _blank(postgres_url: str) -> str:
    name = f"history_{uuid4().hex}"
    with psycopg.connect(elsewhere(postgres_url, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return elsewhere(postgres_url, name)


@pytest.mark.parametrize("revision", REVISIONS[1:])
async def test_data_of_each_revision_come_to_the_newest_and_are_read(revision: str, postgres_url: str, resources: Resources) -> None:
    """Given a shop at a revision, when the newest program starts, then nothing of it is lost and its pages are answered."""
    url, shop = _blank(postgres_url), Shop()
    command.upgrade(migrate.configuration(url), revision)
    before = fill(url, shop)
    written = before.get("conversations", 0) > 0

    done = migrate.upgrade(url)

    assert done.waiting == ()
    _nothing_is_lost(before, counts(url), revision)
    assert _shape(url) == _shape(postgres_url)
    database = Database(url, clock=resources.clock, pool_size=1)
    try:
        await _is_read(replace(resources, database=database), shop, written=written)
    finally:
        await database.dispose()


def _nothing_is_lost(before: dict[str, int], after: dict[str, int], revision: str) -> None:
    emptied = {table for step, tables in NOT_KEPT.items() if step > revision for table in tables}
    assert {table: after[table] for table in before if table not in emptied | ADDED_TO | {"alembic_version"}} == {
        table: count for table, count in before.items() if table not in emptied | ADDED_TO | {"alembic_version"}
    }
    assert all(after[table] >= before.get(table, 0) for table in ADDED_TO & before.keys())
    if "0010" <= revision <= "0012":
        assert after["customer_tags"] == 2 * CUSTOMERS


def _shape(url: str) -> dict[str, list[Any]]:
    """Columns, constraints, indexes, policies and functions, in words."""
    queries = {
        "columns": """SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
                       WHERE table_schema = 'public' ORDER BY 1, 2""",
        "constraints": """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated FROM pg_constraint
                           WHERE connamespace = 'public'::regnamespace ORDER BY 1, 2""",
        "indexes": "SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2",
        "unfit indexes": "SELECT indexrelid::regclass::text FROM pg_index WHERE NOT (indisvalid AND indisready)",
        "policies": "SELECT tablename, policyname, roles::text, qual, with_check FROM pg_policies WHERE schemaname = 'public' ORDER BY 1, 2",
        "functions": "SELECT proname, md5(prosrc) FROM pg_proc WHERE pronamespace = 'public'::regnamespace ORDER BY 1, 2",
        "triggers": "SELECT tgrelid::regclass::text, tgname FROM pg_trigger WHERE NOT tgisinternal ORDER BY 1, 2",
    }
    with psycopg.connect(url) as connection:
        found = {name: connection.execute(query.encode()).fetchall() for name, query in queries.items()}
    assert found["unfit indexes"] == []
    assert all(validated for *_, validated in found["constraints"])
    return found


async def _is_read(resources: Resources, shop: Shop, *, written: bool) -> None:
    """What the pages show, through the program's own use cases."""
    actor = AgentActor(shop.enterprise_id, shop.admin_id, new_id(), points_of("admin"), Scope(ScopeKind.ALL))
    async with resources.database.tenant(shop.enterprise_id) as tx:
        people = await accounts.agents_page(tx, actor, after=None, limit=50)
        assert {agent.name: agent.role.name for agent in people.items} == {"沈知夏": "管理员", "顾言": "普通客服"}
        assert [group.name for group in (await accounts.groups_page(tx, actor, after=None, limit=50)).items] == ["售前"]
    if not written:
        return
    served = AgentActor(shop.enterprise_id, shop.agent_id, new_id(), points_of("agent"), Scope(ScopeKind.SELF))
    async with resources.database.tenant(shop.enterprise_id) as tx:
        assert [channel.name for channel in await channels.every(tx)] == ["官网"]
        waiting = await conversations.list_conversations(tx, actor, view=View.QUEUE, after=None, limit=50)
        mine = await conversations.list_conversations(tx, served, view=View.MINE, after=None, limit=50)
        ended = await conversations.list_conversations(tx, served, view=View.ENDED, after=None, limit=50)
        assert {item.id for item in waiting.items} == set(shop.conversation_ids[0::3])
        assert {item.id for item in mine.items} == set(shop.conversation_ids[1::3])
        assert {item.id for item in ended.items} == set(shop.conversation_ids[2::3])
        for number, conversation_id in enumerate(shop.conversation_ids):
            page = await conversations.messages(tx, actor, conversation_id, after_seq=0, before_seq=None, limit=50)
            assert [message.text for message in page.items] == [f"句子{seq}" for seq in range(1, MESSAGES + 1)]
            card = (await conversations.context(tx, actor, conversation_id)).customer
            assert card.name == f"客人{number}"

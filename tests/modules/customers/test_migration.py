"""Tags that were only words become the catalogue, on a database with data."""

from __future__ import annotations

from uuid import uuid4

import psycopg
from alembic import command

from qiatan.infra.clock import new_id
from qiatan.infra.db import migrate
from tests.support.postgres import elsewhere


def test_words_become_tags_once_and_stay_on_who_had_them(postgres_url: str) -> None:
    name = f"tags_{uuid4().hex}"
    with psycopg.connect(elsewhere(postgres_url, "postgres"), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    url = elsewhere(postgres_url, name)
    command.upgrade(migrate.configuration(url), "0012")
    ours, theirs, first, second, third = (new_id() for _ in range(5))
    with psycopg.connect(url) as connection:
        for enterprise_id in (ours, theirs):
            connection.execute("INSERT INTO enterprises (id, name, created_at) VALUES (%s, '松间', now())", (enterprise_id,))
        for enterprise_id, customer_id, tags in (
            (ours, first, ["老客", "VIP"]),
            (ours, second, ["VIP", "VIP"]),
            (ours, third, []),
            (theirs, first, ["老客"]),
        ):
            connection.execute(
                "INSERT INTO customers (enterprise_id, id, tags, created_at, last_seen_at) VALUES (%s, %s, %s, now(), now())",
                (enterprise_id, customer_id, tags),
            )

    migrate.upgrade(url)

    with psycopg.connect(url) as connection:
        words = connection.execute(
            "SELECT enterprise_id, kind, name, color, position FROM tags ORDER BY enterprise_id, position"
        ).fetchall()
        worn = connection.execute(
            """SELECT c.enterprise_id, c.customer_id, t.name FROM customer_tags c
                 JOIN tags t ON t.enterprise_id = c.enterprise_id AND t.id = c.tag_id"""
        ).fetchall()
        left = connection.execute("SELECT count(*) FROM customers WHERE fields = '{}' AND phone_key IS NULL").fetchone()
    assert set(words) == {
        (ours, "customer", "VIP", "gray", 1),
        (ours, "customer", "老客", "gray", 2),
        (theirs, "customer", "老客", "gray", 1),
    }
    assert sorted(worn) == sorted([(ours, first, "老客"), (ours, first, "VIP"), (ours, second, "VIP"), (theirs, first, "老客")])
    assert left == (4,)

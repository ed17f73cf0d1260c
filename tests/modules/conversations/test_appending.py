"""`append_messages` itself: what becomes of any batch, and that it costs the same however many messages there are."""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from uuid import UUID

import msgspec
import psycopg
import pytest
from psycopg import sql
from sqlalchemy import text

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.modules.conversations.repository import Appended, NewMessage
from qiatan.modules.conversations.repository.append import decode_results, encode_batch
from qiatan.modules.conversations.repository.signals import _LINES, _MOVE, Mark, Typed
from tests.support import talk
from tests.support.factories import Factories, Member

_APPEND = "SELECT append_messages(%s::json, now())::text"
_READS = "SELECT relname, seq_scan FROM pg_stat_user_tables WHERE relname IN ('messages', 'conversations') ORDER BY relname"


@dataclass
class Expected:
    """The rules of appending, one message after another: what the function does at once."""

    heads: dict[UUID, int]
    ended: set[UUID]
    served_by: dict[UUID, UUID]
    first: dict[tuple[UUID | None, UUID], tuple[UUID, int]] = field(default_factory=dict)

    def append(self, batch: Sequence[NewMessage]) -> list[tuple[str, UUID, int | None]]:
        known = dict(self.first)
        for message in batch:
            key = (message.si, message.m)
            if key not in self.first and self._refusal(message) is None:
                self.heads[message.c] += 1
                self.first[key] = (message.c, self.heads[message.c])
        told = set(known)
        return [self._answer(message, told) for message in batch]

    def _answer(self, message: NewMessage, told: set[tuple[UUID | None, UUID]]) -> tuple[str, UUID, int | None]:
        key = (message.si, message.m)
        if key not in self.first:
            return (self._refusal(message) or "stored", message.c, None)
        if key in told or self._refusal(message) is not None:
            return ("repeated", *self.first[key])
        told.add(key)
        return ("stored", *self.first[key])

    def _refusal(self, message: NewMessage) -> str | None:
        if message.c not in self.heads:
            return "missing"
        if message.c in self.ended:
            return "ended"
        return "not_yours" if message.own and self.served_by[message.c] != message.si else None


async def _append(database: Database, batch: Sequence[NewMessage]) -> list[Appended]:
    async with database.system() as tx:
        found = await tx.session.execute(
            text("SELECT append_messages(CAST(:batch AS json), CAST(:now AS timestamptz))::text"),
            {"batch": encode_batch(batch), "now": tx.now},
        )
        return decode_results(found.scalar_one())


def _words(order: int, agent: Member, place: UUID, *, own: bool, message_id: UUID) -> NewMessage:
    kind = "agent" if own else "system"
    return NewMessage(
        o=order, e=agent.enterprise_id, c=place, sk=kind, si=agent.id, m=message_id, k="text", t=f"第 {order} 句", p="句", own=own
    )


@pytest.mark.parametrize("seed", range(6))
async def test_any_batch_is_answered_as_if_each_message_had_come_alone(database: Database, factories: Factories, seed: int) -> None:
    chance = random.Random(seed)
    tenant = await factories.tenant()
    other = await factories.agent(tenant.enterprise_id)
    channel = await factories.channel(tenant.enterprise_id)
    guests = [await factories.visitor(channel) for _ in range(4)]
    places = [await talk.served(database, guest, tenant.admin) for guest in guests]
    await talk.end(database, tenant.admin, places[0])
    heads = dict(await _heads(database, tenant.enterprise_id))
    rules = Expected(heads, {places[0]}, dict.fromkeys(places, tenant.admin.id))
    ids = [new_id() for _ in range(25)]

    for size in (1, 40, 40, 3):
        batch = [
            _words(
                order,
                chance.choice([tenant.admin, tenant.admin, other]),
                chance.choice([*places, places[1], new_id()]),
                own=chance.random() < 0.7,
                message_id=chance.choice(ids),
            )
            for order in range(size)
        ]
        answers = await _append(database, batch)

        assert [(one.outcome, one.conversation_id, one.seq) for one in answers] == rules.append(batch)

    assert dict(await _heads(database, tenant.enterprise_id)) == rules.heads
    assert await talk.gaps(database, tenant.enterprise_id) == []
    assert await talk.drift(database, tenant.enterprise_id) == []


async def _heads(database: Database, enterprise_id: UUID) -> list[tuple[UUID, int]]:
    async with database.system() as tx:
        rows = await tx.session.execute(text("SELECT id, head FROM conversations WHERE enterprise_id = :e"), {"e": enterprise_id})
        return [(row.id, row.head) for row in rows]


def test_a_plan_made_while_the_tables_were_empty_reads_none_of_them_whole_when_they_are_full(empty_database: str) -> None:
    # Given a connection whose plans are those of empty tables, as the message log's is after an installation
    tenant, rows = UUID(int=1), 3_000
    with psycopg.connect(empty_database, autocommit=True) as owner:
        _forget_foreign_keys(owner, "conversations")
        owner.execute("ALTER TABLE messages SET (autovacuum_enabled = false); ALTER TABLE conversations SET (autovacuum_enabled = false)")
        owner.execute("SET plan_cache_mode = force_generic_plan")
        _fill(owner, tenant, first=1, last=20)
        _append_to_each(owner, tenant, range(1, 21))
        _read_and_type_in_each(owner, tenant, range(1, 21), seq=1)
        # When both have grown a hundred times, and nobody has analysed them
        _fill(owner, tenant, first=21, last=rows)
        for start in range(1, rows, 500):
            _append_to_each(owner, tenant, range(start, start + 500))
        before = _sequential(owner)
        _append_to_each(owner, tenant, range(1, 21))
        _read_and_type_in_each(owner, tenant, range(1, 21), seq=2)

        # Then a batch looks for its rows, and reads no table from end to end
        assert _sequential(owner) == before
        assert owner.execute("SELECT count(*) FROM messages").fetchone() == (rows + 40,)


def _forget_foreign_keys(owner: psycopg.Connection[tuple[object, ...]], table: str) -> None:
    """Rows of nobody's customers, in a database that this test has for itself."""
    for (name,) in owner.execute("SELECT conname FROM pg_constraint WHERE contype = 'f' AND conrelid = %s::regclass", (table,)).fetchall():
        owner.execute(sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(sql.Identifier(table), sql.Identifier(str(name))))


def _fill(owner: psycopg.Connection[tuple[object, ...]], tenant: UUID, *, first: int, last: int) -> None:
    owner.execute(
        """
        INSERT INTO conversations
            (enterprise_id, id, customer_id, channel_id, status, agent_ids, head, version,
             customer_read_seq, agent_read_seq, agent_unread, customer_unread, created_at, waiting_since)
        SELECT %s, id, id, id, 'waiting', '{}', 0, 1, 0, 0, 0, 0, now(), now()
          FROM (SELECT lpad(n::text, 32, '0')::uuid AS id FROM generate_series(%s::int, %s::int) n) numbered
        """,
        (tenant, first, last),
    )


def _append_to_each(owner: psycopg.Connection[tuple[object, ...]], tenant: UUID, numbers: range) -> None:
    batch = [
        NewMessage(
            o=order, e=tenant, c=UUID(f"{number:032}"), sk="customer", si=UUID(f"{number:032}"), m=new_id(), k="text", t="在吗", p="在吗"
        )
        for order, number in enumerate(numbers)
    ]
    row = owner.execute(_APPEND, (encode_batch(batch),)).fetchone()
    assert row is not None
    assert {one.outcome for one in decode_results(str(row[0]))} == {"stored"}


def _read_and_type_in_each(owner: psycopg.Connection[tuple[object, ...]], tenant: UUID, numbers: range, *, seq: int) -> None:
    places = [UUID(f"{number:032}") for number in numbers]
    marks = [Mark(order, tenant, place, False, place, place, seq) for order, place in enumerate(places)]
    typed = [Typed(order, tenant, cu=place, ch=place) for order, place in enumerate(places)]
    for statement, batch, names in ((_MOVE, marks, ("own", "seq")), (_LINES, typed, ("conversation_id",))):
        row = owner.execute(statement, (msgspec.json.encode(batch).decode(),)).fetchone()
        assert row is not None
        told = [tuple(one[name] for name in names) for one in json.loads(str(row[0]))]
        assert told == ([(True, seq)] * len(places) if batch is marks else [(str(place),) for place in places])


def _sequential(owner: psycopg.Connection[tuple[object, ...]]) -> list[tuple[object, ...]]:
    owner.execute("SELECT pg_stat_force_next_flush()")
    owner.execute("SELECT 1")
    return owner.execute(_READS).fetchall()

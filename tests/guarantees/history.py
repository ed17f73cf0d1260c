"""The rows of a small shop, as they lay in the database at any revision.

Each row is told with every column it ever had; what a revision does not know of it is left out. So one description serves them all, and a
new migration adds to it what it adds to the schema.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from qiatan.infra.clock import new_id

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
CUSTOMERS = 6
MESSAGES = 5


@dataclass(frozen=True)
class Shop:
    """Whom a test asks for: an administrator, an agent, and customers with a conversation each."""

    enterprise_id: UUID = field(default_factory=new_id)
    admin_id: UUID = field(default_factory=new_id)
    agent_id: UUID = field(default_factory=new_id)
    group_id: UUID = field(default_factory=new_id)
    channel_id: UUID = field(default_factory=new_id)
    customer_ids: tuple[UUID, ...] = field(default_factory=lambda: tuple(new_id() for _ in range(CUSTOMERS)))
    conversation_ids: tuple[UUID, ...] = field(default_factory=lambda: tuple(new_id() for _ in range(CUSTOMERS)))


Row = tuple[str, dict[str, Any]]


def fill(url: str, shop: Shop) -> dict[str, int]:
    """Write the shop into a database of any revision. Returns how many rows each table has then."""
    with psycopg.connect(url) as connection:
        columns = connection.execute(
            "SELECT table_name, column_name, data_type FROM information_schema.columns WHERE table_schema = 'public'"
        ).fetchall()
        known: dict[str, dict[str, str]] = {}
        for table, column, kind in columns:
            known.setdefault(table, {})[column] = kind
        roles = {"admin": new_id(), "agent": new_id()} if "roles" in known else {}
        for table, row in _rows(shop, roles):
            if table in known:
                _insert(connection, table, {name: value for name, value in row.items() if name in known[table]}, known[table])
    return counts(url)


def counts(url: str) -> dict[str, int]:
    """Rows of each table of ours."""
    with psycopg.connect(url) as connection:
        tables = connection.execute(
            "SELECT tablename FROM pg_tables WHERE schemaname = 'public' AND tablename NOT LIKE 'procrastinate%' ORDER BY 1"
        ).fetchall()
        return {table: _one(connection, sql.SQL("SELECT count(*) FROM {}").format(sql.Identifier(table))) for (table,) in tables}


def _one(connection: psycopg.Connection[Any], query: sql.Composed) -> int:
    row = connection.execute(query).fetchone()
    assert row is not None
    return int(row[0])


def _insert(connection: psycopg.Connection[Any], table: str, row: dict[str, Any], kinds: dict[str, str]) -> None:
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        sql.Identifier(table), sql.SQL(", ").join(map(sql.Identifier, row)), sql.SQL(", ").join(sql.Placeholder() * len(row))
    )
    values = [Jsonb(value) if kinds[name] == "jsonb" and value is not None else value for name, value in row.items()]
    connection.execute(statement, values)


def _rows(shop: Shop, roles: dict[str, UUID]) -> list[Row]:
    ours = {"enterprise_id": shop.enterprise_id}
    rows: list[Row] = [("enterprises", {"id": shop.enterprise_id, "name": "松间器物", "created_at": NOON})]
    rows += [
        ("roles", {**ours, "id": role_id, "name": {"admin": "管理员", "agent": "普通客服"}[name], "builtin": name, "created_at": NOON})
        for name, role_id in roles.items()
    ]
    for agent_id, role, scope in ((shop.admin_id, "admin", "all"), (shop.agent_id, "agent", "self")):
        rows.append(
            (
                "agents",
                {
                    **ours,
                    "id": agent_id,
                    "email": f"{agent_id.hex}@example.com",
                    "name": "沈知夏" if role == "admin" else "顾言",
                    "password_hash": "$argon2id$v=19$m=64,t=1,p=1$c2FsdHNhbHQ$8GlZl5Rc2xQ0uZ0bYd0m0g",
                    "role": role,
                    "role_id": roles.get(role),
                    "scope_kind": scope,
                    "created_at": NOON,
                },
            )
        )
        rows.append(("agent_preferences", {**ours, "agent_id": agent_id, "settings": {}}))
    rows += [
        ("groups", {**ours, "id": shop.group_id, "name": "售前", "created_at": NOON}),
        ("group_members", {**ours, "group_id": shop.group_id, "agent_id": shop.agent_id}),
        ("agent_scope_groups", {**ours, "agent_id": shop.agent_id, "group_id": shop.group_id}),
        ("sessions", {**_session(shop), **ours}),
        (
            "one_time_links",
            {
                **ours,
                "id": new_id(),
                "agent_id": shop.agent_id,
                "purpose": "sign_in",
                "token_hash": b"l" * 32,
                "email": "gu@example.com",
                "created_at": NOON,
                "expires_at": NOON + timedelta(hours=1),
            },
        ),
        (
            "channels",
            {
                **ours,
                "id": shop.channel_id,
                "kind": "web",
                "key": f"ch_{shop.channel_id.hex}",
                "name": "官网",
                "is_first": True,
                "settings": {},
                "created_at": NOON,
            },
        ),
        ("agent_presence", {**ours, "agent_id": shop.agent_id, "status": "away", "lease_until": NOON}),
        ("login_policies", {**ours, "regions": ["浙江"]}),
        ("reply_shelves", {**ours, "id": new_id(), "version": 1}),
        ("onboarding", {**ours, "skipped": []}),
    ]
    for number, (customer_id, conversation_id) in enumerate(zip(shop.customer_ids, shop.conversation_ids, strict=True)):
        rows += _talk(shop, number, customer_id, conversation_id)
    return rows


def _session(shop: Shop) -> dict[str, Any]:
    return {
        "id": new_id(),
        "agent_id": shop.agent_id,
        "token_hash": b"s" * 32,
        "created_at": NOON,
        "last_seen_at": NOON,
        "expires_at": NOON + timedelta(days=30),
        "address": "198.51.100.7",
        "user_agent": "Mozilla/5.0",
    }


def _talk(shop: Shop, number: int, customer_id: UUID, conversation_id: UUID) -> list[Row]:
    """A customer who asked, was answered, and sent a picture. By turns the conversation waits, is served, and has ended."""
    ours = {"enterprise_id": shop.enterprise_id}
    status = ("waiting", "active", "ended")[number % 3]
    began = NOON + timedelta(minutes=number)
    served = shop.agent_id if status != "waiting" else None
    file_id, client_id, tag_id = new_id(), new_id(), new_id()
    rows: list[Row] = [
        (
            "customers",
            {
                **ours,
                "id": customer_id,
                "name": f"客人{number}",
                "tags": ["老客", f"第{number}"],
                "created_at": NOON,
                "last_seen_at": began,
            },
        ),
        (
            "visitor_tokens",
            {
                **ours,
                "id": new_id(),
                "channel_id": shop.channel_id,
                "customer_id": customer_id,
                "token_hash": customer_id.bytes * 2,
                "created_at": NOON,
                "expires_at": NOON + timedelta(days=400),
            },
        ),
        (
            "visits",
            {
                **ours,
                "id": new_id(),
                "customer_id": customer_id,
                "channel_id": shop.channel_id,
                "page_url": "https://shop.example/cups",
                "device": "phone",
                "started_at": began,
                "last_seen_at": began,
            },
        ),
        (
            "conversations",
            {
                **ours,
                "id": conversation_id,
                "customer_id": customer_id,
                "channel_id": shop.channel_id,
                "status": status,
                "assignee_id": served,
                "agent_ids": [served] if served else [],
                "head": MESSAGES,
                "version": 3,
                "last_seq": MESSAGES,
                "last_kind": "text",
                "last_sender_kind": "customer",
                "last_sender_id": customer_id,
                "last_preview": f"句子{MESSAGES}",
                "last_at": began + timedelta(seconds=MESSAGES),
                "customer_read_seq": 2,
                "agent_read_seq": 2,
                "agent_unread": 2,
                "customer_unread": 0,
                "created_at": began,
                "waiting_since": began if status == "waiting" else None,
                "assigned_at": began if served else None,
                "ended_at": began + timedelta(hours=1) if status == "ended" else None,
                "ended_by": "agent" if status == "ended" else None,
            },
        ),
        (
            "files",
            {
                **ours,
                "id": file_id,
                "uploader_kind": "customer",
                "uploader_id": customer_id,
                "conversation_id": conversation_id,
                "client_message_id": client_id,
                "blob": f"{file_id.hex}.png",
                "name": "杯子.png",
                "content_type": "image/png",
                "size": 68,
                "width": 1,
                "height": 1,
                "created_at": began,
                "attached_at": began,
            },
        ),
        (
            "tags",
            {**ours, "id": tag_id, "kind": "conversation", "name": f"事{number}", "color": "gray", "position": number, "created_at": NOON},
        ),
        ("conversation_tags", {**ours, "conversation_id": conversation_id, "tag_id": tag_id, "at": NOON}),
        ("drafts", {**ours, "agent_id": shop.agent_id, "conversation_id": conversation_id, "text": "好的", "note": False, "at": NOON}),
        (
            "customer_notes",
            {**ours, "id": new_id(), "customer_id": customer_id, "agent_id": shop.agent_id, "text": "要青瓷", "created_at": NOON},
        ),
    ]
    for seq in range(1, MESSAGES + 1):
        by_agent = seq == 2 and served is not None
        rows.append(
            (
                "messages",
                {
                    **ours,
                    "conversation_id": conversation_id,
                    "seq": seq,
                    "kind": "text",
                    "sender_kind": "agent" if by_agent else "customer",
                    "sender_id": served if by_agent else customer_id,
                    "client_message_id": new_id(),
                    "at": began + timedelta(seconds=seq),
                    "text": f"句子{seq}",
                },
            )
        )
    if status == "ended":
        rows.append(
            (
                "evaluations",
                {
                    **ours,
                    "conversation_id": conversation_id,
                    "level": "good",
                    "remark": "",
                    "segments": [],
                    "first_at": began,
                    "at": began,
                },
            )
        )
    return rows

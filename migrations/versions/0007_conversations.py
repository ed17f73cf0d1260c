"""Conversations, messages, and the function that appends a batch of messages.

Runs before the new code; nothing older uses these tables.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from qiatan.infra.db.ddl import protect
from qiatan.infra.db.roles import APP, SYSTEM

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None
phase = "before"

_TIME = sa.DateTime(timezone=True)
_OPEN = sa.text("status <> 'ended'")

# Why a function: the conversations must be locked before the statement that looks for repeats takes its snapshot, and all of it
# must cost one round trip. Locks are taken in key order, so that two batches cannot wait for each other.
_APPEND = """
CREATE FUNCTION append_messages(batch json, moment timestamptz) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
    results json;
BEGIN
    PERFORM 1 FROM conversations v
      WHERE (v.enterprise_id, v.id) IN (SELECT x.e, x.c FROM json_to_recordset(batch) AS x(e uuid, c uuid))
      ORDER BY v.enterprise_id, v.id
      FOR NO KEY UPDATE;

    WITH input AS MATERIALIZED (
        SELECT * FROM json_to_recordset(batch)
          AS x(o int, e uuid, c uuid, sk text, si uuid, m uuid, k text, t text, d jsonb, p text, r int, own boolean)
    ), repeats AS MATERIALIZED (
        SELECT i.o, m.conversation_id, m.seq, m.at
          FROM input i
          JOIN messages m ON m.enterprise_id = i.e AND m.sender_id = i.si AND m.client_message_id = i.m
    ), fresh AS MATERIALIZED (
        SELECT DISTINCT ON (i.e, i.si, i.m) i.*, v.head
          FROM input i
          JOIN conversations v ON v.enterprise_id = i.e AND v.id = i.c
         WHERE NOT EXISTS (SELECT 1 FROM repeats r WHERE r.o = i.o)
           AND v.status <> 'ended'
           AND (NOT i.own OR v.assignee_id = i.si)
         ORDER BY i.e, i.si, i.m, i.o
    ), numbered AS MATERIALIZED (
        SELECT f.*, (f.head + row_number() OVER (PARTITION BY f.e, f.c ORDER BY f.o))::int AS n FROM fresh f
    ), stored AS (
        INSERT INTO messages
            (enterprise_id, conversation_id, seq, kind, sender_kind, sender_id, client_message_id, at, text, data, ref_seq)
        SELECT e, c, n, k, sk, si, m, moment, t, d, r FROM numbered
    ), totals AS (
        SELECT e, c,
               max(n) AS head,
               count(*) FILTER (WHERE sk = 'customer' AND k <> 'withdrawal') AS from_customer,
               count(*) FILTER (WHERE sk = 'agent' AND k <> 'withdrawal') AS from_agent,
               max(n) FILTER (WHERE sk = 'customer' AND k <> 'withdrawal') AS last_customer,
               max(n) FILTER (WHERE sk = 'agent' AND k <> 'withdrawal') AS last_agent,
               max(n) FILTER (WHERE sk <> 'system') AS last_person
          FROM numbered
         GROUP BY e, c
    ), touched AS (
        UPDATE conversations v SET
               head = t.head,
               last_seq = coalesce(l.n, v.last_seq),
               last_kind = coalesce(l.k, v.last_kind),
               last_sender_kind = coalesce(l.sk, v.last_sender_kind),
               last_preview = CASE WHEN l.n IS NULL THEN v.last_preview ELSE l.p END,
               last_at = CASE WHEN l.n IS NULL THEN v.last_at ELSE moment END,
               agent_unread = v.agent_unread + t.from_customer,
               customer_unread = v.customer_unread + t.from_agent,
               unanswered_since = CASE
                   WHEN t.last_customer > coalesce(t.last_agent, 0)
                       THEN CASE WHEN t.last_agent IS NULL THEN coalesce(v.unanswered_since, moment) ELSE moment END
                   WHEN t.last_agent IS NOT NULL THEN NULL
                   ELSE v.unanswered_since
               END
          FROM totals t
          LEFT JOIN numbered l ON l.e = t.e AND l.c = t.c AND l.n = t.last_person
         WHERE v.enterprise_id = t.e AND v.id = t.c
    )
    SELECT json_agg(json_build_object(
               'outcome', CASE
                   WHEN r.o IS NOT NULL THEN 'repeated'
                   WHEN n.o = i.o THEN 'stored'
                   WHEN n.o IS NOT NULL THEN 'repeated'
                   WHEN v.id IS NULL THEN 'missing'
                   WHEN v.status = 'ended' THEN 'ended'
                   ELSE 'not_yours'
               END,
               'conversation_id', coalesce(r.conversation_id, n.c, i.c),
               'seq', coalesce(r.seq, n.n),
               'at', coalesce(r.at, moment),
               'customer_id', v.customer_id,
               'assignee_id', v.assignee_id,
               'waiting', v.status = 'waiting'
           ) ORDER BY i.o)
      INTO results
      FROM input i
      LEFT JOIN repeats r ON r.o = i.o
      LEFT JOIN numbered n ON n.m = i.m AND n.e = i.e AND n.si IS NOT DISTINCT FROM i.si
      LEFT JOIN conversations v ON v.enterprise_id = i.e AND v.id = i.c;
    RETURN results;
END $$
"""


def upgrade() -> None:
    op.create_table(
        "conversations",
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("assignee_id", sa.Uuid(), nullable=True),
        sa.Column("agent_ids", ARRAY(sa.Uuid()), nullable=False),
        sa.Column("head", sa.Integer(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("last_seq", sa.Integer(), nullable=True),
        sa.Column("last_kind", sa.Text(), nullable=True),
        sa.Column("last_sender_kind", sa.Text(), nullable=True),
        sa.Column("last_preview", sa.Text(), nullable=True),
        sa.Column("last_at", _TIME, nullable=True),
        sa.Column("customer_read_seq", sa.Integer(), nullable=False),
        sa.Column("agent_read_seq", sa.Integer(), nullable=False),
        sa.Column("agent_unread", sa.Integer(), nullable=False),
        sa.Column("customer_unread", sa.Integer(), nullable=False),
        sa.Column("unanswered_since", _TIME, nullable=True),
        sa.Column("created_at", _TIME, nullable=False),
        sa.Column("waiting_since", _TIME, nullable=True),
        sa.Column("assigned_at", _TIME, nullable=True),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=True),
        sa.CheckConstraint("status IN ('waiting', 'active', 'ended')", name="status"),
        sa.CheckConstraint("(status = 'active') <= (assignee_id IS NOT NULL)", name="active_has_assignee"),
        sa.CheckConstraint("(status = 'waiting') <= (assignee_id IS NULL)", name="waiting_has_no_assignee"),
        sa.CheckConstraint("(status = 'ended') = (ended_at IS NOT NULL)", name="ended_has_time"),
        sa.PrimaryKeyConstraint("enterprise_id", "id"),
        sa.ForeignKeyConstraint(["enterprise_id", "customer_id"], ["customers.enterprise_id", "customers.id"]),
        sa.ForeignKeyConstraint(["enterprise_id", "channel_id"], ["channels.enterprise_id", "channels.id"]),
        sa.ForeignKeyConstraint(["enterprise_id", "assignee_id"], ["agents.enterprise_id", "agents.id"]),
        postgresql_with={"fillfactor": "70"},
    )
    op.create_index(
        "one_open_conversation_per_customer_and_channel",
        "conversations",
        ["enterprise_id", "customer_id", "channel_id"],
        unique=True,
        postgresql_where=_OPEN,
    )
    op.create_index(
        "conversations_open_by_assignee",
        "conversations",
        ["enterprise_id", "assignee_id", "created_at", "id"],
        postgresql_where=_OPEN,
    )
    op.create_index("conversations_open_by_age", "conversations", ["enterprise_id", "created_at", "id"], postgresql_where=_OPEN)
    op.create_index(
        "conversations_waiting",
        "conversations",
        ["enterprise_id", "waiting_since", "id"],
        postgresql_where=sa.text("status = 'waiting'"),
    )
    op.create_index(
        "conversations_ended_by_assignee",
        "conversations",
        ["enterprise_id", "assignee_id", "ended_at", "id"],
        postgresql_where=sa.text("status = 'ended'"),
    )
    op.create_index("conversations_by_customer", "conversations", ["enterprise_id", "customer_id", "created_at", "id"])
    op.create_table(
        "messages",
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("sender_kind", sa.Text(), nullable=False),
        sa.Column("sender_id", sa.Uuid(), nullable=True),
        sa.Column("client_message_id", sa.Uuid(), nullable=True),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("data", JSONB(none_as_null=True), nullable=True),
        sa.Column("ref_seq", sa.Integer(), nullable=True),
        sa.CheckConstraint("seq > 0", name="seq_positive"),
        sa.CheckConstraint("char_length(text) <= 5000", name="text_length"),
        sa.PrimaryKeyConstraint("enterprise_id", "conversation_id", "seq"),
        sa.ForeignKeyConstraint(["enterprise_id", "conversation_id"], ["conversations.enterprise_id", "conversations.id"]),
    )
    op.create_index("one_message_per_client_id", "messages", ["enterprise_id", "sender_id", "client_message_id"], unique=True)
    op.create_index(
        "one_withdrawal_per_message",
        "messages",
        ["enterprise_id", "conversation_id", "ref_seq"],
        unique=True,
        postgresql_where=sa.text("ref_seq IS NOT NULL"),
    )
    protect(op, "conversations")
    protect(op, "messages")
    op.execute(_APPEND)
    op.execute("REVOKE ALL ON FUNCTION append_messages(json, timestamptz) FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION append_messages(json, timestamptz) TO {APP}, {SYSTEM}")

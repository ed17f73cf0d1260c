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

_TIME = sa.DateTime(timezone=True)
_OPEN = sa.text("status <> 'ended'")

# A batch comes as one JSON text and is read once: reading it costs about as much as storing it.
_INPUT = """
CREATE TYPE message_to_append AS
    (o int, e uuid, c uuid, sk text, si uuid, m uuid, k text, t text, d jsonb, p text, r int, own boolean)
"""

# Why a function: the conversations must be locked before the statement that looks for repeats takes its snapshot, and all of it
# must cost one round trip. Locks are taken in key order, so that two batches cannot wait for each other.
# Why the setting: a plan kept from the time when the tables were empty would read whole tables when they have grown; planning anew
# costs a millisecond, shared by the batch.
_APPEND = """
CREATE FUNCTION append_messages(batch json, moment timestamptz) RETURNS json LANGUAGE plpgsql
    SET plan_cache_mode = force_custom_plan AS $$
DECLARE
    given message_to_append[];
    results json;
BEGIN
    SELECT array_agg(x) INTO given FROM json_populate_recordset(NULL::message_to_append, batch) x;

    PERFORM 1
       FROM (SELECT DISTINCT e, c FROM unnest(given)) x
       JOIN conversations v ON v.enterprise_id = x.e AND v.id = x.c
      ORDER BY v.enterprise_id, v.id
        FOR NO KEY UPDATE OF v;

    WITH judged AS MATERIALIZED (
        SELECT i.*, v.head, v.status, v.customer_id, v.assignee_id,
               r.conversation_id AS earlier_c, r.seq AS earlier_n, r.at AS earlier_at,
               coalesce(r.seq IS NULL AND v.status <> 'ended' AND (NOT i.own OR v.assignee_id = i.si), false) AS possible
          FROM unnest(given) i
          LEFT JOIN conversations v ON v.enterprise_id = i.e AND v.id = i.c
          LEFT JOIN messages r ON r.enterprise_id = i.e AND r.sender_id = i.si AND r.client_message_id = i.m
    ), chosen AS (
        SELECT j.*, possible AND row_number() OVER (PARTITION BY e, si, m, possible ORDER BY o) = 1 AS fresh FROM judged j
    ), numbered AS MATERIALIZED (
        SELECT h.*, CASE WHEN fresh THEN (head + row_number() OVER (PARTITION BY e, c, fresh ORDER BY o))::int END AS n FROM chosen h
    ), stored AS (
        INSERT INTO messages
            (enterprise_id, conversation_id, seq, kind, sender_kind, sender_id, client_message_id, at, text, data, ref_seq)
        SELECT e, c, n, k, sk, si, m, moment, t, d, r FROM numbered WHERE fresh
    ), totals AS (
        SELECT e, c,
               max(n) AS head,
               count(*) FILTER (WHERE sk = 'customer' AND k <> 'withdrawal') AS from_customer,
               count(*) FILTER (WHERE sk = 'agent' AND k <> 'withdrawal') AS from_agent,
               max(n) FILTER (WHERE sk = 'customer') AS last_customer,
               max(n) FILTER (WHERE sk = 'agent') AS last_agent,
               max(n) FILTER (WHERE sk <> 'system') AS last_person,
               (array_agg(k ORDER BY n DESC) FILTER (WHERE sk <> 'system'))[1] AS last_k,
               (array_agg(sk ORDER BY n DESC) FILTER (WHERE sk <> 'system'))[1] AS last_sk,
               (array_agg(p ORDER BY n DESC) FILTER (WHERE sk <> 'system'))[1] AS last_p
          FROM numbered
         WHERE fresh
         GROUP BY e, c
    ), touched AS (
        UPDATE conversations v SET
               head = t.head,
               last_seq = coalesce(t.last_person, v.last_seq),
               last_kind = coalesce(t.last_k, v.last_kind),
               last_sender_kind = coalesce(t.last_sk, v.last_sender_kind),
               last_preview = CASE WHEN t.last_person IS NULL THEN v.last_preview ELSE t.last_p END,
               last_at = CASE WHEN t.last_person IS NULL THEN v.last_at ELSE moment END,
               agent_unread = v.agent_unread + t.from_customer,
               customer_unread = v.customer_unread + t.from_agent,
               unanswered_since = CASE
                   WHEN t.last_customer > coalesce(t.last_agent, 0)
                       THEN CASE WHEN t.last_agent IS NULL THEN coalesce(v.unanswered_since, moment) ELSE moment END
                   WHEN t.last_agent IS NOT NULL THEN NULL
                   ELSE v.unanswered_since
               END
          FROM totals t
         WHERE v.enterprise_id = t.e AND v.id = t.c
    ), told AS (
        SELECT b.*, first_value(n) OVER same AS first_n, first_value(c) OVER same AS first_c
          FROM numbered b
        WINDOW same AS (PARTITION BY e, si, m ORDER BY fresh DESC, o)
    )
    SELECT json_agg(json_build_object(
               'outcome', CASE
                   WHEN earlier_n IS NOT NULL THEN 'repeated'
                   WHEN fresh THEN 'stored'
                   WHEN first_n IS NOT NULL THEN 'repeated'
                   WHEN status IS NULL THEN 'missing'
                   WHEN status = 'ended' THEN 'ended'
                   ELSE 'not_yours'
               END,
               'conversation_id', coalesce(earlier_c, CASE WHEN first_n IS NULL THEN c ELSE first_c END),
               'seq', coalesce(earlier_n, first_n),
               'at', coalesce(earlier_at, moment),
               'customer_id', customer_id,
               'assignee_id', assignee_id,
               'waiting', status = 'waiting'
           ) ORDER BY o)
      INTO results
      FROM told;
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
    op.execute(_INPUT)
    op.execute(_APPEND)
    op.execute("REVOKE ALL ON FUNCTION append_messages(json, timestamptz) FROM PUBLIC")
    op.execute(f"GRANT EXECUTE ON FUNCTION append_messages(json, timestamptz) TO {APP}, {SYSTEM}")

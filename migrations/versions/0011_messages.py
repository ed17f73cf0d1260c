"""Replies, edits, mentions and drafts; who wrote the last line of a conversation.

Deploy order: before the new code; what is added may be empty, so that older processes go on writing. `append_messages` keeps its signature.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from qiatan.infra.db.ddl import protect

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None
phase = "before"

_TIME = sa.DateTime(timezone=True)
_CONVERSATION = ["conversations.enterprise_id", "conversations.id"]
_AGENT = ["agents.enterprise_id", "agents.id"]

# What differs from 0010: an edit is no new message. It counts nowhere and becomes nobody's last line, but what lists show of the line it
# changes follows it (an edit is alone in its batch: the message log writes texts only). The sender of the last line is noted.
_APPEND = """
CREATE OR REPLACE FUNCTION append_messages(batch json, moment timestamptz) RETURNS json LANGUAGE plpgsql AS $$
DECLARE
    results json;
BEGIN
    PERFORM 1 FROM conversations v
      WHERE (v.enterprise_id, v.id) IN (SELECT x.e, x.c FROM json_to_recordset(batch) AS x(e uuid, c uuid))
      ORDER BY v.enterprise_id, v.id
      FOR NO KEY UPDATE;

    WITH input AS MATERIALIZED (
        SELECT * FROM json_to_recordset(batch)
          AS x(o int, e uuid, c uuid, sk text, si uuid, m uuid, k text, t text, d jsonb, p text, r int, own boolean, j boolean)
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
           AND (NOT i.own OR v.assignee_id = i.si OR (i.j AND i.si = ANY (v.joined_ids)))
         ORDER BY i.e, i.si, i.m, i.o
    ), numbered AS MATERIALIZED (
        SELECT f.*, (f.head + row_number() OVER (PARTITION BY f.e, f.c ORDER BY f.o))::int AS n,
               k = 'note' OR (k IN ('withdrawal', 'edit') AND d ? 'note') AS internal,
               k NOT IN ('withdrawal', 'edit') AS new
          FROM fresh f
    ), stored AS (
        INSERT INTO messages
            (enterprise_id, conversation_id, seq, kind, sender_kind, sender_id, client_message_id, at, text, data, ref_seq)
        SELECT e, c, n, k, sk, si, m, moment, t, d, r FROM numbered
    ), totals AS (
        SELECT e, c,
               max(n) AS head,
               count(*) FILTER (WHERE sk = 'customer' AND new) AS from_customer,
               count(*) FILTER (WHERE sk = 'agent' AND new AND NOT internal) AS from_agent,
               count(*) FILTER (WHERE sk = 'customer' AND k = 'withdrawal') AS back_from_customer,
               count(*) FILTER (WHERE sk = 'agent' AND k = 'withdrawal' AND NOT internal) AS back_from_agent,
               max(n) FILTER (WHERE sk = 'customer' AND new) AS last_customer,
               max(n) FILTER (WHERE sk = 'agent' AND new AND NOT internal) AS last_agent,
               max(n) FILTER (WHERE sk <> 'system' AND k <> 'edit' AND NOT internal) AS last_person,
               max(r) FILTER (WHERE k = 'edit' AND NOT internal) AS edited,
               max(p) FILTER (WHERE k = 'edit' AND NOT internal) AS edited_preview
          FROM numbered
         GROUP BY e, c
    ), touched AS (
        UPDATE conversations v SET
               head = t.head,
               last_seq = coalesce(l.n, v.last_seq),
               last_kind = coalesce(l.k, v.last_kind),
               last_sender_kind = coalesce(l.sk, v.last_sender_kind),
               last_sender_id = CASE WHEN l.n IS NULL THEN v.last_sender_id ELSE l.si END,
               last_preview = CASE
                   WHEN l.n IS NOT NULL THEN l.p
                   WHEN t.edited = v.last_seq THEN t.edited_preview
                   ELSE v.last_preview
               END,
               last_at = CASE WHEN l.n IS NULL THEN v.last_at ELSE moment END,
               agent_unread = v.agent_unread + t.from_customer,
               customer_unread = v.customer_unread + t.from_agent,
               customer_messages = v.customer_messages + t.from_customer - t.back_from_customer,
               agent_messages = v.agent_messages + t.from_agent - t.back_from_agent,
               first_customer_at = CASE WHEN t.from_customer > 0 THEN coalesce(v.first_customer_at, moment) ELSE v.first_customer_at END,
               replied_at = CASE WHEN t.from_agent > 0 THEN coalesce(v.replied_at, moment) ELSE v.replied_at END,
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
               'waiting', v.status = 'waiting',
               'joined', CASE WHEN cardinality(v.joined_ids) > 0 THEN to_json(v.joined_ids) END
           ) ORDER BY i.o)
      INTO results
      FROM input i
      LEFT JOIN repeats r ON r.o = i.o
      LEFT JOIN numbered n ON n.m = i.m AND n.e = i.e AND n.si IS NOT DISTINCT FROM i.si
      LEFT JOIN conversations v ON v.enterprise_id = i.e AND v.id = i.c;
    RETURN results;
END $$
"""

_LAST_SENDERS = """
UPDATE conversations v SET last_sender_id = m.sender_id
  FROM messages m
 WHERE m.enterprise_id = v.enterprise_id AND m.conversation_id = v.id AND m.seq = v.last_seq
"""


def upgrade() -> None:
    op.add_column("conversations", sa.Column("last_sender_id", sa.Uuid(), nullable=True))
    op.execute(_LAST_SENDERS)
    # For search, which goes through conversations by their age, whether open or ended.
    op.create_index("conversations_by_assignee", "conversations", ["enterprise_id", "assignee_id", "created_at", "id"])
    op.create_index("conversations_by_age", "conversations", ["enterprise_id", "created_at", "id"])
    _edits()
    _mentions()
    _drafts()
    op.execute(_APPEND)


def _edits() -> None:
    op.drop_index("one_withdrawal_per_message", "messages")
    op.create_index(
        "one_withdrawal_per_message",
        "messages",
        ["enterprise_id", "conversation_id", "ref_seq"],
        unique=True,
        postgresql_where=sa.text("kind = 'withdrawal'"),
    )
    op.create_index(
        "edits_of_message",
        "messages",
        ["enterprise_id", "conversation_id", "ref_seq", "seq"],
        postgresql_where=sa.text("kind = 'edit'"),
    )


def _mentions() -> None:
    op.create_table(
        "mentions",
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("seq", sa.Integer(), nullable=False, autoincrement=False),
        sa.Column("by_id", sa.Uuid(), nullable=False),
        sa.Column("preview", sa.Text(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("read", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.PrimaryKeyConstraint("enterprise_id", "agent_id", "conversation_id", "seq", name="pk_mentions"),
        sa.ForeignKeyConstraint(["enterprise_id", "agent_id"], _AGENT, name="fk_mentions_agent", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["enterprise_id", "by_id"], _AGENT, name="fk_mentions_by", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["enterprise_id", "conversation_id"], _CONVERSATION, name="fk_mentions_conversation", ondelete="CASCADE"),
    )
    op.create_index(
        "mentions_unread_first", "mentions", ["enterprise_id", "agent_id", "read", sa.text("at DESC"), "conversation_id", "seq"]
    )
    op.create_index("mentions_of_message", "mentions", ["enterprise_id", "conversation_id", "seq"])
    protect(op, "mentions")


def _drafts() -> None:
    op.create_table(
        "drafts",
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.Column("note", sa.Boolean(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("enterprise_id", "agent_id", "conversation_id", name="pk_drafts"),
        sa.ForeignKeyConstraint(["enterprise_id", "agent_id"], _AGENT, name="fk_drafts_agent", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["enterprise_id", "conversation_id"], _CONVERSATION, name="fk_drafts_conversation", ondelete="CASCADE"),
        sa.CheckConstraint("char_length(text) <= 5000", name=op.f("ck_drafts_text_length")),
    )
    op.create_index("drafts_of_conversation", "drafts", ["enterprise_id", "conversation_id"])
    protect(op, "drafts")

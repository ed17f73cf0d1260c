"""Who gets the conversation: settings, queue, decisions, offers, times online, and what conversations must know for it.

Deploy order: before the new code; what is added has defaults, so that older processes go on writing. `append_messages` keeps its signature.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from qiatan.infra.db.ddl import protect

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None
phase = "before"

_TIME = sa.DateTime(timezone=True)
_CONVERSATION = ["conversations.enterprise_id", "conversations.id"]
_AGENT = ["agents.enterprise_id", "agents.id"]
_CUSTOMER = ["customers.enterprise_id", "customers.id"]
_CHANNEL = ["channels.enterprise_id", "channels.id"]


def _enterprise() -> sa.Column[object]:
    return sa.Column("enterprise_id", sa.Uuid(), nullable=False)


# What differs from 0007: both sides' messages are counted for grading, the first customer message and the first answer are noted for
# delayed transfer, who has joined and may still join (`j`) may write, and internal notes (kind `note`, and their withdrawals) never touch
# what the customer sees of the conversation.
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
               k = 'note' OR (k = 'withdrawal' AND d ? 'note') AS internal
          FROM fresh f
    ), stored AS (
        INSERT INTO messages
            (enterprise_id, conversation_id, seq, kind, sender_kind, sender_id, client_message_id, at, text, data, ref_seq)
        SELECT e, c, n, k, sk, si, m, moment, t, d, r FROM numbered
    ), totals AS (
        SELECT e, c,
               max(n) AS head,
               count(*) FILTER (WHERE sk = 'customer' AND k <> 'withdrawal') AS from_customer,
               count(*) FILTER (WHERE sk = 'agent' AND k <> 'withdrawal' AND NOT internal) AS from_agent,
               count(*) FILTER (WHERE sk = 'customer' AND k = 'withdrawal') AS back_from_customer,
               count(*) FILTER (WHERE sk = 'agent' AND k = 'withdrawal' AND NOT internal) AS back_from_agent,
               max(n) FILTER (WHERE sk = 'customer' AND k <> 'withdrawal') AS last_customer,
               max(n) FILTER (WHERE sk = 'agent' AND k <> 'withdrawal' AND NOT internal) AS last_agent,
               max(n) FILTER (WHERE sk <> 'system' AND NOT internal) AS last_person
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

_OPEN_NOW = """
UPDATE conversations v SET
       first_customer_at = m.first_customer, replied_at = m.first_answer,
       customer_messages = m.from_customer, agent_messages = m.from_agent,
       idle_due_at = CASE WHEN v.status = 'active' THEN greatest(v.last_at, v.assigned_at, now()) + interval '30 minutes' END
  FROM (SELECT t.enterprise_id, t.conversation_id,
               min(t.at) FILTER (WHERE t.sender_kind = 'customer') AS first_customer,
               min(t.at) FILTER (WHERE t.sender_kind = 'agent') AS first_answer,
               count(*) FILTER (WHERE t.sender_kind = 'customer' AND w.seq IS NULL) AS from_customer,
               count(*) FILTER (WHERE t.sender_kind = 'agent' AND w.seq IS NULL) AS from_agent
          FROM messages t
          JOIN conversations o ON o.enterprise_id = t.enterprise_id AND o.id = t.conversation_id AND o.status <> 'ended'
          LEFT JOIN messages w ON w.enterprise_id = t.enterprise_id AND w.conversation_id = t.conversation_id AND w.ref_seq = t.seq
         WHERE t.kind IN ('text', 'picture')
         GROUP BY t.enterprise_id, t.conversation_id) AS m
 WHERE v.enterprise_id = m.enterprise_id AND v.id = m.conversation_id
"""


def upgrade() -> None:
    _customers()
    _visits()
    _conversations()
    _presence()
    _routing()


def _customers() -> None:
    op.add_column("customers", sa.Column("vip", sa.Boolean(), nullable=False, server_default=sa.text("false")))
    op.add_column("customers", sa.Column("tags", ARRAY(sa.Text()), nullable=False, server_default="{}"))
    op.add_column("customers", sa.Column("metadata", JSONB(), nullable=False, server_default="{}"))


def _visits() -> None:
    op.add_column("visits", sa.Column("region", sa.Text(), nullable=True))


def _conversations() -> None:
    op.add_column("conversations", sa.Column("joined_ids", ARRAY(sa.Uuid()), nullable=False, server_default="{}"))
    op.add_column("conversations", sa.Column("helper_ids", ARRAY(sa.Uuid()), nullable=False, server_default="{}"))
    op.add_column("conversations", sa.Column("first_customer_at", _TIME, nullable=True))
    op.add_column("conversations", sa.Column("replied_at", _TIME, nullable=True))
    op.add_column("conversations", sa.Column("customer_messages", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("conversations", sa.Column("agent_messages", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("conversations", sa.Column("grade", sa.Text(), nullable=True))
    op.add_column("conversations", sa.Column("idle_due_at", _TIME, nullable=True))
    op.add_column("conversations", sa.Column("idle_warned_at", _TIME, nullable=True))
    op.create_check_constraint(op.f("ck_conversations_grade"), "conversations", "grade IN ('gold', 'silver', 'bronze')")
    # Moved by timers only, never by a message, so that messages stay cheap updates (HOT).
    op.create_index(
        "conversations_idle_due",
        "conversations",
        ["idle_due_at"],
        postgresql_where=sa.text("idle_due_at IS NOT NULL AND status <> 'ended'"),
    )
    op.create_index(
        "conversations_joined",
        "conversations",
        ["enterprise_id", "id"],
        postgresql_where=sa.text("status <> 'ended' AND cardinality(joined_ids) > 0"),
    )
    # What is open now is counted and gets its end like everything that begins later.
    op.execute(_OPEN_NOW)
    op.create_index(
        "conversations_ended_lately", "conversations", ["enterprise_id", "ended_at"], postgresql_where=sa.text("status = 'ended'")
    )
    op.create_table(
        "conversation_settings",
        _enterprise(),
        sa.Column("value", JSONB(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("enterprise_id", name="pk_conversation_settings"),
        sa.ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"], name="fk_conversation_settings_enterprise"),
    )
    protect(op, "conversation_settings")
    op.execute(_APPEND)


def _presence() -> None:
    op.drop_constraint(op.f("ck_agent_presence_status"), "agent_presence", type_="check")
    op.create_check_constraint(op.f("ck_agent_presence_status"), "agent_presence", "status IN ('online', 'away', 'busy', 'offline')")
    op.add_column("agent_presence", sa.Column("absent_due_at", _TIME, nullable=True))
    op.create_index("agent_presence_absent_due", "agent_presence", ["absent_due_at"], postgresql_where=sa.text("absent_due_at IS NOT NULL"))
    op.create_table(
        "presence_spans",
        _enterprise(),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("ended_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("enterprise_id", "id", name="pk_presence_spans"),
        sa.ForeignKeyConstraint(["enterprise_id", "agent_id"], _AGENT, name="fk_presence_spans_agent", ondelete="CASCADE"),
        sa.CheckConstraint("status IN ('online', 'away', 'busy')", name=op.f("ck_presence_spans_status")),
        sa.CheckConstraint("ended_at >= started_at", name=op.f("ck_presence_spans_order")),
    )
    op.create_index(
        "one_open_presence_span_per_agent",
        "presence_spans",
        ["enterprise_id", "agent_id"],
        unique=True,
        postgresql_where=sa.text("ended_at IS NULL"),
    )
    op.create_index("presence_spans_by_start", "presence_spans", ["enterprise_id", "started_at", "id"])
    protect(op, "presence_spans")


def _routing() -> None:
    op.create_table(
        "routing_settings",
        _enterprise(),
        sa.Column("part", sa.Text(), nullable=False),
        sa.Column("value", JSONB(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("enterprise_id", "part", name="pk_routing_settings"),
        sa.ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"], name="fk_routing_settings_enterprise"),
        sa.CheckConstraint("part IN ('assignment', 'queue', 'transfers', 'hours')", name=op.f("ck_routing_settings_part")),
    )
    op.create_table(
        "routing_wishes",
        _enterprise(),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("channel_id", sa.Uuid(), nullable=False),
        sa.Column("wish", JSONB(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("enterprise_id", "customer_id", "channel_id", name="pk_routing_wishes"),
        sa.ForeignKeyConstraint(["enterprise_id", "customer_id"], _CUSTOMER, name="fk_routing_wishes_customer", ondelete="CASCADE"),
        sa.ForeignKeyConstraint(["enterprise_id", "channel_id"], _CHANNEL, name="fk_routing_wishes_channel"),
    )
    op.create_table(
        "routing_requests",
        _enterprise(),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("customer_id", sa.Uuid(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("target_kind", sa.Text(), nullable=False),
        sa.Column("target_id", sa.Uuid(), nullable=True),
        sa.Column("wish", JSONB(none_as_null=True), nullable=True),
        sa.Column("entered_at", _TIME, nullable=True),
        sa.Column("present_until", _TIME, nullable=True),
        sa.Column("wait_until", _TIME, nullable=True),
        sa.Column("told_position", sa.Integer(), nullable=True),
        sa.Column("told_seconds", sa.Integer(), nullable=True),
        sa.Column("delay_from", _TIME, nullable=True),
        sa.Column("delay_step", sa.Integer(), nullable=False, server_default="0"),
        sa.Column("delay_due_at", _TIME, nullable=True),
        sa.Column("due_at", _TIME, nullable=True),
        sa.PrimaryKeyConstraint("enterprise_id", "conversation_id", name="pk_routing_requests"),
        sa.ForeignKeyConstraint(["enterprise_id", "conversation_id"], _CONVERSATION, name="fk_routing_requests_conversation"),
        sa.CheckConstraint("state IN ('queued', 'message', 'placed', 'ended')", name=op.f("ck_routing_requests_state")),
        sa.CheckConstraint("target_kind IN ('enterprise', 'group', 'agent')", name=op.f("ck_routing_requests_target_kind")),
        sa.CheckConstraint("(state = 'queued') <= (entered_at IS NOT NULL)", name=op.f("ck_routing_requests_queued_has_entry")),
    )
    op.create_index("routing_requests_due", "routing_requests", ["due_at"], postgresql_where=sa.text("due_at IS NOT NULL"))
    op.create_index(
        "routing_requests_queue",
        "routing_requests",
        ["enterprise_id", "entered_at", "conversation_id"],
        postgresql_where=sa.text("state = 'queued'"),
    )
    op.create_index(
        "routing_requests_messages", "routing_requests", ["enterprise_id", "conversation_id"], postgresql_where=sa.text("state = 'message'")
    )
    op.create_index(
        "routing_requests_of_customer",
        "routing_requests",
        ["enterprise_id", "customer_id"],
        postgresql_where=sa.text("state IN ('queued', 'message')"),
    )
    op.create_table(
        "routing_decisions",
        _enterprise(),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("at", _TIME, nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=True),
        sa.Column("by_agent_id", sa.Uuid(), nullable=True),
        sa.Column("waited_seconds", sa.Integer(), nullable=True),
        sa.Column("trace", JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("enterprise_id", "id", name="pk_routing_decisions"),
        sa.ForeignKeyConstraint(["enterprise_id", "conversation_id"], _CONVERSATION, name="fk_routing_decisions_conversation"),
        sa.ForeignKeyConstraint(["enterprise_id", "agent_id"], _AGENT, name="fk_routing_decisions_agent"),
    )
    op.create_index("routing_decisions_of_conversation", "routing_decisions", ["enterprise_id", "conversation_id", "id"])
    op.create_index(
        "routing_decisions_received",
        "routing_decisions",
        ["enterprise_id", "at"],
        postgresql_include=["agent_id"],
        postgresql_where=sa.text("agent_id IS NOT NULL"),
    )
    op.create_table(
        "rotation_pointers",
        _enterprise(),
        sa.Column("target", sa.Text(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("enterprise_id", "target", name="pk_rotation_pointers"),
        sa.ForeignKeyConstraint(["enterprise_id", "agent_id"], _AGENT, name="fk_rotation_pointers_agent", ondelete="CASCADE"),
    )
    op.create_table(
        "transfer_offers",
        _enterprise(),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("conversation_id", sa.Uuid(), nullable=False),
        sa.Column("from_agent_id", sa.Uuid(), nullable=False),
        sa.Column("to_agent_id", sa.Uuid(), nullable=True),
        sa.Column("to_group_id", sa.Uuid(), nullable=True),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("refused_ids", ARRAY(sa.Uuid()), nullable=False, server_default="{}"),
        sa.Column("answered_by", sa.Uuid(), nullable=True),
        sa.Column("made_at", _TIME, nullable=False),
        sa.Column("due_at", _TIME, nullable=False),
        sa.PrimaryKeyConstraint("enterprise_id", "id", name="pk_transfer_offers"),
        sa.ForeignKeyConstraint(["enterprise_id", "conversation_id"], _CONVERSATION, name="fk_transfer_offers_conversation"),
        sa.ForeignKeyConstraint(["enterprise_id", "from_agent_id"], _AGENT, name="fk_transfer_offers_from"),
        sa.ForeignKeyConstraint(["enterprise_id", "to_agent_id"], _AGENT, name="fk_transfer_offers_to"),
        sa.CheckConstraint("state IN ('open', 'accepted', 'refused', 'expired', 'withdrawn')", name=op.f("ck_transfer_offers_state")),
        sa.CheckConstraint("(to_agent_id IS NULL) <> (to_group_id IS NULL)", name=op.f("ck_transfer_offers_one_target")),
        sa.CheckConstraint("char_length(note) <= 500", name=op.f("ck_transfer_offers_note_length")),
    )
    op.create_index(
        "one_open_offer_per_conversation",
        "transfer_offers",
        ["enterprise_id", "conversation_id"],
        unique=True,
        postgresql_where=sa.text("state = 'open'"),
    )
    op.create_index("transfer_offers_due", "transfer_offers", ["due_at"], postgresql_where=sa.text("state = 'open'"))
    op.create_table(
        "routing_simulations",
        _enterprise(),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("made_by", sa.Uuid(), nullable=False),
        sa.Column("made_at", _TIME, nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("progress", sa.Integer(), nullable=False),
        sa.Column("request", JSONB(), nullable=False),
        sa.Column("result", JSONB(none_as_null=True), nullable=True),
        sa.PrimaryKeyConstraint("enterprise_id", "id", name="pk_routing_simulations"),
        sa.ForeignKeyConstraint(["enterprise_id", "made_by"], _AGENT, name="fk_routing_simulations_made_by"),
        sa.CheckConstraint("state IN ('queued', 'running', 'done', 'failed')", name=op.f("ck_routing_simulations_state")),
        sa.CheckConstraint("progress BETWEEN 0 AND 100", name=op.f("ck_routing_simulations_progress")),
    )
    op.create_index(
        "one_simulation_at_work_per_enterprise",
        "routing_simulations",
        ["enterprise_id"],
        unique=True,
        postgresql_where=sa.text("state IN ('queued', 'running')"),
    )
    for table in (
        "routing_settings",
        "routing_wishes",
        "routing_requests",
        "routing_decisions",
        "rotation_pointers",
        "transfer_offers",
        "routing_simulations",
    ):
        protect(op, table)

"""Appending costs the same however many messages there are.

Deploy order: before the new code; `append_messages` keeps its signature and its rules, and older processes go on calling it.
"""

from __future__ import annotations

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None
phase = "before"

# What differs from 0011 is only the way, which decision 0030 tells:
# - Rows are looked up one by one; other ways are switched off, and OFFSET 0 has each look planned for itself, by the primary key. A plan
#   that was made while the tables were small would otherwise read all of them in every batch, until somebody analyses them.
# - Nothing is joined with what the statement itself has made: the planner takes that for a single row, and compares each with each.
# - A conversation's row is found again by its place: the lock of the first statement keeps it there.
_APPEND = """
CREATE OR REPLACE FUNCTION append_messages(batch json, moment timestamptz) RETURNS json LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    results json;
BEGIN
    PERFORM 1
       FROM (SELECT DISTINCT x.e, x.c FROM json_to_recordset(batch) AS x(e uuid, c uuid) ORDER BY x.e, x.c) named,
            LATERAL (SELECT 1 FROM conversations v WHERE v.enterprise_id = named.e AND v.id = named.c FOR NO KEY UPDATE) locked;

    WITH input AS MATERIALIZED (
        SELECT x.*, v.*, r.*,
               coalesce(r.first_seq IS NULL AND v.status <> 'ended'
                   AND (NOT x.own OR v.assignee_id = x.si OR (x.j AND x.si = ANY (v.joined_ids))), false) AS accepted
          FROM json_to_recordset(batch)
            AS x(o int, e uuid, c uuid, sk text, si uuid, m uuid, k text, t text, d jsonb, p text, r int, own boolean, j boolean)
          LEFT JOIN LATERAL (
               SELECT v.ctid AS place, v.head, v.status, v.customer_id, v.assignee_id, v.joined_ids
                 FROM conversations v WHERE v.enterprise_id = x.e AND v.id = x.c OFFSET 0) v ON true
          LEFT JOIN LATERAL (
               SELECT m.conversation_id AS first_c, m.seq AS first_seq, m.at AS first_at
                 FROM messages m WHERE m.enterprise_id = x.e AND m.sender_id = x.si AND m.client_message_id = x.m OFFSET 0) r ON true
    ), told_apart AS (
        SELECT i.*,
               accepted AND row_number() OVER same = 1 AS new_row,
               first_value(accepted) OVER same AS answered,
               first_value(c) OVER same AS answered_c
          FROM input i
        WINDOW same AS (PARTITION BY e, si, m ORDER BY accepted DESC, o)
    ), numbered AS MATERIALIZED (
        SELECT a.*,
               (head + count(*) FILTER (WHERE new_row) OVER (PARTITION BY e, c ORDER BY o))::int AS n,
               k = 'note' OR (k IN ('withdrawal', 'edit') AND d ? 'note') AS internal,
               k NOT IN ('withdrawal', 'edit') AS new
          FROM told_apart a
    ), stored AS (
        INSERT INTO messages
            (enterprise_id, conversation_id, seq, kind, sender_kind, sender_id, client_message_id, at, text, data, ref_seq)
        SELECT e, c, n, k, sk, si, m, moment, t, d, r FROM numbered WHERE new_row
    ), totals AS (
        SELECT place,
               max(n) AS head,
               count(*) FILTER (WHERE sk = 'customer' AND new) AS from_customer,
               count(*) FILTER (WHERE sk = 'agent' AND new AND NOT internal) AS from_agent,
               count(*) FILTER (WHERE sk = 'customer' AND k = 'withdrawal') AS back_from_customer,
               count(*) FILTER (WHERE sk = 'agent' AND k = 'withdrawal' AND NOT internal) AS back_from_agent,
               max(n) FILTER (WHERE sk = 'customer' AND new) AS last_customer,
               max(n) FILTER (WHERE sk = 'agent' AND new AND NOT internal) AS last_agent,
               max(r) FILTER (WHERE k = 'edit' AND NOT internal) AS edited,
               max(p) FILTER (WHERE k = 'edit' AND NOT internal) AS edited_preview,
               (array_agg(n ORDER BY n DESC) FILTER (WHERE sk <> 'system' AND k <> 'edit' AND NOT internal))[1] AS last_n,
               (array_agg(k ORDER BY n DESC) FILTER (WHERE sk <> 'system' AND k <> 'edit' AND NOT internal))[1] AS last_k,
               (array_agg(sk ORDER BY n DESC) FILTER (WHERE sk <> 'system' AND k <> 'edit' AND NOT internal))[1] AS last_sk,
               (array_agg(si ORDER BY n DESC) FILTER (WHERE sk <> 'system' AND k <> 'edit' AND NOT internal))[1] AS last_si,
               (array_agg(p ORDER BY n DESC) FILTER (WHERE sk <> 'system' AND k <> 'edit' AND NOT internal))[1] AS last_p
          FROM numbered
         WHERE new_row
         GROUP BY place
    ), touched AS (
        UPDATE conversations v SET
               head = t.head,
               last_seq = coalesce(t.last_n, v.last_seq),
               last_kind = coalesce(t.last_k, v.last_kind),
               last_sender_kind = coalesce(t.last_sk, v.last_sender_kind),
               last_sender_id = CASE WHEN t.last_n IS NULL THEN v.last_sender_id ELSE t.last_si END,
               last_preview = CASE
                   WHEN t.last_n IS NOT NULL THEN t.last_p
                   WHEN t.edited = v.last_seq THEN t.edited_preview
                   ELSE v.last_preview
               END,
               last_at = CASE WHEN t.last_n IS NULL THEN v.last_at ELSE moment END,
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
         WHERE v.ctid = t.place
    )
    SELECT json_agg(json_build_object(
               'outcome', CASE
                   WHEN first_seq IS NOT NULL THEN 'repeated'
                   WHEN new_row THEN 'stored'
                   WHEN answered THEN 'repeated'
                   WHEN status IS NULL THEN 'missing'
                   WHEN status = 'ended' THEN 'ended'
                   ELSE 'not_yours'
               END,
               'conversation_id', coalesce(first_c, CASE WHEN answered THEN answered_c END, c),
               'seq', coalesce(first_seq, CASE WHEN answered THEN answered_n END),
               'at', coalesce(first_at, moment),
               'customer_id', customer_id,
               'assignee_id', assignee_id,
               'waiting', status = 'waiting',
               'joined', CASE WHEN cardinality(joined_ids) > 0 THEN to_json(joined_ids) END
           ) ORDER BY o)
      INTO results
      FROM (SELECT *, first_value(n) OVER (PARTITION BY e, si, m ORDER BY accepted DESC, o) AS answered_n FROM numbered) each;
    RETURN results;
END $$
"""


def upgrade() -> None:
    op.execute(_APPEND)

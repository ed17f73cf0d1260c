"""Read marks of many people are moved in one statement, and who hears many that type is found in one.

Deploy order: before the new code; older processes go on moving them in statements of their own.
"""

from __future__ import annotations

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None
phase = "before"

# The same way as `append_messages` goes (decision 0030): lock in key order, then look with a fresh snapshot, row by row by its key.
_MOVE = """
CREATE FUNCTION move_read_marks(batch json) RETURNS json LANGUAGE plpgsql
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
DECLARE
    results json;
BEGIN
    PERFORM 1
       FROM (SELECT DISTINCT x.e, x.c FROM json_to_recordset(batch) AS x(e uuid, c uuid) ORDER BY x.e, x.c) named,
            LATERAL (SELECT 1 FROM conversations v WHERE v.enterprise_id = named.e AND v.id = named.c FOR NO KEY UPDATE) locked;

    WITH input AS MATERIALIZED (
        SELECT x.*, v.*,
               CASE WHEN x.a THEN v.agent_read_seq ELSE v.customer_read_seq END AS before,
               coalesce(CASE WHEN x.a THEN v.assignee_id = x.si ELSE v.customer_id = x.si AND v.channel_id = x.ch END, false) AS own
          FROM json_to_recordset(batch) AS x(o int, e uuid, c uuid, a boolean, si uuid, ch uuid, s int)
          LEFT JOIN LATERAL (
               SELECT v.ctid AS place, v.head, v.status, v.customer_id, v.channel_id, v.assignee_id, v.joined_ids, v.agent_read_seq, v.customer_read_seq
                 FROM conversations v WHERE v.enterprise_id = x.e AND v.id = x.c OFFSET 0) v ON true
    ), furthest AS MATERIALIZED (
        SELECT i.*,
               CASE WHEN own AND least(s, head) > before
                     AND row_number() OVER (PARTITION BY e, c, a ORDER BY own DESC, s DESC, o) = 1 THEN least(s, head) END AS moved
          FROM input i
    ), totals AS (
        SELECT place, e, c, max(moved) FILTER (WHERE a) AS by_agent, max(moved) FILTER (WHERE NOT a) AS by_customer
          FROM furthest
         WHERE moved IS NOT NULL
         GROUP BY place, e, c
    ), touched AS (
        UPDATE conversations v SET
               agent_read_seq = coalesce(t.by_agent, v.agent_read_seq),
               customer_read_seq = coalesce(t.by_customer, v.customer_read_seq),
               agent_unread = CASE WHEN t.by_agent IS NULL THEN v.agent_unread ELSE (
                   SELECT count(*) FROM messages m
                    WHERE m.enterprise_id = t.e AND m.conversation_id = t.c AND m.seq > t.by_agent
                      AND m.sender_kind = 'customer' AND m.kind NOT IN ('withdrawal', 'edit', 'note')) END,
               customer_unread = CASE WHEN t.by_customer IS NULL THEN v.customer_unread ELSE (
                   SELECT count(*) FROM messages m
                    WHERE m.enterprise_id = t.e AND m.conversation_id = t.c AND m.seq > t.by_customer
                      AND m.sender_kind = 'agent' AND m.kind NOT IN ('withdrawal', 'edit', 'note')) END
          FROM totals t
         WHERE v.ctid = t.place
    )
    SELECT json_agg(json_build_object(
               'own', own,
               'seq', moved,
               'customer_id', CASE WHEN own THEN customer_id END,
               'assignee_id', CASE WHEN own THEN assignee_id END,
               'waiting', own AND status = 'waiting',
               'joined', CASE WHEN own THEN to_json(joined_ids) END
           ) ORDER BY o)
      INTO results
      FROM furthest;
    RETURN results;
END $$
"""

_LINES = """
CREATE FUNCTION lines_typed_on(batch json) RETURNS json LANGUAGE sql STABLE
SET enable_seqscan = off SET enable_hashjoin = off SET enable_mergejoin = off AS $$
    SELECT json_agg(json_build_object(
               'o', o, 'conversation_id', id, 'customer_id', customer_id, 'agent_ids', to_json(array_remove(assignee_id || joined_ids, NULL))))
      FROM (
        SELECT x.o, v.*
          FROM json_to_recordset(batch) AS x(o int, e uuid, c uuid, cu uuid, ch uuid),
               LATERAL (SELECT v.id, v.customer_id, v.assignee_id, v.joined_ids
                          FROM conversations v
                         WHERE v.enterprise_id = x.e AND v.customer_id = x.cu AND v.channel_id = x.ch AND v.status <> 'ended' OFFSET 0) v
         WHERE x.c IS NULL
         UNION ALL
        SELECT x.o, v.id, v.customer_id, v.assignee_id, v.joined_ids
          FROM json_to_recordset(batch) AS x(o int, e uuid, c uuid, a uuid, j boolean),
               LATERAL (SELECT v.id, v.customer_id, v.assignee_id, v.joined_ids, v.status
                          FROM conversations v WHERE v.enterprise_id = x.e AND v.id = x.c OFFSET 0) v
         WHERE v.assignee_id = x.a OR (x.j AND v.status <> 'ended' AND x.a = ANY (v.joined_ids))
      ) found
$$
"""


def upgrade() -> None:
    op.execute(_MOVE)
    op.execute(_LINES)

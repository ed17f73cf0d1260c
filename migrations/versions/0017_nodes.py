"""Which serving processes there are, and which of them holds pages of an agent.

Only adds. An older program beside it renews leases as it always did; what it does not say about its pages is healed by the lease.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from qiatan.infra.db.ddl import protect
from qiatan.infra.db.roles import SYSTEM

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None
phase = "before"

_TIME = sa.DateTime(timezone=True)


def upgrade() -> None:
    op.create_table(
        "nodes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("machine", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("schema_revision", sa.Text(), nullable=False),
        sa.Column("started_at", _TIME, nullable=False),
        sa.Column("seen_at", _TIME, nullable=False),
        sa.Column("draining", sa.Boolean(), nullable=False),
        sa.Column("health", JSONB(), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_nodes"),
    )
    op.execute("ALTER TABLE nodes ENABLE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY all_enterprises ON nodes TO {SYSTEM} USING (true) WITH CHECK (true)")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON nodes TO {SYSTEM}")
    op.create_table(
        "presence_pages",
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("node_id", sa.Uuid(), nullable=False),
        sa.PrimaryKeyConstraint("enterprise_id", "agent_id", "node_id", name="pk_presence_pages"),
        sa.ForeignKeyConstraint(
            ["enterprise_id", "agent_id"], ["agents.enterprise_id", "agents.id"], name="fk_presence_pages_agents", ondelete="CASCADE"
        ),
    )
    op.create_index("presence_pages_of_node", "presence_pages", ["node_id"])
    protect(op, "presence_pages")

"""Who is there: agents' own status and the lease their connections renew.

Runs before the new code; nothing older uses this table.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from qiatan.infra.db.ddl import protect

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None
phase = "before"


def upgrade() -> None:
    op.create_table(
        "agent_presence",
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("agent_id", sa.Uuid(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("lease_until", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_assigned_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("status IN ('online', 'away', 'offline')", name="status"),
        sa.PrimaryKeyConstraint("enterprise_id", "agent_id"),
        sa.ForeignKeyConstraint(["enterprise_id", "agent_id"], ["agents.enterprise_id", "agents.id"], ondelete="CASCADE"),
    )
    protect(op, "agent_presence")

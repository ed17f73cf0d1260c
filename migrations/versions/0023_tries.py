"""Tries at passwords, counted by all nodes together.

Only adds. An older program beside it counts in its own memory, as it always did.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from qiatan.infra.db.roles import SYSTEM

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None
phase = "before"


def upgrade() -> None:
    op.create_table(
        "tries",
        sa.Column("key", sa.LargeBinary(), nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_tries"),
    )
    op.create_index("tries_until", "tries", ["until"])
    op.execute("ALTER TABLE tries ENABLE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY all_enterprises ON tries TO {SYSTEM} USING (true) WITH CHECK (true)")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON tries TO {SYSTEM}")

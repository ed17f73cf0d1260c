"""Files of the built pages of every release that serves or served lately.

Only adds. An older program beside it serves its own files alone, as it always did.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from qiatan.infra.db.roles import SYSTEM

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None
phase = "before"


def upgrade() -> None:
    op.create_table(
        "page_files",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("squeezed", sa.LargeBinary(), nullable=False),
        sa.Column("served_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_page_files"),
    )
    op.execute("ALTER TABLE page_files ENABLE ROW LEVEL SECURITY")
    op.execute(f"CREATE POLICY all_enterprises ON page_files TO {SYSTEM} USING (true) WITH CHECK (true)")
    op.execute(f"GRANT SELECT, INSERT, UPDATE, DELETE ON page_files TO {SYSTEM}")

"""How many bytes of files and pictures came in each hour, by whom they are of.

Only adds. What an older program beside it takes is not counted here, and it goes on counting what was begun, as it always did.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from qiatan.infra.db.ddl import protect

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None
phase = "before"


def upgrade() -> None:
    op.create_table(
        "sent_bytes",
        sa.Column("enterprise_id", sa.Uuid(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("hour", sa.DateTime(timezone=True), nullable=False),
        sa.Column("bytes", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("enterprise_id", "source", "hour", name="pk_sent_bytes"),
        sa.ForeignKeyConstraint(["enterprise_id"], ["enterprises.id"], name="fk_sent_bytes_enterprises"),
    )
    op.create_index("ix_sent_bytes_hour", "sent_bytes", ["hour"])
    protect(op, "sent_bytes")

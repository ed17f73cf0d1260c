"""Backups say how many files are missing in them, so that one that lacks more than the last good one is no good one.

Only adds. What older programs note says nothing of it, and counts as having lacked none.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None
phase = "before"


def upgrade() -> None:
    op.add_column("backups", sa.Column("missing", sa.Integer(), nullable=True))

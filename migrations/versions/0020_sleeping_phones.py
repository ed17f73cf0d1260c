"""Until when an agent whose phone sleeps is there all the same.

Only adds; an older program beside it knows of no sleep, and lets such agents go when their last page closes.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None
phase = "before"


def upgrade() -> None:
    op.add_column("agent_presence", sa.Column("asleep_until", sa.DateTime(timezone=True), nullable=True))

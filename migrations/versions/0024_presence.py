"""A column that nothing has read or written for long: whom rotation gave the last conversation stands in `rotation_pointers`.

Older programs name it whenever they read a row of `agent_presence`, so none of them may live.
"""

from __future__ import annotations

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None
phase = "after"


def upgrade() -> None:
    op.drop_column("agent_presence", "last_assigned_at")

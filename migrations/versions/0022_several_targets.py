"""For whom else a conversation waits, where a rule or a wish names several.

Only adds; an older program beside it serves such a conversation from its first target alone.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None
phase = "before"


def upgrade() -> None:
    op.add_column("routing_requests", sa.Column("also", JSONB(), nullable=True))

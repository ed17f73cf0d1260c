"""Who was online lately is found by when a time online ended.

A queue that nobody serves asks for it every minute, and times online are kept for two years.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None
phase = "before"


def upgrade() -> None:
    ended = sa.text("ended_at IS NOT NULL")
    op.create_index("presence_spans_by_end", "presence_spans", ["enterprise_id", "ended_at"], postgresql_where=ended)

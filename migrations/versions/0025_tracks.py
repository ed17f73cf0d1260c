"""The pages that a visitor went through during a stay.

Only adds; an older program beside it leaves them empty.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None
phase = "before"


def upgrade() -> None:
    op.add_column("visits", sa.Column("track", JSONB(), nullable=False, server_default=sa.text("'[]'::jsonb")))

"""The shelves of quick replies know in which version an entry was deleted last.

In a transaction apart from the entries' (0032): readers go from the shelf to the entries, and both locked at once would meet them half-way.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None
phase = "before"


def upgrade() -> None:
    op.add_column("reply_shelves", sa.Column("removed_in", sa.Integer(), server_default="0", nullable=False))

"""${message}

Phase: `before` when it only adds, so that the older program works on beside it; `after` when no older process may live (docs/operating.md,
Upgrading). Say here why that is so.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

from qiatan.infra.db.ddl import protect

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}
branch_labels = None
depends_on = None
phase = "before"


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}

"""The customer's card: fields, tags, notes, history, blacklist.

Deploy order: before the new code.
"""

from __future__ import annotations

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Filled with its part."""

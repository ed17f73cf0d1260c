"""What an agent prefers, where push goes, and how far a new enterprise has come.

Deploy order: before the new code.
"""

from __future__ import annotations

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Filled with its part."""

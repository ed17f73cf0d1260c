"""What customers say of a conversation.

Deploy order: before the new code.
"""

from __future__ import annotations

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Filled with its part."""

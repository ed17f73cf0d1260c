"""Files of any kind, and uploads that go on.

Deploy order: before the new code.
"""

from __future__ import annotations

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Filled with its part."""

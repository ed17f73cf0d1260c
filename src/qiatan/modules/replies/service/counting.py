"""Whether what is counted of quick replies is right."""

from __future__ import annotations

from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.modules.replies import repository


async def count_drift(tx: Tx, enterprise_id: UUID) -> int:
    """Entries of an enterprise whose uses are fewer than those of its agents; must be 0."""
    return await repository.drifted_uses(tx, enterprise_id)


async def mend_counters(tx: Tx) -> int:
    """Set them right; returns how many it did."""
    return await repository.mend_uses(tx)

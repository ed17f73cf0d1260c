"""Every query on what is remembered."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.dialects.postgresql import insert

from qiatan.infra.db import Tx
from qiatan.modules.onboarding.models import OnboardingRow

_SKIP = text(
    """
    INSERT INTO onboarding AS o (enterprise_id, skipped) VALUES (:enterprise, CAST(:steps AS text[]))
    ON CONFLICT (enterprise_id) DO UPDATE
       SET skipped = ARRAY(SELECT DISTINCT step FROM unnest(o.skipped || excluded.skipped) AS step ORDER BY step)
    """
)


class OnboardingRepository:
    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def get(self) -> tuple[frozenset[str], bool]:
        """Which steps were left out, and whether the site was found."""
        query = select(OnboardingRow.skipped, OnboardingRow.site_found_at).where(OnboardingRow.enterprise_id == self._enterprise_id)
        row = (await self._session.execute(query)).first()
        return (frozenset(), False) if row is None else (frozenset(row.skipped), row.site_found_at is not None)

    async def skip(self, steps: Collection[str]) -> None:
        """Remember these too, whatever somebody else leaves out at the same moment."""
        await self._session.execute(_SKIP, {"enterprise": self._enterprise_id, "steps": sorted(steps)})

    async def site_found(self, now: datetime) -> None:
        first = insert(OnboardingRow).values(enterprise_id=self._enterprise_id, skipped=[], site_found_at=now)
        await self._session.execute(first.on_conflict_do_update(index_elements=["enterprise_id"], set_={"site_found_at": now}))

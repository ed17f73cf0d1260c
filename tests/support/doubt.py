"""A line to the database that breaks, also where nobody then knows what was stored."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import pytest

from qiatan.infra.db import Database, Tx
from qiatan.kit.errors import DatabaseUnavailable


class Line:
    """To the database; what becomes of each transaction from the first one on, and of all later ones as usual."""

    def __init__(self, database: Database, monkeypatch: pytest.MonkeyPatch) -> None:
        self.fates: list[str] = []
        self._tenant = database.tenant
        monkeypatch.setattr(database, "tenant", self._begin)

    @asynccontextmanager
    async def _begin(self, enterprise_id: UUID) -> AsyncIterator[Tx]:
        fate = self.fates.pop(0) if self.fates else "stored"
        if fate == "away":
            raise DatabaseUnavailable(retry_after=1)
        async with self._tenant(enterprise_id) as tx:
            yield tx
            if fate == "lost":
                raise DatabaseUnavailable(retry_after=1)
        if fate == "stored_unheard":
            raise DatabaseUnavailable(retry_after=1)

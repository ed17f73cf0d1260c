"""Somebody at a computer, and what has become of what they sent up."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import httpx
from sqlalchemy import func, select

from qiatan.modules.channels.contracts import Channel
from qiatan.modules.files.models import FileRow, UploadRow
from tests.modules.files.world import World


@dataclass
class Scene:
    world: World
    channel: Channel
    http: httpx.AsyncClient

    def on_disk(self) -> list[Path]:
        return self.world.on_disk()

    async def counts(self) -> tuple[int, int]:
        """Files and uploads of the enterprise."""
        async with self.world.resources.database.tenant(self.world.tenant.enterprise_id) as tx:
            files = (await tx.session.execute(select(func.count()).select_from(FileRow))).scalar_one()
            uploads = (await tx.session.execute(select(func.count()).select_from(UploadRow))).scalar_one()
        return files, uploads

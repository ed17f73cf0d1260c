"""An enterprise with an agent, a visitor, and pictures."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

from sqlalchemy import func, select, text

from qiatan.infra.resources import Resources
from qiatan.kit.access import AgentActor, VisitorActor
from qiatan.modules.files import service
from qiatan.modules.files.contracts import Blob, File
from qiatan.modules.files.jobs import delete_blobs
from qiatan.modules.files.models import FileRow
from tests.modules.files.pictures import png
from tests.support.doors import Doors
from tests.support.factories import Tenant

ANYWHERE = service.Origin(address="192.0.2.1", enterprise_bytes=1024**3)


@dataclass
class World:
    tenant: Tenant
    token: str
    visitor: VisitorActor
    resources: Resources
    doors: Doors

    @property
    def agent(self) -> AgentActor:
        return self.tenant.admin.actor

    async def keep(self, actor: AgentActor | VisitorActor, *, name: str = "a.png", content: bytes | None = None) -> File:
        prepared = await service.prepare_picture(actor, name, content or png())
        try:
            await service.store_picture(self.resources.storage, prepared)
            async with self.resources.database.tenant(actor.enterprise_id) as tx:
                return await service.upload_picture(tx, actor, ANYWHERE, prepared=prepared)
        except BaseException:
            await service.discard(self.resources.storage, prepared)
            raise

    async def attach(self, actor: AgentActor | VisitorActor, file: File, conversation: UUID, message: UUID) -> File:
        async with self.resources.database.tenant(actor.enterprise_id) as tx:
            return await service.attach(tx, actor, file_id=file.id, conversation_id=conversation, client_message_id=message)

    async def read(self, enterprise_id: UUID, conversation: UUID, file_id: UUID, *, thumb: bool = False) -> Blob:
        async with self.resources.database.tenant(enterprise_id) as tx:
            stored = await service.find_attached(tx, conversation_id=conversation, file_id=file_id)
        return await service.read_picture(stored, storage=self.resources.storage, thumb=thumb)

    async def rows(self) -> int:
        async with self.resources.database.tenant(self.tenant.enterprise_id) as tx:
            return (await tx.session.execute(select(func.count()).select_from(FileRow))).scalar_one()

    def on_disk(self) -> list[Path]:
        return [path for path in (self.resources.settings.data_dir / "files").rglob("*") if path.is_file()]

    async def run_deletions(self) -> int:
        """Runs the deletion jobs that are waiting, as the worker does; returns how many were about this world's files."""
        async with self.resources.database.system() as tx:
            query = "DELETE FROM procrastinate_jobs WHERE task_name = 'files.delete_blobs' AND status = 'todo' RETURNING args"
            waiting = list((await tx.session.execute(text(query))).scalars())
        here = {path.name for path in self.on_disk()}
        for arguments in waiting:
            await delete_blobs.run(self.resources, **arguments)
        return sum(bool(here & set(arguments["blobs"])) for arguments in waiting)

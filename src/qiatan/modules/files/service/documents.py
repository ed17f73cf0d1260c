"""Files of any kind, put into messages."""

from __future__ import annotations

from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, VisitorActor
from qiatan.modules.files import rules
from qiatan.modules.files.contracts import AttachedFile, FileKind
from qiatan.modules.files.errors import FileNotFound
from qiatan.modules.files.repository import FileRepository
from qiatan.modules.files.service.uploaders import uploader_of


async def attach_file(
    tx: Tx, actor: AgentActor | VisitorActor, *, file_id: UUID, conversation_id: UUID, client_message_id: UUID
) -> AttachedFile:
    """Put the actor's own file into a conversation, as part of one message; from then on it is kept for seven days (F14).

    Safe to repeat, as `attach`.

    Raises:
        FileNotFound: no such file, somebody else's, withdrawn, or in another message already.
    """
    kind, uploader_id = uploader_of(actor)
    row = await FileRepository(tx, tx.enterprise_id).attach(
        file_id,
        kind=FileKind.FILE,
        uploader_kind=kind,
        uploader_id=uploader_id,
        conversation_id=conversation_id,
        client_message_id=client_message_id,
        now=tx.now,
        expires_at=tx.now + rules.KEPT_FOR,
    )
    if row is None or row.expires_at is None:
        raise FileNotFound
    return AttachedFile(id=row.id, name=row.name, content_type=row.content_type, size=row.size, risky=row.risky, expires_at=row.expires_at)

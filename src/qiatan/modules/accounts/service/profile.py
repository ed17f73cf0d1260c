"""The own account: name, language, picture."""

from __future__ import annotations

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor
from qiatan.kit.errors import NotFound, VersionConflict
from qiatan.kit.text import storable
from qiatan.modules.accounts import repository
from qiatan.modules.accounts.contracts import Agent, ChangeMe, Enterprise
from qiatan.modules.accounts.jobs import delete_avatar
from qiatan.modules.accounts.repository import AgentRecord, AgentRepository, EnterpriseRepository
from qiatan.modules.accounts.service.mapping import agent_changed, to_agent, to_enterprise


async def me(tx: Tx, actor: AgentActor) -> tuple[Agent, Enterprise]:
    """The own account and enterprise."""
    record = await _own(tx, actor)
    return to_agent(record), to_enterprise(await EnterpriseRepository(tx, actor.enterprise_id).get())


async def change_me(tx: Tx, actor: AgentActor, change: ChangeMe) -> None:
    """Change the own name, the name visitors see, or the language.

    Raises:
        VersionConflict: it was changed elsewhere meanwhile.
    """
    record = await _own(tx, actor, lock=True)
    row = record.row
    if row.version != change.version:
        raise VersionConflict
    row.name = change.name if change.name is not None else row.name
    row.public_name = change.public_name if change.public_name is not None else row.public_name
    row.locale = change.locale if change.locale is not None else row.locale
    await _changed(tx, record)


async def set_avatar(tx: Tx, actor: AgentActor, *, blob: str) -> None:
    """Use a stored picture as the own face; the former one is deleted once this is committed."""
    await _swap_avatar(tx, actor, blob)


async def remove_avatar(tx: Tx, actor: AgentActor) -> None:
    """Go without a picture."""
    await _swap_avatar(tx, actor, None)


async def _swap_avatar(tx: Tx, actor: AgentActor, blob: str | None) -> None:
    record = await _own(tx, actor, lock=True)
    former, record.row.avatar = record.row.avatar, blob
    if former is not None:
        await tx.defer(delete_avatar, blob=former)
    await _changed(tx, record)


async def require_shown(tx: Tx, avatar: str) -> None:
    """Let pass names of pictures that agents show: of all stored blobs, only these are public (system transactions).

    Raises:
        NotFound: nobody shows it.
    """
    if not storable(avatar) or not await repository.avatar_shown(tx, avatar):
        raise NotFound


async def _own(tx: Tx, actor: AgentActor, *, lock: bool = False) -> AgentRecord:
    record = await AgentRepository(tx, actor.enterprise_id).get(actor.agent_id, lock=lock)
    if record is None:
        raise NotFound
    return record


async def _changed(tx: Tx, record: AgentRecord) -> None:
    record.row.version += 1
    await tx.session.flush()
    tx.emit(agent_changed(record))

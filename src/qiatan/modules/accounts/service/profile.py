"""The own account: name, language, picture."""

from __future__ import annotations

from typing import Any

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor
from qiatan.kit.errors import NotFound, VersionConflict
from qiatan.kit.text import storable
from qiatan.modules.accounts import repository
from qiatan.modules.accounts.contracts import Agent, ChangeMe, Enterprise
from qiatan.modules.accounts.jobs import delete_avatar
from qiatan.modules.accounts.repository import AgentRecord, AgentRepository, EnterpriseRepository
from qiatan.modules.accounts.service.audit import What, Who, differences, record
from qiatan.modules.accounts.service.mapping import agent_changed, to_agent, to_enterprise


async def me(tx: Tx, actor: AgentActor) -> tuple[Agent, Enterprise]:
    """The own account and enterprise."""
    return to_agent(await _own(tx, actor)), to_enterprise(await EnterpriseRepository(tx, actor.enterprise_id).get())


async def change_me(tx: Tx, actor: AgentActor, change: ChangeMe) -> None:
    """Change the own name, the name visitors see, or the language.

    Raises:
        VersionConflict: it was changed elsewhere meanwhile.
    """
    own = await _own(tx, actor, lock=True)
    if own.row.version != change.version:
        raise VersionConflict
    before = {field: getattr(own.row, field) for field in ("name", "public_name", "locale")}
    after = before | change.model_dump(include=set(before), exclude_none=True)
    for field, value in after.items():
        setattr(own.row, field, value)
    await _changed(tx, actor, own, differences(before, after))


async def set_avatar(tx: Tx, actor: AgentActor, *, blob: str) -> None:
    """Use a stored picture as the own face; the former one is deleted once this is committed."""
    await _swap_avatar(tx, actor, blob)


async def has_avatar(tx: Tx, actor: AgentActor, blob: str) -> bool:
    """Whether this is the own face. Waits for whoever changes it at this moment."""
    return (await _own(tx, actor, lock=True)).row.avatar == blob


async def remove_avatar(tx: Tx, actor: AgentActor) -> None:
    """Go without a picture."""
    await _swap_avatar(tx, actor, None)


async def _swap_avatar(tx: Tx, actor: AgentActor, blob: str | None) -> None:
    own = await _own(tx, actor, lock=True)
    former, own.row.avatar = own.row.avatar, blob
    if former is not None:
        await tx.defer(delete_avatar, blob=former)
    await _changed(tx, actor, own, {"avatar": [former, blob]} if former != blob else {})


async def require_shown(tx: Tx, avatar: str) -> None:
    """Let pass names of pictures that agents show: of all stored blobs, only these are public (system transactions).

    Raises:
        NotFound: nobody shows it.
    """
    if not storable(avatar) or not await repository.avatar_shown(tx, avatar):
        raise NotFound


async def _own(tx: Tx, actor: AgentActor, *, lock: bool = False) -> AgentRecord:
    own = await AgentRepository(tx, actor.enterprise_id).get(actor.agent_id, lock=lock)
    if own is None:
        raise NotFound
    return own


async def _changed(tx: Tx, actor: AgentActor, own: AgentRecord, changes: dict[str, Any]) -> None:
    own.row.version += 1
    await tx.session.flush()
    if changes:
        record(tx, Who.of(actor), "agent.changed", What("agent", own.row.id, own.row.name), **changes)
    tx.emit(agent_changed(own))

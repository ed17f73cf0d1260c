"""The browsers one is signed in with."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor
from qiatan.kit.errors import NotFound
from qiatan.modules.accounts.contracts import LoginMethod, OwnSession, OwnSessions
from qiatan.modules.accounts.events import SessionsEnded
from qiatan.modules.accounts.models import SessionRow
from qiatan.modules.accounts.repository import SessionRepository
from qiatan.modules.accounts.service.audit import Who, record
from qiatan.modules.accounts.service.devices import device_of
from qiatan.modules.accounts.service.mapping import to_region
from qiatan.modules.accounts.service.own_security import owner, self_as_subject


async def own_sessions(tx: Tx, actor: AgentActor) -> OwnSessions:
    """The own living sessions, used last first. There are at most as many as one account may have."""
    rows = await SessionRepository(tx, actor.enterprise_id).of_agent(actor.agent_id)
    return OwnSessions(items=[await _shown(row, actor) for row in rows])


async def sessions_not_ended(tx: Tx, session_ids: Collection[UUID]) -> set[UUID]:
    """Those of these sessions that have not ended, whoever asks."""
    return await SessionRepository(tx, tx.enterprise_id).living(session_ids)


async def _shown(row: SessionRow, actor: AgentActor) -> OwnSession:
    return OwnSession(
        id=row.id,
        current=row.id == actor.session_id,
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
        address=row.address,
        region=to_region(row.region),
        device=await device_of(row.user_agent),
        method=LoginMethod(row.method),
    )


async def end_own_session(tx: Tx, actor: AgentActor, *, session_id: UUID) -> None:
    """Sign one browser out. Its sockets close at once.

    Raises:
        NotFound: it is none of the own living sessions.
    """
    agent = await owner(tx, actor)
    if not await SessionRepository(tx, actor.enterprise_id).delete_of(actor.agent_id, session_id):
        raise NotFound
    record(tx, Who.of(actor), "session.ended", self_as_subject(agent), session_id=str(session_id), reason="revoked")
    tx.emit(SessionsEnded(enterprise_id=actor.enterprise_id, agent_id=actor.agent_id, only=session_id, reason="signed_out"))


async def end_other_sessions(tx: Tx, actor: AgentActor) -> None:
    """Sign out everywhere but here. Their sockets close at once, and sign-ins that wait for their second step end."""
    agent = await owner(tx, actor)
    await SessionRepository(tx, actor.enterprise_id).delete_all(actor.agent_id, besides=actor.session_id)
    record(tx, Who.of(actor), "session.ended", self_as_subject(agent), reason="others_revoked")
    tx.emit(SessionsEnded(enterprise_id=actor.enterprise_id, agent_id=actor.agent_id, besides=actor.session_id, reason="signed_out"))

"""Queries on challenges: steps of a sign-in, or of adding a passkey, that wait for the next one."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, delete, select, update

from qiatan.infra.clock import new_id
from qiatan.infra.db import Tx
from qiatan.modules.accounts.models import ChallengeRow


class ChallengeRepository:
    """Challenges of one enterprise."""

    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._now = tx.now
        self._enterprise_id = enterprise_id

    async def insert(
        self,
        *,
        purpose: str,
        agent_id: UUID | None,
        token_hash: bytes,
        data: dict[str, Any],
        expires_at: datetime,
        keep: int | None = None,
    ) -> None:
        """Add a challenge. With `keep`, the agent's oldest of this purpose beyond it end."""
        row = ChallengeRow(
            enterprise_id=self._enterprise_id,
            id=new_id(),
            purpose=purpose,
            agent_id=agent_id,
            token_hash=token_hash,
            data=data,
            created_at=self._now,
            expires_at=expires_at,
        )
        self._session.add(row)
        await self._session.flush()
        if keep is None:
            return
        alike = and_(
            ChallengeRow.enterprise_id == self._enterprise_id,
            ChallengeRow.agent_id == row.agent_id,
            ChallengeRow.purpose == row.purpose,
        )
        too_old = select(ChallengeRow.id).where(alike).order_by(ChallengeRow.created_at.desc(), ChallengeRow.id.desc()).offset(keep)
        await self._session.execute(delete(ChallengeRow).where(alike, ChallengeRow.id.in_(too_old)))

    async def count_try(self, challenge_id: UUID, *, at_most: int) -> bool:
        """Count a try at a living challenge. False when it is gone, too old, or was tried as often as allowed."""
        here = and_(
            ChallengeRow.enterprise_id == self._enterprise_id,
            ChallengeRow.id == challenge_id,
            ChallengeRow.expires_at > self._now,
            ChallengeRow.attempts < at_most,
        )
        statement = update(ChallengeRow).where(here).values(attempts=ChallengeRow.attempts + 1).returning(ChallengeRow.id)
        return (await self._session.execute(statement)).scalar_one_or_none() is not None

    async def delete(self, challenge_id: UUID) -> bool:
        """End a challenge; of two who come at once, one ends it."""
        here = and_(ChallengeRow.enterprise_id == self._enterprise_id, ChallengeRow.id == challenge_id)
        return (await self._session.execute(delete(ChallengeRow).where(here).returning(ChallengeRow.id))).scalar_one_or_none() is not None

    async def delete_all(self, agent_id: UUID) -> None:
        """End everything an agent has begun."""
        here = and_(ChallengeRow.enterprise_id == self._enterprise_id, ChallengeRow.agent_id == agent_id)
        await self._session.execute(delete(ChallengeRow).where(here))


async def find_challenge(tx: Tx, token_hash: bytes, purpose: str) -> ChallengeRow | None:
    """A challenge that is not too old, by the token its browser holds. In a system transaction, of whatever enterprise."""
    query = select(ChallengeRow).where(ChallengeRow.token_hash == token_hash, ChallengeRow.purpose == purpose)
    return (await tx.session.execute(query.where(ChallengeRow.expires_at > tx.now))).scalar_one_or_none()


async def take_challenge(tx: Tx, token_hash: bytes, purpose: str) -> ChallengeRow | None:
    """A challenge that is not too old, used up: of two who come at once, one gets it. Whatever the enterprise, as `find_challenge`."""
    statement = delete(ChallengeRow).where(ChallengeRow.token_hash == token_hash, ChallengeRow.purpose == purpose)
    return (await tx.session.execute(statement.where(ChallengeRow.expires_at > tx.now).returning(ChallengeRow))).scalar_one_or_none()

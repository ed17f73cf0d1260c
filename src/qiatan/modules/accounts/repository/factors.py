"""Queries on second factors: authenticator apps, passkeys, recovery codes."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import and_, delete, func, insert, or_, select, update
from sqlalchemy.dialects.postgresql import insert as upsert

from qiatan.infra.db import Tx
from qiatan.modules.accounts.models import OidcIdentityRow, PasskeyRow, RecoveryCodeRow, TotpRow


class FactorRepository:
    """The second factors of one enterprise's agents."""

    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def totp(self, agent_id: UUID) -> TotpRow | None:
        """The agent's authenticator app, confirmed or not."""
        query = select(TotpRow).where(TotpRow.enterprise_id == self._enterprise_id, TotpRow.agent_id == agent_id)
        return (await self._session.execute(query.execution_options(populate_existing=True))).scalar_one_or_none()

    async def set_totp(self, agent_id: UUID, *, secret: bytes, created_at: datetime) -> None:
        """Begin an authenticator app, in place of one that was begun and not confirmed."""
        begun = {
            "secret": secret,
            "last_step": 0,
            "told_steps": [],
            "tries_until": None,
            "created_at": created_at,
            "confirmed_at": None,
        }
        statement = upsert(TotpRow).values(enterprise_id=self._enterprise_id, agent_id=agent_id, **begun)
        await self._session.execute(statement.on_conflict_do_update(index_elements=[TotpRow.enterprise_id, TotpRow.agent_id], set_=begun))

    async def forget_tries(self, agent_id: UUID) -> None:
        """Let the agent try codes anew, after a success."""
        here = and_(TotpRow.enterprise_id == self._enterprise_id, TotpRow.agent_id == agent_id)
        await self._session.execute(update(TotpRow).where(here).values(tries_until=None))

    async def use_step(self, agent_id: UUID, step: int) -> bool:
        """Take the code of a time step. False when a code of this or a later step was taken already (of two at once, one gets it)."""
        here = and_(TotpRow.enterprise_id == self._enterprise_id, TotpRow.agent_id == agent_id, TotpRow.last_step < step)
        statement = update(TotpRow).where(here).values(last_step=step).returning(TotpRow.last_step)
        return (await self._session.execute(statement)).scalar_one_or_none() is not None

    async def drop_totp(self, agent_id: UUID) -> bool:
        """Remove the authenticator app; whether there was a confirmed one."""
        here = and_(TotpRow.enterprise_id == self._enterprise_id, TotpRow.agent_id == agent_id)
        found = (await self._session.execute(delete(TotpRow).where(here).returning(TotpRow.confirmed_at))).scalars().all()
        return any(confirmed is not None for confirmed in found)

    async def passkeys(self, agent_id: UUID) -> list[PasskeyRow]:
        """The agent's passkeys, oldest first. They are few: adding one counts them."""
        query = select(PasskeyRow).where(PasskeyRow.enterprise_id == self._enterprise_id, PasskeyRow.agent_id == agent_id)
        query = query.order_by(PasskeyRow.created_at, PasskeyRow.id).execution_options(populate_existing=True)
        return list((await self._session.execute(query)).scalars())

    async def passkey(self, agent_id: UUID, passkey_id: UUID) -> PasskeyRow | None:
        query = select(PasskeyRow).where(PasskeyRow.enterprise_id == self._enterprise_id, PasskeyRow.agent_id == agent_id)
        return (await self._session.execute(query.where(PasskeyRow.id == passkey_id))).scalar_one_or_none()

    async def insert_passkey(self, values: dict[str, Any]) -> bool:
        """Add a passkey. False when somebody has this credential already."""
        statement = upsert(PasskeyRow).values(enterprise_id=self._enterprise_id, **values)
        statement = statement.on_conflict_do_nothing(index_elements=[PasskeyRow.credential_id])
        return (await self._session.execute(statement.returning(PasskeyRow.id))).scalar_one_or_none() is not None

    async def use_passkey(
        self, passkey_id: UUID, *, sign_count: int, backed_up: bool, used_at: datetime, challenged_at: datetime | None = None
    ) -> bool:
        """Note a sign-in with a passkey; False when it is a repetition.

        `challenged_at`, for challenges that are kept nowhere: when it was made, which must grow. The counter of an authenticator that
        counts must grow too.
        """
        here = and_(PasskeyRow.enterprise_id == self._enterprise_id, PasskeyRow.id == passkey_id)
        statement = update(PasskeyRow).where(here)
        statement = statement.where(PasskeyRow.sign_count < sign_count if sign_count else PasskeyRow.sign_count == 0)
        values: dict[str, Any] = {"sign_count": sign_count, "backed_up": backed_up, "last_used_at": used_at}
        if challenged_at is not None:
            statement = statement.where(or_(PasskeyRow.challenged_at.is_(None), PasskeyRow.challenged_at < challenged_at))
            values["challenged_at"] = challenged_at
        statement = statement.values(**values).returning(PasskeyRow.id)
        return (await self._session.execute(statement)).scalar_one_or_none() is not None

    async def drop_passkey(self, agent_id: UUID, passkey_id: UUID) -> None:
        here = and_(PasskeyRow.enterprise_id == self._enterprise_id, PasskeyRow.agent_id == agent_id, PasskeyRow.id == passkey_id)
        await self._session.execute(delete(PasskeyRow).where(here))

    async def codes_left(self, agent_id: UUID) -> int:
        query = select(func.count()).select_from(RecoveryCodeRow)
        query = query.where(RecoveryCodeRow.enterprise_id == self._enterprise_id, RecoveryCodeRow.agent_id == agent_id)
        return (await self._session.execute(query)).scalar_one()

    async def replace_codes(self, agent_id: UUID, hashes: Collection[bytes]) -> None:
        """Set the recovery codes; former ones end."""
        here = and_(RecoveryCodeRow.enterprise_id == self._enterprise_id, RecoveryCodeRow.agent_id == agent_id)
        await self._session.execute(delete(RecoveryCodeRow).where(here))
        rows = [{"enterprise_id": self._enterprise_id, "agent_id": agent_id, "code_hash": code_hash} for code_hash in hashes]
        if rows:
            await self._session.execute(insert(RecoveryCodeRow), rows)

    async def spend_code(self, agent_id: UUID, code_hash: bytes) -> bool:
        """Use up a recovery code; of two who come at once, one gets it."""
        here = and_(
            RecoveryCodeRow.enterprise_id == self._enterprise_id,
            RecoveryCodeRow.agent_id == agent_id,
            RecoveryCodeRow.code_hash == code_hash,
        )
        statement = delete(RecoveryCodeRow).where(here).returning(RecoveryCodeRow.agent_id)
        return (await self._session.execute(statement)).scalar_one_or_none() is not None

    async def oidc_tied(self, agent_id: UUID) -> bool:
        """Whether an identity provider knows the agent."""
        query = select(OidcIdentityRow.subject).where(
            OidcIdentityRow.enterprise_id == self._enterprise_id, OidcIdentityRow.agent_id == agent_id
        )
        return (await self._session.execute(query.limit(1))).first() is not None


async def find_passkey(tx: Tx, credential_id: bytes) -> PasskeyRow | None:
    """The passkey with this credential, of whatever enterprise. For a system transaction."""
    return (await tx.session.execute(select(PasskeyRow).where(PasskeyRow.credential_id == credential_id))).scalar_one_or_none()

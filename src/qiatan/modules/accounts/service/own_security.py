"""The protection of the own account: seeing it, proving to be its owner, and what follows when a factor comes or goes."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import SecretStr

from qiatan.infra.db import Database, Tx
from qiatan.kit.access import AgentActor
from qiatan.kit.errors import InvalidInput, NotFound
from qiatan.modules.accounts import rules
from qiatan.modules.accounts.contracts import OwnSecurity, Passkey
from qiatan.modules.accounts.errors import RecentSignInRequired, WrongCredentials
from qiatan.modules.accounts.events import SessionsEnded
from qiatan.modules.accounts.models import UNUSABLE, PasskeyRow
from qiatan.modules.accounts.repository import AgentRecord, AgentRepository, FactorRepository, SessionRepository
from qiatan.modules.accounts.service.audit import What
from qiatan.modules.accounts.service.hashing import verify
from qiatan.modules.accounts.service.mapping import agent_changed


async def own_security(tx: Tx, actor: AgentActor) -> OwnSecurity:
    """How the own account is protected."""
    agent = await AgentRepository(tx, actor.enterprise_id).get(actor.agent_id)
    if agent is None:
        raise NotFound
    factors = FactorRepository(tx, actor.enterprise_id)
    app = await factors.totp(actor.agent_id)
    return OwnSecurity(
        password_set=agent.row.password_hash != UNUSABLE,
        totp=app is not None and app.confirmed_at is not None,
        passkeys=[to_passkey(row) for row in await factors.passkeys(actor.agent_id)],
        recovery_codes_left=await factors.codes_left(actor.agent_id),
        required=agent.role_row.requires_two_factor,
        oidc=await factors.oidc_tied(actor.agent_id),
    )


def to_passkey(row: PasskeyRow) -> Passkey:
    return Passkey(id=row.id, name=row.name, backed_up=row.backed_up, created_at=row.created_at, last_used_at=row.last_used_at)


def self_as_subject(agent: AgentRecord) -> What:
    return What("agent", agent.row.id, agent.row.name)


@dataclass(frozen=True, slots=True)
class Proof:
    """That somebody gave the account's password again. It holds as long as that stays the password."""

    password_hash: str | None


async def prove_owner(database: Database, actor: AgentActor, password: SecretStr | None) -> Proof:
    """Have the own password given again: an open browser is not enough to change what protects the account, nor to make what outlives it.

    Who signs in by the provider only has no password to give, and has signed in a moment ago instead. It is checked before the
    transaction that makes the change (see `hashing.verify`), which takes the proof to `confirmed_owner`.

    Raises:
        InvalidInput: there is a password, and it was left out.
        WrongCredentials: it is another one.
        RecentSignInRequired: there is none, and the session is not young.
        Busy: as `hashing.verify`.
    """
    async with database.tenant(actor.enterprise_id) as tx:
        agent = await AgentRepository(tx, actor.enterprise_id).get(actor.agent_id)
        began = await SessionRepository(tx, actor.enterprise_id).signed_in_at(actor.session_id)
        now = tx.now
    if agent is None:
        raise NotFound
    known = agent.row.password_hash
    if known == UNUSABLE:
        if began is None or now - began >= rules.RECENT_SIGN_IN:
            raise RecentSignInRequired
        return Proof(known)
    if password is None:
        raise InvalidInput.of("password", "missing", "Enter your password again.")
    if not await verify(known, password.get_secret_value()):
        raise WrongCredentials
    return Proof(known)


async def confirmed_owner(tx: Tx, actor: AgentActor, proof: Proof) -> AgentRecord:
    """The own account, locked, whose password was given again.

    Raises:
        WrongCredentials: it was changed since.
    """
    agent = await owner(tx, actor)
    if agent.row.password_hash != proof.password_hash:
        raise WrongCredentials
    return agent


async def owner(tx: Tx, actor: AgentActor) -> AgentRecord:
    """The own account, locked."""
    agent = await AgentRepository(tx, actor.enterprise_id).get(actor.agent_id, lock=True)
    if agent is None:
        raise NotFound
    return agent


async def factors_changed(tx: Tx, actor: AgentActor, before: AgentRecord) -> None:
    """End what was opened under the former protection: all other sessions, and sign-ins that are under way (security.md F34).

    The recovery codes go with the last factor. A session that may do nothing now but add a factor opens its sockets anew, and is
    refused there.
    """
    await SessionRepository(tx, actor.enterprise_id).delete_all(actor.agent_id, besides=actor.session_id)
    tx.emit(SessionsEnded(enterprise_id=actor.enterprise_id, agent_id=actor.agent_id, besides=actor.session_id, reason="signed_out"))
    after = await AgentRepository(tx, actor.enterprise_id).get(actor.agent_id)
    if after is None or after.two_factor == before.two_factor:
        return
    after.row.version += 1
    await tx.session.flush()
    tx.emit(agent_changed(after))
    if after.two_factor:
        return
    await FactorRepository(tx, actor.enterprise_id).replace_codes(actor.agent_id, [])
    if after.role_row.requires_two_factor:
        tx.emit(SessionsEnded(enterprise_id=actor.enterprise_id, agent_id=actor.agent_id, only=actor.session_id, reason="replaced"))

"""Signing in and out, and finding out who is signed in."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database, Tx
from qiatan.kit.access import AgentActor, Point, Scope, ScopeKind
from qiatan.kit.errors import LinkExpired, NotFound
from qiatan.modules.accounts import repository, rules
from qiatan.modules.accounts.contracts import Agent, BuiltinRole, Enterprise, LinkPurpose
from qiatan.modules.accounts.errors import WrongCredentials
from qiatan.modules.accounts.events import SessionsEnded
from qiatan.modules.accounts.models import OneTimeLinkRow
from qiatan.modules.accounts.repository import AgentRecord, AgentRepository, EnterpriseRepository, SessionRepository
from qiatan.modules.accounts.service.hashing import hash_password, outdated, verify
from qiatan.modules.accounts.service.mapping import to_agent, to_enterprise
from qiatan.modules.accounts.service.tokens import new_token, token_hash

_MAX_TOKEN = 200


@dataclass(frozen=True, slots=True)
class Caller:
    """The browser that signs in. `session_token`: what it came with, to be replaced."""

    address: str
    user_agent: str
    session_token: str | None = None


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session. `token` goes into the browser's cookie and nowhere else."""

    token: str
    agent: Agent
    enterprise: Enterprise
    points: frozenset[str]


async def resolve_session(tx: Tx, token: str, catalogue: Collection[Point], *, address: str) -> AgentActor | None:
    """Who is signed in with this token: one query, in a system transaction (nobody knows the enterprise yet).

    None for an unknown, ended or expired session and for a disabled agent. Rights are read anew each time, so a change counts from
    the next request on.
    """
    if len(token) > _MAX_TOKEN:
        return None
    found = await repository.find_session(tx, token_hash(token))
    if found is None:
        return None
    if tx.now - found.last_seen_at >= rules.SEEN_EVERY:
        expires_at = rules.session_expiry(found.created_at, tx.now)
        await SessionRepository(tx, found.enterprise_id).see(found.id, seen_at=tx.now, expires_at=expires_at)
    role = rules.RoleFacts(BuiltinRole(found.builtin) if found.builtin is not None else None, frozenset(found.points))
    return AgentActor(
        enterprise_id=found.enterprise_id,
        agent_id=found.agent_id,
        session_id=found.id,
        points=rules.points_of(role, catalogue),
        scope=Scope(ScopeKind(found.scope_kind), frozenset(found.scope_group_ids)),
        group_ids=frozenset(found.group_ids),
        must_enrol=found.requires_two_factor and not found.two_factor,
        address=address,
    )


async def living_sessions(tx: Tx, sessions: Collection[tuple[UUID, UUID]]) -> set[UUID]:
    """Which of these (enterprise, session) still live, for sockets that were opened with them (system transactions).

    Sockets are told of an end by `SessionsEnded`. What that cannot reach (an expiry, a change by the command line's process, a
    socket that was just being opened) is found by asking this now and then.
    """
    return await repository.living_sessions(tx, sessions) if sessions else set()


async def sign_in(database: Database, *, email: str, password: str, caller: Caller, catalogue: Collection[Point]) -> SignedIn:
    """Open a session for an e-mail address and a password.

    The password is checked between two transactions, so that a crowd of sign-ins waits for processors and not on connections. Unknown,
    pending and disabled accounts cost the same work and get the same answer as a wrong password. A hash made with old parameters
    is renewed.

    Raises:
        WrongCredentials: whatever it was that did not fit.
    """
    async with database.system() as tx:
        found = await repository.find_account(tx, email)
    known = found.row.password_hash if found is not None and found.may_sign_in else None
    if not await verify(known, password) or known is None:
        raise WrongCredentials
    renewed = await hash_password(password) if outdated(known) else known
    async with database.system() as tx:
        # Under the lock a change of the password takes too: it ends all sessions, and this one must be among them or come after.
        found = await repository.find_account(tx, email, lock=True)
        if found is None or not found.may_sign_in or found.row.password_hash != known:
            raise WrongCredentials
        found.row.password_hash = renewed
        return await open_session(tx, found, caller=caller, catalogue=catalogue)


async def sign_in_by_link(tx: Tx, *, token: str, caller: Caller, catalogue: Collection[Point]) -> SignedIn:
    """Open a session for the holder of a one-time link.

    Raises:
        LinkExpired: it is unknown, used, too old, or its account may not sign in.
    """
    link = await spend_link(tx, token, LinkPurpose.SIGN_IN)
    record = await AgentRepository(tx, link.enterprise_id).get(link.agent_id, lock=True)
    if record is None or not record.may_sign_in:
        raise LinkExpired
    return await open_session(tx, record, caller=caller, catalogue=catalogue)


async def open_session(tx: Tx, record: AgentRecord, *, caller: Caller, catalogue: Collection[Point]) -> SignedIn:
    """A session with a token of its own. What the browser came with ends, so no token from before sign-in is worth anything after."""
    enterprise_id, agent_id = record.row.enterprise_id, record.row.id
    if caller.session_token is not None:
        await _end_former(tx, caller.session_token, successor=agent_id)
    token = new_token()
    values = {
        "id": new_id(),
        "agent_id": agent_id,
        "token_hash": token_hash(token),
        "created_at": tx.now,
        "last_seen_at": tx.now,
        "expires_at": rules.session_expiry(tx.now, tx.now),
        "address": caller.address[:64],
        "user_agent": "".join(c for c in caller.user_agent if c.isprintable())[:300],
    }
    await SessionRepository(tx, enterprise_id).insert(values, keep=rules.MAX_SESSIONS_OF_AGENT)
    enterprise = await EnterpriseRepository(tx, enterprise_id).get()
    return SignedIn(token, to_agent(record), to_enterprise(enterprise), rules.points_of(record.role, catalogue))


async def _end_former(tx: Tx, token: str, *, successor: UUID) -> None:
    former = await repository.find_session(tx, token_hash(token))
    if former is None:
        return
    await SessionRepository(tx, former.enterprise_id).delete(former.id)
    # Other tabs of the same person come back by themselves with the new cookie; another person's must not go on as if they were theirs.
    tx.emit(
        SessionsEnded(
            enterprise_id=former.enterprise_id,
            agent_id=former.agent_id,
            only=former.id,
            reason="replaced" if former.agent_id == successor else "signed_out",
        )
    )


async def sign_out(tx: Tx, actor: AgentActor) -> None:
    """End the acting session and its sockets."""
    await SessionRepository(tx, actor.enterprise_id).delete(actor.session_id)
    tx.emit(SessionsEnded(enterprise_id=actor.enterprise_id, agent_id=actor.agent_id, only=actor.session_id, reason="signed_out"))


async def create_sign_in_link(tx: Tx, enterprise_id: UUID, agent_id: UUID) -> str:
    """A path that signs the agent in, once, within minutes. For whoever runs the installation; the agent's former link ends.

    Raises:
        NotFound: there is no such agent, or it may not sign in.
    """
    record = await AgentRepository(tx, enterprise_id).get(agent_id, lock=True)
    if record is None or not record.may_sign_in:
        raise NotFound
    token = await write_link(tx, record, LinkPurpose.SIGN_IN, expires_at=tx.now + rules.SIGN_IN_LINK_LIVES)
    return f"/app/link#token={token}"


async def write_link(tx: Tx, record: AgentRecord, purpose: LinkPurpose, *, expires_at: datetime) -> str:
    """A new one-time link's token. The caller holds the agent's lock, so two links for one purpose cannot be made at once."""
    token = new_token()
    values = {
        "id": new_id(),
        "agent_id": record.row.id,
        "purpose": purpose.value,
        "email": record.row.email,
        "token_hash": token_hash(token),
        "created_at": tx.now,
        "expires_at": expires_at,
    }
    await SessionRepository(tx, record.row.enterprise_id).replace_link(values)
    return token


async def spend_link(tx: Tx, token: str, purpose: LinkPurpose) -> OneTimeLinkRow:
    """Use up a link; of two who come at once, one gets it.

    Raises:
        LinkExpired: it is unknown, used, too old, of another purpose, or its agent is disabled.
    """
    found = await repository.find_link(tx, token_hash(token), purpose)
    if found is None:
        raise LinkExpired
    link = found[0]
    if not await SessionRepository(tx, link.enterprise_id).use_link(link.id, tx.now):
        raise LinkExpired
    return link

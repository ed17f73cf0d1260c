"""Sessions: opened and ended."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from uuid import UUID

from qiatan.infra.clock import new_id
from qiatan.infra.db import Tx
from qiatan.infra.geo import Region
from qiatan.kit.access import AgentActor, Point
from qiatan.kit.errors import NotFound
from qiatan.modules.accounts import repository, rules
from qiatan.modules.accounts.contracts import ActorKind, Agent, Enterprise, LinkPurpose, LoginMethod
from qiatan.modules.accounts.events import SessionsEnded
from qiatan.modules.accounts.repository import AgentRecord, AgentRepository, EnterpriseRepository, SessionRepository
from qiatan.modules.accounts.rules.login import plain_address
from qiatan.modules.accounts.service.audit import What, Who, record
from qiatan.modules.accounts.service.links import write_link
from qiatan.modules.accounts.service.login import MAX_ADDRESS, MAX_REGION
from qiatan.modules.accounts.service.mapping import to_agent, to_enterprise
from qiatan.modules.accounts.service.tokens import new_token, token_hash

_MAX_USER_AGENT = 300


@dataclass(frozen=True, slots=True)
class Caller:
    """The browser that signs in, and where it is. `session_token`: what it came with, to be replaced. `device`: `device_of` its line."""

    address: str
    user_agent: str
    region: Region
    session_token: str | None = None
    device: str = ""


@dataclass(frozen=True, slots=True)
class SignedIn:
    """A new session. `token` goes into the browser's cookie and nowhere else. `must_enrol`: a second factor has to be added first."""

    token: str
    agent: Agent
    enterprise: Enterprise
    points: frozenset[str]
    must_enrol: bool = False


async def open_session(tx: Tx, agent: AgentRecord, *, caller: Caller, method: LoginMethod, catalogue: Collection[Point]) -> SignedIn:
    """A session with a token of its own. What the browser came with ends, so no token from before sign-in is worth anything after.

    Whether somebody may come in is decided before (`sign_in.proceed`). The caller holds the agent's lock, so that the number of
    sessions stays bounded when many sign in at once (security.md F40).
    """
    enterprise_id, agent_id = agent.row.enterprise_id, agent.row.id
    if caller.session_token is not None:
        await _end_former(tx, caller.session_token, successor=agent_id, address=caller.address)
    token = new_token()
    values = {
        "id": new_id(),
        "agent_id": agent_id,
        "token_hash": token_hash(token),
        "created_at": tx.now,
        "last_seen_at": tx.now,
        "expires_at": rules.session_expiry(tx.now, tx.now),
        "method": method.value,
        "address": plain_address(caller.address)[:MAX_ADDRESS],
        "region": caller.region.code[:MAX_REGION],
        "user_agent": "".join(c for c in caller.user_agent if c.isprintable())[:_MAX_USER_AGENT],
    }
    await SessionRepository(tx, enterprise_id).insert(values, keep=rules.MAX_SESSIONS_OF_AGENT)
    enterprise = await EnterpriseRepository(tx, enterprise_id).get()
    return SignedIn(
        token,
        to_agent(replace(agent, last_seen_at=tx.now)),
        to_enterprise(enterprise),
        rules.points_of(agent.role, catalogue),
        must_enrol=agent.role_row.requires_two_factor and not agent.two_factor,
    )


async def _end_former(tx: Tx, token: str, *, successor: UUID, address: str) -> None:
    former = await repository.find_session(tx, token_hash(token))
    if former is None:
        return
    if not await SessionRepository(tx, former.enterprise_id).delete(former.id):
        return
    who, what = Who(ActorKind.AGENT, former.agent_id, plain_address(address)), What("agent", former.agent_id, former.agent_name)
    record(tx, who, "session.ended", what, enterprise_id=former.enterprise_id, reason="replaced")
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
    if not await SessionRepository(tx, actor.enterprise_id).delete(actor.session_id):
        return
    agent = await AgentRepository(tx, actor.enterprise_id).get(actor.agent_id)
    record(tx, Who.of(actor), "session.ended", What("agent", actor.agent_id, agent.row.name if agent else ""), reason="signed_out")
    tx.emit(SessionsEnded(enterprise_id=actor.enterprise_id, agent_id=actor.agent_id, only=actor.session_id, reason="signed_out"))


async def create_sign_in_link(tx: Tx, enterprise_id: UUID, agent_id: UUID) -> str:
    """A path that signs the agent in, once, within minutes. For whoever runs the installation; the agent's former link ends.

    Raises:
        NotFound: there is no such agent, or it may not sign in.
    """
    agent = await AgentRepository(tx, enterprise_id).get(agent_id, lock=True)
    if agent is None or not agent.may_sign_in:
        raise NotFound
    return await write_link(tx, agent, LinkPurpose.SIGN_IN, made_by=None)

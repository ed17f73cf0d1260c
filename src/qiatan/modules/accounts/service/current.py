"""Who is signed in now: at every request, and for sockets that stay open."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.infra.geo import Region
from qiatan.kit.access import AgentActor, Point, RegionLimit, RegionMode, Scope, ScopeKind
from qiatan.modules.accounts import repository, rules
from qiatan.modules.accounts.contracts import ActorKind, BuiltinRole, LoginMethod
from qiatan.modules.accounts.events import SessionsEnded
from qiatan.modules.accounts.repository import FoundSession, LivingSession, LoginRepository, PolicyRecord, SessionRepository
from qiatan.modules.accounts.rules.login import Decision, plain_address
from qiatan.modules.accounts.service.audit import What, Who, record
from qiatan.modules.accounts.service.devices import device_of
from qiatan.modules.accounts.service.login import MAX_ADDRESS, MAX_REGION, note, use_trusted, verdict_of
from qiatan.modules.accounts.service.tokens import token_hash

_MAX_TOKEN = 200


@dataclass(frozen=True, slots=True)
class OpenSocket:
    """A connection that was opened with a session, and where it comes from."""

    enterprise_id: UUID
    session_id: UUID
    address: str


async def resolve_session(tx: Tx, token: str, catalogue: Collection[Point], *, address: str, region: Region) -> AgentActor | None:
    """Who is signed in with this token: one query, in a system transaction (nobody knows the enterprise yet).

    None for an unknown, ended or expired session and for a disabled agent. Rights are read anew each time, so a change counts from
    the next request on. For members of restricted roles the address must still be one they may use (F02); else the session ends here.
    """
    if len(token) > _MAX_TOKEN:
        return None
    found = await repository.find_session(tx, token_hash(token))
    if found is None:
        return None
    seen_anew = tx.now - found.last_seen_at >= rules.SEEN_EVERY
    if found.restricted:
        policy = await LoginRepository(tx, found.enterprise_id).policy()
        decision = _decide(policy, found, address, region)
        if not decision.allowed:
            await _end(tx, found, decision, address=address, region=region)
            return None
        if seen_anew:
            await use_trusted(tx, found.enterprise_id, policy, decision)
    if seen_anew:
        await SessionRepository(tx, found.enterprise_id).see(
            found.id,
            seen_at=tx.now,
            expires_at=rules.session_expiry(found.created_at, tx.now),
            address=plain_address(address)[:MAX_ADDRESS],
            region=region.code[:MAX_REGION],
        )
    return _actor(found, catalogue, address)


def _actor(found: FoundSession, catalogue: Collection[Point], address: str) -> AgentActor:
    role = rules.RoleFacts(_builtin(found), frozenset(found.points))
    return AgentActor(
        enterprise_id=found.enterprise_id,
        agent_id=found.agent_id,
        session_id=found.id,
        points=rules.points_of(role, catalogue),
        scope=Scope(ScopeKind(found.scope_kind), frozenset(found.scope_group_ids)),
        group_ids=frozenset(found.group_ids),
        regions=RegionLimit(RegionMode(found.visitor_region_mode), tuple(found.visitor_regions)),
        must_enrol=found.requires_two_factor and not found.two_factor,
        address=address,
    )


async def living_sessions(
    tx: Tx, sockets: Collection[OpenSocket], region_of: Callable[[str], Region], catalogue: Collection[Point]
) -> dict[UUID, AgentActor]:
    """Which sessions of these sockets still live, with what their agents may do now (system transactions).

    One that may not be used from its socket's address ends here. Sockets are told of an end, and of rights that changed, by
    `SessionsEnded`. What that cannot reach (an expiry, a change by the command line's process, a socket that was just being opened,
    what the bus lost) is found by asking this now and then.
    """
    if not sockets:
        return {}
    living = {
        found.id: found for found in await repository.living_sessions(tx, {(socket.enterprise_id, socket.session_id) for socket in sockets})
    }
    restricted = {found.enterprise_id for found in living.values() if found.restricted}
    policies = await repository.policies_of(tx, restricted) if restricted else {}
    # In one order everywhere, so that two processes that look at the same sessions do not wait for each other in a circle.
    for socket in sorted(sockets, key=lambda socket: (socket.session_id, socket.address)):
        found = living.get(socket.session_id)
        if found is None or not found.restricted:
            continue
        region = region_of(socket.address)
        decision = _decide(policies.get(found.enterprise_id, PolicyRecord()), found, socket.address, region)
        if not decision.allowed:
            await _end(tx, found, decision, address=socket.address, region=region)
            del living[found.id]
    return {session_id: _actor(found, catalogue, "") for session_id, found in living.items()}


def _builtin(found: FoundSession | LivingSession) -> BuiltinRole | None:
    return BuiltinRole(found.builtin) if found.builtin is not None else None


def _decide(policy: PolicyRecord, found: FoundSession | LivingSession, address: str, region: Region) -> Decision:
    return verdict_of(policy.rules, role_id=found.role_id, is_admin=_builtin(found) is BuiltinRole.ADMIN, address=address, region=region)


async def _end(tx: Tx, found: FoundSession | LivingSession, decision: Decision, *, address: str, region: Region) -> None:
    """End a session whose place is no longer allowed. Of many requests that find this at once, one writes it down."""
    if not await SessionRepository(tx, found.enterprise_id).delete(found.id):
        return
    await note(
        tx,
        enterprise_id=found.enterprise_id,
        agent_id=found.agent_id,
        caller_address=address,
        region=region,
        device=await device_of(found.user_agent),
        method=LoginMethod.SESSION,
        allowed=False,
        reason=decision.reason,
    )
    record(
        tx,
        Who(ActorKind.SYSTEM, address=plain_address(address)),
        "session.ended",
        What("agent", found.agent_id, found.agent_name),
        enterprise_id=found.enterprise_id,
        reason=decision.reason.value,
        region=region.code,
    )
    tx.emit(SessionsEnded(enterprise_id=found.enterprise_id, agent_id=found.agent_id, only=found.id, reason="signed_out"))

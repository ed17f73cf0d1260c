"""Signing in, by whatever door: what was proved, whether the place is allowed, whether a second step is due.

Every door proves who somebody is in its own way and then hands over to `proceed`. What is turned away has to be written down, so an
outcome is returned, and the door answers it after the transaction.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeAlias
from uuid import UUID

import structlog

from qiatan.infra.db import Database, Tx
from qiatan.infra.sealing import Sealer
from qiatan.infra.throttle import Rate, Throttle
from qiatan.kit.access import Point
from qiatan.kit.errors import Fault, LinkExpired
from qiatan.modules.accounts import repository, rules
from qiatan.modules.accounts.contracts import ActorKind, GiveSecondFactor, LinkPurpose, LoginMethod, LoginReason
from qiatan.modules.accounts.errors import ChallengeExpired, PasskeyRefused, WrongCredentials
from qiatan.modules.accounts.models import PasskeyRow
from qiatan.modules.accounts.repository import AgentRecord, AgentRepository, ChallengeRepository, FactorRepository
from qiatan.modules.accounts.rules.login import plain_address
from qiatan.modules.accounts.service import login, passkeys
from qiatan.modules.accounts.service.audit import What, Who, record
from qiatan.modules.accounts.service.hashing import hash_password, outdated, verify
from qiatan.modules.accounts.service.links import spend_link
from qiatan.modules.accounts.service.passkeys import Site
from qiatan.modules.accounts.service.second_factor import (
    MAX_TRIES,
    PURPOSE,
    SecondFactorNeeded,
    ask_second_factor,
    factor_problem,
    given_method,
)
from qiatan.modules.accounts.service.sessions import Caller, SignedIn, open_session
from qiatan.modules.accounts.service.tokens import token_hash
from qiatan.modules.accounts.service.totp import count_code

__all__ = [
    "Caller",
    "Denied",
    "Outcome",
    "SecondFactorNeeded",
    "SignedIn",
    "account_name",
    "came_before",
    "enterprise_came_before",
    "give_second_factor",
    "proceed",
    "settled",
    "sign_in",
    "sign_in_by_link",
    "sign_in_by_passkey",
]

log = structlog.get_logger(__name__)

# Recovery codes cannot be guessed; this keeps who tries from filling the login log. Codes of apps are counted in the database.
RECOVERY_CODES = Rate(burst=10, per_minute=0.2)
# How far the login log is looked back into for addresses that an account is used from.
_KNOWN_FOR = timedelta(days=90)
_KNOWN_BY = 500
_KNOWN_BY_ENTERPRISE = 2_000
# So that nothing of the note can be told from how long the answer took.
_AFTER_THE_ANSWER = 0.05

_notes: set[asyncio.Task[None]] = set()


@dataclass(frozen=True, slots=True)
class Denied:
    """Who it is was proved, but not from this address (F02)."""

    address: str


Outcome: TypeAlias = SignedIn | SecondFactorNeeded | Denied


async def proceed(tx: Tx, agent: AgentRecord, *, caller: Caller, method: LoginMethod, catalogue: Collection[Point]) -> Outcome:
    """Let somebody in who has proved to be this agent, ask for the second factor, or turn them away.

    The caller holds the agent's lock and knows that the account may sign in. Never raises for a denial: it must be written down.
    """
    reason, allowed = await _place(tx, agent, caller, method)
    if not allowed:
        return Denied(plain_address(caller.address))
    if agent.two_factor and method is not LoginMethod.PASSKEY:
        return await ask_second_factor(tx, agent, method=method)
    return await _enter(tx, agent, caller=caller, method=method, reason=reason, catalogue=catalogue)


async def _place(tx: Tx, agent: AgentRecord, caller: Caller, method: LoginMethod) -> tuple[LoginReason, bool]:
    """Why and whether the login restriction lets this address pass; a denial is written down."""
    verdict = await login.check(
        tx,
        enterprise_id=agent.row.enterprise_id,
        role_id=agent.role_row.id,
        is_admin=agent.role.is_admin,
        address=caller.address,
        region=caller.region,
        used=True,
    )
    if not verdict.allowed:
        await _note(tx, agent, caller, method, allowed=False, reason=verdict.reason)
        _audit(tx, agent, caller, "session.denied", method=method.value, reason=verdict.reason.value, region=caller.region.code)
    return verdict.reason, verdict.allowed


async def _enter(
    tx: Tx,
    agent: AgentRecord,
    *,
    caller: Caller,
    method: LoginMethod,
    reason: LoginReason,
    catalogue: Collection[Point],
    second_factor: str | None = None,
) -> SignedIn:
    await _note(tx, agent, caller, method, allowed=True, reason=reason)
    by = {"second_factor": second_factor} if second_factor else {}
    _audit(tx, agent, caller, "session.signed_in", method=method.value, region=caller.region.code, **by)
    return await open_session(tx, agent, caller=caller, method=method, catalogue=catalogue)


async def sign_in(database: Database, *, email: str, password: str, caller: Caller, catalogue: Collection[Point]) -> Outcome:
    """Come in by an e-mail address and a password.

    The password is checked between two transactions, so that a crowd of sign-ins waits for processors and not on connections. Unknown,
    pending and disabled accounts cost the same work and get the same answer as a wrong password; that somebody tried is written into
    the login log after the answer, so that its time tells nothing either. A hash made with old parameters is renewed.

    Raises:
        WrongCredentials: whatever it was that did not fit.
    """
    async with database.system() as tx:
        found = await repository.find_account(tx, email)
    known = found.row.password_hash if found is not None and found.may_sign_in else None
    if not await verify(known, password) or known is None:
        if found is not None:
            _note_later(database, found, caller)
        raise WrongCredentials
    renewed = await hash_password(password) if outdated(known) else known
    async with database.system() as tx:
        # Under the lock a change of the password takes too: it ends all sessions, and this one must be among them or come after.
        found = await repository.find_account(tx, email, lock=True)
        if found is None or not found.may_sign_in or found.row.password_hash != known:
            raise WrongCredentials
        found.row.password_hash = renewed
        return await proceed(tx, found, caller=caller, method=LoginMethod.PASSWORD, catalogue=catalogue)


async def account_name(tx: Tx, email: str) -> str:
    """What tries for an account are counted by: all that leads to one account is one name, and an unknown account has one too."""
    return await repository.account_name(tx, email)


async def came_before(database: Database, *, email: str, address: str) -> bool:
    """Whether somebody came into this account from about this address lately. For an unknown account the same is asked, and it is no."""
    async with database.system() as tx:
        addresses = await repository.came_from(tx, email, since=tx.now - _KNOWN_FOR, limit=_KNOWN_BY)
    return rules.address_group(address) in {rules.address_group(one) for one in addresses}


async def enterprise_came_before(database: Database, *, enterprise_id: UUID, address: str) -> bool:
    """Whether somebody of the enterprise came in from about this address lately."""
    async with database.system() as tx:
        addresses = await repository.enterprise_came_from(tx, enterprise_id, since=tx.now - _KNOWN_FOR, limit=_KNOWN_BY_ENTERPRISE)
    return rules.address_group(address) in {rules.address_group(one) for one in addresses}


async def sign_in_by_link(database: Database, *, token: str, caller: Caller, catalogue: Collection[Point]) -> Outcome:
    """Come in by a one-time link. It is used up also when the place is not allowed or a second factor is due.

    Raises:
        LinkExpired: it is unknown, used, too old, or its account may not sign in.
    """
    async with database.system() as tx:
        link = await spend_link(tx, token, LinkPurpose.SIGN_IN)
        agent = await AgentRepository(tx, link.enterprise_id).get(link.agent_id, lock=True)
        if agent is None or not agent.may_sign_in:
            raise LinkExpired
        return await proceed(tx, agent, caller=caller, method=LoginMethod.LINK, catalogue=catalogue)


async def give_second_factor(
    database: Database,
    given: GiveSecondFactor,
    *,
    caller: Caller,
    catalogue: Collection[Point],
    sealer: Sealer,
    site: Site,
    throttle: Throttle,
) -> Outcome:
    """Take the second step. The place is looked at again: minutes may have passed, and it may be another one.

    Raises:
        InvalidInput: not exactly one factor was given.
        ChallengeExpired: the first step is unknown, too old, used, was tried too often, or its account may not sign in any more.
        WrongCode, CodeClockOff, CodeReplayed, PasskeyRefused: the factor does not fit; the try counts.
        TooMany: too many codes were tried for this account.
    """
    method = given_method(given)
    async with database.system() as tx:
        result = await _second_step(tx, given, method, caller, catalogue, sealer, site, throttle)
    if isinstance(result, Fault):
        raise result
    return result


async def _second_step(
    tx: Tx,
    given: GiveSecondFactor,
    kind: str,
    caller: Caller,
    catalogue: Collection[Point],
    sealer: Sealer,
    site: Site,
    throttle: Throttle,
) -> Outcome | Fault:
    challenge = await repository.find_challenge(tx, token_hash(given.challenge), PURPOSE)
    if challenge is None or challenge.agent_id is None:
        return ChallengeExpired()
    agent = await AgentRepository(tx, challenge.enterprise_id).get(challenge.agent_id, lock=True)
    if agent is None or not agent.may_sign_in:
        return ChallengeExpired()
    tries = f"recovery-code:{agent.row.id}"
    if kind == "recovery_code":
        throttle.check(tries, RECOVERY_CODES)
    if kind == "totp":
        await count_code(tx, agent.row.enterprise_id, agent.row.id)
    challenges = ChallengeRepository(tx, challenge.enterprise_id)
    if not await challenges.count_try(challenge.id, at_most=MAX_TRIES):
        return ChallengeExpired()
    method = LoginMethod(challenge.data["method"])
    reason, allowed = await _place(tx, agent, caller, method)
    if not allowed:
        return Denied(plain_address(caller.address))
    problem = await factor_problem(tx, agent, challenge, given, sealer=sealer, site=site)
    if problem is not None:
        await _note(tx, agent, caller, method, allowed=False, reason=LoginReason.WRONG_SECOND_FACTOR)
        return problem
    if not await challenges.delete(challenge.id):
        raise ChallengeExpired
    throttle.forget(tries)
    await FactorRepository(tx, challenge.enterprise_id).forget_tries(agent.row.id)
    return await _enter(tx, agent, caller=caller, method=method, reason=reason, catalogue=catalogue, second_factor=kind)


async def sign_in_by_passkey(
    database: Database,
    *,
    challenge: str,
    credential: dict[str, Any],
    caller: Caller,
    catalogue: Collection[Point],
    sealer: Sealer,
    site: Site,
) -> Outcome:
    """Come in by a passkey alone.

    Raises:
        ChallengeExpired: the challenge is not ours, or too old.
        PasskeyRefused: the passkey is unknown, its account may not sign in, its answer does not fit, or was given before.
    """
    async with database.system() as tx:
        result = await _by_passkey(tx, passkeys.decode_challenge(challenge), credential, caller, catalogue, sealer, site)
    if isinstance(result, Fault):
        raise result
    return result


async def _by_passkey(
    tx: Tx,
    challenge: bytes,
    credential: dict[str, Any],
    caller: Caller,
    catalogue: Collection[Point],
    sealer: Sealer,
    site: Site,
) -> Outcome | Fault:
    issued_at = passkeys.challenge_issued_at(sealer, challenge, tx.now)
    named = await repository.find_passkey(tx, passkeys.credential_id(credential))
    agent = await AgentRepository(tx, named.enterprise_id).get(named.agent_id, lock=True) if named is not None else None
    if named is None or agent is None or not agent.may_sign_in:
        return PasskeyRefused()
    if not await _used(tx, named, site, challenge, credential, issued_at):
        await _note(tx, agent, caller, LoginMethod.PASSKEY, allowed=False, reason=LoginReason.WRONG_SECOND_FACTOR)
        return PasskeyRefused()
    return await proceed(tx, agent, caller=caller, method=LoginMethod.PASSKEY, catalogue=catalogue)


async def _used(tx: Tx, named: PasskeyRow, site: Site, challenge: bytes, credential: dict[str, Any], issued_at: datetime) -> bool:
    """Whether the passkey answered this challenge, for the first time, and named its owner by itself."""
    try:
        shown = passkeys.read_assertion(site, challenge, named, credential)
        owner = passkeys.user_handle(credential)
    except PasskeyRefused:
        return False
    return owner is not None and await FactorRepository(tx, named.enterprise_id).use_passkey(
        named.id, sign_count=shown.sign_count, backed_up=shown.backed_up, used_at=tx.now, challenged_at=issued_at
    )


async def _note(tx: Tx, agent: AgentRecord, caller: Caller, method: LoginMethod, *, allowed: bool, reason: LoginReason) -> None:
    await login.note(
        tx,
        enterprise_id=agent.row.enterprise_id,
        agent_id=agent.row.id,
        caller_address=caller.address,
        region=caller.region,
        device=caller.device,
        method=method,
        allowed=allowed,
        reason=reason,
    )


def _audit(tx: Tx, agent: AgentRecord, caller: Caller, action: str, **details: Any) -> None:
    who = Who(ActorKind.AGENT, agent.row.id, plain_address(caller.address))
    record(tx, who, action, What("agent", agent.row.id, agent.row.name), enterprise_id=agent.row.enterprise_id, **details)


def _note_later(database: Database, agent: AgentRecord, caller: Caller) -> None:
    task = asyncio.get_running_loop().create_task(_note_wrong_password(database, agent, caller))
    _notes.add(task)
    task.add_done_callback(_notes.discard)


async def _note_wrong_password(database: Database, agent: AgentRecord, caller: Caller) -> None:
    await asyncio.sleep(_AFTER_THE_ANSWER)
    try:
        async with database.system() as tx:
            await _note(tx, agent, caller, LoginMethod.PASSWORD, allowed=False, reason=LoginReason.WRONG_PASSWORD)
    except Fault as fault:
        log.warning("login_log.entry_lost", agent_id=str(agent.row.id), code=fault.code)


async def settled() -> None:
    """Wait until the notes that follow answers are written."""
    await asyncio.gather(*_notes)

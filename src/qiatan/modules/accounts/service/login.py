"""Asking the login restriction (F02), and writing the login log."""

from __future__ import annotations

from uuid import UUID

from qiatan.infra.clock import new_id
from qiatan.infra.db import Tx
from qiatan.infra.geo import Region
from qiatan.modules.accounts.contracts import LoginMethod, LoginReason, LoginVerdict
from qiatan.modules.accounts.repository import LoginRepository, PolicyRecord
from qiatan.modules.accounts.rules import SEEN_EVERY
from qiatan.modules.accounts.rules.login import Decision, LoginRules, decide, plain_address
from qiatan.modules.accounts.service.mapping import to_region

MAX_ADDRESS = 64
MAX_REGION = 120


async def check(
    tx: Tx, *, enterprise_id: UUID, role_id: UUID, is_admin: bool, address: str, region: Region, used: bool = False
) -> LoginVerdict:
    """What the enterprise's rules say of a member of a role at an address. `used`: somebody comes in by it now.

    It never raises for a denial: what is denied has to be written down first.
    """
    policy = await LoginRepository(tx, enterprise_id).policy()
    decision = verdict_of(policy.rules, role_id=role_id, is_admin=is_admin, address=address, region=region)
    if used:
        await use_trusted(tx, enterprise_id, policy, decision)
    return to_verdict(decision, address, region)


def verdict_of(rules: LoginRules, *, role_id: UUID, is_admin: bool, address: str, region: Region) -> Decision:
    return decide(rules, role_id=role_id, is_admin=is_admin, address=address, region=region.code)


def to_verdict(decision: Decision, address: str, region: Region) -> LoginVerdict:
    return LoginVerdict(address=plain_address(address), region=to_region(region.code), allowed=decision.allowed, reason=decision.reason)


async def use_trusted(tx: Tx, enterprise_id: UUID, policy: PolicyRecord, decision: Decision) -> None:
    """Note when the trusted address was used that let somebody in, so that the list can be kept short. To five minutes."""
    if decision.trusted is not None:
        await LoginRepository(tx, enterprise_id).use_trusted(policy.trusted[decision.trusted].id, at=tx.now, every=SEEN_EVERY)


async def note(
    tx: Tx,
    *,
    enterprise_id: UUID,
    agent_id: UUID,
    caller_address: str,
    region: Region,
    device: str,
    method: LoginMethod,
    allowed: bool,
    reason: LoginReason,
) -> None:
    """Write down that somebody was let in, turned away, or that their session was ended. It is there when the transaction commits."""
    await LoginRepository(tx, enterprise_id).note(
        {
            "id": new_id(),
            "at": tx.now,
            "agent_id": agent_id,
            "address": plain_address(caller_address)[:MAX_ADDRESS],
            "region": region.code[:MAX_REGION],
            "device": device,
            "method": method.value,
            "allowed": allowed,
            "reason": reason.value,
        }
    )

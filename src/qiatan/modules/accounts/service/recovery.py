"""Recovery codes: what stands for a second factor that was lost, each once."""

from __future__ import annotations

import hashlib
import secrets
from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor
from qiatan.kit.errors import NotFound
from qiatan.modules.accounts import rules
from qiatan.modules.accounts.contracts import RecoveryCodes
from qiatan.modules.accounts.repository import FactorRepository
from qiatan.modules.accounts.service.audit import Who, record
from qiatan.modules.accounts.service.own_security import Proof, confirmed_owner, self_as_subject


async def new_recovery_codes(tx: Tx, actor: AgentActor, *, proof: Proof) -> RecoveryCodes:
    """Fresh codes in place of all former ones, shown this once.

    Raises:
        WrongCredentials: as `confirmed_owner`.
        NotFound: the account has no second factor that they could stand for.
    """
    agent = await confirmed_owner(tx, actor, proof)
    if not agent.two_factor:
        raise NotFound("There is no second factor yet. Add an authenticator app or a passkey first.")
    codes = await write_codes(tx, actor.enterprise_id, actor.agent_id)
    record(tx, Who.of(actor), "two_factor.recovery_codes_made", self_as_subject(agent))
    return codes


async def codes_with_first_factor(tx: Tx, actor: AgentActor) -> RecoveryCodes:
    """Codes for an account that has none; an empty list when it has some."""
    if await FactorRepository(tx, actor.enterprise_id).codes_left(actor.agent_id):
        return RecoveryCodes(codes=[])
    return await write_codes(tx, actor.enterprise_id, actor.agent_id)


async def write_codes(tx: Tx, enterprise_id: UUID, agent_id: UUID) -> RecoveryCodes:
    codes = [rules.recovery_code(secrets.token_bytes(rules.RECOVERY_CODE_BYTES)) for _ in range(rules.RECOVERY_CODES)]
    await FactorRepository(tx, enterprise_id).replace_codes(agent_id, [_hash(agent_id, code) for code in codes])
    return RecoveryCodes(codes=codes)


async def spend_recovery_code(tx: Tx, enterprise_id: UUID, agent_id: UUID, typed: str) -> bool:
    """Use up a code. Of two who bring the same one at once, one gets it."""
    return await FactorRepository(tx, enterprise_id).spend_code(agent_id, _hash(agent_id, typed))


def _hash(agent_id: UUID, code: str) -> bytes:
    """With 80 random bits there is nothing to slow down; the account's id keeps one table from serving for all."""
    return hashlib.sha256(agent_id.bytes + rules.read_recovery_code(code).encode()).digest()

"""The own passkeys: added, named, removed."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from qiatan.infra.clock import new_id
from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor
from qiatan.kit.errors import NotFound
from qiatan.modules.accounts import repository, rules
from qiatan.modules.accounts.contracts import Passkey, PasskeyOptions, RecoveryCodes
from qiatan.modules.accounts.errors import ChallengeExpired, LimitReached, PasskeyRefused
from qiatan.modules.accounts.repository import ChallengeRepository, FactorRepository
from qiatan.modules.accounts.service import passkeys
from qiatan.modules.accounts.service.audit import What, Who, record
from qiatan.modules.accounts.service.own_security import Proof, confirmed_owner, factors_changed, owner, to_passkey
from qiatan.modules.accounts.service.passkeys import MAX_PASSKEYS, Site
from qiatan.modules.accounts.service.recovery import codes_with_first_factor
from qiatan.modules.accounts.service.tokens import new_token, token_hash

_PURPOSE = "passkey"
_AT_ONCE = 5


async def begin_passkey(tx: Tx, actor: AgentActor, *, proof: Proof, site: Site) -> PasskeyOptions:
    """What the browser needs to make a passkey for this account.

    Raises:
        WrongCredentials: as `confirmed_owner`.
        LimitReached: the account has as many passkeys as allowed.
    """
    agent = await confirmed_owner(tx, actor, proof)
    existing = await FactorRepository(tx, actor.enterprise_id).passkeys(actor.agent_id)
    if len(existing) >= MAX_PASSKEYS:
        raise LimitReached
    token, challenge = new_token(), passkeys.new_challenge()
    await ChallengeRepository(tx, actor.enterprise_id).insert(
        purpose=_PURPOSE,
        agent_id=actor.agent_id,
        token_hash=token_hash(token),
        data={"challenge": passkeys.encode_challenge(challenge), "session": str(actor.session_id)},
        expires_at=tx.now + rules.CHALLENGE_LIVES,
        keep=_AT_ONCE,
    )
    return PasskeyOptions(challenge=token, options=passkeys.creation_options(site, agent.row, challenge, existing))


async def add_passkey(tx: Tx, actor: AgentActor, *, challenge: str, name: str, credential: dict[str, Any], site: Site) -> RecoveryCodes:
    """Count a passkey from now on. Other sessions end; the first factor brings recovery codes.

    Raises:
        ChallengeExpired: the challenge is unknown, used, too old, or of another session.
        PasskeyRefused: the credential does not fit it, or somebody has it already.
        LimitReached: as `begin_passkey`.
    """
    agent = await owner(tx, actor)
    found = await repository.take_challenge(tx, token_hash(challenge), _PURPOSE)
    if found is None or found.agent_id != actor.agent_id or found.data["session"] != str(actor.session_id):
        raise ChallengeExpired
    made = passkeys.read_credential(site, passkeys.decode_challenge(found.data["challenge"]), credential)
    factors = FactorRepository(tx, actor.enterprise_id)
    if len(await factors.passkeys(actor.agent_id)) >= MAX_PASSKEYS:
        raise LimitReached
    passkey_id = new_id()
    values = {
        "id": passkey_id,
        "agent_id": actor.agent_id,
        "credential_id": made.id,
        "public_key": made.public_key,
        "sign_count": made.sign_count,
        "name": name,
        "transports": made.transports,
        "backed_up": made.backed_up,
        "created_at": tx.now,
    }
    if not await factors.insert_passkey(values):
        raise PasskeyRefused
    codes = await codes_with_first_factor(tx, actor)
    record(tx, Who.of(actor), "two_factor.passkey_added", What("passkey", passkey_id, name))
    await factors_changed(tx, actor, agent)
    return codes


async def rename_passkey(tx: Tx, actor: AgentActor, *, passkey_id: UUID, name: str) -> Passkey:
    """Call it otherwise.

    Raises:
        NotFound: the account has no passkey of this id.
    """
    row = await FactorRepository(tx, actor.enterprise_id).passkey(actor.agent_id, passkey_id)
    if row is None:
        raise NotFound
    former, row.name = row.name, name
    await tx.session.flush()
    if former != name:
        record(tx, Who.of(actor), "two_factor.passkey_renamed", What("passkey", passkey_id, name), name=[former, name])
    return to_passkey(row)


async def remove_passkey(tx: Tx, actor: AgentActor, *, passkey_id: UUID, proof: Proof) -> None:
    """Sign in without it from now on. Other sessions end.

    Raises:
        WrongCredentials: as `confirmed_owner`.
        NotFound: the account has no passkey of this id.
    """
    agent = await confirmed_owner(tx, actor, proof)
    factors = FactorRepository(tx, actor.enterprise_id)
    row = await factors.passkey(actor.agent_id, passkey_id)
    if row is None:
        raise NotFound
    name = row.name
    await factors.drop_passkey(actor.agent_id, passkey_id)
    record(tx, Who.of(actor), "two_factor.passkey_removed", What("passkey", passkey_id, name))
    await factors_changed(tx, actor, agent)

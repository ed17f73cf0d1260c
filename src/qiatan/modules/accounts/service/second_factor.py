"""The second step of a sign-in: asked for, and taken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from qiatan.infra.db import Tx
from qiatan.infra.sealing import Sealer
from qiatan.kit.errors import Fault, InvalidInput
from qiatan.modules.accounts import rules
from qiatan.modules.accounts.contracts import FactorMethod, GiveSecondFactor, LoginMethod
from qiatan.modules.accounts.errors import PasskeyRefused, WrongCode
from qiatan.modules.accounts.models import ChallengeRow, PasskeyRow
from qiatan.modules.accounts.repository import AgentRecord, ChallengeRepository, FactorRepository
from qiatan.modules.accounts.service import passkeys
from qiatan.modules.accounts.service.passkeys import Site
from qiatan.modules.accounts.service.recovery import spend_recovery_code
from qiatan.modules.accounts.service.tokens import new_token, token_hash
from qiatan.modules.accounts.service.totp import totp_problem

PURPOSE = "second_factor"
MAX_TRIES = 5

_AT_ONCE = 10


@dataclass(frozen=True, slots=True)
class SecondFactorNeeded:
    """The first step went well. `token` is for the browser that took it; `passkeys` are those that may answer `webauthn_challenge`."""

    token: str
    methods: list[FactorMethod]
    expires_at: datetime
    webauthn_challenge: bytes
    passkeys: tuple[PasskeyRow, ...]


async def ask_second_factor(tx: Tx, agent: AgentRecord, *, method: LoginMethod) -> SecondFactorNeeded:
    """Remember that the first step was taken by this account, for some minutes and a few tries."""
    enterprise_id, agent_id = agent.row.enterprise_id, agent.row.id
    factors = FactorRepository(tx, enterprise_id)
    app, keys = await factors.totp(agent_id), await factors.passkeys(agent_id)
    offered: dict[FactorMethod, bool] = {
        "passkey": bool(keys),
        "totp": app is not None and app.confirmed_at is not None,
        "recovery_code": await factors.codes_left(agent_id) > 0,
    }
    token, challenge = new_token(), passkeys.new_challenge()
    expires_at = tx.now + rules.CHALLENGE_LIVES
    await ChallengeRepository(tx, enterprise_id).insert(
        purpose=PURPOSE,
        agent_id=agent_id,
        token_hash=token_hash(token),
        data={"method": method.value, "challenge": passkeys.encode_challenge(challenge)},
        expires_at=expires_at,
        keep=_AT_ONCE,
    )
    return SecondFactorNeeded(token, [name for name, there in offered.items() if there], expires_at, challenge, tuple(keys))


def given_method(given: GiveSecondFactor) -> FactorMethod:
    """Which of the factors was given.

    Raises:
        InvalidInput: none, or more than one.
    """
    there: dict[FactorMethod, bool] = {
        "totp": given.totp is not None,
        "recovery_code": given.recovery_code is not None,
        "passkey": given.passkey is not None,
    }
    methods = [name for name, is_given in there.items() if is_given]
    if len(methods) != 1:
        raise InvalidInput.of("totp", "invalid", "Give exactly one of totp, recovery_code and passkey.")
    return methods[0]


async def factor_problem(
    tx: Tx, agent: AgentRecord, challenge: ChallengeRow, given: GiveSecondFactor, *, sealer: Sealer, site: Site
) -> Fault | None:
    """Take the factor that was given; why not, when it does not fit. The caller holds the agent's lock and has counted the try."""
    enterprise_id, agent_id = agent.row.enterprise_id, agent.row.id
    if given.totp is not None:
        return await totp_problem(tx, enterprise_id, agent_id, given.totp, sealer)
    if given.recovery_code is not None:
        return None if await spend_recovery_code(tx, enterprise_id, agent_id, given.recovery_code) else WrongCode()
    factors = FactorRepository(tx, enterprise_id)
    try:
        named = passkeys.credential_id(given.passkey or {})
        key = next((key for key in await factors.passkeys(agent_id) if key.credential_id == named), None)
        if key is None:
            return PasskeyRefused()
        shown = passkeys.read_assertion(site, passkeys.decode_challenge(challenge.data["challenge"]), key, given.passkey or {})
    except PasskeyRefused as refused:
        return refused
    used = await factors.use_passkey(key.id, sign_count=shown.sign_count, backed_up=shown.backed_up, used_at=tx.now)
    return None if used else PasskeyRefused()

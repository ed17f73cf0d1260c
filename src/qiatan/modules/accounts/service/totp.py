"""Authenticator apps (RFC 6238)."""

from __future__ import annotations

import base64
import math
import secrets
from datetime import timedelta
from uuid import UUID

import pyotp
import segno

from qiatan.infra.db import Database, Tx
from qiatan.infra.sealing import Sealer
from qiatan.kit.access import AgentActor
from qiatan.kit.errors import Fault, NotFound, TooMany
from qiatan.modules.accounts import rules
from qiatan.modules.accounts.contracts import RecoveryCodes, TotpSetup
from qiatan.modules.accounts.errors import ChallengeExpired, CodeClockOff, CodeReplayed, LimitReached, WrongCode
from qiatan.modules.accounts.models import TotpRow
from qiatan.modules.accounts.repository import FactorRepository
from qiatan.modules.accounts.rules import CodeVerdict
from qiatan.modules.accounts.service.audit import Who, record
from qiatan.modules.accounts.service.own_security import Proof, confirmed_owner, factors_changed, owner, self_as_subject
from qiatan.modules.accounts.service.recovery import codes_with_first_factor

# Long enough to find and install an app first.
SETUP_LIVES = timedelta(hours=1)

_ISSUER = "Qiatan"
_SECRET_BYTES = 20  # RFC 4226, 4: 160 bits


async def begin_totp(tx: Tx, actor: AgentActor, *, proof: Proof, sealer: Sealer) -> TotpSetup:
    """A secret for an app. It counts once a code of it was given (`confirm_totp`); beginning again replaces it.

    Raises:
        WrongCredentials: as `confirmed_owner`.
        LimitReached: the account has an app already; it is removed first.
    """
    agent = await confirmed_owner(tx, actor, proof)
    factors = FactorRepository(tx, actor.enterprise_id)
    app = await factors.totp(actor.agent_id)
    if app is not None and app.confirmed_at is not None:
        raise LimitReached("There is an authenticator app already. Remove it first.")
    secret = base64.b32encode(secrets.token_bytes(_SECRET_BYTES)).decode()
    await factors.set_totp(actor.agent_id, secret=sealer.seal(secret.encode(), purpose=_purpose(actor.agent_id)), created_at=tx.now)
    uri = pyotp.TOTP(secret).provisioning_uri(name=agent.row.email, issuer_name=_ISSUER)
    return TotpSetup(secret=secret, uri=uri, qr=segno.make(uri, error="m", micro=False).svg_data_uri(scale=4, border=2))


async def confirm_totp(database: Database, actor: AgentActor, *, code: str, sealer: Sealer) -> RecoveryCodes:
    """Count the app from now on: a code of it proves that it was set up. Other sessions end; the first factor brings recovery codes.

    Raises:
        ChallengeExpired: nothing was begun, or too long ago.
        WrongCode, CodeClockOff, CodeReplayed: as for signing in.
    """
    async with database.tenant(actor.enterprise_id) as tx:
        result = await _confirm(tx, actor, code, sealer)
    # After the transaction: what a refusal gave away is remembered.
    if isinstance(result, Fault):
        raise result
    return result


async def _confirm(tx: Tx, actor: AgentActor, code: str, sealer: Sealer) -> RecoveryCodes | Fault:
    agent = await owner(tx, actor)
    app = await FactorRepository(tx, actor.enterprise_id).totp(actor.agent_id)
    if app is None or app.confirmed_at is not None or tx.now - app.created_at >= SETUP_LIVES:
        return ChallengeExpired()
    problem = await _take(tx, actor.enterprise_id, app, code, sealer)
    if problem is not None:
        return problem
    app.confirmed_at = tx.now
    await tx.session.flush()
    codes = await codes_with_first_factor(tx, actor)
    record(tx, Who.of(actor), "two_factor.totp_added", self_as_subject(agent))
    await factors_changed(tx, actor, agent)
    return codes


async def remove_totp(tx: Tx, actor: AgentActor, *, proof: Proof) -> None:
    """Sign in without the app from now on. Other sessions end.

    Raises:
        WrongCredentials: as `confirmed_owner`.
        NotFound: there is no app.
    """
    agent = await confirmed_owner(tx, actor, proof)
    if not await FactorRepository(tx, actor.enterprise_id).drop_totp(actor.agent_id):
        raise NotFound
    record(tx, Who.of(actor), "two_factor.totp_removed", self_as_subject(agent))
    await factors_changed(tx, actor, agent)


async def count_code(tx: Tx, enterprise_id: UUID, agent_id: UUID) -> None:
    """Count a try at the app's codes, whatever sign-in it is for. The caller holds the agent's lock.

    Raises:
        TooMany: with the seconds to wait.
    """
    app = await FactorRepository(tx, enterprise_id).totp(agent_id)
    if app is None:
        return
    until, wait = rules.count_try(app.tries_until, at=tx.now)
    if wait > timedelta(0):
        raise TooMany(retry_after=math.ceil(wait.total_seconds()))
    app.tries_until = until
    await tx.session.flush()


async def totp_problem(tx: Tx, enterprise_id: UUID, agent_id: UUID, code: str, sealer: Sealer) -> Fault | None:
    """Take a code for a sign-in; why not, when it does not fit. Each code is taken once."""
    app = await FactorRepository(tx, enterprise_id).totp(agent_id)
    if app is None or app.confirmed_at is None:
        return WrongCode()
    return await _take(tx, enterprise_id, app, code, sealer)


async def _take(tx: Tx, enterprise_id: UUID, app: TotpRow, code: str, sealer: Sealer) -> Fault | None:
    secret = sealer.open(app.secret, purpose=_purpose(app.agent_id)).decode()
    found = rules.judge_code(secret, rules.read_totp(code), at=tx.now, last_step=app.last_step, told_steps=app.told_steps)
    if found.verdict is CodeVerdict.CLOCK_OFF:
        app.told_steps = rules.told_steps_after(app.told_steps, found.step, at=tx.now)
        await tx.session.flush()
        return CodeClockOff.by(found.seconds)
    if found.verdict is CodeVerdict.WRONG:
        return WrongCode()
    if found.verdict is CodeVerdict.REPLAYED or not await FactorRepository(tx, enterprise_id).use_step(app.agent_id, found.step):
        return CodeReplayed()
    return None


def _purpose(agent_id: UUID) -> str:
    return f"totp|{agent_id}"

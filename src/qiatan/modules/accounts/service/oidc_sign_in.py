"""Signing in by the enterprise's identity provider: there, and back."""

from __future__ import annotations

import hmac
from collections.abc import Collection
from dataclasses import dataclass
from typing import NoReturn
from uuid import UUID

import structlog

from qiatan.infra import oidc
from qiatan.infra.db import Database, Tx
from qiatan.infra.oidc_providers import Providers
from qiatan.infra.sealing import Sealer
from qiatan.kit.access import Point
from qiatan.kit.errors import NotFound
from qiatan.modules.accounts import repository, rules
from qiatan.modules.accounts.contracts import ActorKind, FinishOidc, LinkPurpose, LoginMethod, OidcShown
from qiatan.modules.accounts.errors import ChallengeExpired, OidcNoAccount, OidcRefused, OidcUnconfirmed, OidcUnreachable
from qiatan.modules.accounts.models import UNUSABLE, OidcProviderRow
from qiatan.modules.accounts.repository import AgentRecord, AgentRepository, ChallengeRepository, LinkRepository, OidcRepository
from qiatan.modules.accounts.service.audit import What, Who, record
from qiatan.modules.accounts.service.mapping import agent_changed
from qiatan.modules.accounts.service.oidc import redirect_uri, secret_purpose
from qiatan.modules.accounts.service.sign_in import Caller, Outcome, proceed
from qiatan.modules.accounts.service.tokens import new_token, token_hash

log = structlog.get_logger(__name__)


@dataclass(frozen=True, slots=True)
class OidcDoor:
    """What talking to a provider takes."""

    providers: Providers
    sealer: Sealer
    public_url: str

    def client(self, row: OidcProviderRow) -> oidc.Client:
        secret = self.sealer.open(row.client_secret, purpose=secret_purpose(row.enterprise_id)).decode()
        return oidc.Client(row.client_id, secret, redirect_uri(self.public_url, row.enterprise_id))


@dataclass(frozen=True, slots=True)
class OidcStart:
    """Where the browser goes, and the secret it keeps in a cookie: nobody else's browser can bring the answer (login CSRF)."""

    url: str
    browser_token: str


async def shown_oidc(tx: Tx, enterprise_id: UUID) -> OidcShown:
    """What the sign-in page shows (system transaction).

    Raises:
        NotFound: the enterprise has no provider that is switched on.
    """
    return OidcShown(enterprise_id=enterprise_id, label=(await _enabled(tx, enterprise_id)).label)


async def start_oidc(database: Database, door: OidcDoor, *, enterprise_id: UUID) -> OidcStart:
    """Begin a sign-in.

    Raises:
        NotFound: the enterprise has no provider that is switched on.
        OidcUnreachable: the provider does not answer.
    """
    async with database.system() as tx:
        row = await _enabled(tx, enterprise_id)
    try:
        provider = await door.providers.description(row.issuer)
    except oidc.ProviderUnreachable as error:
        raise _unreachable(row.issuer, error) from error
    state, nonce, verifier, browser = new_token(), new_token(), new_token(), new_token()
    async with database.system() as tx:
        await ChallengeRepository(tx, enterprise_id).insert(
            purpose="oidc",
            agent_id=None,
            token_hash=token_hash(state),
            data={"issuer": row.issuer, "nonce": nonce, "verifier": verifier, "browser": token_hash(browser).hex()},
            expires_at=tx.now + rules.CHALLENGE_LIVES,
        )
    url = oidc.authorization_url(provider, door.client(row), state=state, nonce=nonce, verifier=verifier)
    return OidcStart(url, browser)


async def finish_oidc(
    database: Database, door: OidcDoor, told: FinishOidc, *, browser_token: str, caller: Caller, catalogue: Collection[Point]
) -> Outcome:
    """Take the provider's answer.

    Whoever the provider knew before is found by issuer and subject. A first sign-in is tied to the account of this enterprise that
    has the address, if the provider has confirmed that address and nobody else of the provider is tied to the account
    (security.md F37): an unconfirmed address, or one of another enterprise, opens nothing.

    Raises:
        ChallengeExpired: the flow is unknown, too old, used, or began in another browser or for another enterprise.
        OidcRefused, OidcUnreachable: the provider's answer does not hold, or it does not answer.
        OidcUnconfirmed: the address is not confirmed by the provider.
        OidcNoAccount: nobody of this enterprise fits.
    """
    async with database.system() as tx:
        found = await repository.take_challenge(tx, token_hash(told.state), "oidc")
        row = await OidcRepository(tx, found.enterprise_id).provider() if found is not None else None
    if (
        found is None
        or found.enterprise_id != told.enterprise_id
        or not hmac.compare_digest(token_hash(browser_token).hex(), str(found.data["browser"]))
    ):
        raise ChallengeExpired
    if row is None or not row.enabled or row.issuer != found.data["issuer"]:
        _refuse(found.enterprise_id, "the provider was changed meanwhile")
    answer = oidc.Answer(told.code, told.iss)
    identity = await _redeem(door, row, answer, nonce=str(found.data["nonce"]), verifier=str(found.data["verifier"]))
    async with database.system() as tx:
        agent = await _agent(tx, row.enterprise_id, identity, caller)
        return await proceed(tx, agent, caller=caller, method=LoginMethod.OIDC, catalogue=catalogue)


async def _redeem(door: OidcDoor, row: OidcProviderRow, answer: oidc.Answer, *, nonce: str, verifier: str) -> oidc.Identity:
    try:
        return await door.providers.redeem(row.issuer, door.client(row), answer=answer, nonce=nonce, verifier=verifier)
    except oidc.ProviderUnreachable as error:
        raise _unreachable(row.issuer, error) from error
    except oidc.ProviderRefused as error:
        log.warning("oidc.refused", issuer=row.issuer, enterprise_id=str(row.enterprise_id), reason=str(error))
        raise OidcRefused from error


def _unreachable(issuer: str, error: oidc.ProviderUnreachable) -> OidcUnreachable:
    log.warning("oidc.unreachable", issuer=issuer, reason=str(error))
    return OidcUnreachable()


def _refuse(enterprise_id: UUID, reason: str) -> NoReturn:
    log.warning("oidc.refused", enterprise_id=str(enterprise_id), reason=reason)
    raise OidcRefused


async def _enabled(tx: Tx, enterprise_id: UUID) -> OidcProviderRow:
    row = await OidcRepository(tx, enterprise_id).provider()
    if row is None or not row.enabled:
        raise NotFound
    return row


async def _agent(tx: Tx, enterprise_id: UUID, identity: oidc.Identity, caller: Caller) -> AgentRecord:
    """The account, its row locked: the one tied to the subject, else the one at the confirmed address, which is tied to it now."""
    people = OidcRepository(tx, enterprise_id)
    agents = AgentRepository(tx, enterprise_id)
    tied = await people.agent_id_of(identity.issuer, identity.subject)
    if tied is None and identity.unconfirmed_email:
        raise OidcUnconfirmed
    agent_id = tied or (await people.agent_id_at(identity.email) if identity.email is not None else None)
    agent = await agents.get(agent_id, lock=True) if agent_id is not None else None
    if agent is None or not agent.row.enabled or (tied is not None and agent.pending):
        raise OidcNoAccount
    # Under the lock: of two tabs that come back at once, the second finds what the first has tied.
    subject = await people.subject_of(agent.row.id, identity.issuer)
    if subject == identity.subject:
        return agent
    if subject is not None:
        _refuse(enterprise_id, "the account is tied to another subject of this provider")
    await people.tie(agent.row.id, identity.issuer, identity.subject, created_at=tx.now)
    if agent.pending:
        await _join(tx, agent, caller)
    return agent


async def _join(tx: Tx, agent: AgentRecord, caller: Caller) -> None:
    """Whom the provider vouches for needs no invitation link any more, and no password."""
    row = agent.row
    row.password_hash = UNUSABLE
    row.version += 1
    await LinkRepository(tx, row.enterprise_id).drop(row.id, LinkPurpose.INVITATION)
    tx.emit(agent_changed(agent))
    who = Who(ActorKind.AGENT, row.id, caller.address)
    record(tx, who, "agent.joined", What("agent", row.id, row.name), enterprise_id=row.enterprise_id, by="oidc")

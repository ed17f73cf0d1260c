"""For whoever runs the installation, when nobody can come in any more: from the command line, in system transactions, each audited.

Whoever reads the database and the secret key can do all of this anyway; here it leaves a trace.
"""

from __future__ import annotations

from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.kit.errors import NotAllowed, NotFound
from qiatan.modules.accounts import repository
from qiatan.modules.accounts.contracts import ActorKind, LinkPurpose
from qiatan.modules.accounts.events import LoginPolicyChanged, SessionsEnded
from qiatan.modules.accounts.repository import AgentRecord, AgentRepository, EnterpriseRepository, LoginRepository, SessionRepository
from qiatan.modules.accounts.service.audit import What, Who, record
from qiatan.modules.accounts.service.links import write_link
from qiatan.modules.accounts.service.mapping import agent_changed

_OPERATOR = Who(ActorKind.OPERATOR)


async def remove_second_factors(tx: Tx, *, email: str) -> bool:
    """Take all second factors from an account and sign it out everywhere. False when it had none, and nothing was changed.

    Raises:
        NotFound: no account has this address.
    """
    agent = await _account(tx, email)
    if not agent.two_factor:
        return False
    enterprise_id, agent_id = agent.row.enterprise_id, agent.row.id
    await AgentRepository(tx, enterprise_id).drop_factors(agent_id)
    await SessionRepository(tx, enterprise_id).delete_all(agent_id)
    agent.row.version += 1
    await tx.session.flush()
    record(tx, _OPERATOR, "agent.two_factor_reset", _what(agent), enterprise_id=enterprise_id)
    tx.emit(agent_changed(agent))
    tx.emit(SessionsEnded(enterprise_id=enterprise_id, agent_id=agent_id, reason="signed_out"))
    return True


async def enable_account(tx: Tx, *, email: str) -> bool:
    """Let an account in again that was switched off. False when it was on.

    Raises:
        NotFound: no account has this address.
    """
    agent = await _account(tx, email)
    if agent.row.enabled:
        return False
    agent.row.enabled = True
    agent.row.version += 1
    await tx.session.flush()
    record(tx, _OPERATOR, "agent.changed", _what(agent), enterprise_id=agent.row.enterprise_id, enabled=[False, True])
    tx.emit(agent_changed(agent))
    return True


async def link_for(tx: Tx, *, email: str) -> str:
    """The path of a one-time link that stands for the account's password; its second factor and the login restriction stay.

    Raises:
        NotFound: no account has this address.
        NotAllowed: it is switched off, or has not joined yet.
    """
    agent = await _account(tx, email)
    if not agent.row.enabled:
        raise NotAllowed("This account is switched off. Switch it on first.")
    if agent.pending:
        raise NotAllowed("This account has not joined yet. Give it a password first.")
    record(tx, _OPERATOR, "agent.sign_in_link_made", _what(agent), enterprise_id=agent.row.enterprise_id)
    return await write_link(tx, agent, LinkPurpose.SIGN_IN, made_by=None)


async def open_login(tx: Tx, *, enterprise_id: UUID) -> bool:
    """Switch the login restriction of an enterprise off; its rules stay as they are. False when it was off."""
    await EnterpriseRepository(tx, enterprise_id).lock()
    login = LoginRepository(tx, enterprise_id)
    policy = await login.policy()
    if not policy.rules.enabled:
        return False
    version = policy.version + 1
    await login.save(enabled=False, role_ids=policy.rules.role_ids, regions=sorted(policy.rules.regions), version=version)
    what = What("login_policy", None, "")
    record(tx, _OPERATOR, "login_policy.changed", what, enterprise_id=enterprise_id, enabled=[True, False])
    tx.emit(LoginPolicyChanged(enterprise_id=enterprise_id, version=version))
    return True


async def _account(tx: Tx, email: str) -> AgentRecord:
    agent = await repository.find_account(tx, email, lock=True)
    if agent is None:
        raise NotFound(f"No account has the e-mail address {email}.")
    return agent


def _what(agent: AgentRecord) -> What:
    return What("agent", agent.row.id, agent.row.name)

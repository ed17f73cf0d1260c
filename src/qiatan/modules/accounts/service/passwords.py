"""Changing passwords. Whoever knew the old one is out afterwards."""

from __future__ import annotations

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor
from qiatan.kit.errors import NotFound
from qiatan.modules.accounts import repository
from qiatan.modules.accounts.errors import WrongCredentials
from qiatan.modules.accounts.events import SessionsEnded
from qiatan.modules.accounts.repository import AgentRepository, SessionRepository
from qiatan.modules.accounts.service.hashing import hash_password, verify
from qiatan.modules.accounts.service.mapping import agent_changed


async def change_password(tx: Tx, actor: AgentActor, *, current: str, new: str) -> None:
    """Set the own password. The acting session stays; all others, their sockets and open sign-in links end.

    Raises:
        WrongCredentials: `current` is not the password.
    """
    record = await AgentRepository(tx, actor.enterprise_id).get(actor.agent_id, lock=True)
    if record is None or not await verify(record.row.password_hash, current):
        raise WrongCredentials
    record.row.password_hash = await hash_password(new)
    sessions = SessionRepository(tx, actor.enterprise_id)
    await sessions.delete_all(actor.agent_id, besides=actor.session_id)
    await sessions.drop_links(actor.agent_id)
    tx.emit(SessionsEnded(enterprise_id=actor.enterprise_id, agent_id=actor.agent_id, besides=actor.session_id, reason="signed_out"))


async def reset_password(tx: Tx, *, email: str, password_hash: str) -> None:
    """Set anybody's password: for whoever runs the installation, from the command line, in a system transaction.

    All of the account's sessions and links end. An account that was pending has joined with this.

    Raises:
        NotFound: no account has this address.
    """
    found = await repository.find_account(tx, email)
    record = await AgentRepository(tx, found.row.enterprise_id).get(found.row.id, lock=True) if found is not None else None
    if record is None:
        raise NotFound(f"No account has the e-mail address {email}.")
    joined = record.pending
    record.row.password_hash = password_hash
    if joined:
        record.row.version += 1
        tx.emit(agent_changed(record))
    sessions = SessionRepository(tx, record.row.enterprise_id)
    await sessions.delete_all(record.row.id)
    await sessions.drop_links(record.row.id)
    tx.emit(SessionsEnded(enterprise_id=record.row.enterprise_id, agent_id=record.row.id, reason="signed_out"))

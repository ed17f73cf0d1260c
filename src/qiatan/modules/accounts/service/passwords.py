"""Changing passwords. Whoever knew the old one is out afterwards; a second factor stays what it was."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from qiatan.infra.db import Database, Tx
from qiatan.kit.access import AgentActor, Point
from qiatan.kit.errors import LinkExpired, NotAllowed, NotFound
from qiatan.modules.accounts import permissions, repository
from qiatan.modules.accounts.contracts import ActorKind, AskReset, FinishReset, LinkPurpose, LinkSent, ResetPreview
from qiatan.modules.accounts.errors import WrongCredentials
from qiatan.modules.accounts.events import SessionsEnded
from qiatan.modules.accounts.repository import (
    AgentRecord,
    AgentRepository,
    ApiKeyRepository,
    ChallengeRepository,
    EnterpriseRepository,
    LinkRepository,
    SessionRepository,
)
from qiatan.modules.accounts.service.agents import visible_agent
from qiatan.modules.accounts.service.audit import What, Who, record
from qiatan.modules.accounts.service.authority import lock_rights, require_authority_over
from qiatan.modules.accounts.service.hashing import hash_password, verify
from qiatan.modules.accounts.service.links import spend_link
from qiatan.modules.accounts.service.mailing import hand_out, reset_by_mail_if_known
from qiatan.modules.accounts.service.mapping import agent_changed
from qiatan.modules.accounts.service.tokens import token_hash


async def change_password(database: Database, actor: AgentActor, *, current: str, new: str) -> None:
    """Set the own password. The acting session stays; all others, their sockets and open links end.

    Raises:
        WrongCredentials: `current` is not the password, or was changed meanwhile.
        Busy: as `hash_password`.
    """
    async with database.tenant(actor.enterprise_id) as tx:
        account = await AgentRepository(tx, actor.enterprise_id).get(actor.agent_id)
    known = account.row.password_hash if account is not None else None
    if not await verify(known, current):
        raise WrongCredentials
    password_hash = await hash_password(new)
    async with database.tenant(actor.enterprise_id) as tx:
        account = await AgentRepository(tx, actor.enterprise_id).get(actor.agent_id, lock=True)
        if account is None or account.row.password_hash != known:
            raise WrongCredentials
        account.row.password_hash = password_hash
        await _put_out(tx, account, besides=actor.session_id)
        record(tx, Who.of(actor), "password.changed", _account(account))


async def reset_password(tx: Tx, *, email: str, password_hash: str) -> None:
    """Set anybody's password: for whoever runs the installation, from the command line, in a system transaction.

    All of the account's sessions and links end. An account that was pending has joined with this.

    Raises:
        NotFound: no account has this address.
    """
    found = await repository.find_account(tx, email, lock=True)
    if found is None:
        raise NotFound(f"No account has the e-mail address {email}.")
    joined = found.pending
    found.row.password_hash = password_hash
    if joined:
        found.row.version += 1
        tx.emit(agent_changed(found))
    await _put_out(tx, found)
    record(tx, Who(ActorKind.OPERATOR), "password.reset", _account(found), enterprise_id=found.row.enterprise_id)


async def ask_reset(tx: Tx, command: AskReset) -> None:
    """Have a letter sent to an address, if an account that may sign in has it.

    Nothing is looked up here: the answer, and the time it takes, is the same for every address.
    """
    await reset_by_mail_if_known(tx, email=command.email, locale=command.locale)


async def send_reset(tx: Tx, actor: AgentActor, *, agent_id: UUID, mail: bool, public_url: str, catalogue: Collection[Point]) -> LinkSent:
    """Let a colleague choose a new password: by mail, or, where none can be sent (`mail` is False), by a link that is handed over.

    Only for accounts whose rights the actor has too: who holds the link gets them. The password in use stays until the link is used.

    Raises:
        NotFound: there is no such account in the actor's scope.
        NotAllowed: it is the own account, has rights the actor lacks, is switched off, or has not joined yet.
    """
    actor = await lock_rights(tx, actor, permissions.EDIT_AGENTS, catalogue=catalogue)
    account = await visible_agent(tx, actor, agent_id, lock=True)
    if agent_id == actor.agent_id:
        raise NotAllowed("Change your own password in your profile.")
    require_authority_over(actor, account, catalogue=catalogue)
    if account.pending:
        raise NotAllowed("This account has not joined yet. Send its invitation again.")
    if not account.row.enabled:
        raise NotAllowed("This account is switched off. Switch it on first.")
    record(tx, Who.of(actor), "agent.password_reset", _account(account), mailed=mail)
    return await hand_out(tx, account, LinkPurpose.RESET, made_by=actor.agent_id, mail=mail, public_url=public_url)


async def look_up_reset(tx: Tx, *, token: str) -> ResetPreview:
    """Whose password a link sets, without using it up (system transaction).

    Raises:
        LinkExpired: it is unknown, used, replaced or too old, or its account may not sign in or has another address by now.
    """
    found = await repository.find_link(tx, token_hash(token), LinkPurpose.RESET)
    if found is None or found[1].password_hash is None:
        raise LinkExpired
    return ResetPreview(email=found[1].email)


async def finish_reset(database: Database, command: FinishReset, *, address: str) -> None:
    """Use up a link and set the password. Everything that is signed in ends; signing in anew asks for the second factor as ever.

    The keys that the account made end too, and the links for others that it or they made: whoever had it before (who signed up with
    somebody else's address, say) may hold them. Its passkeys and its app stay, as they are its second factor: a mailbox alone must not open the account. Who does not have them, whose
    address others used, is not let in and cannot mistake the account for their own.

    The link is looked at before the password is hashed, so that bad tokens cost nothing.

    Raises:
        LinkExpired: as `look_up_reset`, or somebody was faster.
    """
    async with database.system() as tx:
        await look_up_reset(tx, token=command.token)
    password_hash = await hash_password(command.password.get_secret_value())
    async with database.system() as tx:
        found = await repository.find_link(tx, token_hash(command.token), LinkPurpose.RESET)
        if found is None:
            raise LinkExpired
        # Before the account's lock, as everybody does: a key may be inviting somebody at this moment.
        await EnterpriseRepository(tx, found[2].id).lock()
        link = await spend_link(tx, command.token, LinkPurpose.RESET)
        account = await AgentRepository(tx, link.enterprise_id).get(link.agent_id, lock=True)
        if account is None or not account.may_sign_in or account.row.email != link.email:
            raise LinkExpired
        account.row.password_hash = password_hash
        await _put_out(tx, account)
        who = Who(ActorKind.AGENT, account.row.id, address)
        record(tx, who, "password.reset", _account(account), enterprise_id=link.enterprise_id)
        await _end_what_it_made(tx, account, who)


async def _end_what_it_made(tx: Tx, account: AgentRecord, who: Who) -> None:
    """End the account's keys, and the open links that it or they have made. The caller holds the enterprise's lock."""
    enterprise_id = account.row.enterprise_id
    await LinkRepository(tx, enterprise_id).drop_made_by(account.row.id)
    for key in await ApiKeyRepository(tx, enterprise_id).revoke_made_by(account.row.id):
        await LinkRepository(tx, enterprise_id).drop_made_by(key.id)
        record(tx, who, "api_key.revoked", What("api_key", key.id, key.name), enterprise_id=enterprise_id)


async def _put_out(tx: Tx, account: AgentRecord, *, besides: UUID | None = None) -> None:
    """End what was begun with the old password: sessions, sockets, links, and sign-ins that wait for their second step."""
    enterprise_id, agent_id = account.row.enterprise_id, account.row.id
    await SessionRepository(tx, enterprise_id).delete_all(agent_id, besides=besides)
    await LinkRepository(tx, enterprise_id).drop(agent_id)
    await ChallengeRepository(tx, enterprise_id).delete_all(agent_id)
    tx.emit(SessionsEnded(enterprise_id=enterprise_id, agent_id=agent_id, besides=besides, reason="signed_out"))


def _account(account: AgentRecord) -> What:
    return What("agent", account.row.id, account.row.name)

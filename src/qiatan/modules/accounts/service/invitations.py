"""Inviting colleagues by link."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database, Tx
from qiatan.kit.access import AgentActor, Point, require
from qiatan.kit.errors import LinkExpired, NotAllowed, NotFound
from qiatan.modules.accounts import permissions, repository, rules
from qiatan.modules.accounts.contracts import (
    MAX_MEMBERS_OF_GROUP,
    AcceptInvitation,
    BuiltinRole,
    InvitationPreview,
    Invite,
    LinkPurpose,
    LinkSent,
)
from qiatan.modules.accounts.errors import AlreadyJoined, EmailTaken, LimitReached
from qiatan.modules.accounts.repository import (
    AgentRecord,
    AgentRepository,
    EnterpriseRepository,
    GroupRepository,
    RoleRepository,
    role_facts,
)
from qiatan.modules.accounts.service.agents import asked_scope, require_groups, require_role
from qiatan.modules.accounts.service.hashing import hash_password
from qiatan.modules.accounts.service.mapping import agent_changed, group_changed, to_agent
from qiatan.modules.accounts.service.sessions import Caller, SignedIn, open_session, spend_link, write_link
from qiatan.modules.accounts.service.tokens import token_hash


async def invite(tx: Tx, actor: AgentActor, command: Invite, *, public_url: str, catalogue: Collection[Point]) -> LinkSent:
    """Make a pending account and the link that lets its owner join. The link belongs to this account and address, whoever opens it.

    Raises:
        NotAllowed: the role, or its usual scope, or the new account itself lies beyond what the actor holds.
        EmailTaken: the address has an account. Only those who may invite learn so.
        LimitReached: the enterprise has as many accounts as allowed, or a group as many members.
        InvalidInput: a group does not exist.
    """
    require(actor, permissions.CREATE_AGENTS)
    roles = RoleRepository(tx, actor.enterprise_id)
    role = await roles.builtin(BuiltinRole.AGENT) if command.role_id is None else (await require_role(tx, actor, command.role_id)).row
    facts = role_facts(role)
    scope = rules.usual_scope(facts) if command.scope is None else asked_scope(command.scope, facts)
    agent_id, group_ids = new_id(), frozenset(command.group_ids)
    if not rules.may_grant(actor, points=rules.points_of(facts, catalogue), scope=scope):
        raise NotAllowed
    if not rules.agent_in_scope(actor, agent_id, group_ids):
        raise NotAllowed
    await EnterpriseRepository(tx, actor.enterprise_id).lock()
    agents, groups = AgentRepository(tx, actor.enterprise_id), GroupRepository(tx, actor.enterprise_id)
    if await agents.count() >= rules.MAX_AGENTS:
        raise LimitReached
    await require_groups(groups, actor, group_ids, field="group_ids")
    await require_groups(groups, actor, scope.group_ids, field="scope.group_ids")
    values = {
        "id": agent_id,
        "email": command.email,
        "name": command.name,
        "role_id": role.id,
        "scope_kind": scope.kind.value,
        "created_at": tx.now,
    }
    if not await agents.insert(values):
        raise EmailTaken
    if scope.group_ids:
        await agents.set_scope_groups(agent_id, scope.group_ids)
    if group_ids:
        await agents.set_groups(agent_id, group_ids)
        if await groups.full(group_ids, MAX_MEMBERS_OF_GROUP):
            raise LimitReached
        for group_id, version in await groups.touch(group_ids):
            tx.emit(group_changed(actor.enterprise_id, group_id, version))
    record = await agents.get(agent_id, lock=True)
    if record is None:
        raise NotFound
    tx.emit(agent_changed(record))
    return await _write(tx, record, public_url)


async def invite_again(tx: Tx, actor: AgentActor, *, agent_id: UUID, public_url: str, catalogue: Collection[Point]) -> LinkSent:
    """A new link for a pending account; the earlier one ends.

    Only for accounts the actor could have made: who holds the link gets the account's rights.

    Raises:
        NotFound: there is no such account in the actor's scope.
        AlreadyJoined: it is not pending any more.
        NotAllowed: it has rights the actor lacks.
    """
    require(actor, permissions.CREATE_AGENTS)
    record = await AgentRepository(tx, actor.enterprise_id).get(agent_id, lock=True)
    if record is None or not rules.agent_in_scope(actor, agent_id, record.group_ids):
        raise NotFound
    if not record.pending:
        raise AlreadyJoined
    if not rules.may_grant(actor, points=rules.points_of(record.role, catalogue), scope=record.scope):
        raise NotAllowed
    return await _write(tx, record, public_url)


async def _write(tx: Tx, record: AgentRecord, public_url: str) -> LinkSent:
    expires_at = tx.now + rules.INVITATION_LIVES
    token = await write_link(tx, record, LinkPurpose.INVITATION, expires_at=expires_at)
    # Behind the #, so that no server or proxy on the way writes it into a log.
    return LinkSent(agent=to_agent(record), link=f"{public_url}/app/invitation#token={token}", mailed=False, expires_at=expires_at)


async def look_up_invitation(tx: Tx, *, token: str) -> InvitationPreview:
    """Whom a link invites, without using it up.

    Raises:
        LinkExpired: it is unknown, used, replaced, too old, or its account was disabled.
    """
    found = await repository.find_link(tx, token_hash(token), LinkPurpose.INVITATION)
    if found is None:
        raise LinkExpired
    _, agent, enterprise = found
    return InvitationPreview(email=agent.email, name=agent.name, enterprise_name=enterprise.name)


async def accept_invitation(database: Database, command: AcceptInvitation, *, caller: Caller, catalogue: Collection[Point]) -> SignedIn:
    """Join: use up the link, set name and password, sign in.

    The link is looked at before the password is hashed, so that bad tokens cost nothing.

    Raises:
        LinkExpired: as `look_up_invitation`, or somebody was faster.
    """
    async with database.system() as tx:
        await look_up_invitation(tx, token=command.token)
    password_hash = await hash_password(command.password.get_secret_value())
    async with database.system() as tx:
        link = await spend_link(tx, command.token, LinkPurpose.INVITATION)
        record = await AgentRepository(tx, link.enterprise_id).get(link.agent_id, lock=True)
        if record is None or not record.pending or not record.row.enabled:
            raise LinkExpired
        record.row.name = command.name
        record.row.password_hash = password_hash
        record.row.version += 1
        tx.emit(agent_changed(record))
        return await open_session(tx, record, caller=caller, catalogue=catalogue)

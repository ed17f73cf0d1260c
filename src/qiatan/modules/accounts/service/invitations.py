"""Inviting colleagues: by mail, or by a link that is handed over where none can be sent."""

from __future__ import annotations

from collections.abc import Collection
from uuid import UUID

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database, Tx
from qiatan.kit.access import AgentActor, Point, RegionLimit
from qiatan.kit.errors import LinkExpired, NotAllowed, NotFound
from qiatan.modules.accounts import permissions, repository, rules
from qiatan.modules.accounts.contracts import (
    MAX_MEMBERS_OF_GROUP,
    AcceptInvitation,
    ActorKind,
    BuiltinRole,
    InvitationPreview,
    Invite,
    LinkPurpose,
    LinkSent,
    LoginMethod,
)
from qiatan.modules.accounts.errors import AlreadyJoined, EmailTaken, LimitReached
from qiatan.modules.accounts.repository import (
    AgentRecord,
    AgentRepository,
    GroupRepository,
    RoleRepository,
    role_facts,
)
from qiatan.modules.accounts.service.agents import asked_scope, reach_in_words, require_groups, require_role, visible_agent
from qiatan.modules.accounts.service.audit import What, Who, record
from qiatan.modules.accounts.service.authority import lock_rights, require_authority_over
from qiatan.modules.accounts.service.hashing import hash_password
from qiatan.modules.accounts.service.links import spend_link
from qiatan.modules.accounts.service.mailing import hand_out
from qiatan.modules.accounts.service.mapping import agent_changed, group_changed
from qiatan.modules.accounts.service.releasing import delete_pending, release_address
from qiatan.modules.accounts.service.sessions import Caller
from qiatan.modules.accounts.service.sign_in import Outcome, proceed
from qiatan.modules.accounts.service.tokens import token_hash


async def invite(
    database: Database, actor: AgentActor, command: Invite, *, mail: bool, public_url: str, catalogue: Collection[Point]
) -> LinkSent:
    """Make a pending account, as `_invite`. An invitation of another enterprise that was never accepted does not hold the address.

    That one goes only once all else has been found right. Both see their own enterprise alone, so it takes a transaction of its own.
    """
    for last in (False, True):
        try:
            async with database.tenant(actor.enterprise_id) as tx:
                return await _invite(tx, actor, command, mail=mail, public_url=public_url, catalogue=catalogue)
        except EmailTaken:
            if last:
                raise
        async with database.system() as tx:
            if not await release_address(tx, command.email, to=actor.enterprise_id):
                raise EmailTaken
    raise EmailTaken


async def _invite(tx: Tx, actor: AgentActor, command: Invite, *, mail: bool, public_url: str, catalogue: Collection[Point]) -> LinkSent:
    """Make a pending account and the link that lets its owner join. The link belongs to this account and address, whoever opens it.

    A colleague of somebody who sees some regions' visitors only sees these as well (F22), until that is changed.

    `mail`: whether this installation sends it by mail; else the link is in the answer.

    Raises:
        NotAllowed: the role, or its usual scope, or the new account itself lies beyond what the actor holds.
        EmailTaken: the address has an account. Only those who may invite learn so.
        LimitReached: the enterprise has as many accounts as allowed, or a group as many members.
        InvalidInput: a group does not exist.
    """
    actor = await lock_rights(tx, actor, permissions.CREATE_AGENTS, catalogue=catalogue)
    roles = RoleRepository(tx, actor.enterprise_id)
    role = await roles.builtin(BuiltinRole.AGENT) if command.role_id is None else (await require_role(tx, actor, command.role_id)).row
    facts = role_facts(role)
    scope = rules.usual_scope(facts) if command.scope is None else asked_scope(command.scope, facts)
    agent_id, group_ids = new_id(), frozenset(command.group_ids)
    regions = RegionLimit() if facts.is_admin else actor.regions
    if not rules.may_grant(actor, points=rules.points_of(facts, catalogue), scope=scope, regions=regions):
        raise NotAllowed
    if not rules.agent_in_scope(actor, agent_id, group_ids):
        raise NotAllowed
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
        "visitor_region_mode": regions.mode.value,
        "visitor_regions": list(regions.codes),
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
    invited = await agents.get(agent_id, lock=True)
    if invited is None:
        raise NotFound
    tx.emit(agent_changed(invited))
    return await _send(tx, actor, invited, mail=mail, public_url=public_url, again=False)


async def invite_again(tx: Tx, actor: AgentActor, *, agent_id: UUID, mail: bool, public_url: str, catalogue: Collection[Point]) -> LinkSent:
    """A new link for a pending account; the earlier one ends.

    Only for accounts the actor could have made: who holds the link gets the account's rights.

    Raises:
        NotFound: there is no such account in the actor's scope.
        AlreadyJoined: it is not pending any more.
        NotAllowed: it has rights the actor lacks, or is switched off.
    """
    actor = await lock_rights(tx, actor, permissions.CREATE_AGENTS, catalogue=catalogue)
    invited = await visible_agent(tx, actor, agent_id, lock=True)
    if not invited.pending:
        raise AlreadyJoined
    require_authority_over(actor, invited, catalogue=catalogue)
    if not invited.row.enabled:
        raise NotAllowed("This account is switched off. Switch it on first.")
    return await _send(tx, actor, invited, mail=mail, public_url=public_url, again=True)


async def withdraw_invitation(tx: Tx, actor: AgentActor, *, agent_id: UUID, catalogue: Collection[Point]) -> None:
    """Delete an account that is still pending; its link ends, and its address is free.

    Raises:
        NotFound: there is no such account in the actor's scope.
        AlreadyJoined: it is not pending any more.
        NotAllowed: it has rights the actor lacks.
    """
    actor = await lock_rights(tx, actor, permissions.CREATE_AGENTS, catalogue=catalogue)
    invited = await visible_agent(tx, actor, agent_id, lock=True)
    if not invited.pending:
        raise AlreadyJoined
    require_authority_over(actor, invited, catalogue=catalogue)
    await delete_pending(tx, invited, Who.of(actor), elsewhere=False)


async def _send(tx: Tx, actor: AgentActor, invited: AgentRecord, *, mail: bool, public_url: str, again: bool) -> LinkSent:
    what = What("agent", invited.row.id, invited.row.name)
    named = await GroupRepository(tx, actor.enterprise_id).names(invited.group_ids | invited.scope.group_ids)
    reach = reach_in_words(invited.scope, invited.regions, invited.group_ids, named)
    told = {"email": invited.row.email, "role": invited.role_row.name, **reach, "mailed": mail, "again": again}
    record(tx, Who.of(actor), "agent.invited", what, **told)
    return await hand_out(tx, invited, LinkPurpose.INVITATION, made_by=actor.agent_id, mail=mail, public_url=public_url)


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


async def accept_invitation(database: Database, command: AcceptInvitation, *, caller: Caller, catalogue: Collection[Point]) -> Outcome:
    """Join: use up the link, set name and password, sign in as after any other proof of who one is.

    The link is looked at before the password is hashed, so that bad tokens cost nothing. Who has joined where signing in is not
    allowed is denied, and signs in with the password from where it is.

    Raises:
        LinkExpired: as `look_up_invitation`, or somebody was faster.
    """
    async with database.system() as tx:
        await look_up_invitation(tx, token=command.token)
    password_hash = await hash_password(command.password.get_secret_value())
    async with database.system() as tx:
        link = await spend_link(tx, command.token, LinkPurpose.INVITATION)
        joining = await AgentRepository(tx, link.enterprise_id).get(link.agent_id, lock=True)
        if joining is None or not joining.pending or not joining.row.enabled or joining.row.email != link.email:
            raise LinkExpired
        joining.row.name = command.name
        joining.row.password_hash = password_hash
        joining.row.version += 1
        await tx.session.flush()
        tx.emit(agent_changed(joining))
        who, what = Who(ActorKind.AGENT, joining.row.id, caller.address), What("agent", joining.row.id, joining.row.name)
        record(tx, who, "agent.joined", what, enterprise_id=link.enterprise_id)
        return await proceed(tx, joining, caller=caller, method=LoginMethod.INVITATION, catalogue=catalogue)

"""Enterprises: signing up, name and settings."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from uuid import UUID
from zoneinfo import available_timezones

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database, Tx
from qiatan.kit.access import AgentActor, Point, require
from qiatan.kit.errors import InvalidInput, NotFound, VersionConflict
from qiatan.modules.accounts import permissions, repository, rules
from qiatan.modules.accounts.contracts import ActorKind, BuiltinRole, ChangeEnterprise, Enterprise, Locale, LoginMethod, SignUp
from qiatan.modules.accounts.errors import EmailTaken, SignupClosed
from qiatan.modules.accounts.events import EnterpriseChanged, EnterpriseCreated
from qiatan.modules.accounts.models import EnterpriseRow
from qiatan.modules.accounts.repository import AgentRecord, AgentRepository, EnterpriseRepository, RoleRepository
from qiatan.modules.accounts.service.audit import What, Who, differences, record
from qiatan.modules.accounts.service.hashing import hash_password
from qiatan.modules.accounts.service.mapping import to_enterprise
from qiatan.modules.accounts.service.releasing import release_address
from qiatan.modules.accounts.service.sessions import Caller, SignedIn
from qiatan.modules.accounts.service.sign_in import proceed

# What they are called in lists that know no language; pages name them in the reader's.
_BUILTIN_NAMES: Mapping[Locale, Mapping[BuiltinRole, str]] = {
    "zh-CN": {BuiltinRole.ADMIN: "管理员", BuiltinRole.AGENT: "普通客服"},
    "en": {BuiltinRole.ADMIN: "Administrator", BuiltinRole.AGENT: "Agent"},
}


async def sign_up(database: Database, command: SignUp, *, signup_open: bool, caller: Caller, catalogue: Collection[Point]) -> SignedIn:
    """Make an enterprise with its first administrator, and sign them in.

    Without mail there is no other way to tell an owner that their address has an account already, so this says it; the door lets an
    address ask only a few times an hour. Where that is too much, sign-up can be switched off.

    Raises:
        SignupClosed: this installation takes no new enterprises.
        EmailTaken: the address has an account.
    """
    if not signup_open:
        raise SignupClosed
    password_hash = await hash_password(command.password.get_secret_value())
    async with database.system() as tx:
        founder = await found_enterprise(
            tx,
            name=command.enterprise_name,
            admin_name=command.name,
            email=command.email,
            password_hash=password_hash,
            address=caller.address,
            locale=command.locale,
        )
        outcome = await proceed(tx, founder, caller=caller, method=LoginMethod.SIGN_UP, catalogue=catalogue)
    assert isinstance(outcome, SignedIn), "a new enterprise has no login restriction, and its first account no second factor"
    return outcome


async def found_enterprise(
    tx: Tx,
    *,
    name: str,
    admin_name: str,
    email: str,
    password_hash: str,
    by: ActorKind = ActorKind.AGENT,
    address: str = "",
    locale: Locale = "zh-CN",
) -> AgentRecord:
    """An enterprise and its first administrator, in a system transaction. `by`: the founder, or who founds it for them.

    `locale`: the language of the founder, of what the enterprise begins with, and of letters to people who have chosen none.

    Raises:
        EmailTaken: the address has an account; nothing was made.
    """
    enterprise_id, agent_id = new_id(), new_id()
    await repository.insert_enterprise(tx, EnterpriseRow(id=enterprise_id, name=name, locale=locale, created_at=tx.now))
    for builtin, role_name in _BUILTIN_NAMES[locale].items():
        values = {"id": new_id(), "name": role_name, "builtin": builtin.value, "created_at": tx.now}
        await RoleRepository(tx, enterprise_id).insert(values)
    admin = await RoleRepository(tx, enterprise_id).builtin(BuiltinRole.ADMIN)
    founder = await add_agent(
        tx, enterprise_id, agent_id, role_id=admin.id, name=admin_name, email=email, password_hash=password_hash, locale=locale
    )
    who = Who(by, agent_id if by is ActorKind.AGENT else None, address)
    record(tx, who, "enterprise.created", What("enterprise", enterprise_id, name), enterprise_id=enterprise_id, admin=admin_name)
    tx.emit(EnterpriseCreated(enterprise_id=enterprise_id))
    return founder


async def add_agent(
    tx: Tx,
    enterprise_id: UUID,
    agent_id: UUID,
    *,
    role_id: UUID,
    name: str,
    email: str,
    password_hash: str,
    locale: Locale = "zh-CN",
) -> AgentRecord:
    """An account that can sign in at once.

    Raises:
        NotFound: the enterprise has no such role.
        EmailTaken: the address has an account.
    """
    agents = AgentRepository(tx, enterprise_id)
    role = await RoleRepository(tx, enterprise_id).get(role_id)
    if role is None:
        raise NotFound
    values = {
        "id": agent_id,
        "email": email,
        "name": name,
        "password_hash": password_hash,
        "role_id": role_id,
        "scope_kind": rules.usual_scope(role.facts).kind.value,
        "locale": locale,
        "created_at": tx.now,
    }
    free = await agents.insert(values) or (await release_address(tx, email, to=enterprise_id) and await agents.insert(values))
    made = await agents.get(agent_id) if free else None
    if made is None:
        raise EmailTaken
    return made


async def see_enterprise(tx: Tx, actor: AgentActor) -> Enterprise:
    """The own enterprise."""
    require(actor, permissions.VIEW_ENTERPRISE)
    return to_enterprise(await EnterpriseRepository(tx, actor.enterprise_id).get())


async def change_enterprise(tx: Tx, actor: AgentActor, change: ChangeEnterprise) -> Enterprise:
    """Change name or settings.

    Raises:
        VersionConflict: somebody else changed it meanwhile.
        InvalidInput: the time zone is not one of the IANA database.
    """
    require(actor, permissions.EDIT_ENTERPRISE)
    row = await EnterpriseRepository(tx, actor.enterprise_id).lock()
    if row.version != change.version:
        raise VersionConflict
    if change.timezone is not None and change.timezone not in available_timezones():
        raise InvalidInput.of("timezone", "invalid", "Use a name of the IANA time zone database, like Asia/Shanghai.")
    before = {"name": row.name, "timezone": row.timezone, "typing_preview": row.typing_preview}
    row.name = change.name if change.name is not None else row.name
    row.timezone = change.timezone if change.timezone is not None else row.timezone
    row.typing_preview = change.typing_preview if change.typing_preview is not None else row.typing_preview
    row.version += 1
    changed = differences(before, {name: getattr(row, name) for name in before})
    if changed:
        record(tx, Who.of(actor), "enterprise.changed", What("enterprise", row.id, row.name), **changed)
    tx.emit(EnterpriseChanged(enterprise_id=row.id, version=row.version))
    return to_enterprise(row)

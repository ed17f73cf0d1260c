"""Accounts made by whoever runs the installation: on the command line, and the demo's at the first start."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from pydantic import SecretStr, TypeAdapter, ValidationError
from sqlalchemy import text

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.settings import Settings
from qiatan.infra.setup_error import SetupError
from qiatan.kit.errors import NotAllowed, NotFound
from qiatan.modules.accounts import contracts, service
from qiatan.modules.accounts.contracts import ActorKind, BuiltinRole
from qiatan.modules.accounts.errors import EmailTaken
from qiatan.modules.channels import service as channels

DEMO_ENTERPRISE = "松间器物"
DEMO_ADMIN = "沈知夏"
DEMO_EMAIL = "admin@demo.local"

# Any constant serves that nothing else locks: two servers on one new database must not both make the demo.
_DEMO_LOCK = 742828


@dataclass(frozen=True, slots=True)
class DemoAccess:
    """The first account of a new installation. The password exists here and as a hash, nowhere else: show it once."""

    enterprise_id: UUID
    agent_id: UUID
    email: str
    password: str


async def create_user(
    settings: Settings, *, email: str, name: str, enterprise: str, role: str, password: str, language: str = "zh-CN"
) -> None:
    """Make an account that can sign in at once, in the enterprise of that name (or id); a new one where there is none.

    `language` is the account's, and that of the words a new enterprise begins with.

    Needs `settings.database_url` of a migrated database; the server may run meanwhile.

    Raises:
        SetupError: in one line, which argument does not fit and why.
    """
    email = _checked("email", contracts.Email, email)
    name, enterprise = _checked("--name", contracts.Name, name), _checked("--enterprise", contracts.Name, enterprise)
    locale = _checked("--language", contracts.Locale, language)
    password_hash = await service.hash_password(_checked_password(password))
    async with _database(settings) as database:
        founded = await _add_account(
            database, email=email, name=name, enterprise=enterprise, role=role, password_hash=password_hash, locale=locale
        )
        if founded is not None:
            async with database.tenant(founded) as tx:
                await channels.create_default(tx)


async def _add_account(
    database: Database, *, email: str, name: str, enterprise: str, role: str, password_hash: str, locale: contracts.Locale
) -> UUID | None:
    """Add the account; returns the enterprise when it was founded for it."""
    async with database.system() as tx:
        found = await service.enterprises_named(tx, enterprise)
        if len(found) > 1:
            ids = ", ".join(str(enterprise_id) for enterprise_id in found)
            raise SetupError(f"--enterprise: {len(found)} enterprises have this name: give the id of one instead: {ids}")
        if not found and role != BuiltinRole.ADMIN:
            raise SetupError(f"--role: {enterprise!r} would be a new enterprise, and its first account must be an admin")
        try:
            if found:
                role_id = await service.role_named(tx, found[0], role)
                agent_id = new_id()
                await service.add_agent(
                    tx, found[0], agent_id, role_id=role_id, name=name, email=email, password_hash=password_hash, locale=locale
                )
                who, what = service.Who(ActorKind.OPERATOR), service.What("agent", agent_id, name)
                service.record(tx, who, "agent.joined", what, enterprise_id=found[0], email=email, role=role)
                return None
            record = await service.found_enterprise(
                tx, name=enterprise, admin_name=name, email=email, password_hash=password_hash, by=ActorKind.OPERATOR, locale=locale
            )
            return record.row.enterprise_id
        except NotFound:
            raise SetupError(f"--role: {enterprise!r} has no role {role!r}: use admin, agent, or the name of one of its roles") from None
        except EmailTaken:
            raise SetupError(f"email: {email} has an account already: use another address, or `qiatan user password {email}`") from None


async def set_password(settings: Settings, *, email: str, password: str) -> None:
    """Set a password and end the account's sessions and links; conditions as `create_user`.

    A running server learns of it from the database: the next request of an ended session is refused.

    Raises:
        SetupError: no account has the address, or the password does not fit.
    """
    password_hash = await service.hash_password(_checked_password(password))
    async with _database(settings) as database, database.system() as tx:
        try:
            await service.reset_password(tx, email=email.strip(), password_hash=password_hash)
        except NotFound as fault:
            raise SetupError(f"email: {fault.message} Make one with `qiatan user create`.") from None


async def reset_two_factor(settings: Settings, *, email: str) -> bool:
    """Take all second factors from an account and sign it out; whether it had any. Conditions as `create_user`.

    Raises:
        SetupError: no account has the address.
    """
    async with _database(settings) as database, database.system() as tx:
        try:
            return await service.remove_second_factors(tx, email=email.strip())
        except NotFound as fault:
            raise SetupError(f"email: {fault.message}") from None


async def enable_user(settings: Settings, *, email: str) -> bool:
    """Let an account in again that was switched off; whether it was off. Conditions and errors as `reset_two_factor`."""
    async with _database(settings) as database, database.system() as tx:
        try:
            return await service.enable_account(tx, email=email.strip())
        except NotFound as fault:
            raise SetupError(f"email: {fault.message}") from None


async def user_sign_in_link(settings: Settings, *, email: str) -> str:
    """The address that signs an account in once. Conditions as `create_user`.

    Raises:
        SetupError: no account has the address, or it is switched off or has not joined.
    """
    async with _database(settings) as database, database.system() as tx:
        try:
            return settings.public_url + await service.link_for(tx, email=email.strip())
        except NotFound as fault:
            raise SetupError(f"email: {fault.message}") from None
        except NotAllowed as fault:
            remedy = f"`qiatan user enable {email}`, or `qiatan user password {email}`"
            raise SetupError(f"email: {fault.message} Use {remedy}.") from None


async def open_security(settings: Settings, *, enterprise: str) -> bool:
    """Switch the login restriction of the enterprise of that name (or id) off; whether it was on. Conditions as `create_user`.

    Raises:
        SetupError: there is no such enterprise, or more than one.
    """
    async with _database(settings) as database, database.system() as tx:
        found = await service.enterprises_named(tx, enterprise)
        if not found:
            raise SetupError(f"enterprise: none is called {enterprise!r}: give its name as the settings show it, or its id")
        if len(found) > 1:
            ids = ", ".join(str(enterprise_id) for enterprise_id in found)
            raise SetupError(f"enterprise: {len(found)} have this name: give the id of one instead: {ids}")
        return await service.open_login(tx, enterprise_id=found[0])


async def ensure_demo(database: Database) -> DemoAccess | None:
    """Make the demo enterprise when the installation is empty; None when it is not."""
    async with database.system() as tx:
        if await service.enterprise_ids(tx):
            return None
    password = secrets.token_urlsafe(12)
    password_hash = await service.hash_password(password)
    async with database.system() as tx:
        await tx.session.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": _DEMO_LOCK})
        if await service.enterprise_ids(tx):
            return None
        record = await service.found_enterprise(
            tx,
            name=DEMO_ENTERPRISE,
            admin_name=DEMO_ADMIN,
            email=DEMO_EMAIL,
            password_hash=password_hash,
            by=ActorKind.SYSTEM,
        )
    return DemoAccess(record.row.enterprise_id, record.row.id, DEMO_EMAIL, password)


async def sign_in_link(database: Database, public_url: str) -> str | None:
    """A fresh one-time link for the first administrator of the oldest enterprise; None when nobody can sign in."""
    async with database.system() as tx:
        for enterprise_id in (await service.enterprise_ids(tx))[:1]:
            agent_id = await service.first_admin(tx, enterprise_id)
            if agent_id is not None:
                return public_url + await service.create_sign_in_link(tx, enterprise_id, agent_id)
    return None


@asynccontextmanager
async def _database(settings: Settings) -> AsyncIterator[Database]:
    if settings.database_url is None:
        raise RuntimeError("the command line opens the database first and fills in its address")
    database = Database(settings.database_url, pool_size=1)
    try:
        yield database
    finally:
        await database.dispose()


def _checked(argument: str, kind: Any, value: str) -> Any:
    try:
        return TypeAdapter(kind).validate_python(value)
    except ValidationError as error:
        said = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        raise SetupError(f"{argument}: {value!r} does not fit: {said}") from None


def _checked_password(password: str) -> str:
    try:
        checked: SecretStr = TypeAdapter(contracts.NewPassword).validate_python(password)
    except ValidationError as error:
        said = str(error.errors()[0]["msg"]).removeprefix("Value error, ")
        raise SetupError(f"password: {said}") from None
    return checked.get_secret_value()

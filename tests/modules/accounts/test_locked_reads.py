"""Whoever waited for a lock sees what its holder did: never a mixture of before and after."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from sqlalchemy import update

from qiatan.infra.db import Database, Tx
from qiatan.modules.accounts.models import AgentRow, GroupMemberRow, TotpRow
from qiatan.modules.accounts.repository import AgentRecord, AgentRepository, GroupRepository, RoleRepository, find_account
from tests.modules.accounts.factors import said
from tests.support.backends import somebody_waits_for_a_lock
from tests.support.doors import Doors
from tests.support.factories import PASSWORD, Factories, Member, Tenant


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant()


@pytest.fixture
async def member(factories: Factories, tenant: Tenant) -> Member:
    return await factories.agent(tenant.enterprise_id)


def _add_app(tx: Tx, member: Member) -> None:
    row = TotpRow(enterprise_id=member.enterprise_id, agent_id=member.id, secret=b"sealed", created_at=tx.now, confirmed_at=tx.now)
    tx.session.add(row)


async def test_a_sign_in_that_waited_for_a_new_second_factor_asks_for_it(doors: Doors, member: Member, database: Database) -> None:
    async with database.tenant(member.enterprise_id) as tx:
        await AgentRepository(tx, member.enterprise_id).get(member.id, lock=True)
        _add_app(tx, member)
        await tx.session.flush()
        body = {"email": member.email, "password": PASSWORD}
        waiting = asyncio.create_task(doors.stranger().post("/session", json=body))
        await somebody_waits_for_a_lock(database)

    answer = await waiting

    assert answer.status_code == 200
    assert answer.json()["me"] is None
    assert answer.json()["second_factor"]["methods"] == ["totp"]
    assert "set-cookie" not in answer.headers


async def test_a_sign_in_that_waited_for_another_role_is_let_in(
    doors: Doors, factories: Factories, member: Member, database: Database
) -> None:
    other = await factories.role_id(member.enterprise_id, "admin")
    async with database.tenant(member.enterprise_id) as tx:
        account = await AgentRepository(tx, member.enterprise_id).get(member.id, lock=True)
        assert account is not None
        account.row.role_id = other
        await tx.session.flush()
        body = {"email": member.email, "password": PASSWORD}
        waiting = asyncio.create_task(doors.stranger().post("/session", json=body))
        await somebody_waits_for_a_lock(database)

    answer = await waiting

    assert (answer.status_code, answer.json()["me"]["agent"]["role"]["id"]) == (200, str(other))


async def test_a_sign_in_that_waited_for_a_new_password_is_none(doors: Doors, member: Member, database: Database) -> None:
    async with database.tenant(member.enterprise_id) as tx:
        await tx.session.execute(update(AgentRow).where(AgentRow.id == member.id).values(password_hash="another"))
        body = {"email": member.email, "password": PASSWORD}
        waiting = asyncio.create_task(doors.stranger().post("/session", json=body))
        await somebody_waits_for_a_lock(database)
    assert said(await waiting) == (401, "wrong_credentials")


LOCKED: dict[str, Callable[[Tx, Member], Awaitable[AgentRecord | None]]] = {
    "by id": lambda tx, member: AgentRepository(tx, member.enterprise_id).get(member.id, lock=True),
    "by address": lambda tx, member: find_account(tx, member.email.upper(), lock=True),
}


@pytest.mark.parametrize("read", LOCKED.values(), ids=LOCKED)
async def test_an_account_is_read_as_it_is_once_its_lock_is_held(
    factories: Factories, tenant: Tenant, member: Member, database: Database, read: Callable[[Tx, Member], Awaitable[AgentRecord | None]]
) -> None:
    enterprise_id = tenant.enterprise_id
    group_id, role_id = await factories.group(enterprise_id), await factories.role_id(enterprise_id, "admin")

    async def read_locked() -> AgentRecord | None:
        async with database.system() as other:
            return await read(other, member)

    async with database.tenant(enterprise_id) as tx:
        account = await AgentRepository(tx, enterprise_id).get(member.id, lock=True)
        assert account is not None
        account.row.role_id = role_id
        _add_app(tx, member)
        tx.session.add(GroupMemberRow(enterprise_id=enterprise_id, group_id=group_id, agent_id=member.id))
        await tx.session.flush()
        waiting = asyncio.create_task(read_locked())
        await somebody_waits_for_a_lock(database)

    found = await waiting

    assert found is not None
    assert (found.role_row.id, found.two_factor, found.group_ids) == (role_id, True, frozenset({group_id}))


async def test_an_account_that_got_another_address_meanwhile_is_not_found_by_the_former(member: Member, database: Database) -> None:
    async def read_locked() -> AgentRecord | None:
        async with database.system() as other:
            return await find_account(other, member.email, lock=True)

    async with database.tenant(member.enterprise_id) as tx:
        account = await AgentRepository(tx, member.enterprise_id).get(member.id, lock=True)
        assert account is not None
        account.row.email = f"new-{member.email}"
        await tx.session.flush()
        waiting = asyncio.create_task(read_locked())
        await somebody_waits_for_a_lock(database)

    assert await waiting is None


async def test_a_role_that_was_waited_for_counts_the_members_it_has_now(factories: Factories, tenant: Tenant, database: Database) -> None:
    role_id = await factories.role(tenant.enterprise_id, frozenset())
    member = await factories.agent(tenant.enterprise_id)

    async def count() -> int:
        async with database.tenant(tenant.enterprise_id) as other:
            found = await RoleRepository(other, tenant.enterprise_id).get(role_id, lock=True)
            assert found is not None
            return found.member_count

    async with database.tenant(tenant.enterprise_id) as tx:
        found = await RoleRepository(tx, tenant.enterprise_id).get(role_id, lock=True)
        assert found is not None
        found.row.name = "改了名"
        await tx.session.execute(update(AgentRow).where(AgentRow.id == member.id).values(role_id=role_id))
        await tx.session.flush()
        waiting = asyncio.create_task(count())
        await somebody_waits_for_a_lock(database)

    assert await waiting == 1


async def test_a_group_that_was_waited_for_has_the_members_it_has_now(factories: Factories, tenant: Tenant, database: Database) -> None:
    member = await factories.agent(tenant.enterprise_id)
    group_id = await factories.group(tenant.enterprise_id)

    async def members() -> frozenset[object]:
        async with database.tenant(tenant.enterprise_id) as other:
            found = await GroupRepository(other, tenant.enterprise_id).get(group_id, lock=True)
            assert found is not None
            return frozenset(found.member_ids)

    async with database.tenant(tenant.enterprise_id) as tx:
        groups = GroupRepository(tx, tenant.enterprise_id)
        await groups.get(group_id, lock=True)
        await groups.set_members(group_id, [member.id])
        waiting = asyncio.create_task(members())
        await somebody_waits_for_a_lock(database)

    assert await waiting == {member.id}

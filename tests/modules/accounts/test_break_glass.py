"""Letting people in again from the machine: what it does, what it says, and that it leaves a trace."""

from __future__ import annotations

from dataclasses import replace

import pytest
from sqlalchemy import select

from qiatan.entrypoints import users
from qiatan.infra.db import Database
from qiatan.infra.settings import Settings
from qiatan.infra.setup_error import SetupError
from qiatan.modules.accounts.models import AgentRow, AuditEntryRow, LoginPolicyRoleRow, LoginPolicyRow
from tests.modules.accounts.factors import add_app, audited, first_step, said, second_step, stored_factors
from tests.modules.accounts.reading import agent_row, session_ids, token_of
from tests.support.clock import FakeClock
from tests.support.doors import PUBLIC_URL, Doors
from tests.support.factories import PASSWORD, Factories, Member, Tenant


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant(name="锁在门外")


@pytest.fixture
async def member(factories: Factories, tenant: Tenant) -> Member:
    return await factories.agent(tenant.enterprise_id)


@pytest.fixture
def machine(settings: Settings, database_url: str) -> Settings:
    return replace(settings, database_url=database_url)


async def by_operator(database: Database, tenant: Tenant) -> list[str]:
    async with database.system() as tx:
        query = select(AuditEntryRow.action).where(
            AuditEntryRow.enterprise_id == tenant.enterprise_id, AuditEntryRow.actor_kind == "operator"
        )
        return list((await tx.session.execute(query.order_by(AuditEntryRow.seq))).scalars())


async def test_lost_factors_are_taken_away_with_all_sessions(
    doors: Doors, tenant: Tenant, member: Member, machine: Settings, clock: FakeClock, database: Database
) -> None:
    await add_app(doors.agent(member), clock)

    assert await users.reset_two_factor(machine, email=f" {member.email.upper()} ") is True

    assert await stored_factors(database, member.id) == (0, 0, 0)
    assert await session_ids(database, member.id) == set()
    answer = await doors.stranger().post("/session", json={"email": member.email, "password": PASSWORD})
    assert answer.json()["me"]["agent"]["two_factor"] is False
    assert await by_operator(database, tenant) == ["agent.two_factor_reset"]


async def test_an_account_without_factors_is_left_alone(tenant: Tenant, member: Member, machine: Settings, database: Database) -> None:
    before = await agent_row(database, member.id)
    assert await users.reset_two_factor(machine, email=member.email) is False
    assert await agent_row(database, member.id) == before
    assert await session_ids(database, member.id) == {member.actor.session_id}
    assert await by_operator(database, tenant) == []


async def test_an_account_that_was_switched_off_is_switched_on_and_nothing_else(
    doors: Doors, factories: Factories, tenant: Tenant, machine: Settings, database: Database
) -> None:
    disabled = await factories.agent(tenant.enterprise_id, enabled=False)
    before = await agent_row(database, disabled.id)

    assert await users.enable_user(machine, email=disabled.email) is True
    assert await users.enable_user(machine, email=disabled.email) is False

    assert await agent_row(database, disabled.id) == before | {"enabled": True, "version": 2}
    assert (await doors.stranger().post("/session", json={"email": disabled.email, "password": PASSWORD})).status_code == 200
    assert await by_operator(database, tenant) == ["agent.changed"]


async def test_a_link_signs_in_once_and_still_asks_for_the_second_factor(
    doors: Doors, tenant: Tenant, member: Member, machine: Settings, clock: FakeClock, database: Database
) -> None:
    app, _ = await add_app(doors.agent(member), clock)
    clock.advance(minutes=1)

    link = await users.user_sign_in_link(machine, email=member.email)

    assert link.startswith(f"{PUBLIC_URL}/app/link#token=")
    browser = doors.stranger()
    answer = await browser.post("/session/link", json={"token": token_of(link)})
    assert answer.json()["me"] is None
    assert (await second_step(browser, answer.json()["second_factor"], totp=app.code())).status_code == 200
    assert said(await doors.stranger().post("/session/link", json={"token": token_of(link)})) == (410, "link_expired")
    assert await by_operator(database, tenant) == ["agent.sign_in_link_made"]
    assert token_of(link) not in str(await audited(database, tenant.enterprise_id))


async def test_links_are_for_those_who_may_sign_in(factories: Factories, tenant: Tenant, machine: Settings, database: Database) -> None:
    disabled = await factories.agent(tenant.enterprise_id, enabled=False)
    pending = await factories.agent(tenant.enterprise_id, pending=True)
    with pytest.raises(SetupError, match=r"switched off.*qiatan user enable"):
        await users.user_sign_in_link(machine, email=disabled.email)
    with pytest.raises(SetupError, match=r"not joined.*qiatan user password"):
        await users.user_sign_in_link(machine, email=pending.email)
    assert await by_operator(database, tenant) == []


async def test_a_login_restriction_that_locks_everybody_out_is_switched_off(
    doors: Doors, tenant: Tenant, member: Member, machine: Settings, database: Database
) -> None:
    async with database.system() as tx:
        role_id = (await tx.session.execute(select(AgentRow.role_id).where(AgentRow.id == member.id))).scalar_one()
        tx.session.add(LoginPolicyRow(enterprise_id=tenant.enterprise_id, enabled=True, regions=["CN/海南省"]))
        await tx.session.flush()
        tx.session.add(LoginPolicyRoleRow(enterprise_id=tenant.enterprise_id, role_id=role_id))
    credentials = {"email": member.email, "password": PASSWORD}
    assert said(await doors.stranger().post("/session", json=credentials)) == (403, "login_denied")

    assert await users.open_security(machine, enterprise=str(tenant.enterprise_id)) is True
    assert await users.open_security(machine, enterprise=str(tenant.enterprise_id)) is False

    assert (await doors.stranger().post("/session", json=credentials)).status_code == 200
    async with database.system() as tx:
        policy = (await tx.session.execute(select(LoginPolicyRow).where(LoginPolicyRow.enterprise_id == tenant.enterprise_id))).scalar_one()
        roles = (await tx.session.execute(select(LoginPolicyRoleRow).where(LoginPolicyRoleRow.role_id == role_id))).scalars().all()
    assert (policy.enabled, policy.regions, policy.version, len(roles)) == (False, ["CN/海南省"], 2, 1)
    assert await by_operator(database, tenant) == ["login_policy.changed"]


async def test_what_does_not_exist_is_said_to_be_missing(factories: Factories, machine: Settings) -> None:
    for work in (users.reset_two_factor, users.enable_user, users.user_sign_in_link):
        with pytest.raises(SetupError, match=r"^email: No account has the e-mail address nobody@shop\.local\."):
            await work(machine, email="nobody@shop.local")
    with pytest.raises(SetupError, match=r"^enterprise: none is called '不存在的'"):
        await users.open_security(machine, enterprise="不存在的")
    twins = [await factories.tenant("同名两家店") for _ in range(2)]
    with pytest.raises(SetupError, match=str(twins[0].enterprise_id)):
        await users.open_security(machine, enterprise="同名两家店")


async def test_a_reset_ends_a_sign_in_that_waits_for_its_second_step(
    doors: Doors, member: Member, machine: Settings, clock: FakeClock
) -> None:
    app, _ = await add_app(doors.agent(member), clock)
    clock.advance(minutes=1)
    browser = doors.stranger()
    asked = await first_step(browser, member)
    await users.reset_two_factor(machine, email=member.email)
    assert said(await second_step(browser, asked, totp=app.code())) == (401, "challenge_expired")

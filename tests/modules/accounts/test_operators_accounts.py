"""Accounts made by whoever runs the installation."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from uuid import uuid4

import pytest

from qiatan.entrypoints import enterprises, users
from qiatan.entrypoints.registry import CATALOGUE
from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.resources import Resources
from qiatan.infra.settings import Settings
from qiatan.infra.setup_error import SetupError
from qiatan.kit.access import AgentActor, Scope, ScopeKind
from qiatan.modules.accounts import service
from qiatan.modules.channels import service as channels
from qiatan.modules.conversations.permissions import SERVE
from tests.modules.accounts.reading import session_ids
from tests.support.access import points_of
from tests.support.doors import PUBLIC_URL, Doors
from tests.support.factories import PASSWORD, Factories

USER = {"email": "ming@shop.local", "name": "明", "enterprise": "松间器物", "role": "admin", "password": "tea leaves unfold"}


@pytest.fixture
async def new_installation(empty_database: str) -> AsyncIterator[Database]:
    database = Database(empty_database, pool_size=2)
    yield database
    await database.dispose()


async def test_the_first_start_makes_the_demo_once_even_when_two_start_at_once(new_installation: Database) -> None:
    made = await asyncio.gather(*(users.ensure_demo(new_installation) for _ in range(2)))

    access = next(one for one in made if one is not None)
    assert [one is None for one in made].count(True) == 1
    assert await users.ensure_demo(new_installation) is None
    assert access.email == "admin@demo.local"
    assert len(access.password) == 16
    async with new_installation.tenant(access.enterprise_id) as tx:
        assert (await service.get_enterprise(tx)).name == "松间器物"
        admin = await service.get_agent(tx, access.agent_id)
    assert (admin.name, admin.role.builtin, admin.pending) == ("沈知夏", "admin", False)


async def test_every_start_gives_a_sign_in_link_for_the_first_administrator(new_installation: Database) -> None:
    assert await users.sign_in_link(new_installation, PUBLIC_URL) is None
    await users.ensure_demo(new_installation)
    first = await users.sign_in_link(new_installation, PUBLIC_URL)
    second = await users.sign_in_link(new_installation, PUBLIC_URL)
    assert first is not None
    assert second is not None
    assert first.startswith(f"{PUBLIC_URL}/app/link#token=")
    assert first != second


async def test_users_are_made_on_the_command_line(new_installation: Database, empty_database: str, settings: Settings) -> None:
    there = replace(settings, database_url=empty_database)
    await users.create_user(there, **USER)
    await users.create_user(there, **USER | {"email": "yan@shop.local", "role": "agent"})
    async with new_installation.system() as tx:
        (enterprise_id,) = await service.enterprise_ids(tx)
    async with new_installation.tenant(enterprise_id) as tx:
        assert len(await service.serving_agents(tx, SERVE)) == 2


async def test_an_enterprise_made_in_english_begins_in_english(new_installation: Database, empty_database: str, settings: Settings) -> None:
    await users.create_user(replace(settings, database_url=empty_database), **USER, language="en")

    async with new_installation.system() as tx:
        (enterprise_id,) = await service.enterprise_ids(tx)
    async with new_installation.tenant(enterprise_id) as tx:
        (founder,) = await service.serving_agents(tx, SERVE)
        account = await service.get_agent(tx, founder.id)
        (channel,) = await channels.every(tx)
        assert ((await service.get_enterprise(tx)).locale, account.locale, account.role.name) == ("en", "en", "Administrator")
    assert (channel.name, channel.settings.greeting) == ("Website", "Hello, how can we help you?")


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"email": "ming"}, "email: 'ming' does not fit"),
        ({"role": "owner"}, "its first account must be an admin"),
        ({"name": " "}, "--name: ' ' does not fit"),
        ({"password": "short"}, "password: Use at least 10"),
        ({"role": "agent"}, "its first account must be an admin"),
        ({"language": "fr"}, "--language: 'fr' does not fit"),
    ],
)
async def test_arguments_that_do_not_fit_are_named(
    database: Database, database_url: str, settings: Settings, changed: dict[str, str], said: str
) -> None:
    nowhere = f"无 {uuid4().hex[:12]}"
    with pytest.raises(SetupError, match=said) as refused:
        await users.create_user(replace(settings, database_url=database_url), **USER | {"enterprise": nowhere} | changed)
    assert "\n" not in str(refused.value)
    assert USER["password"] not in str(refused.value)
    async with database.system() as tx:
        assert await service.enterprises_named(tx, nowhere) == []


async def test_the_command_line_gives_a_role_by_its_name(
    factories: Factories, database: Database, database_url: str, settings: Settings
) -> None:
    there = replace(settings, database_url=database_url)
    tenant = await factories.tenant()
    role_id = await factories.role(tenant.enterprise_id, frozenset({"conversations.serve"}), name="夜班")
    asked = USER | {"enterprise": str(tenant.enterprise_id), "email": f"{uuid4().hex}@shop.local"}

    with pytest.raises(SetupError, match="has no role 'owner'"):
        await users.create_user(there, **asked | {"role": "owner"})
    await users.create_user(there, **asked | {"role": "夜班"})

    async with database.tenant(tenant.enterprise_id) as tx:
        serving = [agent.id for agent in await service.serving_agents(tx, SERVE) if agent.id != tenant.admin.id]
        made = await service.get_agent(tx, serving[0])
    assert (len(serving), made.email, made.role.id, made.scope.kind) == (1, asked["email"], role_id, ScopeKind.SELF)


async def test_the_demo_shop_has_roles_groups_and_colleagues_as_whom_nobody_can_sign_in(
    new_installation: Database, resources: Resources
) -> None:
    access = await users.ensure_demo(new_installation)
    assert access is not None
    await enterprises.dress_demo(replace(resources, database=new_installation), access)

    admin = AgentActor(access.enterprise_id, access.agent_id, new_id(), points_of("admin"), Scope(ScopeKind.ALL))
    async with new_installation.tenant(access.enterprise_id) as tx:
        roles = (await service.roles_page(tx, admin, after=None, limit=50, catalogue=CATALOGUE)).items
        agents = (await service.agents_page(tx, admin, after=None, limit=50)).items
        groups = (await service.groups_page(tx, admin, after=None, limit=50)).items
    assert {role.name: (role.member_count, frozenset(role.points)) for role in roles} == {
        "管理员": (1, points_of("admin")),
        "普通客服": (0, points_of("agent")),
        "客服专员": (1, points_of("specialist")),
        "客服分组组长": (1, points_of("group_leader")),
        "数据分析师": (1, points_of("analyst")),
        "客服部门主管": (0, points_of("department_head")),
    }
    called = {group.id: group.name for group in groups}
    assert {agent.name: (agent.role.name, agent.scope.kind, [called[group_id] for group_id in agent.group_ids]) for agent in agents} == {
        "沈知夏": ("管理员", "all", []),
        "唐砚": ("客服分组组长", "groups", ["售后组"]),
        "程思远": ("客服专员", "self", ["售前组"]),
        "陶然": ("数据分析师", "all", []),
    }


async def test_an_address_in_use_and_a_name_in_use_twice_are_explained(factories: Factories, database_url: str, settings: Settings) -> None:
    there = replace(settings, database_url=database_url)
    first, second = await factories.tenant("两家同名"), await factories.tenant("两家同名")
    with pytest.raises(SetupError, match="has an account already"):
        await users.create_user(there, **USER | {"email": first.admin.email, "enterprise": str(first.enterprise_id)})
    with pytest.raises(SetupError, match=str(second.enterprise_id)):
        await users.create_user(there, **USER | {"email": "two@shop.local", "enterprise": "两家同名"})


async def test_a_password_set_by_the_operator_ends_all_sessions(
    doors: Doors, factories: Factories, database: Database, database_url: str, settings: Settings
) -> None:
    tenant = await factories.tenant()
    await users.set_password(replace(settings, database_url=database_url), email=tenant.admin.email.upper(), password="tea leaves unfold")
    assert await session_ids(database, tenant.admin.id) == set()
    assert (await doors.agent(tenant.admin).get("/me")).status_code == 401
    body = {"email": tenant.admin.email, "password": PASSWORD}
    assert (await doors.stranger().post("/session", json=body)).status_code == 401
    assert (await doors.stranger().post("/session", json=body | {"password": "tea leaves unfold"})).status_code == 200


async def test_an_unknown_address_is_said_to_be_unknown(database_url: str, settings: Settings) -> None:
    with pytest.raises(SetupError, match=r"No account has the e-mail address nobody@shop\.local\."):
        await users.set_password(replace(settings, database_url=database_url), email="nobody@shop.local", password="tea leaves unfold")

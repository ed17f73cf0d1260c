"""Inviting colleagues by a link that is handed over (`test_mail` sends it)."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import httpx
import pytest

from qiatan.infra.db import Database
from qiatan.kit.access import Scope, ScopeKind
from qiatan.modules.accounts.models import AgentRow
from tests.modules.accounts.reading import agent_row, audit_entries, links, session_ids, token_of
from tests.support.access import points_of
from tests.support.clock import FakeClock
from tests.support.doors import PUBLIC_URL, Doors
from tests.support.factories import Factories, Tenant

JOIN = {"name": "顾言", "password": "tea leaves unfold"}


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant(name="松间器物")


async def invite(doors: Doors, tenant: Tenant, **other: object) -> httpx.Response:
    body = {"email": f"{uuid4().hex}@example.com", "name": "小顾", "group_ids": [], **other}
    return await doors.agent(tenant.admin).post("/agents/invitations", json=body)


async def test_an_invited_colleague_joins_by_the_link(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    group = await factories.group(tenant.enterprise_id)
    email = f"{uuid4().hex}@example.com"

    made = await invite(doors, tenant, email=email, group_ids=[str(group)])

    assert made.status_code == 201
    invited = made.json()
    assert invited["link"].startswith(f"{PUBLIC_URL}/app/invitation#token=")
    assert invited["mailed"] is False
    assert invited["expires_at"] == "2026-03-09T04:00:00Z"
    agent = invited["agent"]
    assert (agent["pending"], agent["enabled"], agent["role"]["builtin"]) == (True, True, "agent")
    assert agent["scope"] == {"kind": "self", "group_ids": []}
    assert agent["group_ids"] == [str(group)]
    browser = doors.stranger()
    token = token_of(invited["link"])
    preview = await browser.post("/invitations/lookup", json={"token": token})
    assert preview.json() == {"email": email, "name": "小顾", "enterprise_name": "松间器物"}

    joined = await browser.post("/invitations/accept", json={"token": token, **JOIN})

    assert joined.status_code == 200
    me = joined.json()
    assert (me["agent"]["name"], me["agent"]["pending"], me["agent"]["email"]) == ("顾言", False, email)
    assert "agents.edit" not in me["points"]
    assert (await browser.get("/me")).json() == me
    assert (await doors.stranger().post("/session", json={"email": email, "password": JOIN["password"]})).status_code == 200


async def test_inviting_and_joining_are_in_the_audit_log(doors: Doors, tenant: Tenant, database: Database) -> None:
    invited = (await invite(doors, tenant, email="gu@audited.example")).json()
    await doors.agent(tenant.admin).post(f"/agents/{invited['agent']['id']}/invitation")
    link = (await doors.agent(tenant.admin).post(f"/agents/{invited['agent']['id']}/invitation")).json()["link"]
    await doors.stranger().post("/invitations/accept", json={"token": token_of(link), **JOIN})

    entries = await audit_entries(database, tenant.enterprise_id)

    told = [(entry.action, entry.actor_id, entry.subject_id, entry.details.get("again")) for entry in entries]
    agent_id = UUID(invited["agent"]["id"])
    assert told[:4] == [
        ("agent.invited", tenant.admin.id, agent_id, False),
        ("agent.invited", tenant.admin.id, agent_id, True),
        ("agent.invited", tenant.admin.id, agent_id, True),
        ("agent.joined", agent_id, agent_id, None),
    ]
    assert [entry.action for entry in entries[4:]] == ["session.signed_in"]
    assert entries[0].details["email"] == "gu@audited.example"
    assert not any(token_of(text) in str(entry.details) for entry in entries for text in (invited["link"], link))


async def test_a_link_is_spent_by_its_first_use(doors: Doors, tenant: Tenant, database: Database) -> None:
    invited = (await invite(doors, tenant)).json()
    body = {"token": token_of(invited["link"]), **JOIN}
    assert (await doors.stranger().post("/invitations/accept", json=body)).status_code == 200
    before = await agent_row(database, UUID(invited["agent"]["id"]))

    again = await doors.stranger().post("/invitations/accept", json=body | {"password": "another password"})

    assert (again.status_code, again.json()["error"]["code"]) == (410, "link_expired")
    assert await agent_row(database, UUID(invited["agent"]["id"])) == before


async def test_of_two_who_use_a_link_at_once_one_gets_in(doors: Doors, tenant: Tenant, database: Database) -> None:
    invited = (await invite(doors, tenant)).json()
    body = {"token": token_of(invited["link"]), **JOIN}

    answers = await asyncio.gather(*(doors.stranger().post("/invitations/accept", json=body) for _ in range(3)))

    assert sorted(answer.status_code for answer in answers) == [200, 410, 410]
    assert len(await session_ids(database, UUID(invited["agent"]["id"]))) == 1


async def test_a_link_lives_seven_days(doors: Doors, tenant: Tenant, clock: FakeClock) -> None:
    token = token_of((await invite(doors, tenant)).json()["link"])
    clock.advance(days=6, hours=23, minutes=59)
    assert (await doors.stranger().post("/invitations/lookup", json={"token": token})).status_code == 200
    clock.advance(minutes=1)
    assert (await doors.stranger().post("/invitations/lookup", json={"token": token})).status_code == 410
    assert (await doors.stranger().post("/invitations/accept", json={"token": token, **JOIN})).status_code == 410


async def test_a_new_link_ends_the_former_one(doors: Doors, tenant: Tenant, database: Database) -> None:
    invited = (await invite(doors, tenant)).json()
    agent_id = invited["agent"]["id"]

    again = await doors.agent(tenant.admin).post(f"/agents/{agent_id}/invitation")

    assert again.status_code == 200
    assert again.json()["link"] != invited["link"]
    assert len(await links(database, UUID(agent_id))) == 1
    assert (await doors.stranger().post("/invitations/lookup", json={"token": token_of(invited["link"])})).status_code == 410
    assert (await doors.stranger().post("/invitations/lookup", json={"token": token_of(again.json()["link"])})).status_code == 200


async def test_only_the_tokens_hash_is_stored(doors: Doors, tenant: Tenant, database: Database) -> None:
    invited = (await invite(doors, tenant)).json()
    (link,) = await links(database, UUID(invited["agent"]["id"]))
    assert token_of(invited["link"]).encode() not in link.token_hash
    assert len(link.token_hash) == 32


async def test_who_has_joined_is_not_invited_again(doors: Doors, factories: Factories, tenant: Tenant, database: Database) -> None:
    colleague = await factories.agent(tenant.enterprise_id)
    refused = await doors.agent(tenant.admin).post(f"/agents/{colleague.id}/invitation")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "already_joined")
    assert await links(database, colleague.id) == []


async def test_a_disabled_account_cannot_join(doors: Doors, tenant: Tenant) -> None:
    invited = (await invite(doors, tenant)).json()
    change = {"enabled": False, "version": invited["agent"]["version"]}
    assert (await doors.agent(tenant.admin).patch(f"/agents/{invited['agent']['id']}", json=change)).status_code == 200
    refused = await doors.stranger().post("/invitations/accept", json={"token": token_of(invited["link"]), **JOIN})
    assert refused.status_code == 410


async def test_an_address_with_an_account_anywhere_is_not_invited(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    other = await factories.tenant()
    refused = await invite(doors, tenant, email=other.admin.email)
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "email_taken")
    assert len((await doors.agent(tenant.admin).get("/agents")).json()["items"]) == 1


# -- whose an address is


async def test_an_invitation_never_accepted_does_not_keep_its_owner_from_signing_up(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database
) -> None:
    group = await factories.group(tenant.enterprise_id)
    email = f"{uuid4().hex}@example.com"
    invited = (await invite(doors, tenant, email=email, group_ids=[str(group)])).json()
    owner = {"enterprise_name": "真店", "name": "真主", "email": email.upper(), "password": "tea leaves unfold"}

    assert (await doors.stranger().post("/signup", json=owner)).status_code == 201

    agents = (await doors.agent(tenant.admin).get("/agents")).json()["items"]
    assert [agent["id"] for agent in agents] == [str(tenant.admin.id)]
    entry = (await audit_entries(database, tenant.enterprise_id))[-1]
    assert (entry.action, entry.subject_id, entry.actor_id) == ("agent.invitation_withdrawn", UUID(invited["agent"]["id"]), None)
    assert entry.details == {"email": email, "elsewhere": True}
    refused = await doors.stranger().post("/invitations/accept", json={"token": token_of(invited["link"]), **JOIN})
    assert refused.status_code == 410


async def test_who_invites_an_address_takes_it_from_an_invitation_elsewhere(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    email = f"{uuid4().hex}@example.com"
    stranger = await factories.tenant()
    theirs = (await invite(doors, stranger, email=email)).json()

    ours = await invite(doors, tenant, email=email)

    assert ours.status_code == 201
    assert (await doors.agent(stranger.admin).get(f"/agents/{theirs['agent']['id']}")).status_code == 404
    joined = await doors.stranger().post("/invitations/accept", json={"token": token_of(ours.json()["link"]), **JOIN})
    assert joined.json()["enterprise"]["id"] == str(tenant.enterprise_id)
    assert (await invite(doors, stranger, email=email)).status_code == 409


async def test_a_refused_invitation_takes_nothing_from_elsewhere(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    email = f"{uuid4().hex}@example.com"
    theirs = (await invite(doors, tenant, email=email)).json()
    other = await factories.tenant()

    assert (await invite(doors, other, email=email, group_ids=[str(uuid4())])).status_code == 422

    assert (await doors.agent(tenant.admin).get(f"/agents/{theirs['agent']['id']}")).status_code == 200


async def test_in_one_enterprise_an_address_is_invited_once(doors: Doors, tenant: Tenant, database: Database) -> None:
    email = f"{uuid4().hex}@example.com"
    first = (await invite(doors, tenant, email=email)).json()
    before = await agent_row(database, UUID(first["agent"]["id"]))

    assert (await invite(doors, tenant, email=email)).status_code == 409
    assert await agent_row(database, UUID(first["agent"]["id"])) == before


async def test_an_invitation_is_withdrawn(doors: Doors, tenant: Tenant, database: Database) -> None:
    email = f"{uuid4().hex}@example.com"
    invited = (await invite(doors, tenant, email=email)).json()
    path = f"/agents/{invited['agent']['id']}/invitation"
    admin = doors.agent(tenant.admin)

    assert (await admin.delete(path)).status_code == 204

    assert (await admin.delete(path)).status_code == 404
    assert (await doors.stranger().post("/invitations/lookup", json={"token": token_of(invited["link"])})).status_code == 410
    entry = (await audit_entries(database, tenant.enterprise_id))[-1]
    assert (entry.action, entry.actor_id) == ("agent.invitation_withdrawn", tenant.admin.id)
    assert entry.details == {"email": email, "elsewhere": False}
    assert (await invite(doors, tenant, email=email)).status_code == 201


async def test_who_has_joined_is_not_withdrawn(doors: Doors, factories: Factories, tenant: Tenant, database: Database) -> None:
    colleague = await factories.agent(tenant.enterprise_id)
    before = await agent_row(database, colleague.id)

    refused = await doors.agent(tenant.admin).delete(f"/agents/{colleague.id}/invitation")

    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "already_joined")
    assert await agent_row(database, colleague.id) == before


async def test_an_invitation_with_more_rights_is_not_withdrawn(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database
) -> None:
    admin = await factories.agent(tenant.enterprise_id, role="admin", pending=True)
    lesser = await factories.agent(tenant.enterprise_id, points=frozenset({"agents.view", "agents.create"}), scope=Scope(ScopeKind.ALL))
    before = await agent_row(database, admin.id)

    assert (await doors.agent(lesser).delete(f"/agents/{admin.id}/invitation")).status_code == 403
    assert await agent_row(database, admin.id) == before


async def test_groups_of_another_enterprise_do_not_exist(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    other = await factories.tenant()
    foreign = await factories.group(other.enterprise_id)
    refused = await invite(doors, tenant, group_ids=[str(foreign)])
    assert refused.status_code == 422
    assert refused.json()["error"]["fields"][0]["field"] == "group_ids"
    assert len((await doors.agent(tenant.admin).get("/agents")).json()["items"]) == 1


async def test_an_ordinary_agent_invites_nobody(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    member = await factories.agent(tenant.enterprise_id)
    refused = await doors.agent(member).post("/agents/invitations", json={"email": "x@example.com", "name": "x"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_allowed")


async def test_an_administrator_of_one_group_makes_no_administrator_of_all(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    group = await factories.group(tenant.enterprise_id)
    lead = await factories.agent(tenant.enterprise_id, points=points_of("admin"), scope=Scope(ScopeKind.GROUPS, frozenset({group})))
    body = {"email": f"{uuid4().hex}@example.com", "name": "小顾", "group_ids": [str(group)]}
    admin = str(await factories.role_id(tenant.enterprise_id, "admin"))

    too_high = await doors.agent(lead).post("/agents/invitations", json=body | {"role_id": admin})
    outside = await doors.agent(lead).post("/agents/invitations", json=body | {"group_ids": []})
    fine = await doors.agent(lead).post("/agents/invitations", json=body)

    assert [too_high.status_code, outside.status_code, fine.status_code] == [403, 403, 201]


async def test_a_link_whose_account_has_more_rights_is_not_handed_out(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database
) -> None:
    group = await factories.group(tenant.enterprise_id)
    lead = await factories.agent(tenant.enterprise_id, points=points_of("admin"), scope=Scope(ScopeKind.GROUPS, frozenset({group})))
    pending = await factories.agent(tenant.enterprise_id, role="admin", scope=Scope(ScopeKind.ALL), pending=True, group_ids=(group,))
    refused = await doors.agent(lead).post(f"/agents/{pending.id}/invitation")
    assert refused.status_code == 403
    assert await links(database, pending.id) == []


async def test_nobody_invites_into_a_role_that_can_do_more(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    own = frozenset({"agents.view", "agents.create", "conversations.serve"})
    member = await factories.agent(tenant.enterprise_id, points=own, scope=Scope(ScopeKind.ALL))
    equal, more = [await factories.role(tenant.enterprise_id, points) for points in (own, own | {"audit.view"})]
    answers = [
        await doors.agent(member).post(
            "/agents/invitations", json={"email": f"{uuid4().hex}@example.com", "name": "x", "role_id": str(role)}
        )
        for role in (equal, more)
    ]
    assert [answer.status_code for answer in answers] == [201, 403]


async def test_a_role_of_another_enterprise_does_not_exist(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    other = await factories.tenant()
    foreign = await factories.role_id(other.enterprise_id, "agent")
    refused = await invite(doors, tenant, role_id=str(foreign))
    assert (refused.status_code, refused.json()["error"]["fields"][0]["field"]) == (422, "role_id")


async def test_a_link_is_worth_nothing_once_the_address_is_another(doors: Doors, tenant: Tenant, database: Database) -> None:
    invited = (await invite(doors, tenant)).json()
    async with database.system() as tx:
        row = await tx.session.get_one(AgentRow, (tenant.enterprise_id, UUID(invited["agent"]["id"])))
        row.email = f"{uuid4().hex}@example.com"
    body = {"token": token_of(invited["link"])}
    assert (await doors.stranger().post("/invitations/lookup", json=body)).status_code == 410
    assert (await doors.stranger().post("/invitations/accept", json=body | JOIN)).status_code == 410


async def test_a_pending_account_that_is_switched_off_is_not_invited_again(doors: Doors, tenant: Tenant, database: Database) -> None:
    agent = (await invite(doors, tenant)).json()["agent"]
    await doors.agent(tenant.admin).patch(f"/agents/{agent['id']}", json={"enabled": False, "version": agent["version"]})
    refused = await doors.agent(tenant.admin).post(f"/agents/{agent['id']}/invitation")
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_allowed")
    assert await links(database, UUID(agent["id"])) == []

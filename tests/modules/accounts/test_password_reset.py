"""A new password by a one-time link, where no mail is set up (`test_mail` sends it)."""

from __future__ import annotations

import asyncio
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from qiatan.infra.db import Database
from qiatan.kit.access import Scope, ScopeKind
from tests.modules.accounts.reading import agent_row, audit_entries, count_factors, give_factors, links, session_ids, token_of
from tests.support.access import points_of
from tests.support.clock import FakeClock
from tests.support.doors import PUBLIC_URL, Doors
from tests.support.factories import PASSWORD, Factories, Member, Tenant

NEW = "tea leaves unfold"


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant()


@pytest.fixture
async def member(factories: Factories, tenant: Tenant) -> Member:
    return await factories.agent(tenant.enterprise_id)


async def reset_link(doors: Doors, tenant: Tenant, member: Member) -> str:
    made = await doors.agent(tenant.admin).post(f"/agents/{member.id}/password-reset")
    assert made.status_code == 200, made.text
    link: str = made.json()["link"]
    return link


async def sign_in(doors: Doors, member: Member, password: str) -> int:
    return (await doors.stranger().post("/session", json={"email": member.email, "password": password})).status_code


async def test_a_colleague_gets_a_link_and_sets_a_new_password(doors: Doors, tenant: Tenant, member: Member) -> None:
    made = await doors.agent(tenant.admin).post(f"/agents/{member.id}/password-reset")

    assert made.status_code == 200
    sent = made.json()
    assert sent["link"].startswith(f"{PUBLIC_URL}/app/reset#token=")
    assert (sent["mailed"], sent["expires_at"], sent["agent"]["id"]) == (False, "2026-03-02T05:00:00Z", str(member.id))
    assert await sign_in(doors, member, PASSWORD) == 200
    token = token_of(sent["link"])
    looked = await doors.stranger().post("/password-reset/lookup", json={"token": token})
    assert (looked.status_code, looked.json()) == (200, {"email": member.email})

    finished = await doors.stranger().post("/password-reset/finish", json={"token": token, "password": NEW})

    assert (finished.status_code, "set-cookie" in finished.headers) == (204, False)
    assert (await sign_in(doors, member, PASSWORD), await sign_in(doors, member, NEW)) == (401, 200)


async def test_everything_that_was_signed_in_ends(
    doors: Doors, factories: Factories, tenant: Tenant, member: Member, database: Database
) -> None:
    await factories.session(member)
    socket = await doors.agent_socket(member)
    token = token_of(await reset_link(doors, tenant, member))

    await doors.stranger().post("/password-reset/finish", json={"token": token, "password": NEW})

    assert await socket.until_closed() == 4401
    assert await session_ids(database, member.id) == set()
    assert (await doors.agent(member).get("/me")).status_code == 401
    assert [link.used_at is not None for link in await links(database, member.id)] == [True]


async def test_second_factors_stay_and_are_asked_for(doors: Doors, tenant: Tenant, member: Member, database: Database) -> None:
    await give_factors(database, member)
    token = token_of(await reset_link(doors, tenant, member))
    await doors.stranger().post("/password-reset/finish", json={"token": token, "password": NEW})
    assert await count_factors(database, member.id) == 3
    answer = (await doors.stranger().post("/session", json={"email": member.email, "password": NEW})).json()
    assert answer["me"] is None
    assert answer["second_factor"]["methods"] != []
    assert await session_ids(database, member.id) == set()


async def test_a_sign_in_that_waits_for_its_second_step_ends_with_the_old_password(
    doors: Doors, tenant: Tenant, member: Member, database: Database
) -> None:
    await give_factors(database, member)
    body = {"email": member.email, "password": PASSWORD}
    waiting = (await doors.stranger().post("/session", json=body)).json()["second_factor"]["challenge"]
    token = token_of(await reset_link(doors, tenant, member))
    await doors.stranger().post("/password-reset/finish", json={"token": token, "password": NEW})
    refused = await doors.stranger().post("/session/second-factor", json={"challenge": waiting, "recovery_code": "aaaa-bbbb"})
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "challenge_expired")


async def test_a_link_is_spent_by_its_first_use(doors: Doors, tenant: Tenant, member: Member) -> None:
    token = token_of(await reset_link(doors, tenant, member))
    bodies = [{"token": token, "password": f"{NEW} {number}"} for number in range(3)]
    answers = await asyncio.gather(*(doors.stranger().post("/password-reset/finish", json=body) for body in bodies))
    assert sorted(answer.status_code for answer in answers) == [204, 410, 410]
    assert {answer.json()["error"]["code"] for answer in answers if answer.status_code == 410} == {"link_expired"}
    won = [answer.status_code for answer in answers].index(204)
    assert await sign_in(doors, member, f"{NEW} {won}") == 200


async def test_a_link_lives_one_hour(doors: Doors, tenant: Tenant, member: Member, clock: FakeClock, database: Database) -> None:
    token = token_of(await reset_link(doors, tenant, member))
    before = await agent_row(database, member.id)
    clock.advance(minutes=59)
    assert (await doors.stranger().post("/password-reset/lookup", json={"token": token})).status_code == 200
    clock.advance(minutes=1)
    assert (await doors.stranger().post("/password-reset/lookup", json={"token": token})).status_code == 410
    assert (await doors.stranger().post("/password-reset/finish", json={"token": token, "password": NEW})).status_code == 410
    assert await agent_row(database, member.id) == before


async def test_a_new_link_and_a_changed_password_end_the_former_link(doors: Doors, tenant: Tenant, member: Member) -> None:
    first, second = [token_of(await reset_link(doors, tenant, member)) for _ in range(2)]
    assert (await doors.stranger().post("/password-reset/lookup", json={"token": first})).status_code == 410
    assert (await doors.stranger().post("/password-reset/lookup", json={"token": second})).status_code == 200
    change = {"current_password": PASSWORD, "new_password": NEW}
    assert (await doors.agent(member).put("/me/password", json=change)).status_code == 204
    assert (await doors.stranger().post("/password-reset/finish", json={"token": second, "password": NEW})).status_code == 410


async def test_a_link_is_for_its_purpose_and_its_address_only(doors: Doors, tenant: Tenant, member: Member, database: Database) -> None:
    token = token_of(await reset_link(doors, tenant, member))
    for path in ("/invitations/lookup", "/session/link"):
        assert (await doors.stranger().post(path, json={"token": token})).status_code == 410
    async with database.system() as tx:
        moved = text("UPDATE agents SET email = :email WHERE id = :id")
        await tx.session.execute(moved, {"email": f"{uuid4().hex}@example.com", "id": member.id})
    assert (await doors.stranger().post("/password-reset/lookup", json={"token": token})).status_code == 410
    assert (await doors.stranger().post("/password-reset/finish", json={"token": token, "password": NEW})).status_code == 410


async def test_a_disabled_account_cannot_use_its_link(doors: Doors, tenant: Tenant, member: Member, database: Database) -> None:
    token = token_of(await reset_link(doors, tenant, member))
    async with database.system() as tx:
        await tx.session.execute(text("UPDATE agents SET enabled = false WHERE id = :id"), {"id": member.id})
    assert (await doors.stranger().post("/password-reset/finish", json={"token": token, "password": NEW})).status_code == 410


@pytest.mark.parametrize("token", ["", "x", "0", "A" * 200])
async def test_guessed_tokens_open_nothing(doors: Doors, token: str) -> None:
    assert (await doors.stranger().post("/password-reset/lookup", json={"token": token})).status_code == 410
    assert (await doors.stranger().post("/password-reset/finish", json={"token": token, "password": NEW})).status_code == 410


async def test_a_weak_password_is_refused_and_the_link_lives_on(doors: Doors, tenant: Tenant, member: Member) -> None:
    token = token_of(await reset_link(doors, tenant, member))
    refused = await doors.stranger().post("/password-reset/finish", json={"token": token, "password": "short"})
    assert (refused.status_code, refused.json()["error"]["fields"][0]["field"]) == (422, "password")
    assert (await doors.stranger().post("/password-reset/lookup", json={"token": token})).status_code == 200


async def test_only_the_tokens_hash_is_stored(doors: Doors, tenant: Tenant, member: Member, database: Database) -> None:
    token = token_of(await reset_link(doors, tenant, member))
    (link,) = await links(database, member.id)
    assert token.encode() not in link.token_hash
    assert (len(link.token_hash), link.email) == (32, member.email)


async def test_who_reset_what_is_in_the_audit_log(doors: Doors, tenant: Tenant, member: Member, database: Database) -> None:
    token = token_of(await reset_link(doors, tenant, member))
    await doors.stranger(address="198.51.100.9").post("/password-reset/finish", json={"token": token, "password": NEW})
    entries = await audit_entries(database, tenant.enterprise_id)
    told = [(entry.action, entry.actor_id, entry.subject_id, entry.details) for entry in entries]
    assert told == [
        ("agent.password_reset", tenant.admin.id, member.id, {"mailed": False}),
        ("password.reset", member.id, member.id, {}),
    ]
    assert entries[1].address == "198.51.100.9"


async def test_the_own_password_pending_and_disabled_accounts_are_refused(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database
) -> None:
    pending = await factories.agent(tenant.enterprise_id, pending=True)
    disabled = await factories.agent(tenant.enterprise_id, enabled=False)
    for agent in (tenant.admin, pending, disabled):
        refused = await doors.agent(tenant.admin).post(f"/agents/{agent.id}/password-reset")
        assert (refused.status_code, refused.json()["error"]["code"]) == (403, "not_allowed")
        assert await links(database, agent.id) == []
    assert await audit_entries(database, tenant.enterprise_id) == []


async def test_nobody_resets_who_can_do_or_see_more(
    doors: Doors, factories: Factories, tenant: Tenant, member: Member, database: Database
) -> None:
    group = await factories.group(tenant.enterprise_id, member.id)
    scope = Scope(ScopeKind.GROUPS, frozenset({group}))
    head = await factories.agent(tenant.enterprise_id, role="department_head", scope=scope)
    more = await factories.agent(tenant.enterprise_id, points=points_of("department_head") | {"audit.view"}, group_ids=(group,))
    further = await factories.agent(tenant.enterprise_id, scope=Scope(ScopeKind.ALL), group_ids=(group,))
    outside = await factories.agent(tenant.enterprise_id)
    foreign = (await factories.tenant()).admin

    answers = {
        name: await doors.agent(head).post(f"/agents/{agent.id}/password-reset")
        for name, agent in (
            ("member", member),
            ("more", more),
            ("further", further),
            ("outside", outside),
            ("foreign", foreign),
            ("admin", tenant.admin),
        )
    }

    assert {name: answer.status_code for name, answer in answers.items()} == {
        "member": 200,
        "more": 403,
        "further": 403,
        "outside": 404,
        "foreign": 404,
        "admin": 404,
    }
    for agent in (more, further, outside, foreign, tenant.admin):
        assert await links(database, agent.id) == []
    assert (await doors.agent(member).post(f"/agents/{more.id}/password-reset")).status_code == 403


async def test_without_mail_asking_is_answered_alike_and_leaves_nothing(doors: Doors, member: Member, database: Database) -> None:
    assert (await doors.stranger().get("/instance")).json()["mail"] is False
    for email in (member.email, f"{uuid4().hex}@example.com", "", "' OR 1=1 --", "a" * 254):
        answer = await doors.stranger().post("/password-reset", json={"email": email})
        assert (answer.status_code, answer.content) == (204, b"")
    assert await links(database, member.id) == []


@pytest.mark.parametrize(
    "body",
    [{}, {"email": "a" * 255}, {"email": None}, {"email": "a@b.c", "locale": "fr"}, {"email": "a@b.c", "agent_id": str(UUID(int=1))}],
)
async def test_what_is_no_question_is_refused(doors: Doors, body: dict[str, object]) -> None:
    assert (await doors.stranger().post("/password-reset", json=body)).status_code == 422


async def test_asking_is_throttled_by_the_callers_address(doors: Doors) -> None:
    caller = doors.stranger()
    codes = [(await caller.post("/password-reset", json={"email": f"{number}@example.com"})).status_code for number in range(11)]
    assert codes == [204] * 10 + [429]
    assert (await doors.stranger().post("/password-reset", json={"email": "10@example.com"})).status_code == 204


async def test_asking_from_foreign_pages_is_refused(doors: Doors) -> None:
    assert (await doors.stranger(csrf=None).post("/password-reset", json={"email": "a@example.com"})).status_code == 403
    foreign = doors.stranger(headers={"Origin": "https://evil.example"})
    assert (await foreign.post("/password-reset", json={"email": "a@example.com"})).status_code == 403


async def test_keys_that_the_account_made_end_with_its_old_password_and_those_of_others_live(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database
) -> None:
    founder = await factories.agent(tenant.enterprise_id, role="admin", scope=Scope(ScopeKind.ALL))
    body = {"name": "报表", "points": ["enterprise.view"], "password": PASSWORD}
    key, other = [(await doors.agent(maker).post("/api-keys", json=body)).json() for maker in (founder, tenant.admin)]
    token = token_of(await reset_link(doors, tenant, founder))
    assert (await doors.visitor(key["secret"]).get("/enterprise")).status_code == 200

    assert (await doors.stranger().post("/password-reset/finish", json={"token": token, "password": NEW})).status_code == 204

    assert (await doors.visitor(key["secret"]).get("/enterprise")).status_code == 401
    assert (await doors.visitor(other["secret"]).get("/enterprise")).status_code == 200
    ended = [entry for entry in await audit_entries(database, tenant.enterprise_id) if entry.action == "api_key.revoked"]
    assert [(entry.actor_id, str(entry.subject_id)) for entry in ended] == [(founder.id, key["api_key"]["id"])]


async def test_links_for_others_that_the_account_made_end_with_its_old_password_and_those_of_others_live(
    doors: Doors, factories: Factories, tenant: Tenant, member: Member, database: Database
) -> None:
    """Who knew the old password may have invited themselves, or hold a link to another account."""
    founder = await factories.agent(tenant.enterprise_id, role="admin", scope=Scope(ScopeKind.ALL))
    colleague = await factories.agent(tenant.enterprise_id)

    async def invite(maker: Member) -> str:
        body = {"email": f"{uuid4().hex}@example.com", "name": "小顾"}
        return token_of((await doors.agent(maker).post("/agents/invitations", json=body)).json()["link"])

    async def looked_up(kind: str, token: str) -> int:
        return (await doors.stranger().post(f"/{kind}/lookup", json={"token": token})).status_code

    invited, others = await invite(founder), await invite(tenant.admin)
    sent = (await doors.agent(founder).post(f"/agents/{member.id}/password-reset")).json()
    resetting, other_reset = token_of(sent["link"]), token_of(await reset_link(doors, tenant, colleague))
    token = token_of(await reset_link(doors, tenant, founder))
    assert (await looked_up("invitations", invited), await looked_up("password-reset", resetting)) == (200, 200)

    assert (await doors.stranger().post("/password-reset/finish", json={"token": token, "password": NEW})).status_code == 204

    assert (await looked_up("invitations", invited), await looked_up("password-reset", resetting)) == (410, 410)
    assert (await looked_up("invitations", others), await looked_up("password-reset", other_reset)) == (200, 200)
    assert await links(database, member.id) == []

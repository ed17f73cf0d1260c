"""Letters with one-time links: sent by the worker, through a real mail server."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from qiatan.entrypoints.registry import JOBS
from qiatan.infra.db import Database
from qiatan.infra.jobs import MAX_ATTEMPTS
from qiatan.infra.resources import Resources
from qiatan.infra.settings import Settings
from qiatan.kit.access import Scope, ScopeKind
from qiatan.modules.accounts.service.letters import invitation_letter, reset_letter
from tests.modules.accounts.reading import audit_entries, links, session_ids
from tests.support.doors import PUBLIC_URL, Doors
from tests.support.factories import PASSWORD, Factories, Member, Tenant
from tests.support.network import free_port
from tests.support.smtp import SENDER, MailServer, mail_server
from tests.support.work import app_without_turns

JOIN = {"name": "顾言", "password": "tea leaves unfold"}
NEW = "tea leaves unfold"
Work = Callable[[], Awaitable[None]]


@pytest.fixture
async def post() -> AsyncIterator[MailServer]:
    async with mail_server() as running:
        yield running


@pytest.fixture
def settings(tmp_path: Path, post: MailServer) -> Settings:
    return Settings(data_dir=tmp_path, public_url=PUBLIC_URL, smtp=post.address(), mail_from=SENDER)


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant(name="松间器物")


@pytest.fixture
async def member(factories: Factories, tenant: Tenant) -> Member:
    return await factories.agent(tenant.enterprise_id, email=f"{uuid4().hex}@example.com", name="顾言")


@pytest.fixture
def work(resources: Resources, database_url: str) -> Work:
    """Does all jobs that are due, those left by earlier tests too, as the worker would."""

    async def work() -> None:
        app = app_without_turns(database_url, list(JOBS), resources)
        async with app.open_async():
            await app.run_worker_async(wait=False, install_signal_handlers=False, delete_jobs="successful")

    return work


async def waiting_jobs(database: Database, marked: str) -> list[tuple[str, str, int]]:
    """Task, state and tries of the jobs that speak of somebody."""
    async with database.system() as tx:
        query = text("SELECT task_name, status::text, attempts, args::text FROM procrastinate_jobs WHERE args::text LIKE :marked")
        found = await tx.session.execute(query, {"marked": f"%{marked}%"})
        return [(row.task_name, row.status, row.attempts) for row in found]


async def make_due(database: Database, marked: str) -> None:
    async with database.system() as tx:
        query = text("UPDATE procrastinate_jobs SET scheduled_at = NULL WHERE args::text LIKE :marked")
        await tx.session.execute(query, {"marked": f"%{marked}%"})


async def invite(doors: Doors, tenant: Tenant, **other: object) -> dict[str, Any]:
    body = {"email": f"{uuid4().hex}@example.com", "name": "小顾", **other}
    made = await doors.agent(tenant.admin).post("/agents/invitations", json=body)
    assert made.status_code == 201, made.text
    sent: dict[str, Any] = made.json()
    return sent


# -- invitations


async def test_an_invitation_is_mailed_and_its_link_works_once(doors: Doors, tenant: Tenant, post: MailServer, work: Work) -> None:
    email = f"{uuid4().hex}@example.com"

    sent = await invite(doors, tenant, email=email)
    assert (sent["link"], sent["mailed"]) == (None, True)
    await work()

    (mail,) = post.to(email)
    assert mail.message["Subject"] == "沈知夏 邀请你加入松间器物"
    assert mail.message["From"] == "洽谈 <noreply@qiatan.test>"
    link = f"{PUBLIC_URL}/app/invitation#token={mail.token}"
    assert (mail.text.count(link), mail.html.count(f'href="{link}"')) == (1, 2)
    assert mail.text.startswith("小顾，你好：\n")
    looked = await doors.stranger().post("/invitations/lookup", json={"token": mail.token})
    assert looked.json() == {"email": email, "name": "小顾", "enterprise_name": "松间器物"}
    joined = await doors.stranger().post("/invitations/accept", json={"token": mail.token, **JOIN})
    assert (joined.status_code, joined.json()["agent"]["email"]) == (200, email)
    again = await doors.stranger().post("/invitations/accept", json={"token": mail.token, **JOIN})
    assert (again.status_code, again.json()["error"]["code"]) == (410, "link_expired")


async def test_no_token_rests_in_the_jobs(doors: Doors, tenant: Tenant, database: Database) -> None:
    sent = await invite(doors, tenant)
    agent_id = UUID(sent["agent"]["id"])
    async with database.system() as tx:
        rows = (
            await tx.session.execute(text("SELECT args FROM procrastinate_jobs WHERE args::text LIKE :id"), {"id": f"%{agent_id}%"})
        ).scalars()
        assert list(rows) == [{"enterprise_id": str(tenant.enterprise_id), "agent_id": str(agent_id), "inviter_id": str(tenant.admin.id)}]
    # The link waits with a token that nobody knows; the letter's writer gives it another.
    (waiting,) = await links(database, agent_id)
    assert (waiting.purpose, waiting.made_by, waiting.used_at) == ("invitation", tenant.admin.id, None)


async def test_inviting_again_ends_the_former_link_at_once(doors: Doors, tenant: Tenant, post: MailServer, work: Work) -> None:
    email = f"{uuid4().hex}@example.com"
    sent = await invite(doors, tenant, email=email)
    await work()

    again = await doors.agent(tenant.admin).post(f"/agents/{sent['agent']['id']}/invitation")
    assert (again.json()["link"], again.json()["mailed"]) == (None, True)
    first = post.to(email)[0].token
    assert (await doors.stranger().post("/invitations/lookup", json={"token": first})).status_code == 410
    await work()

    assert len(post.to(email)) == 2
    second = post.to(email)[1].token
    assert (await doors.stranger().post("/invitations/lookup", json={"token": second})).status_code == 200


async def test_a_letter_speaks_the_enterprises_language(
    doors: Doors, tenant: Tenant, post: MailServer, work: Work, database: Database
) -> None:
    async with database.system() as tx:
        await tx.session.execute(text("UPDATE enterprises SET locale = 'en' WHERE id = :id"), {"id": tenant.enterprise_id})
    email = f"{uuid4().hex}@example.com"
    await invite(doors, tenant, email=email)
    await work()
    (mail,) = post.to(email)
    assert mail.message["Subject"] == "沈知夏 invites you to join 松间器物"
    assert mail.text.startswith("Hello 小顾,\n")
    assert '<html lang="en">' in mail.html


async def test_who_joined_or_was_switched_off_meanwhile_gets_no_letter(
    doors: Doors, tenant: Tenant, post: MailServer, work: Work, database: Database
) -> None:
    emails = [f"{uuid4().hex}@example.com" for _ in range(2)]
    for email, change in zip(emails, ("password_hash = 'x'", "enabled = false"), strict=True):
        await invite(doors, tenant, email=email)
        async with database.system() as tx:
            await tx.session.execute(text(f"UPDATE agents SET {change} WHERE email = :email"), {"email": email})  # noqa: S608 -- words of this test
    await work()
    assert [post.to(email) for email in emails] == [[], []]


async def test_what_somebody_asked_for_who_was_switched_off_meanwhile_is_not_sent(
    doors: Doors, factories: Factories, tenant: Tenant, post: MailServer, work: Work, database: Database
) -> None:
    colleague = await factories.agent(tenant.enterprise_id, role="admin", scope=Scope(ScopeKind.ALL))
    member = await factories.agent(tenant.enterprise_id, email=f"{uuid4().hex}@example.com")
    email = f"{uuid4().hex}@example.com"
    browser = doors.agent(colleague)
    assert (await browser.post("/agents/invitations", json={"email": email, "name": "小顾"})).status_code == 201
    assert (await browser.post(f"/agents/{member.id}/password-reset")).status_code == 200

    disabled = await doors.agent(tenant.admin).patch(f"/agents/{colleague.id}", json={"enabled": False, "version": 1})
    assert disabled.status_code == 200
    await work()

    assert (post.to(email), post.to(member.email)) == ([], [])
    assert await links(database, member.id) == []


async def test_names_make_neither_headers_nor_markup(
    doors: Doors, factories: Factories, post: MailServer, work: Work, database: Database
) -> None:
    """Also names that came past the doors, as from an import: whatever stands in the database."""
    tenant = await factories.tenant(name='<b>松</b> & "间"')
    async with database.system() as tx:
        name = "Eve\r\nBcc: all@example.com\r\n\r\n<img src=x>"
        await tx.session.execute(text("UPDATE agents SET name = :name WHERE id = :id"), {"name": name, "id": tenant.admin.id})
    email = f"{uuid4().hex}@example.com"
    await invite(doors, tenant, email=email, name="<script>alert(1)</script>")
    await work()
    (mail,) = post.to(email)
    assert mail.recipients == [email]
    assert "Bcc" not in mail.message
    assert mail.message["Subject"] == 'Eve Bcc: all@example.com <img src=x> 邀请你加入<b>松</b> & "间"'
    assert _tags(mail.html) == {"html", "head", "meta", "title", "body", "div", "p", "a", "br"}
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in mail.html


@pytest.mark.parametrize("locale", ["zh-CN", "en"])
def test_html_of_letters_holds_no_markup_of_names(locale: str) -> None:
    evil = "<a href='x'>\"'&{{7*7}}</a>"
    letters = [
        invitation_letter(locale, name=evil, enterprise=evil, inviter=evil, link="https://x.test/app#token=a"),
        invitation_letter(locale, name=evil, enterprise=evil, inviter=None, link="https://x.test/app#token=a"),
        reset_letter(locale, name=evil, email=evil, link="https://x.test/app#token=a"),
    ]
    for letter in letters:
        assert _tags(letter.html) == {"html", "head", "meta", "title", "body", "div", "p", "a", "br"}
        assert letter.html.count("<a ") == 2
        assert "https://x.test/app#token=a" in letter.text
        assert evil in letter.text


def _tags(html: str) -> set[str]:
    found: set[str] = set()

    class Reader(HTMLParser):
        def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
            found.add(tag)

    Reader().feed(html)
    return found


# -- a mail server that is away, or refuses


async def test_while_the_mail_server_is_away_letters_wait(
    doors: Doors, tenant: Tenant, resources: Resources, database: Database, database_url: str
) -> None:
    address = MailServer(port=free_port()).address()
    email = f"{uuid4().hex}@example.com"
    sent = await invite(doors, tenant, email=email)
    agent_id = str(sent["agent"]["id"])
    away = replace(resources, mailer=type(resources.mailer)(address, SENDER, resources.clock))
    app = app_without_turns(database_url, list(JOBS), away)
    async with app.open_async():
        await app.run_worker_async(wait=False, install_signal_handlers=False)
        assert await waiting_jobs(database, agent_id) == [("accounts.mail_invitation", "todo", 1)]

        async with mail_server(port=address.port) as back:
            await make_due(database, agent_id)
            await app.run_worker_async(wait=False, install_signal_handlers=False)
            (mail,) = back.to(email)
    assert (await doors.stranger().post("/invitations/lookup", json={"token": mail.token})).status_code == 200
    assert len(await links(database, UUID(agent_id))) == 1


async def test_a_refusal_for_good_ends_the_job_is_noted_and_the_invitation_can_be_sent_again(
    doors: Doors, tenant: Tenant, post: MailServer, work: Work, database: Database
) -> None:
    email = f"{uuid4().hex}@example.com"
    post.refuses = "550 5.1.1 No such mailbox"
    sent = await invite(doors, tenant, email=email)
    agent_id = str(sent["agent"]["id"])

    await work()

    assert await waiting_jobs(database, agent_id) == []
    entry = (await audit_entries(database, tenant.enterprise_id))[-1]
    assert (entry.action, entry.actor_kind, entry.subject_id) == ("mail.failed", "system", UUID(agent_id))
    assert entry.details["purpose"] == "invitation"
    assert "No such mailbox" in entry.details["reason"]
    post.refuses = None
    assert (await doors.agent(tenant.admin).post(f"/agents/{agent_id}/invitation")).status_code == 200
    await work()
    (mail,) = post.to(email)
    assert (await doors.stranger().post("/invitations/accept", json={"token": mail.token, **JOIN})).status_code == 200


async def test_a_letter_that_no_try_could_hand_in_is_noted_once(
    doors: Doors, tenant: Tenant, resources: Resources, database: Database, database_url: str
) -> None:
    address = MailServer(port=free_port()).address()
    sent = await invite(doors, tenant)
    agent_id = str(sent["agent"]["id"])
    away = replace(resources, mailer=type(resources.mailer)(address, SENDER, resources.clock))
    app = app_without_turns(database_url, list(JOBS), away)
    async with app.open_async():
        for _ in range(MAX_ATTEMPTS):
            await app.run_worker_async(wait=False, install_signal_handlers=False)
            await make_due(database, agent_id)
        assert await waiting_jobs(database, agent_id) == [("accounts.mail_invitation", "todo", MAX_ATTEMPTS)]
        assert (await audit_entries(database, tenant.enterprise_id))[-1].action == "agent.invited"

        await app.run_worker_async(wait=False, install_signal_handlers=False)

    assert [job[1] for job in await waiting_jobs(database, agent_id)] == ["failed"]
    entries = [entry for entry in await audit_entries(database, tenant.enterprise_id) if entry.action == "mail.failed"]
    assert [(entry.actor_kind, entry.subject_id, entry.details["purpose"]) for entry in entries] == [
        ("system", UUID(agent_id), "invitation")
    ]
    assert "could not be reached" in entries[0].details["reason"]
    assert str(address.port) not in entries[0].details["reason"]


# -- a forgotten password


async def test_a_forgotten_password_is_set_anew_by_mail(
    doors: Doors, member: Member, post: MailServer, work: Work, database: Database
) -> None:
    assert (await doors.stranger().get("/instance")).json()["mail"] is True
    asked = await doors.stranger().post("/password-reset", json={"email": member.email.upper(), "locale": "en"})
    assert asked.status_code == 204
    await work()

    (mail,) = post.to(member.email)
    assert mail.message["Subject"] == "Choose a new password for Qiatan"
    assert f"{PUBLIC_URL}/app/reset#token={mail.token}" in mail.text
    finished = await doors.stranger().post("/password-reset/finish", json={"token": mail.token, "password": NEW})
    assert finished.status_code == 204
    assert await session_ids(database, member.id) == set()
    body = {"email": member.email, "password": NEW}
    assert (await doors.stranger().post("/session", json=body)).status_code == 200
    assert (await doors.stranger().post("/session", json=body | {"password": PASSWORD})).status_code == 401
    again = await doors.stranger().post("/password-reset/finish", json={"token": mail.token, "password": NEW})
    assert again.status_code == 410


async def test_unknown_pending_and_disabled_accounts_are_answered_alike_and_get_nothing(
    doors: Doors, factories: Factories, tenant: Tenant, post: MailServer, work: Work, database: Database
) -> None:
    pending = await factories.agent(tenant.enterprise_id, pending=True)
    disabled = await factories.agent(tenant.enterprise_id, enabled=False)
    emails = [pending.email, disabled.email, f"{uuid4().hex}@example.com", "%", ""]
    for email in emails:
        answer = await doors.stranger().post("/password-reset", json={"email": email})
        assert (answer.status_code, answer.content) == (204, b"")
        # The same work for all: the row of a job, whoever it is.
        assert len(await waiting_jobs(database, f'"email": "{email}"' if email != "%" else '"email": "\\%"')) == 1
    await work()
    assert post.delivered == []
    assert await links(database, pending.id) + await links(database, disabled.id) == []


async def test_one_address_gets_few_letters_however_many_ask(doors: Doors, member: Member, post: MailServer, work: Work) -> None:
    codes = [(await doors.stranger().post("/password-reset", json={"email": member.email})).status_code for _ in range(6)]
    await work()
    assert codes == [204] * 6
    assert len(post.to(member.email)) == 3
    tokens = [mail.token for mail in post.to(member.email)]
    alive = [(await doors.stranger().post("/password-reset/lookup", json={"token": token})).status_code for token in tokens]
    assert sorted(alive) == [200, 410, 410]


async def test_an_administrators_reset_is_mailed_to_the_colleague_only(
    doors: Doors, tenant: Tenant, member: Member, post: MailServer, work: Work, database: Database
) -> None:
    sent = await doors.agent(tenant.admin).post(f"/agents/{member.id}/password-reset")
    assert (sent.status_code, sent.json()["link"], sent.json()["mailed"]) == (200, None, True)
    await work()
    (mail,) = post.to(member.email)
    assert mail.message["Subject"] == "设置新的洽谈密码"
    entries = await audit_entries(database, tenant.enterprise_id)
    assert [(entry.action, entry.details) for entry in entries] == [("agent.password_reset", {"mailed": True})]
    finished = await doors.stranger().post("/password-reset/finish", json={"token": mail.token, "password": NEW})
    assert finished.status_code == 204

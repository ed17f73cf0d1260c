"""How many letters with links go out: to an address, from an enterprise, and from all of them together."""

from __future__ import annotations

from pathlib import Path
from uuid import uuid4

import pytest

from qiatan.infra.db import Database
from qiatan.infra.limits import Limits
from qiatan.infra.settings import Settings
from tests.modules.accounts.test_mail import invite, waiting_jobs
from tests.support.doors import PUBLIC_URL, Doors
from tests.support.factories import Factories, Member, Tenant
from tests.support.network import free_port
from tests.support.smtp import SENDER, MailServer

A_DAY = 6


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Letters are left to be sent; nobody sends them here."""
    away = MailServer(port=free_port()).address()
    return Settings(data_dir=tmp_path, public_url=PUBLIC_URL, smtp=away, mail_from=SENDER, limits=Limits(letters=A_DAY))


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant()


@pytest.fixture
async def member(factories: Factories, tenant: Tenant) -> Member:
    return await factories.agent(tenant.enterprise_id)


async def test_one_mailbox_gets_few_letters_of_an_enterprise_and_some_more_of_all(
    doors: Doors, factories: Factories, tenant: Tenant, database: Database
) -> None:
    email = f"{uuid4().hex}@example.com"
    sent = await invite(doors, tenant, email=email)
    path = f"/agents/{sent['agent']['id']}/invitation"
    again = [await doors.agent(tenant.admin).post(path) for _ in range(3)]
    assert [answer.status_code for answer in again] == [200, 200, 429]
    assert (again[-1].json()["error"]["code"], again[-1].headers["Retry-After"]) == ("too_many_letters", "1200")
    assert len(await waiting_jobs(database, sent["agent"]["id"])) == 3

    # when others invite the same address, then it gets seven more letters
    codes = []
    for _ in range(3):
        other = await factories.tenant()
        made = await invite(doors, other, email=email.upper())
        path = f"/agents/{made['agent']['id']}/invitation"
        codes += [(await doors.agent(other.admin).post(path)).status_code for _ in range(2)]
    assert codes == [200, 200, 200, 200, 429, 429]


async def test_what_is_refused_counts_as_no_letter(doors: Doors, factories: Factories, tenant: Tenant, member: Member) -> None:
    # given a stranger who invites somebody else's colleague again and again
    stranger = doors.agent((await factories.tenant()).admin)
    taken = {"email": member.email, "name": "小顾"}
    refused = [(await stranger.post("/agents/invitations", json=taken)).json()["error"]["code"] for _ in range(12)]
    assert refused == ["email_taken"] * 12

    # then the colleague's own administrator may send letters there, and so may one who has mistaken a group before
    assert (await doors.agent(tenant.admin).post(f"/agents/{member.id}/password-reset")).status_code == 200
    right = {"email": f"{uuid4().hex}@example.com", "name": "小顾"}
    mistaken = [
        (await doors.agent(tenant.admin).post("/agents/invitations", json={**right, "group_ids": [str(uuid4())]})).status_code
        for _ in range(12)
    ]
    assert mistaken == [422] * 12
    assert (await doors.agent(tenant.admin).post("/agents/invitations", json=right)).status_code == 201

    # and those who have not joined can be invited again after resets that were refused
    pending = await factories.agent(tenant.enterprise_id, pending=True)
    path = f"/agents/{pending.id}"
    assert [(await doors.agent(tenant.admin).post(f"{path}/password-reset")).status_code for _ in range(4)] == [403] * 4
    assert (await doors.agent(tenant.admin).post(f"{path}/invitation")).status_code == 200


async def test_an_enterprise_sends_so_many_letters_a_day(doors: Doors, factories: Factories, tenant: Tenant) -> None:
    member = await factories.agent(tenant.enterprise_id)
    for _ in range(A_DAY):
        await invite(doors, tenant)

    refused = await doors.agent(tenant.admin).post(f"/agents/{member.id}/password-reset")

    assert (refused.status_code, refused.json()["error"]["code"]) == (429, "too_many_letters")
    await invite(doors, await factories.tenant())

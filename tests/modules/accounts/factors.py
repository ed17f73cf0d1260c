"""Second factors in the hands of a test's people."""

from __future__ import annotations

import base64
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import httpx
from pyotp import HOTP
from sqlalchemy import select

from qiatan.infra.db import Database
from qiatan.modules.accounts import rules
from qiatan.modules.accounts.models import AuditEntryRow, LoginEntryRow, PasskeyRow, RecoveryCodeRow, TotpRow
from qiatan.modules.accounts.service import settled
from tests.support.authenticator import Authenticator
from tests.support.clock import FakeClock
from tests.support.factories import PASSWORD, Member


@dataclass
class App:
    """An authenticator app with the account's secret. `off`: how many seconds its clock is ahead."""

    secret: str
    clock: FakeClock
    off: int = 0

    def code(self, steps: int = 0) -> str:
        now = int(self.clock.now().timestamp()) + self.off
        return HOTP(self.secret).at(now // rules.totp.STEP_SECONDS + steps)

    def next_code(self) -> str:
        """A code that was not shown yet: the clock moves on by a step."""
        self.clock.advance(seconds=rules.totp.STEP_SECONDS)
        return self.code()


async def add_app(browser: httpx.AsyncClient, clock: FakeClock, *, password: str | None = PASSWORD) -> tuple[App, list[str]]:
    """Set an app up through the doors; with the recovery codes that came with it."""
    begun = await browser.post("/me/totp", json={} if password is None else {"password": password})
    assert begun.status_code == 200, begun.text
    app = App(begun.json()["secret"], clock)
    confirmed = await browser.put("/me/totp", json={"code": app.code()})
    assert confirmed.status_code == 200, confirmed.text
    return app, confirmed.json()["codes"]


async def add_passkey(
    browser: httpx.AsyncClient, authenticator: Authenticator, *, name: str = "工位电脑", password: str | None = PASSWORD
) -> list[str]:
    """Add a passkey through the doors; the recovery codes that came with it."""
    begun = await browser.post("/me/passkeys/options", json={} if password is None else {"password": password})
    assert begun.status_code == 200, begun.text
    body = {"challenge": begun.json()["challenge"], "name": name, "credential": authenticator.create(begun.json()["options"])}
    added = await browser.post("/me/passkeys", json=body)
    assert added.status_code == 201, added.text
    codes: list[str] = added.json()["codes"]
    return codes


async def first_step(browser: httpx.AsyncClient, member: Member) -> dict[str, Any]:
    """Give the password; what is asked for next."""
    answer = await browser.post("/session", json={"email": member.email, "password": PASSWORD})
    assert answer.status_code == 200, answer.text
    assert answer.json()["me"] is None
    assert "set-cookie" not in answer.headers
    asked: dict[str, Any] = answer.json()["second_factor"]
    return asked


async def second_step(browser: httpx.AsyncClient, asked: dict[str, Any], **factor: Any) -> httpx.Response:
    return await browser.post("/session/second-factor", json={"challenge": asked["challenge"], **factor})


def said(answer: httpx.Response) -> tuple[int, str]:
    """Status and error code."""
    return answer.status_code, answer.json()["error"]["code"]


async def login_log(database: Database, agent_id: UUID) -> list[tuple[str, bool, str]]:
    """Method, whether let in, and why, oldest first; what is written after answers included."""
    await settled()
    async with database.system() as tx:
        query = select(LoginEntryRow).where(LoginEntryRow.agent_id == agent_id).order_by(LoginEntryRow.at, LoginEntryRow.id)
        return [(row.method, row.allowed, row.reason) for row in (await tx.session.execute(query)).scalars()]


async def audited(database: Database, enterprise_id: UUID) -> list[str]:
    """The actions of the enterprise's audit log, oldest first."""
    async with database.system() as tx:
        query = select(AuditEntryRow.action).where(AuditEntryRow.enterprise_id == enterprise_id).order_by(AuditEntryRow.seq)
        return list((await tx.session.execute(query)).scalars())


async def stored_factors(database: Database, agent_id: UUID) -> tuple[int, int, int]:
    """How many apps, passkeys and recovery codes there are."""
    counts = []
    async with database.system() as tx:
        for table in (TotpRow, PasskeyRow, RecoveryCodeRow):
            found = (await tx.session.execute(select(table).where(table.agent_id == agent_id))).scalars().all()
            counts.append(len(found))
    return counts[0], counts[1], counts[2]


def secret_bytes(app: App) -> bytes:
    return base64.b32decode(app.secret)

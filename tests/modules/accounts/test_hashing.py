"""Checking passwords takes long, so nothing is held meanwhile, and the queue is short."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from contextvars import ContextVar
from typing import Any
from uuid import UUID

import pytest
from pydantic import SecretStr
from sqlalchemy import event, select, update

from qiatan.infra.db import Database
from qiatan.kit.access import Scope, ScopeKind
from qiatan.modules.accounts import service
from qiatan.modules.accounts.errors import WrongCredentials
from qiatan.modules.accounts.models import AgentRow, LoginEntryRow
from qiatan.modules.accounts.service import devices, hashing
from qiatan.modules.accounts.service.own_security import confirmed_owner
from tests.modules.accounts.factors import said
from tests.modules.accounts.reading import agent_row
from tests.support.doors import Doors
from tests.support.factories import PASSWORD, Factories, Member, Tenant


class Watched:
    """The maker of hashes, which tells when it is asked and can be made to wait."""

    def __init__(self, inner: Any, seen: Callable[[], object]) -> None:
        self._inner = inner
        self._seen = seen

    def verify(self, password_hash: str, password: str) -> bool:
        self._seen()
        return bool(self._inner.verify(password_hash, password))

    def hash(self, password: str) -> str:
        self._seen()
        return str(self._inner.hash(password))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._inner, name)


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant()


@pytest.fixture
async def member(factories: Factories, tenant: Tenant) -> Member:
    return await factories.agent(tenant.enterprise_id, role="admin", scope=Scope(ScopeKind.ALL))


WHOSE: ContextVar[str] = ContextVar("whose", default="somebody")


@pytest.fixture
def held(database: Database) -> Iterator[set[object]]:
    """The connections to the database that the test's own request holds at this moment; sweeps of others come and go meanwhile."""
    held: set[object] = set()
    engines = [database._app.sync_engine, database._system.sync_engine]

    def taken(_: object, record: object, __: object) -> None:
        if WHOSE.get() == "the test":
            held.add(record)

    def given_back(_: object, record: object) -> None:
        held.discard(record)

    for engine in engines:
        event.listen(engine, "checkout", taken)
        event.listen(engine, "checkin", given_back)
    yield held
    for engine in engines:
        event.remove(engine, "checkout", taken)
        event.remove(engine, "checkin", given_back)


@pytest.fixture
def connections(held: set[object], monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many of them it held at each piece of hashing."""
    seen: list[int] = []
    hashing._of_nobody()
    monkeypatch.setattr(hashing, "_HASHER", Watched(hashing._HASHER, lambda: seen.append(len(held))))
    return seen


async def test_the_test_would_see_a_connection_that_is_held(database: Database, tenant: Tenant, connections: list[int]) -> None:
    WHOSE.set("the test")
    async with database.tenant(tenant.enterprise_id) as tx:
        await tx.session.connection()
        await hashing.verify("no hash", PASSWORD)
    assert connections == [1]


ANY = UUID(int=1)


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "/session", {}),
        ("PUT", "/me/password", {"current_password": PASSWORD, "new_password": "tea leaves unfold"}),
        ("PUT", "/me/password", {"current_password": "another password", "new_password": "tea leaves unfold"}),
        ("POST", "/me/totp", {"password": PASSWORD}),
        ("POST", "/me/totp", {"password": "another password"}),
        ("DELETE", "/me/totp", {"password": PASSWORD}),
        ("POST", "/me/passkeys/options", {"password": PASSWORD}),
        ("DELETE", f"/me/passkeys/{ANY}", {"password": PASSWORD}),
        ("POST", "/me/recovery-codes", {"password": PASSWORD}),
        ("POST", "/api-keys", {"password": PASSWORD, "name": "报表", "points": ["enterprise.view"]}),
    ],
)
async def test_no_connection_is_held_while_a_password_is_checked(
    doors: Doors, member: Member, connections: list[int], method: str, path: str, body: dict[str, str]
) -> None:
    body = body or {"email": member.email, "password": PASSWORD}
    WHOSE.set("the test")

    answer = await doors.agent(member).request(method, path, json=body)

    wrong = "another password" in body.values()
    assert (answer.status_code == 401) == wrong
    assert connections
    assert set(connections) == {0}


@pytest.mark.parametrize("password", [PASSWORD, "another password"])
async def test_no_connection_is_held_while_a_browser_is_recognised(
    doors: Doors, member: Member, held: set[object], monkeypatch: pytest.MonkeyPatch, database: Database, password: str
) -> None:
    """Its first reading takes half a second, for which the account's lock and one of few connections would be held."""
    seen: list[int] = []

    def read(_: str) -> str:
        seen.append(len(held))
        return "Chrome 141 · Windows"

    monkeypatch.setattr(devices, "_read", read)
    WHOSE.set("the test")

    answer = await doors.stranger().post("/session", json={"email": member.email, "password": password})
    await service.settled()

    assert answer.status_code == (200 if password == PASSWORD else 401)
    assert seen == [0]
    async with database.system() as tx:
        query = select(LoginEntryRow.device).where(LoginEntryRow.agent_id == member.id)
        assert (await tx.session.execute(query)).scalars().all() == ["Chrome 141 · Windows"]


async def test_a_proof_is_worth_nothing_once_the_password_is_another(member: Member, database: Database) -> None:
    proof = await service.prove_owner(database, member.actor, SecretStr(PASSWORD))
    async with database.system() as tx:
        await tx.session.execute(update(AgentRow).where(AgentRow.id == member.id).values(password_hash="another"))

    async with database.tenant(member.enterprise_id) as tx:
        with pytest.raises(WrongCredentials):
            await confirmed_owner(tx, member.actor, proof)


async def test_of_two_who_change_the_password_at_once_one_does(
    doors: Doors, member: Member, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    both_checked = threading.Barrier(2, timeout=10)
    checks = iter(range(2))

    def meet() -> None:
        if next(checks, None) is not None:
            both_checked.wait()

    hashing._of_nobody()
    monkeypatch.setattr(hashing, "_HASHER", Watched(hashing._HASHER, meet))
    new = ["tea leaves unfold", "rain upon the roof"]
    asked = [{"current_password": PASSWORD, "new_password": one} for one in new]

    answers = await asyncio.gather(*(doors.agent(member).put("/me/password", json=body) for body in asked))

    assert sorted(answer.status_code for answer in answers) == [204, 401]
    kept = new[[answer.status_code for answer in answers].index(204)]
    assert await hashing.verify((await agent_row(database, member.id))["password_hash"], kept)


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """Closed: whoever checks a password waits here."""
    opened = threading.Event()
    hashing._of_nobody()
    monkeypatch.setattr(hashing, "_HASHER", Watched(hashing._HASHER, lambda: opened.wait(10)))
    yield opened
    opened.set()


@pytest.mark.parametrize("known", [True, False])
async def test_where_too_many_wait_the_next_is_sent_away(
    doors: Doors, member: Member, gate: threading.Event, monkeypatch: pytest.MonkeyPatch, known: bool
) -> None:
    monkeypatch.setattr(hashing, "MAX_WAITING", 3)
    body = {"email": member.email, "password": PASSWORD}
    waiting = [asyncio.create_task(doors.stranger().post("/session", json=body)) for _ in range(3)]
    async with asyncio.timeout(10):
        while len(hashing._waiting) < 3:
            await asyncio.sleep(0)

    refused = await doors.stranger().post("/session", json=body if known else {"email": "nobody@example.com", "password": PASSWORD})

    assert (said(refused), refused.headers["Retry-After"]) == ((503, "try_again"), "5")
    gate.set()
    assert [answer.status_code for answer in await asyncio.gather(*waiting)] == [200] * 3
    assert (await doors.stranger().post("/session", json=body)).status_code == 200

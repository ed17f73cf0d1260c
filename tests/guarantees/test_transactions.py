"""One transaction per request, committed before the answer; a job lives and dies with it."""

from __future__ import annotations

from typing import Annotated, Any
from uuid import UUID

import pytest
from fastapi import Depends, FastAPI
from pydantic import BaseModel
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from structlog.testing import capture_logs

from qiatan.entrypoints.app import build_app
from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.http.guards import SignedIn
from qiatan.infra.http.transactions import TenantTx
from qiatan.infra.jobs import JobList
from qiatan.infra.resources import Resources
from qiatan.kit.access import AgentActor
from qiatan.kit.events import Event
from tests.support.doors import Doors
from tests.support.factories import Factories, Tenant

jobs = JobList("tests")


@jobs.job
async def noted(resources: Resources, *, note: str) -> None:
    """Never run: it only has to exist."""


class Strict(BaseModel):
    number: int


_RENAME = text("UPDATE enterprises SET name = :name WHERE id = :id")
Own = Annotated[AgentActor, Depends(SignedIn())]


@pytest.fixture
def app(resources: Resources) -> FastAPI:
    """One of this test's own: routes are added to it."""
    return build_app(resources)


@pytest.fixture
async def tenant(factories: Factories) -> Tenant:
    return await factories.tenant("vorher")


async def _name(database: Database, enterprise_id: UUID) -> str:
    async with database.system() as tx:
        return str((await tx.session.execute(text("SELECT name FROM enterprises WHERE id = :id"), {"id": enterprise_id})).scalar_one())


async def test_the_commit_happens_before_the_answer_is_sent(doors: Doors, database: Database, tenant: Tenant) -> None:
    seen: list[str] = []

    @doors.app.post("/test/rename")
    async def rename(actor: Own, tx: TenantTx) -> Strict:
        await tx.session.execute(_RENAME, {"name": "nachher", "id": actor.enterprise_id})
        return Strict(number=1)

    inner = doors.app.middleware_stack or doors.app.build_middleware_stack()

    async def watching(scope: Any, receive: Any, send: Any) -> None:
        async def send_and_look(message: Any) -> None:
            if message["type"] == "http.response.start":
                seen.append(await _name(database, tenant.enterprise_id))
            await send(message)

        await inner(scope, receive, send_and_look)

    doors.app.middleware_stack = watching
    answer = await doors.agent(tenant.admin).post("http://qiatan.test/test/rename")

    assert (answer.status_code, seen) == (200, ["nachher"])


async def test_an_answer_that_does_not_fit_its_schema_rolls_back(doors: Doors, database: Database, tenant: Tenant) -> None:
    @doors.app.post("/test/broken", response_model=Strict)
    async def broken(actor: Own, tx: TenantTx) -> dict[str, str]:
        await tx.session.execute(_RENAME, {"name": "nachher", "id": actor.enterprise_id})
        await tx.defer(noted, note=str(actor.enterprise_id))
        return {"number": "not a number"}

    http = doors.agent(tenant.admin)
    http._transport.raise_app_exceptions = False  # type: ignore[attr-defined]  # the answer is looked at, not the server's log
    with capture_logs():
        answer = await http.post("http://qiatan.test/test/broken")

    assert (answer.status_code, answer.json()["error"]["code"]) == (500, "internal")
    assert "not a number" not in answer.text
    assert await _name(database, tenant.enterprise_id) == "vorher"
    assert await _notes(database, str(tenant.enterprise_id)) == 0


async def _notes(database: Database, note: str) -> int:
    query = text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'tests.noted' AND args->>'note' = :note")
    async with database.system() as tx:
        return int((await tx.session.execute(query, {"note": note})).scalar_one())


async def test_a_job_exists_exactly_when_its_transaction_does(database: Database, tenant: Tenant) -> None:
    kept, dropped = str(new_id()), str(new_id())
    async with database.tenant(tenant.enterprise_id) as tx:
        await tx.defer(noted, note=kept)
        assert await _notes(database, kept) == 0

    with pytest.raises(RuntimeError):  # noqa: PT012 -- what fails is the end of the block
        async with database.tenant(tenant.enterprise_id) as tx:
            await tx.defer(noted, note=dropped)
            raise RuntimeError

    assert (await _notes(database, kept), await _notes(database, dropped)) == (1, 0)


async def test_events_are_published_after_the_commit_and_never_without_one(database: Database, tenant: Tenant) -> None:
    heard: list[tuple[Event, str]] = []
    names: list[str] = []
    database.listeners.append(lambda events: heard.extend((event, names[-1]) for event in events))
    event = Event(enterprise_id=tenant.enterprise_id)

    async with database.tenant(tenant.enterprise_id) as tx:
        tx.emit(event)
        names.append("inside")
        names.append("before the end")
    with pytest.raises(DBAPIError):  # noqa: PT012 -- what fails is the end of the block
        async with database.tenant(tenant.enterprise_id) as tx:
            tx.emit(event)
            await tx.session.execute(text("SELECT 1 / 0"))

    assert heard == [(event, "before the end")]


async def test_a_failed_commit_is_a_failed_request(doors: Doors, database: Database, tenant: Tenant) -> None:
    """What is checked at the commit only (here: a deferred constraint) must not have been answered with success."""

    @doors.app.post("/test/late")
    async def late(actor: Own, tx: TenantTx) -> Strict:
        await tx.session.execute(text("CREATE TEMPORARY TABLE late (n int UNIQUE DEFERRABLE INITIALLY DEFERRED) ON COMMIT DROP"))
        await tx.session.execute(text("INSERT INTO late VALUES (1), (1)"))
        await tx.session.execute(_RENAME, {"name": "nachher", "id": actor.enterprise_id})
        return Strict(number=1)

    async with database.system() as tx:
        allowed = (await tx.session.execute(text("SELECT has_database_privilege('qiatan_app', current_database(), 'TEMP')"))).scalar_one()
    http = doors.agent(tenant.admin)
    http._transport.raise_app_exceptions = False  # type: ignore[attr-defined]  # the answer is looked at, not the server's log
    with capture_logs():
        answer = await http.post("http://qiatan.test/test/late")

    assert allowed
    assert answer.status_code == 500
    assert await _name(database, tenant.enterprise_id) == "vorher"

"""Nothing that people write, are called or keep secret is ever in a log: planted words are sent everywhere, and looked for in every line."""

from __future__ import annotations

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from qiatan.infra import logs
from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.http.guards import SignedIn, csrf_token
from qiatan.infra.mail import Mailer
from qiatan.modules.conversations import service
from tests.guarantees import world as worlds
from tests.guarantees.world import make_world
from tests.support import talk
from tests.support.doors import Doors
from tests.support.factories import PASSWORD, Factories
from tests.support.routes import every_route

CANARY = "Kanarienvogel"
ROUTES = [route for route in every_route() if route.path is not None and isinstance(route.guards[0], SignedIn)]


class Told:
    """What was logged, as text and as objects."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    def lines(self, event: str) -> list[dict[str, Any]]:
        parsed = [json.loads(line) for line in self.text.splitlines()]
        return [line for line in parsed if line["event"] == event]


@pytest.fixture
def told() -> Iterator[Told]:
    """Everything that is logged during the test, at the most talkative level, as JSON."""
    root = logging.getLogger()
    before = (root.handlers[:], root.level, structlog.get_config())
    found = Told()
    logs.configure("debug", style="json", stream=found.stream)
    try:
        yield found
    finally:
        root.handlers[:] = before[0]
        root.setLevel(before[1])
        structlog.configure(**before[2])


def _planted(value: Any) -> Any:
    """The same with our word in every text."""
    if isinstance(value, dict):
        return {key: _planted(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_planted(one) for one in value]
    return f"{CANARY} {value}" if isinstance(value, str) and "{" not in value else value


async def _undo(session: AsyncSession) -> None:
    """One call must not end the session of the next."""
    await session.flush()
    session.expunge_all()
    await session.rollback()


@pytest.mark.timeout(240)
async def test_no_route_logs_what_it_is_sent(
    doors: Doors, database: Database, factories: Factories, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = await make_world(doors, database, factories)
    member = world.tenant.admin
    monkeypatch.setattr(Database, "publish", lambda *_: None)
    monkeypatch.setattr(AsyncSession, "commit", _undo)
    monkeypatch.setattr(logs, "SLOW_SECONDS", -1.0)  # every request and transaction gets its line
    for bodies in (worlds.BODIES, _planted(worlds.BODIES)):
        monkeypatch.setattr(worlds, "BODIES", bodies)
        for route in ROUTES:
            http = doors.agent(member, headers={"User-Agent": CANARY})
            await worlds.call(http, route, f"{world.path(route)}?q={CANARY}&name={CANARY}", world.ids)

    slow = told.lines("request.slow")
    assert {line["route"] for line in slow} >= {
        f"/api/v1{route.path}" if not str(route.path).startswith("/api") else route.path for route in ROUTES
    }
    assert all(line["enterprise_id"] == str(member.enterprise_id) for line in slow if line["status"] < 400)
    _nothing_secret(told, member.session_token, csrf_token(member.session_token), PASSWORD, member.email)


async def test_signing_in_and_talking_leave_no_words(doors: Doors, database: Database, factories: Factories, told: Told) -> None:
    tenant = await factories.tenant(name=f"{CANARY} Handel")
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, tenant.admin, words=f"{CANARY} zuerst")
    stranger = doors.stranger()
    await stranger.post("/auth/sign-in", json={"email": tenant.admin.email, "password": f"{CANARY} falsch"})
    await stranger.post("/auth/sign-in", json={"email": f"{CANARY}@example.com", "password": CANARY})
    await stranger.get(f"/no/{CANARY}?token={CANARY}", headers={"Authorization": f"Bearer {CANARY}"})
    await stranger.get("http://qiatan.test/files/" + CANARY)
    visitor = await doors.visitor_socket(guest.token)
    agent = await doors.agent_socket(tenant.admin)
    await visitor.send(type="send", client_message_id=str(new_id()), text=f"{CANARY} am Socket")
    await visitor.next("ack")
    await agent.send(type="send", client_message_id=str(new_id()), conversation_id=str(conversation_id), text=CANARY)
    await agent.next("ack")
    await agent.send(type="send", client_message_id=CANARY, text=CANARY)
    await agent.next("error")
    await agent.send(type=CANARY)
    await agent.next("error")

    _nothing_secret(told, tenant.admin.session_token, guest.token, tenant.admin.email)


async def test_what_breaks_is_told_without_what_was_in_it(
    doors: Doors, database: Database, factories: Factories, told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, tenant.admin)

    def breaks(*_: Any, **__: Any) -> Any:
        raise ValueError(f"cannot read {f'{CANARY} text'!r}\nof {CANARY}")

    monkeypatch.setattr(service, "get", breaks)
    with pytest.raises(ValueError, match="cannot read"):  # the transport of tests hands on what the server has answered already
        await doors.agent(tenant.admin).get(f"/conversations/{conversation_id}")

    (line,) = told.lines("request.crashed")
    assert line["route"] == "GET /api/v1/conversations/{conversation_id}"
    assert line["enterprise_id"] == str(tenant.enterprise_id)
    assert line["agent_id"] == str(tenant.admin.id)
    assert line["conversation_id"] == str(conversation_id)
    assert len(line["request_id"]) == 16
    assert "ValueError: cannot read '…'" in line["exception"]
    _nothing_secret(told, tenant.admin.session_token)


async def test_a_row_that_the_database_refuses_is_not_in_the_log(database: Database, factories: Factories, told: Told) -> None:
    """PostgreSQL's own words name the values of the key, or the whole row."""
    tenant = await factories.tenant()
    log = structlog.get_logger("test")
    for statement in (
        "INSERT INTO enterprises (id, name, created_at) VALUES (:id, :word, now())",
        "INSERT INTO channels (enterprise_id, id, name) VALUES (:id, :id, :word)",
        "SELECT CAST(:word AS uuid)",
    ):
        try:
            async with database.system() as tx:
                await tx.session.execute(text(statement), {"id": tenant.enterprise_id, "word": CANARY})
        except Exception as error:
            log.exception("test.refused", error=str(error))

    lines = told.lines("test.refused")
    assert len(lines) == 3
    assert "pk_enterprises" in lines[0]["error"]
    assert all("psycopg.errors" in line["exception"] for line in lines)
    _nothing_secret(told)


async def test_a_mail_server_that_quotes_the_recipient_is_not_quoted(told: Told, database: Database) -> None:
    mailer = Mailer(None, None, database.clock)
    log = structlog.get_logger("test")
    try:
        await mailer.send(f"{CANARY}@example.com", CANARY, CANARY, CANARY)
    except Exception as error:
        log.exception("test.refused", error=str(error))

    assert len(told.lines("test.refused")) == 1
    _nothing_secret(told)


def _nothing_secret(told: Told, *secrets: str) -> None:
    """The planted word and what opens something are in no line. (A traceback quotes code, and this test's code has no secret.)"""
    for word in (CANARY, *secrets):
        found = [line[:400] for line in told.text.splitlines() if word in line]
        assert not found, (word, found[:3])

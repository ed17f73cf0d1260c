"""Every route and every frame against every kind of caller: the exact answer, and who is refused has changed nothing.

Refused calls run in earnest, and a checksum over all the enterprise has must be the same after them. Allowed ones run with every
transaction undone instead of committed, so that one call cannot change what the next one finds.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.http.guards import SESSION_COOKIE, VIEW_HEADER, Requires, SignedIn, csrf_token
from qiatan.kit.access import Scope, ScopeKind
from tests.guarantees.matrix import PERSONAL, expected, expected_frame
from tests.guarantees.world import World, call, checksum, make_world
from tests.support.access import points_of
from tests.support.doors import Doors
from tests.support.factories import PASSWORD, Factories, Member
from tests.support.routes import Route, every_route
from tests.support.sockets import SocketClient

ROUTES = [route for route in every_route() if route.path is not None and isinstance(route.guards[0], SignedIn)]
POINTED = [route for route in ROUTES if isinstance(route.guards[0], Requires)]
OWN = [route for route in ROUTES if route not in POINTED]
ROLES = ["everything", "department_head", "group_leader", "analyst", "specialist", "agent"]
REFUSED = (401, 403, 404)


@pytest.fixture
async def world(doors: Doors, database: Database, factories: Factories) -> World:
    return await make_world(doors, database, factories)


def _client(doors: Doors, member: Member, **headers: str) -> httpx.AsyncClient:
    """Keeps its cookie whatever is answered: one of the calls signs out."""
    cookie = f"{SESSION_COOKIE}={member.session_token}"
    return doors.stranger(csrf=csrf_token(member.session_token), headers={"Cookie": cookie, **headers})


def _undone() -> AbstractContextManager[object]:
    async def undo(session: AsyncSession) -> None:
        await session.flush()
        session.expunge_all()  # what was read stays readable, as after a commit
        await session.rollback()

    patch = pytest.MonkeyPatch()
    patch.setattr(AsyncSession, "commit", undo)
    patch.setattr(Database, "publish", lambda *_: None)
    return _Patched(patch)


class _Patched(AbstractContextManager[object]):
    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self._patch = patch

    def __exit__(self, *_: object) -> None:
        self._patch.undo()


async def _answers(http: httpx.AsyncClient, world: World, routes: Collection[Route], *, undone: bool = False) -> dict[str, tuple[int, str]]:
    """Status and code of each call."""
    found = {}
    with _undone() if undone else nullcontext():
        for route in routes:
            answer = await call(http, route, world.path(route), world.ids)
            found[route.name] = (answer.status_code, answer.json()["error"]["code"] if answer.status_code >= 400 else "")
    return found


def _statuses(answers: dict[str, tuple[int, str]]) -> dict[str, int]:
    return {name: status for name, (status, _) in answers.items()}


def _scopes(world: World) -> dict[ScopeKind, Scope]:
    return {
        ScopeKind.SELF: Scope(),
        ScopeKind.GROUPS: Scope(ScopeKind.GROUPS, frozenset({world.ids["group_id"]})),
        ScopeKind.ALL: Scope(ScopeKind.ALL),
    }


def _points(role: str) -> frozenset[str]:
    return points_of("admin" if role == "everything" else role)


async def _member(factories: Factories, world: World, role: str, scope: Scope) -> Member:
    given: dict[str, Any] = {"points": _points(role)} if role == "everything" else {"role": role}
    return await factories.agent(world.tenant.enterprise_id, scope=scope, **given)


async def _sql(database: Database, statement: str, **values: Any) -> None:
    async with database.system() as tx:
        await tx.session.execute(text(statement), values)


# -- routes


async def test_what_is_ones_own(doors: Doors, database: Database, factories: Factories, world: World) -> None:
    """It takes no point and knows no scope, so one ordinary agent stands for all."""
    http = _client(doors, await factories.agent(world.tenant.enterprise_id))
    before = await checksum(database, world.tenant.enterprise_id)

    answers = await _answers(http, world, OWN, undone=True)

    assert _statuses(answers) == {route.name: expected(route, points_of("agent"), ScopeKind.SELF) for route in OWN}
    assert await checksum(database, world.tenant.enterprise_id) == before


@pytest.mark.parametrize("role", ROLES)
async def test_each_role_in_each_scope(doors: Doors, database: Database, factories: Factories, world: World, role: str) -> None:
    members = {kind: await _member(factories, world, role, scope) for kind, scope in _scopes(world).items()}
    before = await checksum(database, world.tenant.enterprise_id)
    for kind, member in members.items():
        http = _client(doors, member)
        right = {route.name: expected(route, _points(role), kind) for route in POINTED}
        refused = [route for route in POINTED if right[route.name] in REFUSED]
        allowed = [route for route in POINTED if right[route.name] not in REFUSED]

        answers = await _answers(http, world, refused) | await _answers(http, world, allowed, undone=True)

        assert _statuses(answers) == right, kind
    assert await checksum(database, world.tenant.enterprise_id) == before


async def test_the_administrator(doors: Doors, database: Database, world: World) -> None:
    before = await checksum(database, world.tenant.enterprise_id)

    answers = await _answers(_client(doors, world.tenant.admin), world, ROUTES, undone=True)

    assert _statuses(answers) == {route.name: expected(route, points_of("admin"), ScopeKind.ALL) for route in ROUTES}
    assert await checksum(database, world.tenant.enterprise_id) == before


async def test_who_must_add_a_second_factor_first(doors: Doors, database: Database, factories: Factories, world: World) -> None:
    member = await _member(factories, world, "everything", Scope(ScopeKind.ALL))
    await _sql(database, "UPDATE roles SET requires_two_factor = true WHERE id = (SELECT role_id FROM agents WHERE id = :id)", id=member.id)
    http = _client(doors, member)
    enrolling = [route for route in ROUTES if isinstance(route.guards[0], SignedIn) and getattr(route.guards[0], "_enrolling")]  # noqa: B009 -- the guard keeps it to itself
    closed = [route for route in ROUTES if route not in enrolling]
    before = await checksum(database, world.tenant.enterprise_id)

    refused = await _answers(http, world, closed)
    opened = await _answers(http, world, enrolling, undone=True)

    assert refused == dict.fromkeys(refused, (403, "two_factor_required"))
    assert _statuses(opened) == {route.name: expected(route, points_of("admin"), ScopeKind.ALL) for route in enrolling}
    assert {"get_me", "sign_out", "begin_totp", "add_passkey"} <= opened.keys()
    assert not {name for name in opened if not name.endswith(("totp", "passkey")) and name not in _ENROLLING_TOO}
    assert await checksum(database, world.tenant.enterprise_id) == before


_ENROLLING_TOO = {"get_me", "change_me", "sign_out", "get_own_security", "make_recovery_codes"}


@pytest.mark.parametrize("role", ["department_head", "agent"])
async def test_who_looks_as_a_colleague(doors: Doors, database: Database, factories: Factories, world: World, role: str) -> None:
    """Sees what the colleague may see, and changes nothing."""
    colleague = await _member(factories, world, role, Scope(ScopeKind.ALL))
    grant = (await doors.agent(world.tenant.admin).post(f"/agents/{colleague.id}/view-as")).json()
    http = _client(doors, world.tenant.admin, **{VIEW_HEADER: grant["token"]})
    reading = [route for route in ROUTES if route.method == "GET"]
    before = await checksum(database, world.tenant.enterprise_id)

    writes = await _answers(http, world, [route for route in ROUTES if route not in reading])
    reads = await _answers(http, world, reading, undone=True)

    assert writes == dict.fromkeys(writes, (403, "read_only_view"))
    right = {route.name: expected(route, _points(role), ScopeKind.ALL) for route in reading}
    assert _statuses(reads) == right | {"get_own_security": 403, "list_own_sessions": 403, "get_push": 403}
    assert await checksum(database, world.tenant.enterprise_id) == before


async def test_a_program_with_all_that_a_key_may_hold(doors: Doors, database: Database, world: World) -> None:
    points = points_of("admin") - PERSONAL
    new = {"name": "报表", "points": sorted(points), "password": PASSWORD}
    made = await doors.agent(world.tenant.admin).post("/api-keys", json=new)
    http = doors.visitor(made.json()["secret"])
    await http.get("/enterprise")  # from here on the key's last use is known
    right = {route.name: 403 if route in OWN else expected(route, points, ScopeKind.ALL) for route in ROUTES}
    right["preview_login_policy"] = 403  # its first word is what becomes of the asker
    refused = [route for route in ROUTES if right[route.name] in REFUSED]
    before = await checksum(database, world.tenant.enterprise_id)

    answers = await _answers(http, world, refused)
    answers |= await _answers(http, world, [route for route in ROUTES if route not in refused], undone=True)

    assert _statuses(answers) == right
    assert await checksum(database, world.tenant.enterprise_id) == before


async def test_another_enterprises_administrator_sees_nothing_of_it(
    doors: Doors, database: Database, factories: Factories, world: World
) -> None:
    """Also not in lists: no answer contains an id of the world."""
    http = _client(doors, (await factories.tenant()).admin)
    before = await checksum(database, world.tenant.enterprise_id)
    ids = {str(value) for name, value in world.ids.items() if name not in ("seq", "name", "poll_id")}

    for route in ROUTES:
        if "{" in (route.path or ""):
            continue
        with _undone():
            answer = await call(http, route, world.path(route), world.ids)
        sent = {"try_address": {str(world.ids["role_id"])}}.get(route.name, set())
        assert not [value for value in ids - sent if value in answer.text], route.name

    assert await checksum(database, world.tenant.enterprise_id) == before


# -- frames


def _frames(world: World) -> dict[str, dict[str, Any]]:
    """A frame of each kind about the conversation that `server` serves, but those that are not answered: they are looked at apart."""
    conversation_id = str(world.ids["conversation_id"])
    return {
        "subscribe mine": {"type": "subscribe", "topic": "mine"},
        "subscribe queue": {"type": "subscribe", "topic": "queue"},
        "subscribe colleagues": {"type": "subscribe", "topic": "colleagues"},
        "subscribe conversation": {"type": "subscribe", "topic": "conversation", "conversation_id": conversation_id},
        "send": {"type": "send", "client_message_id": str(new_id()), "conversation_id": conversation_id, "text": "假的"},
        "withdraw": {"type": "withdraw", "client_message_id": str(new_id()), "conversation_id": conversation_id, "seq": 4},
        "edit": {"type": "edit", "client_message_id": str(new_id()), "conversation_id": conversation_id, "seq": 4, "text": "假的"},
        "ping": {"type": "ping"},
    }


async def _frame_answers(socket: SocketClient, world: World) -> dict[str, str]:
    found = {}
    for kind, frame in _frames(world).items():
        await socket.send(**frame)
        while True:
            answer = await socket.next()
            if answer["type"] in ("subscribed", "ack", "error", "pong"):
                break
        found[kind] = answer["code"] if answer["type"] == "error" else answer["type"]
    return found


async def test_frames_of_each_role_in_each_scope(doors: Doors, database: Database, factories: Factories, world: World) -> None:
    members = {(role, kind): await _member(factories, world, role, scope) for role in ROLES for kind, scope in _scopes(world).items()}
    before = await _talk_checksum(database, world)

    for (role, kind), member in members.items():
        socket = await doors.agent_socket(member)
        answers = await _frame_answers(socket, world)
        assert answers == {frame: expected_frame(frame, _points(role), kind) for frame in _frames(world)}, (role, kind)
        await socket.close()

    assert await _talk_checksum(database, world) == before


async def _talk_checksum(database: Database, world: World) -> object:
    """Of what frames can change. Being connected is presence, which changes by itself."""
    query = text(
        """SELECT md5(string_agg(t, '' ORDER BY t)) FROM (SELECT m::text AS t FROM messages m WHERE m.enterprise_id = :id
           UNION ALL SELECT c::text FROM conversations c WHERE c.enterprise_id = :id) rows"""
    )
    async with database.system() as tx:
        return (await tx.session.execute(query, {"id": world.tenant.enterprise_id})).scalar_one()


async def test_reading_typing_and_looking_of_who_may_not(doors: Doors, database: Database, factories: Factories, world: World) -> None:
    other = (await factories.tenant()).admin
    analyst = await factories.agent(world.tenant.enterprise_id, role="analyst", scope=Scope(ScopeKind.ALL))
    conversation_id = str(world.ids["conversation_id"])
    before = await _talk_checksum(database, world)

    codes = {}
    for name, member in {"foreign": other, "colleague": world.colleague, "narrow": world.narrow, "analyst": analyst}.items():
        socket = await doors.agent_socket(member)
        if name == "analyst":  # who does not serve puts no phone of theirs to sleep
            await socket.send(type="page", asleep=True)
            assert (await socket.next("error"))["code"] == "not_allowed"
        for frame in ({"type": "read", "seq": 4}, {"type": "typing"}, {"type": "viewing"}):
            await socket.send(**frame, conversation_id=conversation_id)
            codes[name, frame["type"]] = (await socket.next("error"))["code"]

    assert codes == {
        (name, kind): "not_allowed" if name == "analyst" else "not_found"
        for name in ("foreign", "colleague", "narrow", "analyst")
        for kind in ("read", "typing", "viewing")
    }
    assert await _talk_checksum(database, world) == before


async def test_frames_of_another_enterprises_administrator(doors: Doors, database: Database, factories: Factories, world: World) -> None:
    socket = await doors.agent_socket((await factories.tenant()).admin)
    before = await _talk_checksum(database, world)

    answers = await _frame_answers(socket, world)

    about_it = ("subscribe conversation", "send", "withdraw", "edit")
    assert {kind: answers[kind] for kind in about_it} == dict.fromkeys(about_it, "not_found")
    assert await _talk_checksum(database, world) == before


async def test_frames_of_who_looks_as_a_colleague(doors: Doors, database: Database, world: World) -> None:
    grant = (await doors.agent(world.tenant.admin).post(f"/agents/{world.server.id}/view-as")).json()
    socket = await doors.socket(cookie=world.tenant.admin.session_token, hello={"view_as": grant["token"]})
    before = await checksum(database, world.tenant.enterprise_id)

    answers = await _frame_answers(socket, world)

    assert answers == {
        "subscribe mine": "subscribed",
        "subscribe queue": "subscribed",
        "subscribe colleagues": "not_allowed",
        "subscribe conversation": "subscribed",
        "send": "read_only_view",
        "withdraw": "read_only_view",
        "edit": "read_only_view",
        "ping": "pong",
    }
    assert await checksum(database, world.tenant.enterprise_id) == before


async def test_frames_of_visitors(doors: Doors, database: Database, factories: Factories, world: World) -> None:
    """Somebody else who opened the widget of the same shop."""
    stranger = await factories.visitor(await factories.channel(world.tenant.enterprise_id))
    socket = await doors.visitor_socket(stranger.token)
    before = await _talk_checksum(database, world)

    answers = await _frame_answers(socket, world)

    assert answers == {
        "subscribe mine": "subscribed",
        "subscribe queue": "not_allowed",
        "subscribe colleagues": "not_allowed",
        "subscribe conversation": "not_allowed",
        "send": "bad_request",  # visitors do not name a conversation
        "withdraw": "not_found",
        "edit": "not_allowed",
        "ping": "pong",
    }
    assert await _talk_checksum(database, world) == before


async def test_who_gets_no_socket_at_all(doors: Doors, database: Database, factories: Factories, world: World) -> None:
    enterprise_id = world.tenant.enterprise_id
    disabled = await factories.agent(enterprise_id, role="admin", enabled=False)
    pending = await factories.agent(enterprise_id, role="admin", pending=True)
    enrolling = await _member(factories, world, "everything", Scope(ScopeKind.ALL))
    await _sql(
        database, "UPDATE roles SET requires_two_factor = true WHERE id = (SELECT role_id FROM agents WHERE id = :id)", id=enrolling.id
    )
    new = {"name": "报表", "points": ["enterprise.view"], "password": PASSWORD}
    key = (await doors.agent(world.tenant.admin).post("/api-keys", json=new)).json()["secret"]
    before = await checksum(database, enterprise_id)

    async def closed(cookie: str | None, **hello: str) -> tuple[int, list[str]]:
        socket = await doors.socket(cookie=cookie)
        await socket.send(**_frames(world)["send"])
        await socket.send(type="hello", protocol=1, **hello)
        code = await socket.until_closed()
        return code, [frame["code"] for frame in socket.frames]

    assert await asyncio.gather(
        closed(None),
        closed(disabled.session_token),
        closed(pending.session_token),
        closed(enrolling.session_token),
        closed(key),
        closed(None, token=key),
        closed(world.tenant.admin.session_token, view_as="x"),
    ) == [
        (4401, ["not_signed_in", "signed_out"]),
        (4401, ["not_signed_in", "signed_out"]),
        (4401, ["not_signed_in", "signed_out"]),
        (4401, ["not_signed_in", "two_factor_required"]),
        (4401, ["not_signed_in", "signed_out"]),
        (4401, ["not_signed_in", "token_expired"]),
        (4401, ["not_signed_in", "view_ended"]),
    ]
    assert await checksum(database, enterprise_id) == before

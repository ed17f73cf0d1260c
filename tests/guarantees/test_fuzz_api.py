"""Anything at all against every route, by every kind of caller: never our fault, and never a word of another enterprise.

Few examples run by default, each by an administrator, who gets furthest, and by another caller in turn; `FUZZ_EXAMPLES` asks for more, of every
route and every kind, each by everybody, and then they differ from run to run. Who may call what at all is told by `test_permissions`.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from copy import deepcopy
from itertools import cycle
from typing import Any

import httpx
import pytest
import schemathesis
from hypothesis import given
from schemathesis.core.result import Ok
from schemathesis.generation import GenerationMode

from qiatan.entrypoints.registry import CATALOGUE
from qiatan.infra.db import Database
from qiatan.infra.http.guards import SESSION_COOKIE, csrf_token
from tests.guarantees.world import World, checksum, make_world
from tests.support import fuzzing
from tests.support.canaries import CANARIES, mark
from tests.support.doors import PUBLIC_URL, Doors
from tests.support.factories import PASSWORD, Factories, Member
from tests.support.routes import description

EXAMPLES = 1
CANARY = CANARIES[0]
_FURTHEST = "an administrator"
_OF_CALLERS = {"authorization", "cookie", "user-agent", "accept-encoding", "connection", "content-length", "transfer-encoding"}
_LEFT_OUT = {
    "sign_out": "ends the session that the next example needs",
    "poll": "waits for news",
}

SCHEMA = schemathesis.openapi.from_dict(deepcopy(description()))


OPERATIONS = [
    result.ok()
    for result in SCHEMA.get_all_operations()
    if isinstance(result, Ok) and result.ok().definition.raw.get("operationId") not in _LEFT_OUT
]
_PARTS = 4


def _cases(operation: Any, mode: GenerationMode) -> list[Any]:
    """Examples as data: they are sent later, by everybody, from one loop."""
    found: list[Any] = []

    @fuzzing.some(EXAMPLES)
    @given(operation.as_strategy(generation_mode=mode))
    def gather(case: Any) -> None:
        found.append(case)

    gather()
    return found


def _requests(operation: Any, worlds: Sequence[World]) -> Iterator[dict[str, Any]]:
    """What to send: each example as it came, and once more with ids that exist in each world, so that it gets past "not found"."""
    for mode in GenerationMode:
        try:
            cases = _cases(operation, mode)
        except Exception as error:
            if mode is GenerationMode.POSITIVE:
                raise AssertionError(f"{operation.label}: no example fits its own description: {error}") from error
            continue
        for case in cases:
            drawn = dict(case.path_parameters or {})
            for ids in ({}, *(world.ids for world in worlds if drawn)):
                known = {name: ids[name] for name in drawn if name in ids}
                case.path_parameters = {name: str(value) or "x" for name, value in {**drawn, **known}.items()}
                given = case.as_transport_kwargs(base_url=PUBLIC_URL)
                content, headers = _body(given)
                yield {
                    "method": given["method"],
                    "url": given["url"],
                    "params": given.get("params"),
                    "content": content,
                    "headers": headers,
                    "files": given.get("files"),
                }


def _body(given: dict[str, Any]) -> tuple[bytes | None, dict[str, str]]:
    if given.get("files"):
        return None, {}  # a form, which the client writes
    # What the client or the caller says of itself stays as it is; all else is sent as it was drawn.
    drawn = {name: value for name, value in dict(given.get("headers") or {}).items() if name.lower() not in _OF_CALLERS}
    headers = {"Content-Type": "application/json"} | drawn
    if "json" in given:
        try:
            return json.dumps(given["json"]).encode(), headers
        except (TypeError, ValueError, UnicodeEncodeError):
            return b"{", headers
    data = given.get("data")
    if isinstance(data, bytes):
        return data, headers
    return (str(data).encode(errors="replace") if data is not None else None), headers


async def _callers(doors: Doors, world: World) -> dict[str, httpx.AsyncClient]:
    points = [point.name for point in CATALOGUE if not point.personal]
    key = await doors.agent(world.tenant.admin).post("/api-keys", json={"name": "程序", "points": points, "password": PASSWORD})
    return {
        "a program": doors.visitor(key.json()["secret"]),
        _FURTHEST: _browser(doors, world.tenant.admin),
        "who sees only themselves": _browser(doors, world.narrow),
        "who serves": _browser(doors, world.server),
        "a visitor": doors.visitor(world.guest.token),
        "nobody": doors.stranger(),
    }


def _senders(callers: Iterable[str]) -> Iterator[list[str]]:
    """Who sends the next request."""
    everybody = list(callers)
    others = cycle(who for who in everybody if who != _FURTHEST)
    while True:
        yield [_FURTHEST, next(others)] if fuzzing.is_short() else everybody


def _browser(doors: Doors, member: Member) -> httpx.AsyncClient:
    """Keeps its cookie whatever is answered."""
    return doors.stranger(csrf=csrf_token(member.session_token), headers={"Cookie": f"{SESSION_COOKIE}={member.session_token}"})


async def _are_themselves(callers: dict[str, httpx.AsyncClient]) -> bool:
    """Whether each may still do what they may: what was sent may have blocked, disabled or signed out somebody."""
    asked = {"a visitor": "/widget/conversations", "a program": "/enterprise", _FURTHEST: "/enterprise"}
    asked |= dict.fromkeys(("who sees only themselves", "who serves"), "/conversations")
    return all([(await callers[who].get(path)).status_code == 200 for who, path in asked.items()])


async def _send(client: httpx.AsyncClient, request: dict[str, Any]) -> httpx.Response | None:
    client.cookies.clear()  # who signs in or up by chance is still the same caller with the next call
    try:
        return await client.request(**request)
    except (httpx.InvalidURL, ValueError, TypeError, AttributeError, UnicodeError):
        return None  # no client could send this


def _check(operation: Any, who: str, request: dict[str, Any], response: httpx.Response, canary: str) -> None:
    told = f"{operation.label} by {who}: {request['url']} {request['params']} {request['content'] or b''!r}"
    assert response.status_code < 500 or "oidc_unreachable" in response.text, f"{response.status_code} {response.text[:300]}\n{told}"
    assert canary.encode() not in response.content, f"a word of another enterprise\n{told}"
    assert canary not in str(response.headers), f"a word of another enterprise in a header\n{told}"
    if response.status_code >= 400 and request["method"] != "HEAD":
        error = response.json()["error"]
        assert error["code"], f"{response.text[:300]}\n{told}"
        assert error["message"], f"{response.text[:300]}\n{told}"


@fuzzing.time_for(EXAMPLES, seconds_each=600, seconds_before=0)
@pytest.mark.parametrize("part", range(_PARTS))
async def test_nothing_sent_to_any_route_is_our_fault_or_crosses(part: int, doors: Doors, database: Database, factories: Factories) -> None:
    # given two enterprises with something of everything, and a mark in every text of the second
    ours, theirs = await make_world(doors, database, factories), await make_world(doors, database, factories)
    marked = await mark(database, theirs.tenant.enterprise_id, CANARY)
    assert {"messages.text", "agents.name", "reply_entries.title", "customer_notes.text", "tags.name"} <= marked
    before = await checksum(database, theirs.tenant.enterprise_id)
    callers = await _callers(doors, ours)
    answers: Counter[int] = Counter()
    senders = _senders(callers)

    # when callers of the first send everything, about themselves and about the second
    for operation in OPERATIONS[part::_PARTS]:
        doors.app.state.resources.throttle._buckets.clear()  # how often is another story
        if not await _are_themselves(callers):
            ours = await make_world(doors, database, factories)
            callers = await _callers(doors, ours)
        for request in _requests(operation, (theirs, ours)):
            for who in next(senders):
                response = await _send(callers[who], request)
                if response is not None:
                    answers[response.status_code] += 1
                    _check(operation, who, request, response, CANARY)

    # then the second is as it was
    assert min(answers[200], answers[401], answers[404], answers[422]) > 0
    assert await checksum(database, theirs.tenant.enterprise_id) == before

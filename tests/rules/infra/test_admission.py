"""The gate in front of the HTTP application, with an application that waits as long as it is told to."""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import MutableMapping
from typing import Any

import pytest
from fastapi import Response
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from starlette.requests import ClientDisconnect

from qiatan.entrypoints import pages
from qiatan.entrypoints.app import ASKING, CONTENTS, SENDING
from qiatan.infra.clock import new_id
from qiatan.infra.http import admission, transactions
from qiatan.infra.http.admission import Admission, Bodies
from qiatan.infra.limits import Limits
from tests.support.routes import described_app, description, routes_of


class Work:
    """An application whose requests last until they are let go; it notes what it was given."""

    def __init__(self) -> None:
        self.go = asyncio.Event()
        self.begun: list[str] = []
        self.bodies: list[bytes] = []
        self.enterprises: dict[str, Any] = {}

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.begun.append(scope["path"])
        self.bodies.append((await receive())["body"])
        learn = scope["state"].get("learn_enterprise") if "state" in scope else None
        for name, value in scope["headers"]:
            if learn is not None and name == b"authorization" and value.decode() in self.enterprises:
                learn(self.enterprises[value.decode()])
        await self.go.wait()
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})


class Parts(Work):
    """Reads its body to the end, as a route does that takes a file."""

    def __init__(self) -> None:
        super().__init__()
        self.whole: list[bytes] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        body, more = b"", True
        while more:
            message = await receive()
            if message["type"] == "http.disconnect":
                raise ClientDisconnect
            body, more = body + message["body"], message["more_body"]
        self.whole.append(body)
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"{}"})


class Call:
    """One request on its way."""

    def __init__(
        self,
        app: Admission,
        path: str = "/api/v1/conversations",
        *,
        token: str | None = None,
        peer: str = "192.0.2.1",
        kind: bytes = b"application/json",
        method: str = "POST",
    ) -> None:
        self.said: list[MutableMapping[str, Any]] = []
        headers = [(b"content-type", kind)] + ([(b"authorization", token.encode())] if token is not None else [])
        scope = {"type": "http", "path": path, "headers": headers, "client": (peer, 1), "method": method, "state": {}}
        self._parts: asyncio.Queue[MutableMapping[str, Any]] = asyncio.Queue()
        self.task = asyncio.create_task(app(scope, self._parts.get, self._send))

    async def _send(self, message: MutableMapping[str, Any]) -> None:
        self.said.append(message)

    def body(self, *parts: bytes) -> Call:
        for number, part in enumerate(parts or (b"",), start=1):
            self._parts.put_nowait({"type": "http.request", "body": part, "more_body": number < (len(parts) or 1)})
        return self

    async def status(self) -> int:
        await asyncio.wait_for(self.task, 5)
        return int(self.said[0]["status"])


async def _turns() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def _app(work: Work, **limits: int) -> Admission:
    return Admission(
        work,
        limits=Limits(**limits),
        reserved=("/api/v1/session",),
        free=("/api/v1/poll",),
        asking=ASKING,
        contents=CONTENTS,
        sending=SENDING,
    )


async def test_one_enterprise_at_full_speed_leaves_places_to_the_others() -> None:
    work = Work()
    app = _app(work, requests=2, all_requests=6)

    crowd = [Call(app, peer="192.0.2.1").body() for _ in range(10)]
    await _turns()
    alone = Call(app, "/api/v1/roles", peer="192.0.2.2").body()
    await _turns()

    assert (work.begun.count("/api/v1/conversations"), work.begun.count("/api/v1/roles")) == (2, 1)
    work.go.set()
    assert [await call.status() for call in (alone, *crowd)] == [200] * 11
    assert (app.requests.inside, app.requests.waiting) == (0, 0)


async def test_callers_of_one_enterprise_share_its_places_once_they_are_known() -> None:
    work, enterprise = Work(), new_id()
    work.enterprises = {"Bearer a": enterprise, "Bearer b": enterprise}
    app = _app(work, requests=1, all_requests=6)
    work.go.set()
    for token in ("Bearer a", "Bearer b"):
        assert await Call(app, token=token).body().status() == 200
    work.go.clear()
    work.begun.clear()

    calls = [Call(app, token=token, peer=f"192.0.2.{number}").body() for number, token in enumerate(("Bearer a", "Bearer b", "Bearer c"))]
    await _turns()

    assert len(work.begun) == 2  # one of the two, and who is a stranger
    work.go.set()
    assert [await call.status() for call in calls] == [200] * 3


async def test_who_may_not_wait_any_more_is_told_when_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "WAITING_OF_EACH", 1)
    work = Work()
    app = _app(work, requests=1, all_requests=6)
    inside, waiting = Call(app).body(), Call(app).body()
    await _turns()

    refused = Call(app).body()

    assert await refused.status() == 503
    assert dict(refused.said[0]["headers"])[b"retry-after"] == b"1"
    assert json.loads(refused.said[1]["body"])["error"] == {
        "code": "try_again",
        "message": "More is asked of the server than it can do at this moment; nothing was changed. Try again in a moment.",
        "request_id": "-",
    }
    assert len(work.begun) == 1
    work.go.set()
    assert [await inside.status(), await waiting.status()] == [200, 200]


async def test_signing_in_polling_and_pages_go_on_while_everything_waits() -> None:
    work = Work()
    app = _app(work, requests=6, all_requests=6)
    crowd = [Call(app, peer=f"192.0.2.{number}").body() for number in range(6)]
    await _turns()
    assert work.begun == ["/api/v1/conversations"] * 5  # the sixth place is the reserve

    others = [Call(app, path).body() for path in ("/api/v1/session", "/api/v1/poll/abc", "/healthz", "/app/")]
    await _turns()

    assert work.begun[5:] == ["/api/v1/session", "/api/v1/poll/abc", "/healthz", "/app/"]
    work.go.set()
    assert [await call.status() for call in (*others, *crowd)] == [200] * 10


async def test_what_only_begins_like_a_reserved_path_waits_with_the_others() -> None:
    work = Work()
    app = Admission(work, limits=Limits(requests=6, all_requests=6), reserved=("/api/v1/me",))
    crowd = [Call(app, peer=f"192.0.2.{number}").body() for number in range(5)]
    await _turns()

    others = [Call(app, path, peer="192.0.2.9").body() for path in ("/api/v1/mentions", "/api/v1/me/preferences")]
    await _turns()

    assert work.begun == ["/api/v1/conversations"] * 5 + ["/api/v1/me/preferences"]
    work.go.set()
    assert [await call.status() for call in (*crowd, *others)] == [200] * 7


async def test_a_slow_sender_holds_no_place_and_its_body_arrives_whole() -> None:
    work = Work()
    work.go.set()
    app = _app(work, requests=1, all_requests=1)
    slow = Call(app)
    slow._parts.put_nowait({"type": "http.request", "body": b"one ", "more_body": True})
    await _turns()

    assert await Call(app).body(b"quick").status() == 200

    slow._parts.put_nowait({"type": "http.request", "body": b"two", "more_body": False})
    assert await slow.status() == 200
    assert work.bodies == [b"quick", b"one two"]


async def test_who_goes_away_while_waiting_leaves_no_place_taken() -> None:
    work = Work()
    app = _app(work, requests=1, all_requests=6)
    inside, gone = Call(app).body(), Call(app).body()
    await _turns()

    gone.task.cancel()
    await asyncio.wait([gone.task])
    work.go.set()

    assert await inside.status() == 200
    assert (app.requests.inside, app.requests.waiting) == (0, 0)


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        ("/api/v1/conversations", b"application/json"),
        ("/api/v1/uploads/1", b"application/octet-stream"),
        ("/api/v1/poll", b"application/json"),
        ("/api/v1/poll/1", b"application/json"),
    ],
)
async def test_a_body_that_brings_nothing_is_given_up_and_its_place_is_free(
    monkeypatch: pytest.MonkeyPatch, path: str, kind: bytes
) -> None:
    monkeypatch.setattr(admission, "SILENCE_SECONDS", 0.01)
    work = Parts()
    app = _app(work, requests=1, all_requests=1)
    silent = Call(app, path, kind=kind)
    silent._parts.put_nowait({"type": "http.request", "body": b"one", "more_body": True})

    assert await silent.status() == 408

    assert dict(silent.said[0]["headers"])[b"connection"] == b"close"
    assert json.loads(silent.said[1]["body"])["error"]["code"] == "too_slow"
    assert len(silent.said) == 2
    assert (app.uploads.inside, app.requests.inside, work.whole) == (0, 0, [])
    # What has come whole may be worked on for longer than that.
    assert await Call(app, path, kind=kind).body(b"two ", b"three").status() == 200
    assert work.whole == [b"two three"]


async def test_who_only_says_that_a_file_comes_takes_a_turn_among_the_requests() -> None:
    work = Work()
    app = _app(work, requests=2, all_requests=6)
    calls = [Call(app, kind=b"multipart/form-data; boundary=x").body() for _ in range(5)]
    calls += [Call(app, "/api/v1/files", kind=b"multipart/form-data; boundary=x", method="GET").body() for _ in range(5)]
    await _turns()

    assert (app.uploads.inside, app.requests.inside, app.requests.waiting) == (0, 2, 8)
    work.go.set()
    assert [await call.status() for call in calls] == [200] * 10


def test_every_route_that_takes_a_file_is_known_as_one() -> None:
    taking = {
        path
        for path, operations in description()["paths"].items()
        for operation in operations.values()
        if set(operation.get("requestBody", {}).get("content", {})) - {"application/json"}
    }

    assert len(taking) > 5
    assert taking == {path for path in description()["paths"] if SENDING.fullmatch(path)}


async def test_bodies_that_come_slowly_hold_so_much_and_no_more() -> None:
    work = Work()
    app = _app(work)
    app.bodies = Bodies(10, 6)

    def begin(peer: str, size: int) -> Call:
        call = Call(app, peer=peer)
        call._parts.put_nowait({"type": "http.request", "body": bytes(size), "more_body": True})
        return call

    held = [begin("192.0.2.1", 5), begin("192.0.2.2", 5)]
    await _turns()
    own, others = begin("192.0.2.1", 2), begin("192.0.2.3", 1)

    assert [await own.status(), await others.status()] == [503, 503]
    headers = dict(own.said[0]["headers"])
    assert (headers[b"retry-after"], headers[b"connection"]) == (b"2", b"close")
    asking = Call(app, peer="192.0.2.1", method="GET").body()
    await _turns()
    assert work.begun == ["/api/v1/conversations"], "who sends nothing holds nothing"
    work.go.set()
    for call in held:
        call._parts.put_nowait({"type": "http.request", "body": b"", "more_body": False})
    assert [await call.status() for call in (asking, *held)] == [200] * 3
    assert app.bodies.size == 0
    assert await Call(app, peer="192.0.2.1").body(bytes(6)).status() == 200


async def test_an_office_sends_its_files_at_the_same_time() -> None:
    work = Work()
    app = _app(work)
    calls = [Call(app, "/api/v1/files", kind=b"multipart/form-data; boundary=x").body() for _ in range(200)]
    await _turns()

    assert (app.uploads.inside, app.uploads.waiting) == (200, 0)
    work.go.set()
    assert [await call.status() for call in calls] == [200] * 200


class Film(Work):
    """Gives a file in pieces, the next one whenever it is let go."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.begun.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"first", "more_body": True})
        await self.go.wait()
        await send({"type": "http.response.body", "body": b"last", "more_body": False})


FILE, LINK, OWN = "/api/v1/conversations/1/files/2", "/files/token", "/api/v1/widget/files/2"


async def test_downloads_take_no_turn_from_the_requests() -> None:
    """Given as many downloads under way as there are turns for requests, and more, when somebody asks something, it is answered."""
    film = Film()
    app = _app(film, requests=1, all_requests=2)
    downloads = [Call(app, path, method="GET").body() for path in (FILE, LINK, OWN) * 4]
    await _turns()

    assert (app.downloads.inside, app.requests.inside, len(film.begun)) == (12, 0, 12)
    asked = Call(app)
    asked.body()
    await _turns()
    assert film.begun[-1] == "/api/v1/conversations"

    film.go.set()
    assert [await call.status() for call in [*downloads, asked]] == [200] * 13
    assert (app.downloads.inside, app.requests.inside) == (0, 0)


async def test_a_download_keeps_its_place_until_its_last_piece_and_the_next_one_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "DOWNLOADS_OF_EACH", 1)
    film = Film()
    app = _app(film)
    first, second = Call(app, FILE, method="GET").body(), Call(app, FILE, method="GET").body()
    elsewhere = Call(app, FILE, method="GET", peer="198.51.100.9").body()
    await _turns()

    assert (app.downloads.inside, app.downloads.waiting, len(film.begun)) == (2, 1, 2)
    film.go.set()
    assert [await call.status() for call in (first, second, elsewhere)] == [200] * 3
    assert (app.downloads.inside, app.downloads.waiting) == (0, 0)


async def test_who_takes_no_piece_for_long_goes_on_without_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """A player that pauses holds up nobody, and plays on afterwards."""
    monkeypatch.setattr(admission, "STALLED_SECONDS", 0.01)
    film = Film()
    film.go.set()
    app = _app(film)
    paused, took = asyncio.Event(), list[bytes]()

    async def taking(message: MutableMapping[str, Any]) -> None:
        if message.get("body") == b"first":
            await paused.wait()
        took.append(message.get("body", b""))

    scope = {"type": "http", "path": FILE, "headers": [], "client": ("192.0.2.1", 1), "method": "GET", "state": {}}
    playing = asyncio.create_task(app(scope, asyncio.Queue[Any]().get, taking))
    while film.begun != [FILE] or app.downloads.inside:
        await asyncio.sleep(0.005)
    assert not playing.done()

    paused.set()
    await playing
    assert took == [b"", b"first", b"last"]
    assert app.downloads.inside == 0


def test_every_route_that_gives_contents_is_known_as_one() -> None:
    """Those that put something together (exports, templates) take a turn; so do polls, which are answered with what there is."""
    made = re.compile(r".*/export(\.xlsx)?|.*/template\.xlsx|.*/poll/\{poll_id\}")
    given = {route.path for route in routes_of(described_app()) if route.response_class is Response}

    assert len(given) > 5
    for path in given:
        known = CONTENTS.fullmatch(path) or CONTENTS.fullmatch(f"/api/v1{path}")
        assert bool(known) != bool(made.fullmatch(path)), path


def test_every_page_that_asks_the_database_takes_a_turn() -> None:
    def asks(dependant: Dependant) -> bool:
        begins = dependant.call in (transactions._begin_system, transactions._begin_tenant)
        return begins or any(asks(inner) for inner in dependant.dependencies)

    asking = {route.path for route in pages.router.routes if isinstance(route, APIRoute) and asks(route.dependant)}

    assert asking == {"/widget/{key}/panel", "/chat/{key}"}
    assert all(path.startswith(tuple(f"{place}/" for place in ASKING)) for path in asking)


async def test_a_crowd_that_opens_panels_leaves_places_to_the_others() -> None:
    work = Work()
    app = _app(work, requests=2, all_requests=6)

    crowd = [Call(app, "/widget/key/panel", method="GET", peer="192.0.2.1").body() for _ in range(10)]
    await _turns()
    others = [Call(app, path, method="GET", peer="192.0.2.1").body() for path in ("/widget.js", "/app/", "/healthz")]
    neighbour = Call(app, "/chat/key", method="GET", peer="192.0.2.2").body()
    await _turns()
    assert work.begun == ["/widget/key/panel"] * 2 + ["/widget.js", "/app/", "/healthz", "/chat/key"]

    work.go.set()
    assert {await call.status() for call in (*crowd, *others, neighbour)} == {200}


async def test_what_only_looks_like_a_file_takes_a_turn() -> None:
    work = Work()
    app = _app(work)
    Call(app, FILE, method="POST").body()
    Call(app, "/api/v1/conversations/1/files", method="GET").body()
    Call(app, "/api/v1/conversations/1/files/2/more", method="GET").body()
    await _turns()
    assert (app.downloads.inside, app.requests.inside) == (0, 3)
    work.go.set()

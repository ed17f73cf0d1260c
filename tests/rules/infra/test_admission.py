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

from qiatan.entrypoints import pages
from qiatan.entrypoints.app import ASKING, CALLING, CONTENTS, SENDING
from qiatan.infra.clock import new_id
from qiatan.infra.http import admission, transactions
from qiatan.infra.http.admission import Admission
from qiatan.infra.limits import Limits
from tests.support.admission import Call, Work, admission_of, turns
from tests.support.routes import described_app, description, routes_of


async def test_one_enterprise_at_full_speed_leaves_places_to_the_others() -> None:
    work = Work()
    app = admission_of(work, requests=2, all_requests=6)

    crowd = [Call(app, peer="192.0.2.1").body() for _ in range(10)]
    await turns()
    alone = Call(app, "/api/v1/roles", peer="192.0.2.2").body()
    await turns()

    assert (work.begun.count("/api/v1/conversations"), work.begun.count("/api/v1/roles")) == (2, 1)
    work.go.set()
    assert [await call.status() for call in (alone, *crowd)] == [200] * 11
    assert (app.requests.inside, app.requests.waiting) == (0, 0)


async def test_callers_of_one_enterprise_share_its_places_once_they_are_known() -> None:
    work, enterprise = Work(), new_id()
    work.enterprises = {"Bearer a": enterprise, "Bearer b": enterprise}
    app = admission_of(work, requests=1, all_requests=6)
    work.go.set()
    for token in ("Bearer a", "Bearer b"):
        assert await Call(app, token=token).body().status() == 200
    work.go.clear()
    work.begun.clear()

    calls = [Call(app, token=token, peer=f"192.0.2.{number}").body() for number, token in enumerate(("Bearer a", "Bearer b", "Bearer c"))]
    await turns()

    assert len(work.begun) == 2  # one of the two, and who is a stranger
    work.go.set()
    assert [await call.status() for call in calls] == [200] * 3


async def test_who_may_not_wait_any_more_is_told_when_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "WAITING_OF_EACH", 1)
    work = Work()
    app = admission_of(work, requests=1, all_requests=6)
    inside, waiting = Call(app).body(), Call(app).body()
    await turns()

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
    app = admission_of(work, requests=6, all_requests=6)
    crowd = [Call(app, peer=f"192.0.2.{number}").body() for number in range(6)]
    await turns()
    assert work.begun == ["/api/v1/conversations"] * 5  # the sixth place is the reserve

    others = [Call(app, path).body() for path in ("/api/v1/session", "/api/v1/poll/abc", "/healthz", "/app/")]
    await turns()

    assert work.begun[5:] == ["/api/v1/session", "/api/v1/poll/abc", "/healthz", "/app/"]
    work.go.set()
    assert [await call.status() for call in (*others, *crowd)] == [200] * 10


async def test_what_only_begins_like_a_reserved_path_waits_with_the_others() -> None:
    work = Work()
    app = Admission(work, limits=Limits(requests=6, all_requests=6), reserved=("/api/v1/me",))
    crowd = [Call(app, peer=f"192.0.2.{number}").body() for number in range(5)]
    await turns()

    others = [Call(app, path, peer="192.0.2.9").body() for path in ("/api/v1/mentions", "/api/v1/me/preferences")]
    await turns()

    assert work.begun == ["/api/v1/conversations"] * 5 + ["/api/v1/me/preferences"]
    work.go.set()
    assert [await call.status() for call in (*crowd, *others)] == [200] * 7


async def test_who_goes_away_while_waiting_leaves_no_place_taken() -> None:
    work = Work()
    app = admission_of(work, requests=1, all_requests=6)
    inside, gone = Call(app).body(), Call(app).body()
    await turns()

    gone.task.cancel()
    await asyncio.wait([gone.task])
    work.go.set()

    assert await inside.status() == 200
    assert (app.requests.inside, app.requests.waiting) == (0, 0)


async def test_who_only_says_that_a_file_comes_takes_a_turn_among_the_requests() -> None:
    work = Work()
    app = admission_of(work, requests=2, all_requests=6)
    calls = [Call(app, kind=b"multipart/form-data; boundary=x").body() for _ in range(5)]
    calls += [Call(app, "/api/v1/files", kind=b"multipart/form-data; boundary=x", method="GET").body() for _ in range(5)]
    await turns()

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
    app = admission_of(film, requests=1, all_requests=2)
    downloads = [Call(app, path, method="GET").body() for path in (FILE, LINK, OWN) * 4]
    await turns()

    assert (app.downloads.inside, app.requests.inside, len(film.begun)) == (12, 0, 12)
    asked = Call(app)
    asked.body()
    await turns()
    assert film.begun[-1] == "/api/v1/conversations"

    film.go.set()
    assert [await call.status() for call in [*downloads, asked]] == [200] * 13
    assert (app.downloads.inside, app.requests.inside) == (0, 0)


async def test_a_download_keeps_its_place_until_its_last_piece_and_the_next_one_waits_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission, "DOWNLOADS_OF_EACH", 1)
    film = Film()
    app = admission_of(film)
    first, second = Call(app, FILE, method="GET").body(), Call(app, FILE, method="GET").body()
    elsewhere = Call(app, FILE, method="GET", peer="198.51.100.9").body()
    await turns()

    assert (app.downloads.inside, app.downloads.waiting, len(film.begun)) == (2, 1, 2)
    film.go.set()
    assert [await call.status() for call in (first, second, elsewhere)] == [200] * 3
    assert (app.downloads.inside, app.downloads.waiting) == (0, 0)


async def test_who_takes_no_piece_for_long_goes_on_without_a_place(monkeypatch: pytest.MonkeyPatch) -> None:
    """A player that pauses holds up nobody, and plays on afterwards."""
    monkeypatch.setattr(admission, "STALLED_SECONDS", 0.01)
    film = Film()
    film.go.set()
    app = admission_of(film)
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
    app = admission_of(work, requests=2, all_requests=6)

    crowd = [Call(app, "/widget/key/panel", method="GET", peer="192.0.2.1").body() for _ in range(10)]
    await turns()
    others = [Call(app, path, method="GET", peer="192.0.2.1").body() for path in ("/widget.js", "/app/", "/healthz")]
    neighbour = Call(app, "/chat/key", method="GET", peer="192.0.2.2").body()
    await turns()
    assert work.begun == ["/widget/key/panel"] * 2 + ["/widget.js", "/app/", "/healthz", "/chat/key"]

    work.go.set()
    assert {await call.status() for call in (*crowd, *others, neighbour)} == {200}


async def test_what_only_looks_like_a_file_takes_a_turn() -> None:
    work = Work()
    app = admission_of(work)
    Call(app, FILE, method="POST").body()
    Call(app, "/api/v1/conversations/1/files", method="GET").body()
    Call(app, "/api/v1/conversations/1/files/2/more", method="GET").body()
    await turns()
    assert (app.downloads.inside, app.requests.inside) == (0, 3)
    work.go.set()


async def test_a_crowd_of_visitors_does_not_keep_the_agents_of_its_enterprise_waiting() -> None:
    work, enterprise = Work(), new_id()
    work.enterprises = {"Bearer visitor": enterprise, "Bearer agent": enterprise}
    app = admission_of(work, requests=2, all_requests=12)
    work.go.set()
    for token in work.enterprises:
        assert await Call(app, token=token).body().status() == 200
    work.go.clear()
    work.begun.clear()

    crowd = [Call(app, "/api/v1/widget/messages", token="Bearer visitor").body() for _ in range(10)]
    await turns()
    agent = Call(app, token="Bearer agent").body()
    await turns()

    assert work.begun == ["/api/v1/widget/messages"] * 2 + ["/api/v1/conversations"]
    work.go.set()
    assert [await call.status() for call in (agent, *crowd)] == [200] * 11


def test_who_waits_for_servers_of_others_waits_no_longer_for_a_place_than_anybody() -> None:
    app = admission_of(Work())
    assert (app.calls._seconds, app.requests._seconds) == (5, 5)


async def test_who_waits_for_servers_of_others_takes_no_place_from_the_requests_or_from_signing_in() -> None:
    work = Work()
    app = admission_of(work, requests=6, all_requests=6)
    paths = ("/api/v1/session/oidc", "/api/v1/session/oidc/finish", "/api/v1/security/oidc/test", "/api/v1/onboarding/check-site")
    waiting = [Call(app, path, peer=f"192.0.2.{number}").body() for path in paths for number in range(5)]
    await turns()

    assert (app.calls.inside, app.requests.inside) == (20, 0)
    others = [Call(app, path).body() for path in ("/api/v1/session", "/api/v1/conversations")]
    await turns()
    assert work.begun[20:] == ["/api/v1/session", "/api/v1/conversations"]
    work.go.set()
    assert [await call.status() for call in (*waiting, *others)] == [200] * 22
    assert app.calls.inside == 0


def test_every_path_that_calls_others_is_one_that_there_is() -> None:
    known = {path for path in description()["paths"] if CALLING.fullmatch(path)}
    assert len(known) == 5

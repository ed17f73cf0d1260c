"""What bodies of requests may hold while they come, and for how long."""

from __future__ import annotations

import asyncio
import json

import pytest

from qiatan.entrypoints.app import SENDING
from qiatan.infra.clock import new_id
from qiatan.infra.http import bodies
from qiatan.infra.http.bodies import Bodies, Body, Message
from qiatan.infra.http.middleware import MAX_BODY, Envelope
from qiatan.kit.errors import Busy
from tests.support.admission import Call, Parts, Work, admission_of, turns


async def test_a_slow_sender_holds_no_place_and_its_body_arrives_whole() -> None:
    work = Work()
    work.go.set()
    app = admission_of(work, requests=1, all_requests=1)
    slow = Call(app)
    slow._parts.put_nowait({"type": "http.request", "body": b"one ", "more_body": True})
    await turns()

    assert await Call(app).body(b"quick").status() == 200

    slow._parts.put_nowait({"type": "http.request", "body": b"two", "more_body": False})
    assert await slow.status() == 200
    assert work.bodies == [b"quick", b"one two"]


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
    monkeypatch.setattr(bodies, "SILENCE_SECONDS", 0.01)
    work = Parts()
    app = admission_of(work, requests=1, all_requests=1)
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


async def test_bodies_that_come_slowly_hold_so_much_and_no_more() -> None:
    work = Work()
    app = admission_of(work)
    app.bodies = Bodies(100_000, 60_000)

    def begin(peer: str, size: int) -> Call:
        call = Call(app, peer=peer)
        call._parts.put_nowait({"type": "http.request", "body": bytes(size), "more_body": True})
        return call

    held = [begin("192.0.2.1", 50_000), begin("192.0.2.2", 50_000)]
    await turns()
    own, others = begin("192.0.2.1", 10_001), begin("192.0.2.3", bodies.SMALL + 1)

    assert [await own.status(), await others.status()] == [503, 503]
    headers = dict(own.said[0]["headers"])
    assert (headers[b"retry-after"], headers[b"connection"]) == (b"2", b"close")
    asking = Call(app, peer="192.0.2.1", method="GET").body()
    await turns()
    assert work.begun == ["/api/v1/conversations"], "who sends nothing holds nothing"
    work.go.set()
    for call in held:
        call._parts.put_nowait({"type": "http.request", "body": b"", "more_body": False})
    assert [await call.status() for call in (asking, *held)] == [200] * 3
    assert app.bodies.size == 0
    assert await Call(app, peer="192.0.2.1").body(bytes(60_000)).status() == 200


async def test_an_office_sends_its_files_at_the_same_time() -> None:
    work = Work()
    app = admission_of(work)
    calls = [Call(app, "/api/v1/files", kind=b"multipart/form-data; boundary=x").body() for _ in range(200)]
    await turns()

    assert (app.uploads.inside, app.uploads.waiting) == (200, 0)
    work.go.set()
    assert [await call.status() for call in calls] == [200] * 200


async def test_parts_of_files_that_come_slowly_hold_so_much_and_no_more() -> None:
    work = Parts()
    app = admission_of(work)
    app.uploaded = Bodies(100_000, 60_000)

    def begin(peer: str, size: int) -> Call:
        call = Call(app, "/api/v1/uploads/1", kind=b"application/octet-stream", peer=peer, method="PATCH")
        call._parts.put_nowait({"type": "http.request", "body": bytes(size), "more_body": True})
        return call

    # given as much on its way as one address may have, and as there may be in all
    held = [begin("192.0.2.1", 50_000), begin("192.0.2.2", 50_000)]
    await turns()

    # when more comes, of the same address or of another
    for peer, size in (("192.0.2.1", 10_001), ("192.0.2.3", bodies.SMALL + 1)):
        with pytest.raises(Busy) as turned_away:
            await begin(peer, size).status()
        assert turned_away.value.retry_after == 2

    # then what was on its way arrives whole, everything is let go, and other requests never waited for it
    assert app.bodies.size == 0
    for call in held:
        call._parts.put_nowait({"type": "http.request", "body": b"", "more_body": False})
    assert [await call.status() for call in held] == [200, 200]
    assert (work.whole, app.uploaded.size, app.uploads.inside) == ([bytes(50_000), bytes(50_000)], 0, 0)


async def test_a_body_that_drips_is_given_up_though_it_is_never_silent_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bodies, "SILENCE_SECONDS", 0.05)
    app = admission_of(Work())
    dripping = Call(app)

    async def drip() -> None:
        while not dripping.task.done():
            dripping._parts.put_nowait({"type": "http.request", "body": b".", "more_body": True})
            await asyncio.sleep(0.001)

    drops = asyncio.create_task(drip())
    assert await dripping.status() == 408
    await drops
    assert (app.bodies.size, app.requests.inside) == (0, 0)


async def test_who_brings_enough_goes_on_for_as_long_as_it_takes() -> None:
    said: list[object] = []
    parts: asyncio.Queue[Message] = asyncio.Queue()

    async def send(message: Message) -> None:
        said.append(message)

    body = Body(parts.get, send, "-")
    for _ in range(5):
        body._left = 0.5  # nearly all of the time is over
        parts.put_nowait({"type": "http.request", "body": bytes(bodies.LEAST), "more_body": True})
        await body.receive()
        assert body._left == bodies.SILENCE_SECONDS
    assert (body.given_up, said) == (False, [])


async def test_strangers_leave_memory_to_those_who_are_known_and_may_still_send_what_is_small() -> None:
    work, enterprise = Work(), new_id()
    work.enterprises = {"Bearer a": enterprise}
    work.go.set()
    app = admission_of(work)
    app.bodies = Bodies(100_000, 100_000, 20_000)
    assert await Call(app, token="Bearer a").body().status() == 200

    # given strangers whose bodies hold all they may, each with a token that nobody has
    held = [Call(app, peer=f"192.0.2.{number}", token=f"Bearer no{number}") for number in range(2)]
    for call in held:
        call._parts.put_nowait({"type": "http.request", "body": bytes(10_000), "more_body": True})
    await turns()

    # when others come, then only what is large and of a stranger has to wait
    assert await Call(app, peer="192.0.2.8").body(bytes(bodies.SMALL + 1)).status() == 503
    assert await Call(app, peer="192.0.2.8").body(b"an e-mail address and a password").status() == 200
    assert await Call(app, peer="192.0.2.8", token="Bearer a").body(bytes(50_000)).status() == 200
    for call in held:
        call.body()
    assert [await call.status() for call in held] == [200, 200]
    assert (app.bodies.size, app.bodies.of_strangers) == (0, 0)


async def test_visitors_of_many_enterprises_hold_no_more_than_strangers_may_and_agents_go_on() -> None:
    work = Work()
    visitors = [f"Bearer visitor{number}" for number in range(4)]
    work.enterprises = {token: new_id() for token in (*visitors, "Bearer agent")}
    work.go.set()
    app = admission_of(work)
    app.bodies = Bodies(160_000, 40_000, 40_000)
    for token in work.enterprises:
        assert await Call(app, token=token).body().status() == 200

    # given one address that sends, slowly, all that the visitors of each of four enterprises may hold
    held = [Call(app, token=token) for token in visitors for _ in range(2)]
    for call in held:
        call._parts.put_nowait({"type": "http.request", "body": bytes(20_000), "more_body": True})
    await turns()
    assert (app.bodies.size, app.bodies.of_strangers) == (40_000, 40_000)

    # when others come, then agents send what they like, and anybody signs in and writes
    assert await Call(app, token="Bearer agent", peer="192.0.2.7").body(bytes(40_000)).status() == 200
    assert await Call(app, "/api/v1/session", peer="192.0.2.8").body(b"an e-mail address and a password").status() == 200
    assert await Call(app, token=visitors[3], peer="192.0.2.9").body(b"hello").status() == 200
    assert await Call(app, token=visitors[3], peer="192.0.2.9").body(bytes(bodies.SMALL + 1)).status() == 503
    for call in held:
        call.task.cancel()
    await asyncio.gather(*(call.task for call in held), return_exceptions=True)


async def test_parts_of_files_of_visitors_count_among_those_of_strangers_and_those_of_agents_do_not() -> None:
    work = Work()
    work.enterprises = {"Bearer visitor": new_id(), "Bearer agent": new_id()}
    work.go.set()
    app = admission_of(work)
    for token in work.enterprises:
        assert await Call(app, token=token).body().status() == 200
    work.go.clear()

    calls = [
        Call(app, "/api/v1/uploads/1", token=token, kind=b"application/octet-stream", method="PATCH").body(bytes(30_000))
        for token in work.enterprises
    ]
    await turns()

    assert (app.uploaded.size, app.uploaded.of_strangers) == (60_000, 30_000)
    work.go.set()
    assert [await call.status() for call in calls] == [200, 200]
    assert (app.uploaded.size, app.uploaded.of_strangers) == (0, 0)


async def test_what_is_small_comes_through_though_those_who_are_known_hold_all_there_is() -> None:
    work = Work()
    work.enterprises = {"Bearer agent": new_id()}
    work.go.set()
    app = admission_of(work)
    app.bodies = Bodies(40_000, 40_000)
    assert await Call(app, token="Bearer agent").body().status() == 200
    held = Call(app, token="Bearer agent")
    held._parts.put_nowait({"type": "http.request", "body": bytes(40_000), "more_body": True})
    await turns()

    assert await Call(app, "/api/v1/session", peer="192.0.2.8").body(bytes(bodies.SMALL)).status() == 200
    assert await Call(app, "/api/v1/session", peer="192.0.2.8").body(bytes(bodies.SMALL), b".").status() == 503
    assert app.bodies.size == 40_000
    held.body()
    assert (await held.status(), app.bodies.size) == (200, 0)


@pytest.mark.parametrize(
    ("path", "kind", "size", "status"),
    [
        ("/api/v1/roles", b"multipart/form-data; boundary=x", MAX_BODY + 1, 413),
        ("/api/v1/roles", b"application/octet-stream", MAX_BODY + 1, 413),
        ("/api/v1/nothing", b"multipart/form-data; boundary=x", MAX_BODY + 1, 413),
        ("/api/v1/roles", b"multipart/form-data; boundary=x", MAX_BODY, 200),
        ("/api/v1/files", b"multipart/form-data; boundary=x", MAX_BODY + 1, 200),
        ("/api/v1/uploads/1", b"application/octet-stream", MAX_BODY + 1, 200),
    ],
)
async def test_only_where_files_are_sent_a_body_may_be_large(path: str, kind: bytes, size: int, status: int) -> None:
    work = Parts()
    app = Envelope(work, https=False, sending=SENDING)

    answer = await Call(app, path, kind=kind).body(bytes(size)).status()

    assert (answer, len(work.whole)) == (status, 1 if status == 200 else 0)

"""Whatever is sent: a constant answer, nothing told, nobody else disturbed."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from qiatan.entrypoints import entrance, gateway, sweeping
from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.realtime import connection as connections
from tests.support import talk
from tests.support.clock import StandingSeconds
from tests.support.doors import Doors
from tests.support.factories import Factories, Guest

UNREADABLE = {"type": "error", "code": "bad_frame", "message": "This frame cannot be read. See the protocol description."}
UNKNOWN = {"type": "error", "code": "unknown_frame", "message": "This frame does not exist."}
ID = str(UUID(int=7))


async def _guest(factories: Factories) -> Guest:
    return await factories.visitor(await factories.channel((await factories.tenant()).enterprise_id))


PAYLOADS = [
    "",
    "nonsense",
    "null",
    "[]",
    "7",
    '"ping"',
    "{}",
    "{'type': 'ping'}",
    '{"type": "ping"',
    '{"type": "ping"} {"type": "ping"}',
    '{"type": 7}',
    '{"type": null}',
    '{"type": ["ping"]}',
    '{"type": "ping", "more": 1}',
    '{"type": "read", "conversation_id": "x", "seq": 1}',
    f'{{"type": "read", "conversation_id": "{ID}", "seq": NaN}}',
    f'{{"type": "read", "conversation_id": "{ID}", "seq": Infinity}}',
    f'{{"type": "read", "conversation_id": "{ID}", "seq": -1}}',
    f'{{"type": "read", "conversation_id": "{ID}", "seq": 1.5}}',
    f'{{"type": "read", "conversation_id": "{ID}", "seq": 99999999999999999999}}',
    f'{{"type": "read", "conversation_id": "{ID}", "seq": "1"}}',
    f'{{"type": "send", "client_message_id": "{ID}", "text": 7}}',
    f'{{"type": "send", "client_message_id": "{ID}", "kind": "event", "text": "x"}}',
    f'{{"type": "send", "client_message_id": "{ID}", "text": "x", "sender_id": "{ID}"}}',
    '{"type": "send", "client_message_id": "1", "text": "x"}',
    '{"type": "subscribe", "topic": "everything"}',
    '{"type": "typing", "text": "' + "x" * 501 + '"}',
    '{"type": "ping", "a": ' + "[" * 20_000 + "]" * 20_000 + "}",
    '{"a": ' + "[" * 20_000 + "]" * 20_000 + ', "type": "ping"}',
    '{"a": ' + '{"a":' * 9_000 + "1" + "}" * 9_000 + ', "type": "ping"}',
    "[" * 60_000,
    "\x00",
    '{"type": "ping"}\x00',
]


async def test_what_is_no_frame_gets_one_constant_answer(doors: Doors, factories: Factories) -> None:
    guest = await _guest(factories)
    for start in range(0, len(PAYLOADS), gateway.BAD_FRAMES_ALLOWED):
        socket = await doors.visitor_socket(guest.token)
        for payload in PAYLOADS[start : start + gateway.BAD_FRAMES_ALLOWED]:
            await socket.send_text(payload)
            assert await socket.next() == UNREADABLE, payload[:80]
        assert await socket.settle() == []


@pytest.mark.parametrize("kind", ["nonsense", "<script>", "PING", "welcome", "x" * 1_000, "\u202e"])
async def test_frames_that_do_not_exist(doors: Doors, factories: Factories, kind: str) -> None:
    socket = await doors.visitor_socket((await _guest(factories)).token)

    await socket.send(type=kind)

    assert await socket.next() == UNKNOWN
    assert await socket.settle() == []


async def test_of_two_same_keys_one_counts_and_nothing_breaks(doors: Doors, factories: Factories, database: Database) -> None:
    guest = await _guest(factories)
    socket = await doors.visitor_socket(guest.token)

    await socket.send_text(f'{{"type": "send", "client_message_id": "{ID}", "text": "a", "text": "b"}}')

    assert (await socket.next("ack"))["seq"] == 1
    assert [words for _, _, words in await talk.stored(database, guest.actor.enterprise_id)] == ["b"]


@pytest.mark.parametrize(
    ("text", "code"),
    [(None, "empty"), ("", "empty"), (" \u3000\n", "empty"), ("字" * 5_001, "too_long"), ("a\x00b", "invalid_text")],
)
async def test_texts_that_are_no_message(doors: Doors, factories: Factories, database: Database, text: str | None, code: str) -> None:
    guest = await _guest(factories)
    socket = await doors.visitor_socket(guest.token)
    fields: dict[str, Any] = {} if text is None else {"text": text}

    await socket.send(type="send", client_message_id=ID, **fields)

    error = await socket.next()
    assert (error["type"], error["code"], error["ref"], error["field"]) == ("error", code, ID, "text")
    assert await talk.stored(database, guest.actor.enterprise_id) == []


async def test_a_lone_surrogate_is_refused(doors: Doors, factories: Factories, database: Database) -> None:
    guest = await _guest(factories)
    socket = await doors.visitor_socket(guest.token)

    await socket.send_text(f'{{"type": "send", "client_message_id": "{ID}", "text": "\\ud800"}}')

    assert (await socket.next())["code"] in ("bad_frame", "invalid_text")
    assert await talk.stored(database, guest.actor.enterprise_id) == []
    assert await socket.settle() == []


@pytest.mark.parametrize(
    "text", ["字" * 5_000, "abc\u202edcba", "<script>alert(1)</script>", "'; DROP TABLE messages; --", "👩‍👩‍👧‍👦", "\ufeff1"]
)
async def test_any_text_passes_as_it_is(doors: Doors, factories: Factories, database: Database, text: str) -> None:
    guest = await _guest(factories)
    socket = await doors.visitor_socket(guest.token)

    for number in (1, 2):  # the first as an ordinary transaction, the second through the log
        await socket.send(type="send", client_message_id=new_id(), text=text)
        assert (await socket.next("ack"))["seq"] == number

    assert [words for _, _, words in await talk.stored(database, guest.actor.enterprise_id)] == [text, text]


async def test_twenty_bad_frames_are_forgiven_and_the_next_closes(doors: Doors, factories: Factories) -> None:
    socket = await doors.visitor_socket((await _guest(factories)).token)
    for _ in range(gateway.BAD_FRAMES_ALLOWED):
        await socket.send_text("nonsense")
    assert await socket.settle() == [UNREADABLE] * 20

    await socket.send_text("nonsense")

    assert await socket.until_closed() == 4400
    assert socket.frames[-1] == {"type": "bye", "code": "bad_frame", "message": "Too many frames that cannot be read."}


async def test_binary_frames_close_at_once(doors: Doors, factories: Factories) -> None:
    socket = await doors.visitor_socket((await _guest(factories)).token)

    await socket.send_bytes(b'{"type": "ping"}')

    assert await socket.until_closed() == 4400
    assert [frame["type"] for frame in socket.frames] == ["bye"]


@pytest.mark.parametrize("filler", ["x", "字"])
async def test_a_frame_above_64_kib_closes(doors: Doors, factories: Factories, database: Database, filler: str) -> None:
    guest = await _guest(factories)
    socket = await doors.visitor_socket(guest.token)
    text = filler * (65_536 // len(filler.encode()))

    await socket.send_text(json.dumps({"type": "send", "client_message_id": ID, "text": text}, ensure_ascii=False))

    assert await socket.until_closed() == 4413
    assert socket.frames == [{"type": "bye", "code": "too_large", "message": "A frame has at most 64 KiB."}]
    assert await talk.stored(database, guest.actor.enterprise_id) == []


async def test_too_many_frames_are_refused_and_then_closed(
    doors: Doors, factories: Factories, seconds: StandingSeconds, monkeypatch: pytest.MonkeyPatch
) -> None:
    for module in (entrance, gateway, sweeping):  # all that look at when something came
        monkeypatch.setattr(module, "time", seconds)
    guest = await _guest(factories)
    socket, quiet = await doors.visitor_socket(guest.token), await doors.visitor_socket(guest.token)

    for _ in range(600):
        await socket.send(type="unsubscribe", topic="queue")
    code = await socket.until_closed()

    answers = [frame["code"] for frame in socket.frames if frame["type"] == "error"]
    assert answers == ["not_allowed"] * 199 + ["too_many"] * 201  # the first of two hundred was the hello
    assert next(frame for frame in socket.frames if frame.get("code") == "too_many")["retry_after"] == 1
    assert (code, socket.frames[-1]["type"]) == (connections.CLOSE_TOO_MANY, "bye")
    assert await quiet.settle() == []


async def test_messages_have_a_rate_of_their_own(doors: Doors, factories: Factories, database: Database) -> None:
    guest = await _guest(factories)
    socket = await doors.visitor_socket(guest.token)

    for number in range(30):
        await socket.send(type="send", client_message_id=UUID(int=number), text=str(number))
    await socket.settle()

    acked = [frame["client_message_id"] for frame in socket.frames if frame["type"] == "ack"]
    refused = [frame for frame in socket.frames if frame["type"] == "error"]
    assert acked == [str(UUID(int=number)) for number in range(20)]
    assert {frame["code"] for frame in refused} == {"too_many"}
    assert [frame["ref"] for frame in refused] == [str(UUID(int=number)) for number in range(20, 30)]
    assert {frame["retry_after"] for frame in refused} == {2}
    assert len(await talk.stored(database, guest.actor.enterprise_id)) == 20


async def test_others_notice_nothing_of_somebodys_nonsense(doors: Doors, factories: Factories) -> None:
    tenant = await factories.tenant()
    channel = await factories.channel(tenant.enterprise_id)
    bad, good = await factories.visitor(channel), await factories.visitor(channel)
    nonsense, socket = await doors.visitor_socket(bad.token), await doors.visitor_socket(good.token)
    again = await doors.visitor_socket(bad.token)

    for payload in ["nonsense"] * 21:
        await nonsense.send_text(payload)
    await nonsense.until_closed()
    await socket.send(type="send", client_message_id=ID, text="你好")

    assert (await socket.next("ack"))["seq"] == 1
    assert await again.settle() == []


async def test_a_fault_of_ours_tells_nothing(doors: Doors, factories: Factories, monkeypatch: pytest.MonkeyPatch) -> None:
    async def fail(*_: Any, **__: Any) -> None:
        raise RuntimeError("secret detail /etc/passwd")

    socket = await doors.visitor_socket((await _guest(factories)).token)
    monkeypatch.setattr("qiatan.modules.conversations.service.send_own", fail)

    with capture_logs() as logged:
        await socket.send(type="send", client_message_id=ID, text="你好")
        answer = await socket.next()

    assert answer == {
        "type": "error",
        "code": "internal",
        "message": "Something went wrong on our side; nothing was changed.",
        "ref": ID,
    }
    assert [entry["event"] for entry in logged if entry["log_level"] == "error"] == ["frame.crashed"]

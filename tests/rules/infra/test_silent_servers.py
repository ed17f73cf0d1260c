"""The client that calls other servers, where these keep it waiting: it lets them alone, and blames none for its own line."""

from __future__ import annotations

import asyncio

import pytest

from qiatan.infra import silent_servers
from qiatan.infra.http_out import HttpOut, OutboundBusy, OutboundFailed
from qiatan.infra.server_lines import ServerLines
from tests.support.web_server import WebServer


async def test_who_can_come_again_later_asks_a_server_without_answers_once_for_all(
    inside: HttpOut, server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 1_000.0
    monkeypatch.setattr(silent_servers, "ticks", lambda: now)
    server.says("/well", "yes")
    asked: list[bytes] = []
    answer = b""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.append(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as away:
        port = away.sockets[0].getsockname()[1]

        async def push(*, patient: bool = False) -> int:
            return (await inside.request("POST", f"http://push.test:{port}/one", patient=patient)).status

        with pytest.raises(OutboundFailed, match="broke off"):
            await push()
        for _ in range(3):
            with pytest.raises(OutboundFailed, match="a moment ago"):
                await push()
        assert len(asked) == 1
        assert (await inside.request("GET", f"http://other.test:{server.port}/well", patient=False)).body == b"yes"
        with pytest.raises(OutboundFailed, match="broke off"):
            await push(patient=True)

        # When the pause is over, one tries for all.
        now += silent_servers.PAUSE_SECONDS
        tried, told = await asyncio.gather(push(), push(), return_exceptions=True)
        assert ("broke off" in str(tried), "a moment ago" in str(told)) == (True, True)
        assert len(asked) == 3

        answer = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
        now += silent_servers.PAUSE_SECONDS
        assert [await push(), await push()] == [201, 201]
        assert len(asked) == 5


async def test_who_waits_in_our_own_line_does_not_blame_the_server(
    inside: HttpOut, server: WebServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    # given a server that is busy with as many of our calls as it gets at once
    monkeypatch.setattr(inside, "_lines", ServerLines(10, seconds=0.05))
    server.says("/well", "yes")
    busy, go = 0, asyncio.Event()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal busy
        await reader.readuntil(b"\r\n\r\n")
        busy += 1
        await go.wait()
        writer.write(b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(talk, "127.0.0.1", 0) as slow:
        url = f"http://slow.test:{slow.sockets[0].getsockname()[1]}/"

        async def call() -> int:
            return (await inside.request("POST", url, patient=False, timeout=60, at_once=2)).status

        under_way = [asyncio.ensure_future(call()) for _ in range(2)]
        while busy < 2:
            await asyncio.sleep(0.005)

        # when one more comes, then it is told so in time, and other servers are called as ever
        with pytest.raises(OutboundBusy, match="wait already"):
            await call()
        assert (await inside.request("GET", f"http://other.test:{server.port}/well")).body == b"yes"

        # then the server counts as one that answers: it is not let alone
        go.set()
        assert [await call(), *await asyncio.gather(*under_way)] == [201, 201, 201]
        assert busy == 3


async def test_the_time_of_the_other_server_begins_when_the_place_is_had() -> None:
    lines = ServerLines(10, seconds=60)
    loop = asyncio.get_running_loop()
    patience: list[asyncio.Timeout] = []

    async def second() -> tuple[float | None, float]:
        async with asyncio.timeout(30) as waiting:
            patience.append(waiting)
            async with lines.place("a", 1, waiting):
                return waiting.when(), loop.time()

    async with asyncio.timeout(30) as first, lines.place("a", 1, first):
        line = asyncio.ensure_future(second())
        await asyncio.sleep(0)
        assert [one.when() for one in patience] == [None], "it stands still in the line"
    ends, began = await line
    assert ends is not None
    assert 0 < ends - began <= 30

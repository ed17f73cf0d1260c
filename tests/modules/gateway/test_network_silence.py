"""Connections at whose other side nobody is any more, or nobody who reads: each ends, and holds no descriptor for ever."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from contextlib import closing

import pytest
from fastapi import FastAPI, Response
from websockets.asyncio.client import connect

from qiatan.entrypoints import http_protocol
from qiatan.entrypoints import socket as sockets
from qiatan.entrypoints.goodbye import bye
from qiatan.entrypoints.http_server import HttpServer, http_config, plain_config
from qiatan.infra.realtime.connection import CLOSE_IDLE
from tests.support.factories import Factories
from tests.support.network import serving

SOON = 0.2
SHORT = b"GET /short HTTP/1.1\r\nHost: x\r\n\r\n"
HELD_BACK = 60_000
"""More than the system takes of a connection that is not read, and less than makes the server stop writing."""


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http_protocol, "UNREAD_SECONDS", SOON)
    monkeypatch.setattr(sockets, "CLOSE_SECONDS", SOON)


@pytest.fixture
async def plain() -> AsyncIterator[tuple[HttpServer, str, int]]:
    """A server with an answer of each size."""
    app = FastAPI()
    app.add_api_route("/short", lambda: Response(b"short."))
    app.add_api_route("/long", lambda: Response(bytes(5 * 2**20)))
    app.add_api_route("/held-back", lambda: Response(bytes(HELD_BACK)))
    config = plain_config(app, goodbye_seconds=1)
    config.timeout_keep_alive = 1
    async with serving(config) as (server, address):
        host, port = address.split(":")
        yield server, host, int(port)


async def _narrow(host: str, port: int) -> socket.socket:
    """A connection of which little is taken that is not read."""
    made = socket.socket()
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    made.setblocking(False)
    await asyncio.get_running_loop().sock_connect(made, (host, port))
    return made


async def _rest(reader: asyncio.StreamReader) -> bytes:
    """What comes until the server ends the connection."""
    async with asyncio.timeout(10):
        return await reader.read()


async def _until_all_are_gone(server: HttpServer) -> None:
    async with asyncio.timeout(10):
        while server.server_state.connections:
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("head", [b"", b"G", b"GET /short HTTP/1.1\r\nHost: x\r\n", b"\r\n"])
async def test_a_head_that_does_not_end_ends_the_connection(
    plain: tuple[HttpServer, str, int], monkeypatch: pytest.MonkeyPatch, head: bytes
) -> None:
    server, host, port = plain
    monkeypatch.setattr(http_protocol, "HEAD_SECONDS", SOON)
    reader, writer = await asyncio.open_connection(host, port)
    with closing(writer):
        writer.write(head)

        assert await _rest(reader) == b""
        await _until_all_are_gone(server)


@pytest.mark.parametrize("head", [b"G", b"\r\n"])
async def test_a_second_head_that_does_not_end_ends_it_too(
    plain: tuple[HttpServer, str, int], monkeypatch: pytest.MonkeyPatch, head: bytes
) -> None:
    server, host, port = plain
    reader, writer = await asyncio.open_connection(host, port)
    with closing(writer):
        writer.write(SHORT)
        assert (await reader.readuntil(b"short.")).startswith(b"HTTP/1.1 200")
        monkeypatch.setattr(http_protocol, "HEAD_SECONDS", SOON)
        writer.write(head)

        assert await _rest(reader) == b""
        await _until_all_are_gone(server)


async def test_who_asks_again_and_again_has_time_for_each_head(plain: tuple[HttpServer, str, int]) -> None:
    server, host, port = plain
    reader, writer = await asyncio.open_connection(host, port)
    deadlines: list[asyncio.TimerHandle] = []
    with closing(writer):
        for _ in range(3):
            writer.write(SHORT[:9])
            deadlines.append(await _deadline_of_the_head(server))
            writer.write(SHORT[9:])
            assert (await reader.readuntil(b"short.")).startswith(b"HTTP/1.1 200")
            assert deadlines[-1].cancelled()

    assert len({id(one) for one in deadlines}) == 3


async def _deadline_of_the_head(server: HttpServer) -> asyncio.TimerHandle:
    """Of the only connection, once it is set."""
    async with asyncio.timeout(10):
        while True:
            for connection in server.server_state.connections:
                found: asyncio.TimerHandle | None = getattr(connection, "_heading", None)
                if found is not None:
                    return found
            await asyncio.sleep(0.005)


@pytest.mark.parametrize("path", ["/long", "/held-back"])
@pytest.mark.parametrize("goodbye", ["", "Connection: close\r\n"])
async def test_an_answer_that_nobody_reads_ends_the_connection(plain: tuple[HttpServer, str, int], path: str, goodbye: str) -> None:
    server, host, port = plain
    with closing(await _narrow(host, port)) as client:
        await asyncio.get_running_loop().sock_sendall(client, f"GET {path} HTTP/1.1\r\nHost: x\r\n{goodbye}\r\n".encode())
        async with asyncio.timeout(10):
            while not server.server_state.connections:
                await asyncio.sleep(0.01)

        await _until_all_are_gone(server)


async def test_an_answer_that_is_read_slowly_is_read_whole(plain: tuple[HttpServer, str, int]) -> None:
    _, host, port = plain
    loop, got = asyncio.get_running_loop(), 0
    with closing(await _narrow(host, port)) as client:
        await loop.sock_sendall(client, b"GET /held-back HTTP/1.1\r\nHost: x\r\n\r\n")
        while got < HELD_BACK:
            piece = await loop.sock_recv(client, 8192)
            assert piece
            got += len(piece)


async def test_a_socket_that_is_closed_and_not_read_ends(app: FastAPI, factories: Factories) -> None:
    guest = await factories.visitor(await factories.channel((await factories.tenant()).enterprise_id))
    hub = app.state.resources.hub
    async with serving(http_config(app, goodbye_seconds=1)) as (server, address):
        host, port = address.split(":")
        client = await connect(f"ws://{address}/api/v1/socket", sock=await _narrow(host, int(port)), max_queue=1, close_timeout=0.1)
        await client.send(json.dumps({"type": "hello", "protocol": 1, "token": guest.token}))
        async with asyncio.timeout(5):
            while not hub.connections:
                await asyncio.sleep(0.01)
        [connection] = hub.connections
        client.transport.pause_reading()
        connection.push(json.dumps({"type": "pong", "pad": "x" * HELD_BACK}).encode())
        connection.flush()

        bye(connection, CLOSE_IDLE, "idle", "Nothing was heard for too long.")

        await _until_all_are_gone(server)
        client.transport.abort()

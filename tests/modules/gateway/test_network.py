"""What only a real socket shows: the upgrade, the limits of the transport, a client that does not read."""

from __future__ import annotations

import asyncio
import json
import socket
from collections.abc import AsyncIterator
from typing import Any

import pytest
from fastapi import FastAPI
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from qiatan.entrypoints.ceiling import Ceiling
from qiatan.entrypoints.gateway import Gateway
from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.realtime import connection as connections
from tests.support import talk
from tests.support.factories import Factories, Guest
from tests.support.network import served


@pytest.fixture
async def address(app: FastAPI) -> AsyncIterator[str]:
    async with served(app) as address:
        yield address


@pytest.fixture
async def guest(factories: Factories) -> Guest:
    return await factories.visitor(await factories.channel((await factories.tenant()).enterprise_id))


async def _frames(client: ClientConnection, kind: str) -> dict[str, Any]:
    """The next frame of this kind."""
    async with asyncio.timeout(5):
        while True:
            for frame in json.loads(await client.recv()):
                if frame["type"] == kind:
                    return dict(frame)


async def _hello(client: ClientConnection, guest: Guest) -> None:
    await client.send(json.dumps({"type": "hello", "protocol": 1, "token": guest.token}))
    await _frames(client, "welcome")


async def _closed(client: ClientConnection) -> int:
    """Read to the end; the code the server closed with."""
    with pytest.raises(ConnectionClosed):  # noqa: PT012 -- one of many reads fails, the one after the close
        async with asyncio.timeout(5):
            while True:
                await client.recv()
    return client.close_code or 0


async def test_connections_that_only_ask_leave_descriptors_to_the_rest(app: FastAPI, address: str, guest: Guest) -> None:
    gateway: Gateway = app.state.gateway
    gateway.entrance.ceiling = Ceiling(10, 10, with_requests=2)
    host, port = address.split(":")
    async with connect(f"ws://{address}/api/v1/socket") as inside:
        await _hello(inside, guest)
        reader, writer = await asyncio.open_connection(host, int(port))
        writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n")
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")

        refused, closing = await asyncio.open_connection(host, int(port))
        async with asyncio.timeout(5):
            assert await refused.read() == b""
        closing.close()

        writer.close()
        async with asyncio.timeout(5):
            while await _status(host, int(port)) != b"HTTP/1.1 200 OK\r\n":
                await asyncio.sleep(0.02)
        await inside.send(json.dumps({"type": "ping"}))
        await _frames(inside, "pong")


async def _status(host: str, port: int) -> bytes:
    reader, writer = await asyncio.open_connection(host, port)
    writer.write(b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
    try:
        return await reader.readline()
    except ConnectionResetError:  # it was closed before it had read this
        return b""
    finally:
        writer.close()


@pytest.mark.parametrize("origin", ["http://127.0.0.1.evil.example", "http://qiatan.test.evil.example", "null"])
async def test_a_foreign_page_gets_no_socket(address: str, origin: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"ws://{address}/api/v1/socket", additional_headers={"Origin": origin}):
            raise AssertionError("it opened")

    assert refused.value.response.status_code == 403


@pytest.mark.parametrize("path", ["/", "/api/v1/sockets", "/api/v1/socket/x", "/api/v1/me"])
async def test_there_is_one_socket(address: str, path: str) -> None:
    with pytest.raises(InvalidStatus) as refused:
        async with connect(f"ws://{address}{path}"):
            raise AssertionError("it opened")

    assert refused.value.response.status_code in (403, 404)


async def test_a_visitor_writes(address: str, guest: Guest, database: Database) -> None:
    async with connect(f"ws://{address}/api/v1/socket", additional_headers={"Origin": f"http://{address}"}) as client:
        await _hello(client, guest)
        for number in range(3):
            await client.send(json.dumps({"type": "send", "client_message_id": str(new_id()), "text": str(number)}))
            assert (await _frames(client, "ack"))["seq"] == number + 1

    assert [text for _, _, text in await talk.stored(database, guest.actor.enterprise_id)] == ["0", "1", "2"]


async def test_huge_frames_end_one_connection_only(address: str, guest: Guest, app: FastAPI) -> None:
    async with connect(f"ws://{address}/api/v1/socket") as bystander:
        await _hello(bystander, guest)
        for size, codes in ((70_000, {4413}), (2_000_000, {1009, 4413})):
            async with connect(f"ws://{address}/api/v1/socket") as client:
                await _hello(client, guest)
                await client.send("x" * size)
                assert await _closed(client) in codes
        await bystander.send(json.dumps({"type": "ping"}))
        assert (await _frames(bystander, "pong"))["digest"]


async def test_broken_utf8_and_binary_end_one_connection_only(address: str, guest: Guest) -> None:
    async with connect(f"ws://{address}/api/v1/socket") as client:
        await _hello(client, guest)
        await client.send(b"\xff\xfe", text=True)
        assert await _closed(client) in (1007, 4400)
    async with connect(f"ws://{address}/api/v1/socket") as client:
        await _hello(client, guest)
        await client.send(b"{}")
        assert await _closed(client) == 4400


async def test_a_client_that_vanishes_leaves_nothing_behind(address: str, guest: Guest, app: FastAPI) -> None:
    hub = app.state.resources.hub
    client = await connect(f"ws://{address}/api/v1/socket")
    await _hello(client, guest)
    assert len(hub.connections) == 1

    client.transport.abort()

    async with asyncio.timeout(5):
        while hub.connections:
            await asyncio.sleep(0.01)
    assert hub.listeners(("channel", guest.actor.channel_id)) == frozenset()


async def test_a_client_that_does_not_read_is_cut_off_and_the_others_go_on(
    address: str, guest: Guest, app: FastAPI, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connections, "MAX_QUEUED_BYTES", 64 * 1024)
    hub = app.state.resources.hub
    host, port = address.split(":")
    narrow = socket.socket()
    narrow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    narrow.setblocking(False)
    await asyncio.get_running_loop().sock_connect(narrow, (host, int(port)))
    slow = await connect(f"ws://{address}/api/v1/socket", sock=narrow, max_queue=1, close_timeout=0.1)
    await _hello(slow, guest)
    [victim] = hub.connections
    async with connect(f"ws://{address}/api/v1/socket") as brisk:
        await _hello(brisk, guest)
        for client in (slow, brisk):
            await client.send(json.dumps({"type": "subscribe", "topic": "mine"}))
            await _frames(client, "subscribed")
        slow.transport.pause_reading()
        topic, frame = ("customer", guest.customer_id), json.dumps({"type": "pong", "pad": "x" * 8_000}).encode()

        async def drain() -> int:
            count = 0
            while count < 400:
                count += len(json.loads(await brisk.recv()))
            return count

        draining = asyncio.create_task(drain())
        for _ in range(400):
            hub.publish((topic,), frame)
            await asyncio.sleep(0)
        assert await asyncio.wait_for(draining, 10) == 400

        assert victim.closed
        assert len(hub.connections) == 1
        await brisk.send(json.dumps({"type": "ping"}))
        assert (await _frames(brisk, "pong"))["digest"]
    slow.transport.abort()

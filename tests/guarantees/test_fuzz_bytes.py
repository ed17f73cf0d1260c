"""Any bytes at all on a connection: each ends, nothing is our fault, and everybody else is answered.

Few examples run by default; `FUZZ_EXAMPLES` asks for more, and then they differ from run to run.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import closing
from typing import Any

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from structlog.testing import capture_logs

from qiatan.entrypoints import http_protocol, sweeping
from qiatan.entrypoints import socket as sockets
from qiatan.entrypoints.http_server import HttpServer, http_config
from qiatan.infra.http import bodies
from tests.support import fuzzing
from tests.support.network import serving

EXAMPLES = 15
SOON = 0.1
PATIENCE = 20.0
_STATUS = re.compile(rb"HTTP/1.1 (\d{3}) ")
_SOCKET = (
    b"GET /api/v1/socket HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)


class _Long(bytes):
    """Told briefly: a warning about how long the example is would hide what failed in it."""

    def __repr__(self) -> str:
        return f"<{len(self)} bytes>"


pieces = st.one_of(
    st.sampled_from(
        (
            b"GET / HTTP/1.1\r\n",
            b"GET /api/v1/me HTTP/1.1\r\nHost: x\r\n\r\n",
            b"POST /api/v1/widget/messages HTTP/1.1\r\n",
            b"PATCH /api/v1/uploads/x?offset=0 HTTP/1.1\r\n",
            b"OPTIONS * HTTP/1.1\r\n",
            b"GET * HTTP/1.0\r\n",
            b"GET //[ HTTP/1.1\r\n",
            b"GET /%ff%00 HTTP/1.1\r\n",
            b"GET /files/\xe9 HTTP/1.1\r\n",
            b"CONNECT a:1 HTTP/1.1\r\n",
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
            b"Host: qiatan.test\r\n",
            b"Host: [\r\n",
            b"Cookie: qiatan_session=\xff; =; ;;\r\n",
            b"Authorization: Bearer \x80\r\n",
            b"Forwarded: for=\r\nX-Forwarded-For: ,,x\r\n",
            b"Content-Length: 3\r\n",
            b"Content-Length: -1\r\n",
            b"Content-Length: 99999999999999999999\r\n",
            b"Content-Type: multipart/form-data; boundary=\r\n",
            b"Transfer-Encoding: chunked\r\n",
            b"Expect: 100-continue\r\n",
            b"Connection: close\r\n",
            b"Connection: Upgrade\r\nUpgrade: websocket\r\n",
            b"Range: bytes=a-\r\n",
            b"\r\n",
            b"3\r\nabc\r\n",
            b"0\r\n\r\n",
            b"ffffffffffffffffff\r\n",
            _Long(b"X: " + b"y" * 70_000 + b"\r\n"),
            _SOCKET,
            b"\x81\x85\x00\x00\x00\x00hello",
            b"\x81\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            b"\x88\x80\x00\x00\x00\x00",
            b"\x89\x80\x00\x00\x00\x00",
            b"\x01\x81\x00\x00\x00\x00{",
            b"\xf1\x80\x00\x00\x00\x00",
        )
    ),
    st.binary(max_size=30),
)


@pytest.fixture
async def served(app: FastAPI, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[HttpServer, str]]:
    """The product, impatient with whoever is silent."""
    for module, name in (
        (http_protocol, "HEAD_SECONDS"),
        (http_protocol, "UNREAD_SECONDS"),
        (sockets, "CLOSE_SECONDS"),
        (bodies, "SILENCE_SECONDS"),
        (sweeping, "HELLO_SECONDS"),
    ):
        monkeypatch.setattr(module, name, SOON)
    config = http_config(app, goodbye_seconds=1)
    config.timeout_keep_alive = 1
    async with serving(config) as running:
        yield running


@fuzzing.time_for(EXAMPLES, seconds_each=15)
@fuzzing.some(EXAMPLES)
@given(said=st.lists(st.lists(pieces, min_size=1, max_size=8), min_size=8, max_size=20), leaves=st.booleans())
async def test_whatever_bytes_come_every_connection_ends(served: tuple[HttpServer, str], said: list[list[bytes]], leaves: bool) -> None:
    server, address = served
    host, port = address.split(":")
    strange: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, context: strange.append(context))

    async def say(script: list[bytes]) -> bytes:
        reader, writer = await asyncio.open_connection(host, int(port))
        with closing(writer):
            try:
                for piece in script:
                    if writer.is_closing():
                        break  # it was ended while we spoke, which uvloop does not tell as an error of the connection
                    writer.write(piece)
                    await asyncio.sleep(0)
                return b"" if leaves else await reader.read()
            except ConnectionError:
                return b""  # it was ended while we spoke

    with capture_logs() as logged:
        async with asyncio.timeout(60), httpx.AsyncClient() as other:
            answers = await asyncio.gather(*(say(script) for script in said))
            with pytest.MonkeyPatch.context() as patient:
                patient.setattr(http_protocol, "HEAD_SECONDS", PATIENCE)
                healthy = await other.get(f"http://{address}/healthz")
        async with asyncio.timeout(60):
            while server.server_state.connections:
                await asyncio.sleep(0.02)
    loop.set_exception_handler(None)

    statuses = [int(status) for answer in answers for status in _STATUS.findall(answer)]
    assert [status for status in statuses if status >= 500] == []
    assert healthy.status_code == 200
    assert strange == []
    assert [entry for entry in logged if entry["log_level"] in ("error", "critical")] == []

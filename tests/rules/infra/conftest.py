"""A server to call, and the client that calls it."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest

from qiatan.infra.http_out import HttpOut
from tests.support.web_server import LOOPBACK, WebServer, names, web_server


@pytest.fixture
async def server() -> AsyncIterator[WebServer]:
    async with web_server() as running:
        yield running


@pytest.fixture
async def inside() -> AsyncIterator[HttpOut]:
    """A client that may call this machine, and takes every name for it."""
    client = HttpOut(LOOPBACK, resolve=names({}))
    yield client
    await client.close()

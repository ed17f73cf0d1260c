"""Servers of the stories: real processes on directories of their own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from bench.server import Server
from bench.world import World, make_world


@pytest.fixture
def server() -> Iterator[Server]:
    with Server() as running:
        yield running


@pytest.fixture
def world(server: Server) -> World:
    """Fifty visitors, five agents with room for all of them."""
    return asyncio.run(make_world(server.database_url(), agents=5, visitor_count=50, places=50))

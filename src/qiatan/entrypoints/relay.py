"""This process among the other nodes: what it tells them, what it hears, and its row in `nodes`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI

from qiatan.entrypoints.polling import Pollers
from qiatan.infra.resources import Resources


@asynccontextmanager
async def on_the_bus(resources: Resources, app: FastAPI | None = None) -> AsyncIterator[None]:
    """Be on the bus and in `nodes` for as long as the block runs. `app`: what serves people; its gateway starts and ends inside.

    Workers apart have a row too: a migration that must not meet an older program looks there.

    Raises:
        DatabaseUnavailable: the first sign of life could not be written.
    """
    await resources.bus.start()
    try:
        if app is not None:
            pollers: Pollers = app.state.pollers
            await pollers.start()
        await resources.nodes.start()
        try:
            yield
        finally:
            await resources.nodes.close()
    finally:
        await resources.relay.close()
        await resources.bus.close()

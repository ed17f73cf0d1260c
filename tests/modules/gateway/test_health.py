"""Liveness and readiness: who should be sent people, and why not."""

from __future__ import annotations

import asyncio
from typing import Any

import httpx
import pytest
from fastapi import FastAPI

from qiatan.entrypoints import health
from qiatan.entrypoints.drain import Drain
from qiatan.entrypoints.health import Readying
from qiatan.infra.resources import Resources
from qiatan.kit.errors import DatabaseUnavailable
from tests.support.doors import Doors

ALL_WELL = {"ready": True, "node": "ok", "database": "ok", "migrations": "ok", "bus": "ok"}


async def test_a_process_that_is_well_is_alive_and_ready(doors: Doors) -> None:
    guest = doors.anonymous()
    assert (await guest.get("/healthz")).json() == {"status": "ok"}
    answer = await guest.get("/readyz")
    assert (answer.status_code, answer.json()) == (200, ALL_WELL)

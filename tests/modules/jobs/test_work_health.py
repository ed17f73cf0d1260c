"""What `qiatan work` says of itself on WORK_LISTEN."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import psycopg
import pytest
from fastapi import FastAPI

from qiatan.entrypoints import worker as work
from qiatan.entrypoints.drain import Drain
from qiatan.entrypoints.listening import PortTaken
from qiatan.entrypoints.system.monitor import Monitor
from qiatan.entrypoints.work_health import Rounds, answering, build_work_app
from qiatan.infra.db import Database, migrate
from qiatan.infra.listen_address import ListenAddress
from qiatan.infra.resources import Resources
from qiatan.infra.settings import Settings, SettingsError
from tests.modules.system.scraping import parsed, value
from tests.support.network import free_port

WELL = {"ready": True, "node": "ok", "database": "ok", "migrations": "ok", "bus": "ok", "jobs": "ok"}
TOKEN = "a-token-of-some-length"


@contextlib.asynccontextmanager
async def asking(app: FastAPI, address: str = "127.0.0.1") -> AsyncIterator[httpx.AsyncClient]:
    transport = httpx.ASGITransport(app, client=(address, 1))
    async with httpx.AsyncClient(transport=transport, base_url="http://work.test") as http:
        yield http


async def test_it_is_alive_and_ready_while_jobs_are_worked_off(resources: Resources) -> None:
    rounds = Rounds(running=True)
    async with asking(build_work_app(resources, Monitor(resources), Drain(), rounds)) as http:
        assert (await http.get("/livez")).json() == {"status": "ok"}
        assert (await http.get("/healthz")).json() == {"status": "ok"}
        answer = await http.get("/readyz")
        assert (answer.status_code, answer.json()) == (200, WELL)

        rounds.running = False
        answer = await http.get("/readyz")
        assert (answer.status_code, answer.json()) == (503, {**WELL, "ready": False, "jobs": "away"})
        assert (await http.get("/livez")).status_code == 200


async def test_one_that_stops_is_not_ready(resources: Resources) -> None:
    async with asking(build_work_app(resources, Monitor(resources), Drain(unready=True), Rounds(running=True))) as http:
        answer = await http.get("/readyz")
        assert (answer.status_code, answer.json()) == (503, {**WELL, "ready": False, "node": "draining"})


async def test_a_database_that_is_away_makes_unready_and_nobody_kills_it(resources: Resources, monkeypatch: pytest.MonkeyPatch) -> None:
    def away(_: Database) -> object:
        raise ConnectionError("no route")

    monkeypatch.setattr(Database, "system", away)
    async with asking(build_work_app(resources, Monitor(resources), Drain(), Rounds())) as http:
        answer = await http.get("/readyz")
        assert (answer.status_code, answer.json()["database"]) == (503, "away")
        assert (await http.get("/livez")).status_code == 200


async def test_its_metrics_are_for_this_machine_or_for_who_has_the_token(resources: Resources) -> None:
    app = build_work_app(resources, Monitor(resources), Drain(), Rounds())
    async with asking(app) as http:
        samples = parsed((await http.get("/metrics")).text)
    assert value(samples, "qiatan_sockets", kind="agent") == 0
    assert value(samples, "qiatan_polls") == 0
    assert value(samples, "qiatan_bus_connected") == 1
    async with asking(app, "192.0.2.7") as http:
        refused = await http.get("/metrics")
    assert refused.status_code == 401
    assert "qiatan_" not in refused.text

    guarded = dataclasses.replace(resources, settings=dataclasses.replace(resources.settings, metrics_token=TOKEN))
    async with asking(build_work_app(guarded, Monitor(guarded), Drain(), Rounds()), "192.0.2.7") as http:
        assert (await http.get("/metrics")).status_code == 401
        assert (await http.get("/metrics", headers={"Authorization": f"Bearer {TOKEN}"})).status_code == 200


async def test_it_answers_nothing_else(resources: Resources) -> None:
    async with asking(build_work_app(resources, Monitor(resources), Drain(), Rounds())) as http:
        for path in ("/", "/app/", "/api/v1/me", "/openapi.json", "/docs"):
            assert (await http.get(path)).status_code == 404, path


async def test_it_listens_only_where_it_is_told_to(resources: Resources) -> None:
    app = build_work_app(resources, Monitor(resources), Drain(), Rounds())
    async with answering(app, None):
        pass
    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    port = listener.getsockname()[1]
    async with answering(app, listener), httpx.AsyncClient() as http:
        assert (await http.get(f"http://127.0.0.1:{port}/livez")).status_code == 200
    with pytest.raises(httpx.ConnectError):
        httpx.get(f"http://127.0.0.1:{port}/livez")


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("", None),
        ("127.0.0.1:8001", ListenAddress("127.0.0.1", 8001)),
        ("[::1]:8001", ListenAddress("::1", 8001)),
        ("localhost:9", ListenAddress("localhost", 9)),
        (":8001", ListenAddress("0.0.0.0", 8001)),
    ],
)
def test_the_address_is_read(text: str, address: ListenAddress | None) -> None:
    assert Settings.from_env({"WORK_LISTEN": text}).work_listen == address


@pytest.mark.parametrize(
    "text", ["8001", "127.0.0.1", "127.0.0.1:0", "127.0.0.1:65536", "::1:8001", "http://127.0.0.1:8001", "a b:8001", "x:"]
)
def test_what_is_no_address_is_named(text: str) -> None:
    with pytest.raises(SettingsError, match=r"^WORK_LISTEN: .* is not an address to listen on: use one like 127\.0\.0\.1:8001"):
        Settings.from_env({"WORK_LISTEN": text})


def test_a_port_in_use_names_the_setting(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(PortTaken, match=rf"port {port} on 127\.0\.0\.1 is in use.*WORK_LISTEN=…"):
            work.run(Settings(data_dir=tmp_path, work_listen=ListenAddress("127.0.0.1", port)))
    assert list(tmp_path.iterdir()) == []


async def _until_it_says(http: httpx.AsyncClient, status: int) -> dict[str, object]:
    while True:
        with contextlib.suppress(httpx.TransportError):
            answer = await http.get("/readyz")
            if answer.status_code == status:
                said: dict[str, object] = answer.json()
                return said
        await asyncio.sleep(0.05)


async def test_the_process_waits_for_the_migration_and_ends_in_order(empty_database: str, tmp_path: Path) -> None:
    """Given a database that is not as the program needs it, when it is migrated, then jobs are worked off; SIGTERM ends with 0."""
    with psycopg.connect(empty_database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '0016'")
    port = free_port()
    environment = {"DATABASE_URL": empty_database, "DATA": str(tmp_path), "WORK_LISTEN": f"127.0.0.1:{port}"}
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "qiatan", "work", env={**os.environ, **environment}, stderr=subprocess.DEVNULL
    )
    try:
        async with asyncio.timeout(90), httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as http:
            behind = await _until_it_says(http, 503)
            assert (behind["database"], behind["migrations"], behind["jobs"]) == ("ok", "behind", "away")
            with psycopg.connect(empty_database) as connection:
                assert connection.execute("SELECT count(*) FROM nodes").fetchone() == (0,)
                connection.execute("UPDATE alembic_version SET version_num = %s", (migrate.head(),))
            assert await _until_it_says(http, 200) == WELL
            assert "qiatan_build_info" in (await http.get("/metrics")).text
            process.send_signal(signal.SIGTERM)
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    with psycopg.connect(empty_database) as connection:
        assert connection.execute("SELECT count(*) FROM nodes").fetchone() == (0,)

"""`qiatan serve`: database, migrations, application, worker, in one process; and the end of all of them in order."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
from collections.abc import Iterator

import structlog
import uvicorn
import uvloop
from fastapi import FastAPI

from qiatan.entrypoints import users
from qiatan.entrypoints.app import Application, build_app, build_resources
from qiatan.entrypoints.enterprises import dress_demo, ensure_channels, first_channel_key, open_channel_for_new
from qiatan.entrypoints.port_owner import owner_of_port
from qiatan.entrypoints.worker import background_worker, following_time
from qiatan.infra import logs
from qiatan.infra.db.migrate import UnfitDatabase, upgrade
from qiatan.infra.postgres import PostgresError, open_database
from qiatan.infra.resources import Resources
from qiatan.infra.settings import Settings
from qiatan.infra.setup_error import SetupError

log = structlog.get_logger(__name__)

MAX_SOCKET_MESSAGE = 128 * 1024
"""What the socket tier reads at all; the gateway's own limit is lower and has a friendlier answer."""
BACKLOG = 2048
GOODBYE_SECONDS = 4
"""How long pages are told goodbye and waiting messages are written; with PostgreSQL's own end all stops within ten seconds."""


class PortTaken(SetupError):
    """Another program listens on our port."""


class HttpServer(uvicorn.Server):
    """uvicorn without its own signal handling: PostgreSQL and the message log must end in order too."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.listening = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.listening.set()

    async def main_loop(self) -> None:
        """As uvicorn's, whose ten looks a second at its flags are a tenth of what an idle server costs."""
        tenths = 0
        while not await self.on_tick(tenths):
            tenths = (tenths + 5) % 864_000
            await asyncio.sleep(0.5)

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def run(settings: Settings, *, demo: bool = False) -> None:
    """Serve until SIGINT or SIGTERM. Raises `SetupError` when the start cannot succeed."""
    logs.configure(settings.log_level)
    # Taken before anything is started: a port in use must not cost a database start.
    listener = _listen(settings)
    with listener:
        uvloop.run(_serve_until_stopped(settings, listener, demo=demo))


def _listen(settings: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((settings.host, settings.port))
        # At once, so that a second start on this port is refused here; who calls before `ready` waits in the backlog.
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        owner = owner_of_port(settings.port)
        whose = f" by {owner.name} (process {owner.pid})" if owner else ""
        raise PortTaken(
            f"port {settings.port} on {settings.host} is in use{whose} ({error.strerror}): stop that program, or choose another port with PORT=…"
        ) from error
    listener.setblocking(False)
    return listener


class _Life:
    """Where this process is between its start and its end."""

    def __init__(self) -> None:
        self.ready = asyncio.Event()
        self.stopping = asyncio.Event()


async def _serve_until_stopped(settings: Settings, listener: socket.socket, *, demo: bool) -> None:
    """Serve until a signal. One that comes during the start ends the start, however long PostgreSQL would have recovered."""
    life = _Life()
    serving = asyncio.create_task(_serve(settings, listener, life, demo=demo), name="serve")

    def stop() -> None:
        life.stopping.set()
        if not life.ready.is_set():
            serving.cancel()

    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop)
    try:
        await serving
    except asyncio.CancelledError:
        if not life.stopping.is_set():
            raise


async def _serve(settings: Settings, listener: socket.socket, life: _Life, *, demo: bool) -> None:
    async with open_database(settings, share=False) as url:
        try:
            await asyncio.to_thread(upgrade, url)
        except UnfitDatabase as error:
            raise PostgresError(str(error)) from error
        resources = build_resources(settings, url)
        app = build_app(resources)
        try:
            async with following_time(resources):
                lines = await _prepare(resources, app, demo=demo)
                async with background_worker(resources, url, enabled=settings.run_worker):
                    await _answer(life, app, listener, [*lines, f"ready {_local_address(settings)}"])
        finally:
            await resources.http.close()
            await resources.database.dispose()


def _local_address(settings: Settings) -> str:
    everywhere = settings.host in ("0.0.0.0", "::", "localhost")  # noqa: S104 -- compared, not bound
    host = "127.0.0.1" if everywhere else f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}"


async def _prepare(resources: Resources, app: FastAPI, *, demo: bool) -> list[str]:
    """What must exist before the first request; returns the lines to tell the operator."""
    resources.database.listeners.append(open_channel_for_new(resources))
    access = await users.ensure_demo(resources.database) if demo else None
    await ensure_channels(resources)
    if access is not None:
        await dress_demo(resources, access)
    if not demo:
        return []
    base = resources.settings.public_url
    app.state.demo_key = await first_channel_key(resources)
    lines = [f"shop       {base}/demo/"] if app.state.demo_key else []
    lines.append(f"workspace  {base}/app/")
    if access is not None:
        lines.append(f"account    {access.email}  password {access.password}  (shown only this once)")
    link = await users.sign_in_link(resources.database, base)
    if link is not None:
        lines.append(f"sign in    {link}  (works once, within 15 minutes)")
    return lines


def http_config(app: FastAPI, *, goodbye_seconds: int) -> uvicorn.Config:
    """How the HTTP and socket server is set: no compression and no pings of its own on sockets (memory, and ours carry a digest)."""
    return uvicorn.Config(
        Application(app),
        loop="none",
        http="httptools",
        ws="websockets-sansio",
        ws_per_message_deflate=False,
        ws_ping_interval=None,
        ws_max_size=MAX_SOCKET_MESSAGE,
        lifespan="off",
        access_log=False,
        log_config=None,
        log_level="warning",
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=goodbye_seconds,
        backlog=BACKLOG,
    )


async def _answer(life: _Life, app: FastAPI, listener: socket.socket, lines: list[str]) -> None:
    """Answer requests until told to stop; `lines` are for the operator, once the first request would be answered."""
    gateway = app.state.gateway
    server = HttpServer(http_config(app, goodbye_seconds=3))
    gateway.start()
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="http-server")
    await asyncio.wait([serving, asyncio.create_task(server.listening.wait())], return_when=asyncio.FIRST_COMPLETED)
    if serving.done():
        await serving
    # What the start allocated stays until the end: the collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    # A message makes hundreds of objects that die by themselves; looking for cycles every 700 of them took a tenth of the time.
    gc.set_threshold(50_000, 20, 50)
    for line in lines:
        print(line, flush=True)  # noqa: T201 - the operator's terminal is this command's output
    life.ready.set()
    asked = asyncio.create_task(life.stopping.wait())
    await asyncio.wait([asked, serving], return_when=asyncio.FIRST_COMPLETED)
    asked.cancel()
    with contextlib.suppress(TimeoutError):  # what was not acknowledged by then is sent again by its sender
        async with asyncio.timeout(GOODBYE_SECONDS):
            await gateway.close()
    server.should_exit = True
    await serving

"""`qiatan serve`: database, migrations, application, worker, in one process; and the end of all of them in order.

With more workers the supervisor (`supervisor.py`) has the database, and each of its nodes (`node.py`) runs `serve_node`.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

import structlog
import uvloop
from fastapi import FastAPI

from qiatan.entrypoints import notify, users
from qiatan.entrypoints.app import build_app, build_resources
from qiatan.entrypoints.drain import Drain, say_goodbye
from qiatan.entrypoints.enterprises import dress_demo, first_channel_key
from qiatan.entrypoints.first_channels import ensure_channels, open_channel_for_new
from qiatan.entrypoints.http_server import HttpServer, http_config
from qiatan.entrypoints.listening import local_address, take_port
from qiatan.entrypoints.pages import keep_files
from qiatan.entrypoints.relay import on_the_bus
from qiatan.entrypoints.worker import background_worker, following_time
from qiatan.infra import logs
from qiatan.infra.db.migrate import UnfitDatabase, upgrade
from qiatan.infra.nodes import Node, mark_draining
from qiatan.infra.postgres import PostgresError, open_database
from qiatan.infra.postgres.server import ensure_data_dir
from qiatan.infra.resources import Resources
from qiatan.infra.settings import Settings

log = structlog.get_logger(__name__)

END_SECONDS = 7.0
"""How long the end takes in all, whatever its stages need: the supervisor waits eight, and with PostgreSQL's own end all stops within ten."""
GOODBYE_SECONDS = 3.5
"""How long waiting messages are written at the end."""
REQUEST_SECONDS = 3
"""How long requests that run may go on at the end."""
JOBS_SECONDS = 3.0
"""How long jobs that run may go on at the end."""
RETIRE_SECONDS = 25
"""The same, where another node has taken the place already: an upload may still come to its end."""

Tell = Callable[[list[str]], None]


@dataclass(slots=True)
class Life:
    """Where this process is between its start and its end."""

    drain: Drain = field(default_factory=Drain)
    ready: asyncio.Event = field(default_factory=asyncio.Event)
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    server: HttpServer | None = None
    asked: set[str] = field(default_factory=set)
    """Who said that it should end."""

    def stop(self, by: str = "operator") -> None:
        """End in order; asked again by the same, at once.

        A service manager signals every process of the group, and the supervisor tells its nodes besides: that is one wish, not two.
        """
        if by in self.asked:
            self.drain.hurried.set()
        self.asked.add(by)
        self.stopping.set()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """What is to be served, and how."""

    settings: Settings
    url: str
    demo: bool = False
    furnish: bool = True
    """Whether what must exist before the first request is made here, or was made already."""
    node: Node | None = None
    prepared: Tell = lambda _: None
    """Told what the operator should know, when the database is ready."""
    ready: Callable[[], None] = lambda: None
    """Told that the first request would be answered."""
    linger: float = 0
    """Seconds for which requests are still taken after `/readyz` said no."""


def run(settings: Settings, *, demo: bool = False) -> None:
    """Serve until SIGINT or SIGTERM. Raises `SetupError` when the start cannot succeed."""
    logs.configure(settings.log_level, style=settings.log_format)
    # Taken before anything is started: a port in use must not cost a database start.
    (listener,) = take_port(settings)
    with listener:
        uvloop.run(_serve_until_stopped(settings, listener, demo=demo))


async def _serve_until_stopped(settings: Settings, listener: socket.socket, *, demo: bool) -> None:
    """Serve until a signal. One that comes during the start ends the start, however long PostgreSQL would have recovered."""
    life = Life()
    serving = asyncio.create_task(_serve(settings, listener, life, demo=demo), name="serve")

    def stop() -> None:
        life.stop()
        if not life.ready.is_set():
            serving.cancel()

    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop)
    # Whoever closes the terminal means the end; without one it is the signal that asks for a restart.
    loop.add_signal_handler(signal.SIGHUP, stop if sys.stdin.isatty() else _cannot_restart)
    try:
        await serving
    except asyncio.CancelledError:
        if not life.stopping.is_set():
            raise


def _cannot_restart() -> None:
    log.warning("serve.not_restarted", hint="one process cannot be replaced under traffic: set WORKERS to 2 or more, or stop and start it")


async def _serve(settings: Settings, listener: socket.socket, life: Life, *, demo: bool) -> None:
    lines: list[str] = []

    def ready() -> None:
        tell_operator(settings, lines)

    async with open_database(settings, share=False) as url:
        plan = Plan(settings=settings, url=url, demo=demo, prepared=lines.extend, ready=ready, linger=settings.drain_seconds)
        await serve_node(plan, listener, life)


def tell_operator(settings: Settings, lines: Sequence[str]) -> None:
    """That everything is there: on the terminal, and to systemd."""
    for line in (*lines, f"ready {local_address(settings)}"):
        print(line, flush=True)  # noqa: T201 - the operator's terminal is this command's output
    notify.tell(notify.READY)


async def serve_node(plan: Plan, listener: socket.socket, life: Life) -> None:
    """Be one serving process on a database that answers, until `life.stopping`.

    Raises:
        PostgresError: the database does not fit this program.
        SetupError: the data directory cannot be made.
    """
    # With a database elsewhere nobody has made it yet.
    ensure_data_dir(plan.settings.data_dir)
    try:
        await asyncio.to_thread(upgrade, plan.url, hold=not plan.settings.finish_upgrades)
    except UnfitDatabase as error:
        raise PostgresError(str(error)) from error
    resources = build_resources(plan.settings, plan.url, node=plan.node)
    app = build_app(resources, drain=life.drain)
    try:
        async with following_time(resources), on_the_bus(resources, app):
            await keep_files(resources)
            plan.prepared(await _prepare(resources, app, demo=plan.demo, furnish=plan.furnish))
            jobs = background_worker(
                resources,
                plan.url,
                enabled=plan.settings.run_worker,
                patience=lambda: RETIRE_SECONDS if life.drain.retired else life.drain.left(JOBS_SECONDS, least=0.5),
            )
            async with jobs:
                await _answer(plan, app, listener, life)
    finally:
        await resources.http.close()
        await resources.database.dispose()


async def _prepare(resources: Resources, app: FastAPI, *, demo: bool, furnish: bool) -> list[str]:
    """What must exist before the first request; returns the lines to tell the operator."""
    resources.database.listeners.append(open_channel_for_new(resources))
    if not furnish:
        app.state.demo_key = await first_channel_key(resources) if demo else None
        return []
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


async def _answer(plan: Plan, app: FastAPI, listener: socket.socket, life: Life) -> None:
    """Answer requests until told to stop, then leave so that nobody is lost."""
    server = life.server = HttpServer(http_config(app, goodbye_seconds=REQUEST_SECONDS))
    app.state.gateway.start()
    await app.state.monitor.start()
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="http-server")
    await _first(serving, server.listening.wait())
    if serving.done():
        await serving
    # What the start allocated stays until the end: the collector need not look at it again and again.
    gc.collect()
    gc.freeze()
    # A message makes hundreds of objects that die by themselves; looking for cycles every 700 of them took a tenth of the time.
    gc.set_threshold(50_000, 20, 50)
    life.ready.set()
    plan.ready()
    await _first(serving, life.stopping.wait())
    await _leave(plan, app, server, serving, life.drain)


async def _leave(plan: Plan, app: FastAPI, server: HttpServer, serving: asyncio.Task[None], drain: Drain) -> None:
    """The order matters: nobody new, then everybody sent away, then what runs, then what waits to be written."""
    notify.tell(notify.STOPPING)
    drain.unready = True
    resources: Resources = app.state.resources
    try:
        async with asyncio.timeout(0.5):
            await mark_draining(resources.database, resources.node)
    except Exception as error:  # noqa: BLE001 -- others only look less well informed; the end goes on
        log.info("serve.not_marked_draining", error=str(error) or type(error).__name__)
    await drain.linger(plan.linger)
    if not drain.retired:
        drain.ends_at = asyncio.get_running_loop().time() + END_SECONDS
    drain.leaving = True
    server.stop_accepting()
    await say_goodbye(app.state.gateway, drain)
    server.config.timeout_graceful_shutdown = RETIRE_SECONDS if drain.retired else round(drain.left(REQUEST_SECONDS, least=1, keep=2))
    server.should_exit = True
    await _first(serving, drain.hurried.wait())
    server.force_exit = True
    await serving
    with contextlib.suppress(TimeoutError):  # what was not acknowledged by then is sent again by its sender
        async with asyncio.timeout(drain.left(GOODBYE_SECONDS, least=1.5)):
            await app.state.gateway.close()
            await app.state.monitor.close()


async def _first(task: asyncio.Task[None], other: Awaitable[object]) -> None:
    """Wait for the task or for the other thing, whichever comes first."""
    waiting = asyncio.ensure_future(other)
    await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()

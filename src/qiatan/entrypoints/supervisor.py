"""`qiatan serve` with several workers: their sockets, their database, their bus, and their life (decision 0024).

The supervisor serves nobody itself, so it stays small and does not change while its nodes do. Each node has a slot: a listening socket
that the supervisor keeps open, so that nobody who calls is refused while the node is replaced.
"""

from __future__ import annotations

import asyncio
import secrets
import signal
import socket
import sys
from collections.abc import Iterable, Mapping, Sequence
from contextlib import AsyncExitStack

import structlog

from qiatan.entrypoints import control, notify
from qiatan.entrypoints.child import Child, spawn, with_settings
from qiatan.entrypoints.drain import Drain
from qiatan.entrypoints.listening import local_address, take_port
from qiatan.entrypoints.slots import Slot, cover
from qiatan.infra import logs
from qiatan.infra.nats_server import NatsServer
from qiatan.infra.postgres import open_database
from qiatan.infra.settings import Settings
from qiatan.infra.setup_error import SetupError

log = structlog.get_logger(__name__)

READY_SECONDS = 120.0
"""How long a node whose database is ready may take until it answers."""
STOP_SECONDS = 8.0
"""How long the nodes may take to end; with PostgreSQL's own end all stops within ten seconds."""
RETIRE_SECONDS = 75.0
"""How long a node that was replaced may take to end: its clients, then its requests, then its jobs, each with patience (`serve.py`)."""
RESTART_PAUSES = (0.0, 0.5, 1.0, 2.0, 5.0, 10.0, 30.0)
"""Before a node that died is started again, by how often it did without serving for CALM_SECONDS meanwhile."""
CALM_SECONDS = 60.0
REPLACED_AGAIN_SECONDS = 30.0
"""After which nodes that must be replaced are tried to be replaced again, where nobody asked for it who would ask again."""
CONNECTIONS_A_NODE = 30
"""What a node takes of the database at most: both pools with their overflow, its jobs, and room for a second one while it is replaced."""
CONNECTIONS_BESIDE = 30
"""For commands, backups, and the node that comes while another one goes."""


def run(settings: Settings, *, demo: bool = False) -> None:
    """Serve until SIGINT or SIGTERM; SIGHUP replaces every node, one after another. Raises `SetupError` when the start cannot succeed."""
    logs.configure(settings.log_level, style=settings.log_format)
    structlog.contextvars.bind_contextvars(node="supervisor")
    listeners = take_port(settings, slots=settings.workers)
    asyncio.run(_Supervisor(settings, listeners, demo=demo).run())


class _Supervisor:
    def __init__(self, settings: Settings, listeners: Sequence[socket.socket], *, demo: bool) -> None:
        self._settings = settings
        self._demo = demo
        self._slots = [Slot(number, listener) for number, listener in enumerate(listeners, start=1)]
        self._machine = f"{socket.gethostname()}/{secrets.token_hex(4)}"
        self._environment: Mapping[str, str] = {}
        self._children: set[Child] = set()
        self._ready = False
        self._stopping = asyncio.Event()
        self._restart = asyncio.Event()
        self._bus_is_elsewhere = False
        """The nodes hold an address where no bus is any more."""
        self._drain = Drain()

    async def run(self) -> None:
        loop = asyncio.get_running_loop()
        living = asyncio.create_task(self._live(), name="supervisor")

        def stop(number: signal.Signals) -> None:
            # Asked again by hand, it ends at once; a service manager that repeats itself does not mean that.
            if self._stopping.is_set() and number == signal.SIGINT:
                self._drain.hurried.set()
            self._stopping.set()
            if not self._ready:
                living.cancel()

        loop.add_signal_handler(signal.SIGINT, stop, signal.SIGINT)
        loop.add_signal_handler(signal.SIGTERM, stop, signal.SIGTERM)
        # Whoever closes the terminal means the end.
        if sys.stdin.isatty():
            loop.add_signal_handler(signal.SIGHUP, stop, signal.SIGTERM)
        else:
            loop.add_signal_handler(signal.SIGHUP, self._restart.set)
        try:
            await living
        except asyncio.CancelledError:
            if not self._stopping.is_set():
                raise

    async def _live(self) -> None:
        async with AsyncExitStack() as stack:
            most = CONNECTIONS_BESIDE + CONNECTIONS_A_NODE * len(self._slots)
            url = await stack.enter_async_context(open_database(self._settings, share=False, max_connections=most))
            bus = ",".join(self._settings.nats_url)
            if not bus:
                server = NatsServer(self._settings.data_dir, on_moved=self._bus_moved)
                stack.push_async_callback(server.stop)
                bus = await server.start()
            self._environment = with_settings(
                {
                    "HOST": self._settings.host,
                    "PORT": str(self._settings.port),
                    "DATA": str(self._settings.data_dir),
                    "DATABASE_URL": url,
                    "NATS_URL": bus,
                }
            )
            stack.push_async_callback(self._end)
            lines = await self._begin()
            self._ready = True
            for line in (*lines, f"ready {local_address(self._settings)}"):
                print(line, flush=True)  # noqa: T201 - the operator's terminal is this command's output
            notify.tell(notify.READY)
            await self._keep_all()

    def _bus_moved(self, url: str) -> None:
        """The nodes got the address with their environment: they are replaced, one after another, as for a new version."""
        self._environment = {**self._environment, "NATS_URL": url}
        self._bus_is_elsewhere = True
        self._restart.set()

    # -- the start

    async def _begin(self) -> list[str]:
        """Start all nodes: the first makes the database ready while the others load. Returns the lines for the operator."""
        children = [self._spawn(slot) for slot in self._slots]
        first, *others = children
        first.say(control.FIRST, demo=self._demo)
        await self._must(first, first.prepared, None)
        for child in others:
            child.say(control.GO, demo=self._demo)
        for slot, child in zip(self._slots, children, strict=True):
            await self._must(child, child.ready, READY_SECONDS)
            slot.child = child
        return first.lines

    async def _must(self, child: Child, moment: asyncio.Event, seconds: float | None) -> None:
        if not await child.reached(moment, seconds):
            raise SetupError(child.error or f"worker {child.slot} does not start: {child.why()}")

    def _spawn(self, slot: Slot) -> Child:
        try:
            child = spawn(slot.number, slot.listener, machine=self._machine, environment=self._environment)
        except OSError as error:
            raise SetupError(f"cannot start worker {slot.number} ({error.strerror}): free memory or processes on this machine") from error
        self._children = {known for known in self._children if not known.ended.is_set()} | {child}
        return child

    # -- the life

    async def _keep_all(self) -> None:
        """Keep a node in each slot, and replace all of them when asked to, until we are to stop."""
        keeping = [asyncio.create_task(self._keep(slot), name=f"slot-{slot.number}") for slot in self._slots]
        keeping.append(asyncio.create_task(self._replace_when_asked(), name="restart"))
        stopping = asyncio.create_task(self._stopping.wait())
        try:
            # None of them ends by itself: one that does has failed, and so have we.
            done, _ = await asyncio.wait([*keeping, stopping], return_when=asyncio.FIRST_COMPLETED)
            for task in done - {stopping}:
                task.result()
        finally:
            for task in (*keeping, stopping):
                task.cancel()
            await asyncio.wait([*keeping, stopping])

    async def _keep(self, slot: Slot) -> None:
        """Start a slot's node again whenever it dies, with growing pauses."""
        failures = 0
        while True:
            child = slot.child
            if child is not None:
                await child.ended.wait()
                if slot.child is not child:
                    continue  # replaced in order
                slot.child = None
                cover(self._slots)
                failures = 1 if child.served_seconds() >= CALM_SECONDS else failures + 1
                pause = RESTART_PAUSES[min(failures, len(RESTART_PAUSES)) - 1]
                log.error("worker.died", worker=slot.number, exit_code=child.process.returncode, starting_again_in=pause)
            else:
                failures += 1
                pause = RESTART_PAUSES[min(failures, len(RESTART_PAUSES)) - 1]
            await asyncio.sleep(pause)
            async with slot.changing:
                if slot.child is None:
                    slot.child = await self._fresh(slot)
                    cover(self._slots)

    async def _fresh(self, slot: Slot) -> Child | None:
        """A node for the slot that answers; None when it does not come to that, which is logged."""
        try:
            child = self._spawn(slot)
        except SetupError as error:
            log.warning("worker.not_started", worker=slot.number, error=str(error))
            return None
        child.say(control.GO, demo=self._demo)
        # Until the database is ready it may take as long as it takes: a newer program may have to migrate it.
        if await child.reached(child.prepared) and await child.reached(child.ready, READY_SECONDS):
            log.info("worker.ready", worker=slot.number, process=child.process.pid)
            return child
        log.error("worker.not_started", worker=slot.number, error=child.why())
        child.kill()
        await child.ended.wait()
        return None

    async def _replace_when_asked(self) -> None:
        while True:
            await self._restart.wait()
            self._restart.clear()
            notify.tell(notify.reloading())
            log.info("restart.begun", workers=len(self._slots))
            moved, self._bus_is_elsewhere = self._bus_is_elsewhere, False
            if await self._replace_all():
                log.info("restart.done", workers=len(self._slots))
            elif moved:
                # An operator reads that it was given up, and asks again; the bus does not.
                self._bus_is_elsewhere = True
                asyncio.get_running_loop().call_later(REPLACED_AGAIN_SECONDS, self._restart.set)
            notify.tell(notify.READY)

    async def _replace_all(self) -> bool:
        """Replace one node after another: first the new one answers, then the old one goes. Whether all were."""
        for slot in self._slots:
            async with slot.changing:
                fresh = await self._fresh(slot)
                if fresh is None:
                    log.error(
                        "restart.given_up",
                        worker=slot.number,
                        hint="the workers that are not replaced go on; mend the cause, then ask again",
                    )
                    return False
                old, slot.child = slot.child, fresh
                if old is not None:
                    old.leave(control.RETIRE)
                cover(self._slots)
            if old is not None and not await old.reached(old.ended, RETIRE_SECONDS) and not old.ended.is_set():
                log.warning(
                    "worker.killed", worker=slot.number, process=old.process.pid, hint=f"it had not ended after {RETIRE_SECONDS:.0f} s"
                )
                old.kill()
        return True

    # -- the end

    async def _end(self) -> None:
        """Let all nodes drain and end, and see to it that none is left."""
        notify.tell(notify.STOPPING)
        living = [child for child in self._children if not child.ended.is_set()]
        if self._ready and self._settings.drain_seconds:
            _tell(living, control.UNREADY)
            await self._drain.linger(self._settings.drain_seconds)
        for slot in self._slots:
            slot.listener.close()
        for child in living:
            child.leave(control.STOP)
        ending = asyncio.create_task(_all_ended(living))
        hurried = asyncio.create_task(_wait(self._drain.hurried))
        await asyncio.wait([ending, hurried], timeout=STOP_SECONDS, return_when=asyncio.FIRST_COMPLETED)
        hurried.cancel()
        for child in living:
            if not child.ended.is_set():
                log.warning("worker.killed", worker=child.slot, process=child.process.pid, hint="it had not ended in time")
                child.kill()
        await ending


async def _wait(event: asyncio.Event) -> None:
    await event.wait()


async def _all_ended(children: Iterable[Child]) -> None:
    for child in children:
        await child.ended.wait()


def _tell(children: Iterable[Child], what: str) -> None:
    for child in children:
        child.say(what)

"""Several workers behind one port, as real processes; and the parts of the supervisor that need none."""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any, cast

import httpx
import psycopg
import pytest

from bench.server import Server, children
from qiatan.entrypoints import control
from qiatan.entrypoints.child import Child
from qiatan.entrypoints.drain import SPREAD_SECONDS, WAVE_LEAST, WAVE_SECONDS, waves
from qiatan.entrypoints.listening import PortTaken, take_port
from qiatan.entrypoints.slots import Slot, cover
from qiatan.entrypoints.supervisor import _Supervisor
from qiatan.infra.nats_server import NatsServer
from qiatan.infra.realtime.connection import Connection
from qiatan.infra.realtime.returning import time_away
from qiatan.infra.settings import Settings
from qiatan.infra.setup_error import SetupError
from tests.platform.conftest import alive, await_end
from tests.support.network import free_port

PATIENCE = 150.0


# -- the parts


def test_every_slot_has_a_socket_of_its_own_and_nobody_else_can_join_them() -> None:
    settings = Settings(port=free_port())
    listeners = take_port(settings, slots=3)
    try:
        with pytest.raises(PortTaken) as refused:
            take_port(settings, slots=3)
        assert f"port {settings.port} on 127.0.0.1 is in use" in str(refused.value)
        with pytest.raises(PortTaken):
            take_port(settings)
        callers = [socket.create_connection(("127.0.0.1", settings.port), timeout=5) for _ in range(60)]
        if sys.platform == "linux":
            taken = [len(list(_accepted(listener))) for listener in listeners]
            assert sum(taken) == 60
            assert min(taken) > 0, taken
        for caller in callers:
            caller.close()
    finally:
        for listener in listeners:
            listener.close()


def _accepted(listener: socket.socket) -> Iterator[bool]:
    while True:
        try:
            listener.accept()[0].close()
        except BlockingIOError:
            return
        yield True


class _Told:
    """Stands for a node: what it was told, and whether it serves."""

    def __init__(self) -> None:
        self.serves = True
        self.heard: list[tuple[str, int]] = []

    def say(self, what: str, *, handing: socket.socket | None = None, slot: int) -> None:
        assert (handing is not None) == (what == control.LEND)
        self.heard.append((what, slot))


def test_a_slot_whose_node_is_away_is_served_by_another_until_it_is_back() -> None:
    nodes = [_Told(), _Told(), _Told()]
    with socket.socket() as one, socket.socket() as two, socket.socket() as three:
        slots = [
            Slot(number, listener, cast("Child", node))
            for number, (listener, node) in enumerate(zip((one, two, three), nodes, strict=True), 1)
        ]
        cover(slots)
        assert [node.heard for node in nodes] == [[], [], []]

        slots[1].child = None
        cover(slots)
        cover(slots)
        assert [node.heard for node in nodes] == [[("lend", 2)], [], []]

        nodes[0].serves = False  # the helper goes too: the one that is left serves both
        cover(slots)
        assert nodes[2].heard == [("lend", 1), ("lend", 2)]

        nodes[0].serves = True
        slots[1].child = cast("Child", nodes[1])
        cover(slots)
        assert nodes[2].heard[2:] == [("give_back", 1), ("give_back", 2)]
        assert [slot.lent_to for slot in slots] == [None, None, None]


async def test_messages_and_sockets_arrive_in_order_and_the_end_is_told_once() -> None:
    ours, theirs = control.pair()
    left, right = control.Channel(ours), control.Channel(theirs)
    heard: list[tuple[str, int | None]] = []
    ended = asyncio.Event()

    def keep(message: control.Message, handed: socket.socket | None) -> None:
        heard.append((message["say"], None if handed is None else handed.getsockname()[1]))
        if handed is not None:
            handed.close()

    right.listen(keep, ended.set)
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        left.say(control.GO, demo=False)
        left.say(control.LEND, handing=listener, slot=2)
        left.say("what a newer program says")
        left.close()
        await ended.wait()
        assert heard == [("go", None), ("lend", listener.getsockname()[1]), ("what a newer program says", None)]
    right.say(control.READY)  # to nobody, harmless
    right.close()


@pytest.mark.parametrize(("clients", "away"), [(0, 0.0), (40, 0.1), (500, 1.0), (2_000, 4.0), (50_000, 5.0)])
def test_clients_are_sent_away_in_few_waves_and_asked_to_spread_their_return(clients: int, away: float) -> None:
    people = cast("list[Connection]", list(range(clients)))
    groups = list(waves(people))
    assert [person for group in groups for person in group] == people
    assert len(groups) <= SPREAD_SECONDS / WAVE_SECONDS
    assert all(len(group) >= WAVE_LEAST for group in groups[:-1])
    assert time_away(clients) == away


async def test_the_bus_server_lets_nobody_in_without_its_token_and_comes_back_where_it_was(tmp_path: Path) -> None:
    server = NatsServer(tmp_path)
    url = await server.start()
    try:
        port = int(url.rpartition(":")[2])
        assert b"authorization violation" in (await _say_connect(port, "{}")).lower()
        token = json.dumps({"auth_token": url.removeprefix("nats://").partition("@")[0], "verbose": True})
        assert b"+OK" in await _say_connect(port, token)
        assert token not in (tmp_path / "bus" / "nats.conf").read_text()
        first = server.pid
        assert first is not None
        os.kill(first, signal.SIGKILL)
        async with asyncio.timeout(20):
            while alive(first) or not await _listens(port):
                await asyncio.sleep(0.02)
        assert server.url == url
    finally:
        await server.stop()
    assert server.pid is None
    assert not await _listens(port)


async def test_a_bus_server_whose_port_is_taken_goes_elsewhere_and_says_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given somebody took its port while it was dead, when it has tried in vain for a while, then it listens on another one."""
    monkeypatch.setattr("qiatan.infra.nats_server._RESTART_PAUSES", (0.01,))
    moved = asyncio.Queue[str]()
    server = NatsServer(tmp_path, on_moved=moved.put_nowait)
    url = await server.start()
    port, pid = int(url.rpartition(":")[2]), server.pid
    assert pid is not None
    monkeypatch.setattr("qiatan.infra.nats_server.find_program", lambda: None)  # no new one before the port is taken
    try:
        os.kill(pid, signal.SIGKILL)
        await asyncio.to_thread(await_end, pid)
        with await _taken(port):
            monkeypatch.undo()
            monkeypatch.setattr("qiatan.infra.nats_server._RESTART_PAUSES", (0.01,))
            async with asyncio.timeout(60):
                told = await moved.get()
            new = int(told.rpartition(":")[2])
            assert (told, new == port, moved.empty()) == (server.url, False, True)
            token = json.dumps({"auth_token": url.removeprefix("nats://").partition("@")[0], "verbose": True})
            assert b"+OK" in await _say_connect(new, token)
    finally:
        await server.stop()


async def _taken(port: int) -> socket.socket:
    """A socket of ours that listens there; somebody's connection may have had the number for a moment."""
    async with asyncio.timeout(30):
        while True:
            with suppress(OSError):
                return socket.create_server(("127.0.0.1", port))
            await asyncio.sleep(0.05)


async def test_workers_are_replaced_when_their_bus_has_moved() -> None:
    supervisor = _Supervisor(Settings(workers=2), [], demo=False)
    supervisor._environment = {"NATS_URL": "nats://token@127.0.0.1:1", "PORT": "8000"}

    supervisor._bus_moved("nats://token@127.0.0.1:2")

    assert supervisor._environment == {"NATS_URL": "nats://token@127.0.0.1:2", "PORT": "8000"}
    assert supervisor._restart.is_set()


async def test_what_the_bus_asked_for_is_tried_again_where_it_was_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qiatan.entrypoints.supervisor.REPLACED_AGAIN_SECONDS", 0.01)
    supervisor = _Supervisor(Settings(workers=2), [], demo=False)
    answers, tries, idle = [False, False, True, False], 0, asyncio.Event()

    async def replace_all() -> bool:
        nonlocal tries
        tries += 1
        if tries >= 3:
            idle.set()
        return answers.pop(0)

    monkeypatch.setattr(supervisor, "_replace_all", replace_all)
    replacing = asyncio.create_task(supervisor._replace_when_asked())
    try:
        supervisor._bus_moved("nats://token@127.0.0.1:2")
        await asyncio.wait_for(idle.wait(), 10)
        assert answers == [False]

        supervisor._restart.set()  # by an operator, who hears that it was given up
        await _until_empty(answers)
        await asyncio.sleep(0.1)
        assert tries == 4
    finally:
        replacing.cancel()


async def _until_empty(answers: list[bool]) -> None:
    async with asyncio.timeout(10):
        while answers:
            await asyncio.sleep(0)


async def _say_connect(port: int, options: str) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    await reader.readline()
    writer.write(f"CONNECT {options}\r\nPING\r\n".encode())
    answer = await reader.readline()
    writer.close()
    await writer.wait_closed()
    return answer


async def _listens(port: int) -> bool:
    try:
        _, writer = await asyncio.open_connection("127.0.0.1", port)
    except OSError:
        return False
    writer.close()
    await writer.wait_closed()
    return True


async def test_a_machine_without_a_bus_server_is_told_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qiatan.infra.nats_server.find_program", lambda: None)
    with pytest.raises(SetupError, match=r"nats-server.*install"):
        await NatsServer(tmp_path).start()


# -- the processes

pytestmark = pytest.mark.timeout(400)


@contextmanager
def started(environment: dict[str, str]) -> Iterator[Server]:
    """A server of two workers: three programs to load, for which a busy machine takes its time."""
    server = Server(environment={"WORKERS": "2", "LOG_LEVEL": "info", **environment})
    with ExitStack() as stack:
        stack.push(server.__exit__)
        server.start(patience=PATIENCE)
        yield server


def nodes(server: Server) -> list[int]:
    return [pid for pid in children(server.pid) if b"qiatan.entrypoints.node" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def until(server: Server, met: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE
    while not met():
        assert time.monotonic() < deadline, server.said()
        time.sleep(0.05)


def events(server: Server, name: str) -> list[dict[str, Any]]:
    lines = [json.loads(line) for line in server.said().splitlines() if line.startswith("{")]
    return [line for line in lines if line["event"] == name]


def get(server: Server, path: str) -> httpx.Response:
    return httpx.get(f"{server.address}{path}", timeout=20)


@pytest.fixture
def key(tmp_path: Path) -> Path:
    path = tmp_path / "key"
    path.write_text(secrets.token_hex(32))
    path.chmod(0o640)
    return path


def test_from_the_first_line_to_the_second_interrupt(key: Path) -> None:
    with started({"DRAIN_SECONDS": "300", "SECRET_KEY_FILE": str(key)}) as server:
        # given: a server of two workers, which told the operator once
        said = server.said().splitlines()
        assert [line for line in said if not line.startswith("{")] == [f"ready {server.address}"]
        first, postgres = nodes(server), server.postgres()
        assert len(first) == 2
        assert get(server, "/readyz").json() == {"ready": True, "node": "ok", "database": "ok", "migrations": "ok", "bus": "ok"}
        with psycopg.connect(server.database_url(), options="-c role=qiatan_system") as database:
            assert database.execute("SELECT name, draining FROM nodes ORDER BY name").fetchall() == [("1", False), ("2", False)]

        # when another one is started on the port, then it is refused and nothing is started
        other = server.data.with_name(f"{server.data.name}-other")
        again = subprocess.run(
            [sys.executable, "-m", "qiatan", "serve", "--workers", "2"],
            env={**os.environ, "PORT": str(server.port), "DATA": str(other)},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert again.returncode == 2
        assert f"port {server.port} on 127.0.0.1 is in use" in again.stderr
        assert not other.exists()

        # when a restart meets a fault, then it is given up and the old ones go on
        key.chmod(0o644)
        os.kill(server.pid, signal.SIGHUP)
        until(server, lambda: bool(events(server, "restart.given_up")))
        assert "SECRET_KEY_FILE" in events(server, "worker.not_started")[0]["error"]
        assert nodes(server) == first
        assert get(server, "/readyz").status_code == 200

        # when it is told to stop, then it sends load balancers away and goes on for DRAIN_SECONDS
        os.kill(server.pid, signal.SIGINT)
        until(server, lambda: get(server, "/readyz").status_code == 503)
        assert get(server, "/readyz").json()["node"] == "draining"
        assert get(server, "/healthz").json() == {"status": "ok"}

        # when the operator does not want to wait, then it ends at once and leaves nothing
        began = time.monotonic()
        os.kill(server.pid, signal.SIGINT)
        assert server.process is not None
        assert server.process.wait(30) == 0, server.said()
        assert time.monotonic() - began < 10
        for pid in (*first, postgres):
            await_end(pid)


def test_a_worker_that_keeps_dying_is_started_with_growing_pauses_and_all_end_with_the_supervisor() -> None:
    with started({}) as server:
        # when one worker is killed again and again
        kept, dying = nodes(server)
        for times in (1, 2, 3):
            os.kill(dying, signal.SIGKILL)
            until(server, lambda times=times: len(events(server, "worker.ready")) == times)  # type: ignore[misc]
            dying = next(pid for pid in nodes(server) if pid != kept)
            assert get(server, "/healthz").status_code == 200
        # then it was started anew each time, more and more slowly, and the other one went on
        assert [(line["exit_code"], line["starting_again_in"]) for line in events(server, "worker.died")] == [
            (-9, 0.0),
            (-9, 0.5),
            (-9, 1.0),
        ]
        assert kept in nodes(server)

        # when the supervisor itself is killed, then all of it ends and the port is free
        everything = [*nodes(server), server.postgres()]
        server.kill()
        for pid in everything:
            await_end(pid, 20)
        assert not any(alive(pid) for pid in everything)
        for listener in take_port(Settings(port=server.port), slots=2):
            listener.close()

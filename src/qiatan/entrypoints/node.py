"""One serving process of several, below the supervisor: `python -m qiatan.entrypoints.node CONTROL LISTENER SLOT MACHINE`.

Nobody calls it by hand. The two numbers are sockets that the supervisor left open for it; settings come by the environment, as for every
command, with DATABASE_URL and NATS_URL filled in. It ends in order when it is told to, on SIGTERM, and when the supervisor is gone.
"""

from __future__ import annotations

import asyncio
import signal
import socket
import sys
from collections.abc import Coroutine
from functools import partial
from typing import Any

import structlog
import uvloop

from qiatan.entrypoints import control
from qiatan.entrypoints.serve import Life, Plan, serve_node
from qiatan.infra import logs
from qiatan.infra.nodes import Node
from qiatan.infra.settings import Settings
from qiatan.infra.setup_error import SetupError

log = structlog.get_logger(__name__)

_SUPERVISOR, _SIGNAL = "supervisor", "signal"


class _Child:
    """What the supervisor says, as the life of this process."""

    def __init__(self, channel: control.Channel, life: Life) -> None:
        self.told: asyncio.Future[control.Message] = asyncio.get_running_loop().create_future()
        self._channel = channel
        self._life = life
        self._tasks: set[asyncio.Task[None]] = set()

    def heard(self, message: control.Message, handed: socket.socket | None) -> None:
        match message["say"]:
            case control.FIRST | control.GO if not self.told.done():
                self.told.set_result(message)
            case control.LEND if handed is not None and self._life.server is not None:
                self._spawn(self._life.server.borrow(message["slot"], handed))
            case control.GIVE_BACK if self._life.server is not None:
                self._life.server.give_back(message["slot"])
            case control.UNREADY:
                self._life.drain.unready = True
            case control.RETIRE:
                self._life.drain.retired = True
                self.stop(_SUPERVISOR)
            case control.STOP:
                self.stop(_SUPERVISOR)
            case _:
                log.debug("node.not_understood", said=message["say"])
                if handed is not None:
                    handed.close()

    def lost(self) -> None:
        """The supervisor died, and with it the database that was its child: nobody waits for us."""
        log.warning("node.left_alone", hint="the supervisor is gone; this process ends too")
        self.stop(_SUPERVISOR)

    def stop(self, by: str) -> None:
        self._life.stop(by)
        self.told.cancel()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


async def _run(control_socket: socket.socket, listener: socket.socket, slot: str, machine: str) -> int:
    channel, life = control.Channel(control_socket), Life()
    child = _Child(channel, life)
    channel.listen(child.heard, child.lost)
    # The terminal's Ctrl-C is for the supervisor, which tells us.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, child.stop, _SIGNAL)
    serving = asyncio.create_task(_serve(child, channel, listener, life, Node(machine, slot)), name="serve")
    stopping = asyncio.create_task(life.stopping.wait())
    await asyncio.wait([serving, stopping], return_when=asyncio.FIRST_COMPLETED)
    if not life.ready.is_set():
        serving.cancel()
    try:
        await serving
    except asyncio.CancelledError:
        return 0
    except SetupError as error:
        channel.say(control.FAILED, error=str(error))
        return 2
    return 0


async def _serve(child: _Child, channel: control.Channel, listener: socket.socket, life: Life, node: Node) -> None:
    order = await child.told
    settings = Settings.from_env()
    if settings.database_url is None:
        raise SetupError("DATABASE_URL: a node has no database of its own: start it by qiatan serve")
    plan = Plan(
        settings=settings,
        url=settings.database_url,
        demo=bool(order.get("demo")),
        furnish=order["say"] == control.FIRST,
        node=node,
        prepared=lambda lines: channel.say(control.PREPARED, lines=lines),
        ready=partial(channel.say, control.READY),
    )
    await serve_node(plan, listener, life)


def main() -> None:
    control_number, listener_number, slot, machine = sys.argv[1:]
    settings = Settings.from_env()
    logs.configure(settings.log_level, style=settings.log_format)
    structlog.contextvars.bind_contextvars(node=slot)
    sys.exit(uvloop.run(_run(control.inherited(int(control_number)), control.inherited(int(listener_number)), slot, machine)))


if __name__ == "__main__":
    main()

"""What a supervisor and its nodes say to each other: lines of JSON over a pair of sockets that only they hold.

The pair is also how each notices the other's end: when one dies, however, the other reads the end of the stream. Newer and older programs
talk over it during an upgrade, so both leave what they do not know alone.
"""

from __future__ import annotations

import asyncio
import json
import os
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

FIRST = "first"
"""To a node: make the database ready, then serve. `demo` says whether the demo shop is wanted."""
GO = "go"
"""To a node: the database is ready, serve."""
LEND = "lend"
"""To a node, with a listening socket: accept on this too; the node of `slot` is away."""
GIVE_BACK = "give_back"
"""To a node: stop accepting on what was lent of `slot`."""
UNREADY = "unready"
"""To a node: say in `/readyz` that this machine stops, and go on."""
RETIRE = "retire"
"""To a node: another one has taken the slot; drain with patience and end."""
STOP = "stop"
"""To a node: drain and end within ten seconds."""
PREPARED = "prepared"
"""From a node: the database is ready. `lines` are for the operator."""
READY = "ready"
"""From a node: it answers."""
FAILED = "failed"
"""From a node: it cannot start. `error` is one line with the remedy."""

_MOST = 64 * 1024
_MOST_SOCKETS = 4

Message = dict[str, Any]


class Channel:
    """One end of the pair. `heard` gets each message with the socket that came along; `lost` is called once, at the other side's end."""

    def __init__(self, end: socket.socket) -> None:
        end.setblocking(False)
        self._end = end
        self._rest = b""
        self._handed: list[socket.socket] = []
        self._heard: Callable[[Message, socket.socket | None], None] | None = None
        self._lost: Callable[[], None] | None = None

    def listen(self, heard: Callable[[Message, socket.socket | None], None], lost: Callable[[], None]) -> None:
        """Begin to hear, on the running loop."""
        self._heard, self._lost = heard, lost
        asyncio.get_running_loop().add_reader(self._end.fileno(), self._readable)

    def say(self, what: str, *, handing: socket.socket | None = None, **more: Any) -> None:
        """Tell the other side; nothing happens when it is gone, which `lost` tells."""
        line = json.dumps({"say": what, **more}).encode() + b"\n"
        with suppress(OSError):
            if handing is None:
                self._end.send(line)
            else:
                socket.send_fds(self._end, [line], [handing.fileno()])

    def close(self) -> None:
        """Hear and say no more. Harmless when it is closed."""
        if self._end.fileno() < 0:
            return
        with suppress(RuntimeError):  # no loop runs any more
            asyncio.get_running_loop().remove_reader(self._end.fileno())
        self._end.close()

    def _readable(self) -> None:
        try:
            data, handed, _, _ = socket.recv_fds(self._end, _MOST, _MOST_SOCKETS)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data, handed = b"", []
        self._handed += [socket.socket(fileno=fd) for fd in handed]
        if not data:
            self.close()
            if self._lost is not None:
                self._lost()
            return
        *lines, self._rest = (self._rest + data).split(b"\n")
        for line in lines:
            message = json.loads(line)
            if self._heard is not None:
                self._heard(message, self._handed.pop(0) if message["say"] == LEND and self._handed else None)


def pair() -> tuple[socket.socket, socket.socket]:
    """Two connected ends. The second is for a child and closes in every other."""
    return socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)


def inherited(number: int) -> socket.socket:
    """A socket that our parent left open for us; our own children do not get it."""
    os.set_inheritable(number, False)
    return socket.socket(fileno=number)

"""Lines between the parts of an installation that can be cut, silenced, slowed and led elsewhere.

They run on a thread of their own, so that a test that waits for a process does not hold up what that process needs.
"""

from __future__ import annotations

import asyncio
import socket
import threading
from collections.abc import Callable
from concurrent.futures import Future
from contextlib import suppress
from types import TracebackType
from typing import Self

_CHUNK = 64 * 1024


class Wires:
    """All lines of an installation, and the thread they run on."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self.loop.run_forever, name="wires", daemon=True)
        self._lines: list[Line] = []

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for line in self._lines:
            line.close()
        asyncio.run_coroutine_threadsafe(_end_all(), self.loop).result(10)
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        self.loop.close()

    def line(self, to: int, *, host: str = "127.0.0.1", at: str = "127.0.0.1") -> Line:
        """A new line to a port of this machine, or of `host`; it begins at the address `at`."""
        line = Line(self, to, host, at)
        self._lines.append(line)
        return line

    def do(self, work: Callable[[], None]) -> None:
        """Run it on the lines' thread, and wait until it is done."""
        done: Future[None] = Future()

        def run() -> None:
            try:
                work()
            except Exception as error:  # noqa: BLE001 -- handed to whoever waits
                done.set_exception(error)
            else:
                done.set_result(None)

        self.loop.call_soon_threadsafe(run)
        done.result(10)


class Line:
    """One port that leads to another. `delay`: seconds that each piece takes on its way, both ways."""

    def __init__(self, wires: Wires, to: int, host: str, at: str) -> None:
        self.to, self.delay = to, 0.0
        self._host = host
        self._wires = wires
        self._is_cut = False
        self._swallowed: set[asyncio.StreamWriter] = set()
        self._flows = asyncio.Event()
        self._flows.set()
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._listener = socket.create_server((at, 0), backlog=200)
        self.port = int(self._listener.getsockname()[1])
        starting = asyncio.start_server(self._carry, sock=self._listener)
        self._server = asyncio.run_coroutine_threadsafe(starting, wires.loop).result(10)

    def cut(self) -> None:
        """End every connection with a reset, and take no new one."""
        self._wires.do(self._cut)

    def silence(self) -> None:
        """Carry nothing any more, and tell nobody: what a broken network does. What was sent meanwhile arrives when it is mended."""
        self._wires.do(self._flows.clear)

    def swallow(self) -> None:
        """Confirm all that comes on the connections there are, and pass nothing on, for ever; new ones are carried."""
        self._wires.do(self._swallow)

    def mend(self, *, to: int | None = None) -> None:
        """Carry again, to another port if one is named."""
        if to is not None:
            self.to = to
        self._is_cut, self.delay = False, 0.0
        self._wires.do(self._flows.set)

    def close(self) -> None:
        self._wires.do(self._server.close)
        self._wires.do(self._flows.set)
        self._wires.do(self._cut)

    def _cut(self) -> None:
        self._is_cut = True
        for writer in tuple(self._open):
            writer.transport.abort()

    def _swallow(self) -> None:
        self._swallowed |= self._open

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self._is_cut:
            writer.transport.abort()
            return
        try:
            onward_reader, onward_writer = await asyncio.open_connection(self._host, self.to)
        except OSError:
            writer.transport.abort()
            return
        self._open |= {writer, onward_writer}
        try:
            await asyncio.gather(self._pump(reader, onward_writer), self._pump(onward_reader, writer))
        finally:
            self._open -= {writer, onward_writer}
            self._swallowed -= {writer, onward_writer}
            writer.transport.abort()
            onward_writer.transport.abort()

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with suppress(OSError):
            while data := await reader.read(_CHUNK):
                if self.delay:
                    await asyncio.sleep(self.delay)
                await self._flows.wait()
                if writer in self._swallowed:
                    continue
                writer.write(data)
                await writer.drain()
        # Either end that goes takes the other with it, after what was under way.
        with suppress(OSError):
            if writer.can_write_eof():
                writer.write_eof()


async def _end_all() -> None:
    """Let what still runs on the lines' thread come to its end."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    if others:
        await asyncio.wait(others, timeout=5)

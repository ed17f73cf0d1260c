"""The load: a process of its own that keeps its connections open and runs one phase per line of JSON it is given.

First line: `{"port", "agents": [token], "visitors": [token]}`, answered `{"connected": n}` when every visitor's conversation is assigned.
Then phases: `{"kind": "closed", "seconds"}`, `{"kind": "open", "seconds", "rate"}`; each answered with a `Result`.
"""

from __future__ import annotations

import asyncio
import re
import sys
import time
from typing import Any

import msgspec
import uvloop

from bench.client import LeanSocket

_ACK = re.compile(rb'"type":"ack","client_message_id":"([^"]{36})"')
_MESSAGE = re.compile(rb'"sender_kind":"customer"[^{}]{0,80}"client_message_id":"([^"]{36})"')
_TEXT = "你好，请问这只青瓷茶杯现在还有货吗？我想订两只，送到杭州要几天？ This line only makes it as long as people's messages are."
_WARM_UP = 1.0
_DRAIN = 5.0
_CONNECT_AT_ONCE = 20
_HEARTBEAT = 30.0


class Result(msgspec.Struct):
    """What a phase reached. Times in milliseconds; `seen` counts messages that reached the agent who serves the conversation."""

    seconds: float
    sent: int
    acked: int
    seen: int
    refused: int
    lost: int
    ack_p50: float
    ack_p99: float
    seen_p50: float
    seen_p99: float
    error: str


class Load:
    """All connections of the generator and the messages that are under way."""

    def __init__(self, port: int, agents: list[str], visitors: list[str]) -> None:
        self._port = port
        self._agent_tokens, self._visitor_tokens = agents, visitors
        self._agents: list[LeanSocket] = []
        self.visitors: list[LeanSocket] = []
        self._next = 0
        self._sent_at: dict[bytes, float] = {}
        self._unseen: dict[bytes, float] = {}
        self._ack_times: list[float] = []
        self._seen_times: list[float] = []
        self._refused = 0
        self._error = ""
        self._again = False
        self._counting = False
        self._run = int.from_bytes(msgspec.json.encode(time.time_ns())[-9:-3], "big") & 0xFFFF
        self._tail = b'","kind":"text","text":"' + _TEXT.encode() + b'"}'
        self._welcomed: set[int] = set()
        self._news = asyncio.Event()

    async def connect(self) -> None:
        """Agents first, so that every conversation finds one; then each visitor writes one message and is answered."""
        for number, token in enumerate(self._agent_tokens):
            socket = await LeanSocket.connect(self._port, self._agent_heard, number=number, cookie=token)
            socket.send(b'{"type":"hello","protocol":1}')
            socket.send(b'{"type":"subscribe","topic":"mine"}')
            self._agents.append(socket)
        gate = asyncio.Semaphore(_CONNECT_AT_ONCE)
        await asyncio.gather(*(self._connect_visitor(number, token, gate) for number, token in enumerate(self._visitor_tokens)))
        await self._until(lambda: len(self._welcomed) == len(self._visitor_tokens), 60, "welcomes")
        # Each visitor opens a conversation and writes again until an agent sees it: then all are assigned.
        deadline = time.monotonic() + 120
        waiting = list(self.visitors)
        while waiting:
            if time.monotonic() > deadline:
                raise TimeoutError(f"{len(waiting)} conversations were not assigned ({self._error or 'the server said nothing'})")
            self._unseen.clear()
            probes: dict[bytes, LeanSocket] = {}
            for start in range(0, len(waiting), _CONNECT_AT_ONCE):
                for socket in waiting[start : start + _CONNECT_AT_ONCE]:
                    probes[self._send(socket, time.perf_counter())] = socket
                await self._until(lambda: not self._sent_at, 60, "first acknowledgements")
            await asyncio.sleep(1)
            waiting = [probes[client_id] for client_id in self._unseen]

    async def beat(self) -> None:
        """Heartbeats of everybody, spread over their period; without them the server takes agents for gone."""
        sockets = [*self._agents, *self.visitors]
        while True:
            for socket in sockets:
                socket.send(b'{"type":"ping"}')
                await asyncio.sleep(_HEARTBEAT / len(sockets))

    async def _connect_visitor(self, number: int, token: str, gate: asyncio.Semaphore) -> None:
        async with gate:
            socket = await LeanSocket.connect(self._port, self._visitor_heard, number=1000 + number)
            socket.send(msgspec.json.encode({"type": "hello", "protocol": 1, "token": token}))
            socket.send(b'{"type":"subscribe","topic":"mine"}')
            self.visitors.append(socket)

    async def _until(self, done: Any, seconds: float, what: str) -> None:
        deadline = time.monotonic() + seconds
        while not done():
            if time.monotonic() > deadline:
                raise TimeoutError(f"no {what} after {seconds:.0f} s ({self._error or 'the server said nothing'})")
            await asyncio.sleep(0.01)

    def _send(self, socket: LeanSocket, at: float) -> bytes:
        self._next += 1
        client_id = b"01930000-%04x-7000-8000-%012x" % (self._run, self._next)
        self._sent_at[client_id] = at
        self._unseen[client_id] = at
        socket.send(b'{"type":"send","client_message_id":"' + client_id + self._tail)
        return client_id

    def _visitor_heard(self, socket: LeanSocket, payload: bytes) -> None:
        now = time.perf_counter()
        for client_id in _ACK.findall(payload):
            sent = self._sent_at.pop(client_id, None)
            if sent is None:
                continue
            if self._counting:
                self._ack_times.append(now - sent)
            if self._again:
                self._send(socket, now)
        if b'"type":"error"' in payload or b'"type":"bye"' in payload:
            self._refused += 1
            self._error = payload.decode(errors="replace")[:300]
        elif b'"type":"welcome"' in payload:
            self._welcomed.add(socket.number)

    def _agent_heard(self, socket: LeanSocket, payload: bytes) -> None:
        now = time.perf_counter()
        for client_id in _MESSAGE.findall(payload):
            sent = self._unseen.pop(client_id, None)
            if sent is not None and self._counting:
                self._seen_times.append(now - sent)
        if b'"type":"error"' in payload or b'"type":"bye"' in payload:
            self._refused += 1
            self._error = payload.decode(errors="replace")[:300]

    async def closed(self, seconds: float) -> Result:
        """Each visitor has one message under way, and sends the next when it is acknowledged."""
        first = self._begin()
        self._again = True
        for socket in self.visitors:
            self._send(socket, time.perf_counter())
        return await self._measure(seconds, first)

    async def open(self, seconds: float, rate: float) -> Result:
        """Messages at a given rate, whatever becomes of them. Time counts from when each was due, not from when it was written."""
        first = self._begin()
        sending = asyncio.create_task(self._offer(seconds + _WARM_UP, rate))
        result = await self._measure(seconds, first)
        await sending
        return result

    async def _offer(self, seconds: float, rate: float) -> None:
        began, offered, visitors = time.perf_counter(), 0, self.visitors
        while (now := time.perf_counter()) - began < seconds:
            while began + offered / rate <= now:
                self._send(visitors[offered % len(visitors)], began + offered / rate)
                offered += 1
            await asyncio.sleep(0.001)

    def _begin(self) -> int:
        self._ack_times, self._seen_times = [], []
        self._refused, self._error = 0, ""
        return self._next

    async def _measure(self, seconds: float, first: int) -> Result:
        await asyncio.sleep(_WARM_UP)
        self._counting, began = True, time.perf_counter()
        await asyncio.sleep(seconds)
        self._counting, self._again = False, False
        took = time.perf_counter() - began
        deadline = time.monotonic() + _DRAIN
        while (self._sent_at or self._unseen) and time.monotonic() < deadline:  # noqa: ASYNC110 - an event would cost on each message
            await asyncio.sleep(0.01)
        gone = sum(socket.closed.is_set() for socket in (*self._agents, *self.visitors))
        if gone:
            self._error = f"{gone} connections were closed; {self._error}"
        lost = len(self._sent_at.keys() | self._unseen.keys())
        self._sent_at.clear()
        self._unseen.clear()
        acks, seen = sorted(self._ack_times), sorted(self._seen_times)
        return Result(
            seconds=took,
            sent=self._next - first,
            acked=len(acks),
            seen=len(seen),
            refused=self._refused,
            lost=lost,
            ack_p50=_percentile(acks, 0.50),
            ack_p99=_percentile(acks, 0.99),
            seen_p50=_percentile(seen, 0.50),
            seen_p99=_percentile(seen, 0.99),
            error=self._error,
        )


def _percentile(times: list[float], share: float) -> float:
    return times[min(len(times) - 1, int(len(times) * share))] * 1000 if times else 0.0


async def _main() -> None:
    loop = asyncio.get_running_loop()
    lines = asyncio.StreamReader(limit=64 * 1024 * 1024)
    await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    load = Load(**msgspec.json.decode(await lines.readline()))
    await load.connect()
    beating = asyncio.create_task(load.beat())
    _answer({"connected": len(load.visitors)})
    while line := await lines.readline():
        phase = msgspec.json.decode(line)
        if phase["kind"] == "closed":
            _answer(await load.closed(phase["seconds"]))
        else:
            _answer(await load.open(phase["seconds"], phase["rate"]))
    beating.cancel()


def _answer(value: Any) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    uvloop.run(_main())

"""The load: a process of its own that keeps its connections open and runs one phase per line of JSON it is given.

First line: `{"port", "agents": [token], "visitors": [token]}`, answered `{"connected": n}` when every visitor's conversation is assigned.
Then phases: `{"kind": "closed", "seconds"}`, `{"kind": "open", "seconds", "rate"}`, `{"kind": "mixed", "seconds", "rate"}`; each answered
with a `Result`.
"""

from __future__ import annotations

import asyncio
import gc
import re
import sys
import time
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import uvloop

from bench.client import LeanSocket

_ACK = re.compile(rb'"type":"ack","client_message_id":"([^"]{36})"')
_MESSAGE = re.compile(
    rb'"conversation_id":"([^"]{36})","seq":([0-9]+),[^{}]{0,20}"sender_kind":"customer"[^{}]{0,80}"client_message_id":"([^"]{36})"'
)
_REPLY = re.compile(rb'"sender_kind":"agent"[^{}]{0,80}"client_message_id":"([^"]{36})"')
_TEXT = "你好，请问这只青瓷茶杯现在还有货吗？我想订两只，送到杭州要几天？ This line only makes it as long as people's messages are."
_WARM_UP = 1.0
_DRAIN = 5.0
_CONNECT_AT_ONCE = 20
_HEARTBEAT = 30.0
_REPLIES_OF_AGENT = 8.0
"""Replies a second that one agent writes at most: the product refuses more than ten for long."""
_REPLY_SHARE, _TYPING_SHARE, _READ_SHARE = 0.4, 0.2, 0.1
_VISITS = 5.0
"""Pages a second that somebody opens and leaves again without writing."""


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
        self._conversations: dict[bytes, tuple[LeanSocket, bytes]] = {}
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
        """Heartbeats of everybody who is there, spread over their period; without them the server takes agents for gone."""
        everybody = len(self._agent_tokens) + len(self._visitor_tokens)
        while True:
            for number in range(everybody):
                for sockets in (self._agents, self.visitors):
                    if number < len(sockets):
                        sockets[number].send(b'{"type":"ping"}')
                await asyncio.sleep(_HEARTBEAT / everybody)

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

    def _send(self, socket: LeanSocket, at: float, where: bytes = b"") -> bytes:
        self._next += 1
        client_id = b"01930000-%04x-7000-8000-%012x" % (self._run, self._next)
        self._sent_at[client_id] = at
        self._unseen[client_id] = at
        socket.send(b'{"type":"send",' + where + b'"client_message_id":"' + client_id + self._tail)
        return client_id

    def _visitor_heard(self, socket: LeanSocket, payload: bytes) -> None:
        now = time.perf_counter()
        for sent in self._acknowledged(payload, now):
            if sent and self._again:
                self._send(socket, now)
        self._seen(_REPLY.findall(payload), now)
        if b'"type":"error"' in payload or b'"type":"bye"' in payload:
            self._refused += 1
            self._error = payload.decode(errors="replace")[:300]
        elif b'"type":"welcome"' in payload:
            self._welcomed.add(socket.number)

    def _agent_heard(self, socket: LeanSocket, payload: bytes) -> None:
        now = time.perf_counter()
        for _ in self._acknowledged(payload, now):
            pass
        found = _MESSAGE.findall(payload)
        for conversation_id, seq, _ in found:
            self._conversations[conversation_id] = socket, seq
        self._seen([client_id for _, _, client_id in found], now)
        if b'"type":"error"' in payload or b'"type":"bye"' in payload:
            self._refused += 1
            self._error = payload.decode(errors="replace")[:300]

    def _acknowledged(self, payload: bytes, now: float) -> Iterator[bool]:
        for client_id in _ACK.findall(payload):
            sent = self._sent_at.pop(client_id, None)
            if sent is not None and self._counting:
                self._ack_times.append(now - sent)
            yield sent is not None

    def _seen(self, client_ids: list[bytes], now: float) -> None:
        for client_id in client_ids:
            sent = self._unseen.pop(client_id, None)
            if sent is not None and self._counting:
                self._seen_times.append(now - sent)

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

    async def mixed(self, seconds: float, rate: float) -> Result:
        """A working day at a given rate of messages: agents answer, people type and read, pages are opened and left."""
        first = self._begin()
        replies = min(rate * _REPLY_SHARE, len(self._agents) * _REPLIES_OF_AGENT)
        total = seconds + _WARM_UP
        going = [
            asyncio.create_task(self._offer(total, rate - replies)),
            asyncio.create_task(self._reply(total, replies)),
            asyncio.create_task(self._type(total, rate * _TYPING_SHARE)),
            asyncio.create_task(self._look(total, rate * _READ_SHARE)),
            asyncio.create_task(self._visit(total)),
        ]
        result = await self._measure(seconds, first)
        await asyncio.gather(*going)
        return result

    async def _offer(self, seconds: float, rate: float) -> None:
        visitors = self.visitors
        await self._pace(seconds, rate, lambda number, due: self._send(visitors[number % len(visitors)], due))

    async def _reply(self, seconds: float, rate: float) -> None:
        served = list(self._conversations.items())

        def reply(number: int, due: float) -> object:
            conversation_id, (agent, _) = served[number % len(served)]
            return self._send(agent, due, b'"conversation_id":"' + conversation_id + b'",')

        await self._pace(seconds, rate, reply)

    async def _type(self, seconds: float, rate: float) -> None:
        visitors = self.visitors
        await self._pace(seconds, rate, lambda number, _: visitors[number % len(visitors)].send(b'{"type":"typing"}'))

    async def _look(self, seconds: float, rate: float) -> None:
        """Agents read what was written last."""
        served = list(self._conversations)

        def look(number: int, _: float) -> None:
            conversation_id = served[number % len(served)]
            agent, seq = self._conversations[conversation_id]
            agent.send(b'{"type":"read","conversation_id":"' + conversation_id + b'","seq":' + seq + b"}")

        await self._pace(seconds, rate, look)

    async def _visit(self, seconds: float) -> None:
        """Somebody opens a page with the panel closed, and goes on to the next."""
        ends, number = time.perf_counter() + seconds, 0
        while time.perf_counter() < ends:
            number += 1
            token = self._visitor_tokens[number % len(self._visitor_tokens)]
            socket = await LeanSocket.connect(self._port, lambda _, __: None, number=20_000 + number)
            socket.send(msgspec.json.encode({"type": "hello", "protocol": 1, "token": token}))
            await asyncio.sleep(1 / _VISITS)
            socket.close()

    async def _pace(self, seconds: float, rate: float, act: Callable[[int, float], object]) -> None:
        """Call `act` with a number and the moment it was due, so often a second, whatever becomes of it."""
        began, done = time.perf_counter(), 0
        while (now := time.perf_counter()) - began < seconds:
            while rate and began + done / rate <= now:
                act(done, began + done / rate)
                done += 1
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
    beating = asyncio.create_task(load.beat())
    await load.connect()
    # A thousand connections that stay are not looked through again and again: the pauses would be counted as the server's.
    gc.collect()
    gc.freeze()
    _answer({"connected": len(load.visitors)})
    while line := await lines.readline():
        phase = msgspec.json.decode(line)
        if phase["kind"] == "closed":
            _answer(await load.closed(phase["seconds"]))
        else:
            run = load.open if phase["kind"] == "open" else load.mixed
            _answer(await run(phase["seconds"], phase["rate"]))
    beating.cancel()


def _answer(value: Any) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(value) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    uvloop.run(_main())

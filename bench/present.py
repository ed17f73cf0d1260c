"""People who are there and do nothing: connected, welcomed, with a heartbeat."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import msgspec

from bench.client import LeanSocket
from bench.world import Person

HEARTBEAT_SECONDS = 30.0
AT_ONCE = 25


async def connect(port: int, people: list[Person], *, first: int = 0) -> list[LeanSocket]:
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(number: int, person: Person) -> LeanSocket:
        welcomed = asyncio.Event()

        def heard(_: LeanSocket, text: bytes) -> None:
            if b'"subscribed"' in text:
                welcomed.set()

        async with gate:
            socket = await LeanSocket.connect(port, heard, number=1000 + number)
            socket.send(msgspec.json.encode({"type": "hello", "protocol": 1, "token": person.token}))
            socket.send(b'{"type":"subscribe","topic":"mine"}')
            async with asyncio.timeout(30):
                await welcomed.wait()
        return socket

    return await asyncio.gather(*(one(first + number, person) for number, person in enumerate(people)))


async def agent(port: int, number: int, person: Person) -> LeanSocket:
    socket = await LeanSocket.connect(port, lambda _, __: None, number=number, cookie=person.token)
    socket.send(b'{"type":"hello","protocol":1}')
    for topic in (b"mine", b"queue"):
        socket.send(b'{"type":"subscribe","topic":"' + topic + b'"}')
    return socket


async def beat(socket: LeanSocket, phase: float) -> None:
    await asyncio.sleep(phase * HEARTBEAT_SECONDS)
    while not socket.closed.is_set():
        socket.send(b'{"type":"ping"}')
        with suppress(TimeoutError):
            async with asyncio.timeout(HEARTBEAT_SECONDS):
                await socket.closed.wait()


async def leave(sockets: list[LeanSocket]) -> None:
    for socket in sockets:
        socket.abort()
    await asyncio.gather(*(socket.closed.wait() for socket in sockets))

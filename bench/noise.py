"""Calls of one enterprise at full speed, from a process of its own: `python -m bench.noise ADDRESS SESSION…`.

It says `calling` when it begins, calls until its standard input ends, and prints how many calls a second were answered, and how many were
refused or broke off. Without a single call it fails: a noise that is not there must not be taken for a quiet neighbour.
"""

from __future__ import annotations

import asyncio
import ssl
import sys
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack

import httpx

CALLERS = 32
CALLS = ("/conversations?view=mine", "/conversations/search?q=%E6%9D%AF", "/presence", "/conversations?view=ended")
BROKEN_PAUSE = 0.1


class Callers:
    """All callers of one process, and what became of their calls."""

    def __init__(self, address: str, tokens: Sequence[str]) -> None:
        self.answered = self.refused = 0
        self._address, self._tokens = address, tokens

    async def run(self, stop: asyncio.Event) -> float:
        """Call until told to stop; returns for how many seconds."""
        # Loading the certificates costs a client more than a hundred calls: they are loaded once, and a client is made for each session.
        context = ssl.create_default_context()
        limits = httpx.Limits(max_connections=CALLERS)
        async with AsyncExitStack() as stack:
            clients = [
                await stack.enter_async_context(
                    httpx.AsyncClient(
                        base_url=f"{self._address}/api/v1", cookies={"qiatan_session": token}, timeout=30, verify=context, limits=limits
                    )
                )
                for token in self._tokens
            ]
            print("calling", flush=True)
            began = time.monotonic()
            calling = [asyncio.create_task(self._one(clients[number % len(clients)], number)) for number in range(CALLERS)]
            stopping = asyncio.create_task(stop.wait())
            # A caller ends only by a mistake of ours, which is told and not lost.
            done, _ = await asyncio.wait([*calling, stopping], return_when=asyncio.FIRST_COMPLETED)
            seconds = time.monotonic() - began
            for task in (*calling, stopping):
                task.cancel()
            await asyncio.wait([*calling, stopping])
            for task in done - {stopping}:
                task.result()
        return seconds

    async def _one(self, client: httpx.AsyncClient, number: int) -> None:
        while True:
            number += 1
            try:
                answer = await client.get(CALLS[number % len(CALLS)])
            except httpx.TransportError:
                self.refused += 1
                await asyncio.sleep(BROKEN_PAUSE)
                continue
            if answer.is_success:
                self.answered += 1
            else:
                self.refused += 1


async def _call(address: str, tokens: Sequence[str]) -> int:
    stop = asyncio.Event()
    callers = Callers(address, tokens)
    calling = asyncio.create_task(callers.run(stop))
    await asyncio.to_thread(sys.stdin.read)
    stop.set()
    seconds = await calling
    if not callers.answered + callers.refused:
        print("bench.noise: no call was answered or refused", file=sys.stderr)
        return 1
    print(callers.answered / seconds, callers.refused / seconds)
    return 0


if __name__ == "__main__":
    sys.exit(asyncio.run(_call(sys.argv[1], sys.argv[2:])))

"""Calls of one enterprise at full speed, from a process of its own: `python -m bench.noise ADDRESS SESSION…`.

It calls until its standard input ends, and prints how many calls a second were answered, and how many refused.
"""

from __future__ import annotations

import asyncio
import sys
import time

import httpx

CALLERS = 32
CALLS = ("/conversations?view=mine", "/conversations/search?q=%E6%9D%AF", "/presence", "/conversations?view=ended")


async def _call(address: str, tokens: list[str]) -> None:
    """Call until the standard input ends; then print how many calls a second were answered, and how many refused."""
    counts = {True: 0, False: 0}
    began = time.monotonic()

    async def one(number: int) -> None:
        token = tokens[number % len(tokens)]
        async with httpx.AsyncClient(base_url=f"{address}/api/v1", cookies={"qiatan_session": token}, timeout=30) as client:
            while True:
                answer = await client.get(CALLS[(number + sum(counts.values())) % len(CALLS)])
                counts[answer.is_success] += 1

    calling = [asyncio.create_task(one(number)) for number in range(CALLERS)]
    await asyncio.to_thread(sys.stdin.read)
    seconds = time.monotonic() - began
    for task in calling:
        task.cancel()
    await asyncio.wait(calling)
    print(counts[True] / seconds, counts[False] / seconds)


if __name__ == "__main__":
    asyncio.run(_call(sys.argv[1], sys.argv[2:]))

"""What browser and system somebody uses, from the line that browsers send."""

from __future__ import annotations

import asyncio
from functools import lru_cache

MAX_DEVICE = 120
_MAX_READ = 300


async def device_of(user_agent: str) -> str:
    """Like `Chrome 141 · Windows`, as far as it can be told; empty when nothing can. It is what the browser says, not a proof."""
    line = "".join(character for character in user_agent[:_MAX_READ] if character.isprintable())
    return await asyncio.to_thread(_read, line) if line.strip() else ""


@lru_cache(maxsize=2048)
def _read(line: str) -> str:
    from ua_parser import parse  # noqa: PLC0415 -- hundreds of expressions are made ready at the first use, which a server may never come to

    found = parse(line)
    browser = " ".join(filter(None, (found.user_agent.family, found.user_agent.major))) if found.user_agent else ""
    system = found.os.family if found.os else ""
    return " · ".join(filter(None, (browser, system)))[:MAX_DEVICE]

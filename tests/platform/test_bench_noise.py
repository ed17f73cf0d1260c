"""The bench's noise: it calls, counts what becomes of its calls, and is never taken for noise where it made none."""

from __future__ import annotations

import asyncio
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from fastapi import FastAPI, Request, Response

from bench.noise import CALLERS, Callers
from qiatan.entrypoints.work_health import answering
from tests.support.network import free_port

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize(("status", "kept"), [(200, "answered"), (503, "refused")])
async def test_every_caller_calls_with_a_session_and_what_becomes_of_it_is_counted(status: int, kept: str) -> None:
    app, enough, seen = FastAPI(), asyncio.Event(), list[str | None]()

    @app.get("/api/v1/{_path:path}")
    async def answer(_path: str, request: Request) -> Response:
        seen.append(request.cookies.get("qiatan_session"))
        if len(seen) >= CALLERS * 3:
            enough.set()
        return Response(status_code=status)

    listener = socket.create_server(("127.0.0.1", 0))
    listener.setblocking(False)
    async with answering(app, listener):
        callers = Callers(f"http://127.0.0.1:{listener.getsockname()[1]}", ["one", "two"])
        seconds = await callers.run(enough)

    assert seconds > 0
    assert set(seen) == {"one", "two"}
    counted = {"answered": callers.answered, "refused": callers.refused}
    assert counted.pop(kept) >= CALLERS * 2  # what was on its way at the end is not counted
    assert list(counted.values()) == [0]


async def test_calls_that_break_off_are_counted_and_tried_again() -> None:
    stop = asyncio.Event()
    callers = Callers(f"http://127.0.0.1:{free_port()}", ["one"])
    calling = asyncio.create_task(callers.run(stop))
    while callers.refused <= CALLERS:
        await asyncio.sleep(0.01)
    stop.set()
    await calling
    assert callers.answered == 0


def test_a_noise_that_made_no_call_fails() -> None:
    done = subprocess.run(
        [
            sys.executable,
            "-c",
            "import bench.noise as n, asyncio, sys; n.CALLERS = 0; sys.exit(asyncio.run(n._call('http://127.0.0.1:9', ['one'])))",
        ],
        cwd=ROOT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 1
    assert "no call was answered or refused" in done.stderr

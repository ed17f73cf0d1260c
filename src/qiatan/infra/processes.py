"""Child processes that must not outlive us. Only the standard library is imported here."""

from __future__ import annotations

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from functools import partial

_PR_SET_PDEATHSIG = 1
_LOOK_SECONDS = 0.01


def death_pact(at_death: signal.Signals) -> Callable[[], None] | None:
    """What a child does before it becomes its program: ask the kernel for this signal when the thread that started it ends.

    Only Linux knows how; None elsewhere.
    """
    if sys.platform != "linux":
        return None
    prctl = ctypes.CDLL(None).prctl
    return partial(_die_with, prctl, os.getpid(), at_death)


def _die_with(prctl: Callable[[int, int], int], parent: int, at_death: signal.Signals) -> None:
    prctl(_PR_SET_PDEATHSIG, at_death)
    if os.getppid() != parent:
        os._exit(1)


async def exit_of(process: subprocess.Popen[bytes]) -> None:
    """Wait until the process has ended, without polling where the kernel can tell."""
    if process.poll() is None and hasattr(os, "pidfd_open"):
        fd = os.pidfd_open(process.pid)
        loop = asyncio.get_running_loop()
        ended = asyncio.Event()
        try:
            loop.add_reader(fd, ended.set)
            await ended.wait()
        finally:
            loop.remove_reader(fd)
            os.close(fd)
    while process.poll() is None:  # noqa: ASYNC110 -- only where the system has no better way
        await asyncio.sleep(_LOOK_SECONDS)

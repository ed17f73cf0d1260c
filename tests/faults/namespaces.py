"""Nodes on networks of their own, each joined to this machine by one cable that can be pulled: what the kernel does then is real.

Root on Linux can have them, with `ip` of the package iproute2; elsewhere `why_not` says what is missing.
"""

from __future__ import annotations

import os
import secrets
import shutil
import subprocess
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from types import TracebackType
from typing import Self

from tests.faults.shims import NotHere


@dataclass(frozen=True)
class Network:
    """One node's: `here` is this machine as the node sees it, `there` the node."""

    name: str
    cable: str
    here: str
    there: str

    def inside(self, command: list[str]) -> list[str]:
        """The command as it runs on that network; it keeps its process id."""
        return [_program(), "netns", "exec", self.name, *command]

    def pull(self) -> None:
        """Take the cable out: what is sent arrives nowhere, and nobody is told."""
        _ip("link", "set", self.cable, "down")

    def plug(self) -> None:
        """Put it back in."""
        _ip("link", "set", self.cable, "up")


class Networks:
    """As many as there are nodes, from the start of the block to its end. Raises NotHere where this machine cannot have them."""

    def __init__(self, count: int) -> None:
        self._stack = ExitStack()
        self._count = count
        self.all: list[Network] = []

    def __enter__(self) -> Self:
        reason = why_not()
        if reason is not None:
            raise NotHere(reason)
        stem, subnet = secrets.token_hex(3), secrets.randbelow(250)
        try:
            for number in range(self._count):
                self.all.append(self._make(f"qf{stem}{number}", f"10.213.{subnet}.{4 * number}"))
        except BaseException:
            self._stack.close()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._stack.close()

    def _make(self, name: str, subnet: str) -> Network:
        base, _, last = subnet.rpartition(".")
        here, there = f"{base}.{int(last) + 1}", f"{base}.{int(last) + 2}"
        network = Network(name, f"{name}c", here, there)
        _ip("netns", "add", name)
        self._stack.callback(_ip, "netns", "delete", name)
        _ip("link", "add", network.cable, "type", "veth", "peer", "name", "cable", "netns", name)
        _ip("address", "add", f"{here}/30", "dev", network.cable)
        # Without a cable its route is gone too: else this machine would look for the node beyond its gateway, where anybody may answer.
        dead_end = ("unreachable", f"{subnet}/30", "metric", "4096")
        _ip("route", "add", *dead_end)
        self._stack.callback(_ip, "route", "delete", *dead_end)
        _ip("-n", name, "address", "add", f"{there}/30", "dev", "cable")
        for where, device in (((), network.cable), (("-n", name), "cable"), (("-n", name), "lo")):
            _ip(*where, "link", "set", device, "up")
        return network


def why_not() -> str | None:
    """Why this machine cannot have networks of its own; None when it can."""
    if os.geteuid() != 0 or sys.platform != "linux":
        return "networks of their own can be made by root on Linux only"
    if shutil.which("ip") is None:
        return "there is no ip program (package iproute2)"
    name = f"qf{secrets.token_hex(3)}"
    made = subprocess.run([_program(), "netns", "add", name], capture_output=True, text=True, check=False)
    if made.returncode != 0:
        return f"this machine makes no networks, even for root: {made.stderr.strip()}"
    joined = subprocess.run(
        [_program(), "link", "add", f"{name}c", "type", "veth", "peer", "name", "cable", "netns", name],
        capture_output=True,
        text=True,
        check=False,
    )
    _ip("netns", "delete", name)
    return None if joined.returncode == 0 else f"this machine joins no networks, even for root: {joined.stderr.strip()}"


def _program() -> str:
    return shutil.which("ip") or "ip"


def _ip(*words: str) -> None:
    done = subprocess.run([_program(), *words], capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"ip {' '.join(words)}: {done.stderr}"

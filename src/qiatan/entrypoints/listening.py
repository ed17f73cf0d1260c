"""The sockets that people's browsers reach: taken before anything else, so that a port in use costs nothing."""

from __future__ import annotations

import socket
import sys

from qiatan.entrypoints.port_owner import owner_of_port
from qiatan.infra.settings import Settings
from qiatan.infra.setup_error import SetupError

BACKLOG = 2048


class PortTaken(SetupError):
    """Another program listens on our port."""


def take_port(settings: Settings, *, slots: int = 1, variable: str = "PORT") -> list[socket.socket]:
    """A listening socket for each slot, all on HOST and PORT; who calls before somebody accepts waits in the backlog.

    `variable`: the setting that says the port, where it is not PORT itself.

    The kernel spreads new connections over the sockets. Only Linux does so: elsewhere all slots share one socket.

    Raises:
        PortTaken: the message names who has it, as far as the system tells.
    """
    # Bound alone at first: only so does the kernel refuse us where another program, or another start of ours, shares this port.
    first = _bound(settings, variable, shared=False)
    taken = [first]
    if slots > 1 and sys.platform == "linux":
        first.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        taken += [_bound(settings, variable, shared=True) for _ in range(slots - 1)]
    for listener in taken:
        _listen(listener, settings, variable)
    return taken if len(taken) == slots else [first] * slots


def local_address(settings: Settings) -> str:
    """Where this machine reaches it."""
    everywhere = settings.host in ("0.0.0.0", "::", "localhost")  # noqa: S104 -- compared, not bound
    host = "127.0.0.1" if everywhere else f"[{settings.host}]" if ":" in settings.host else settings.host
    return f"http://{host}:{settings.port}"


def _bound(settings: Settings, variable: str, *, shared: bool) -> socket.socket:
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if shared:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    try:
        listener.bind((settings.host, settings.port))
    except OSError as error:
        listener.close()
        raise _taken(settings, error, variable) from error
    listener.setblocking(False)
    return listener


def _listen(listener: socket.socket, settings: Settings, variable: str) -> None:
    try:
        listener.listen(BACKLOG)
    except OSError as error:
        listener.close()
        raise _taken(settings, error, variable) from error


def _taken(settings: Settings, error: OSError, variable: str) -> PortTaken:
    owner = owner_of_port(settings.port)
    whose = f" by {owner.name} (process {owner.pid})" if owner else ""
    return PortTaken(
        f"port {settings.port} on {settings.host} is in use{whose} ({error.strerror}): "
        f"stop that program, or choose another port with {variable}=…"
    )

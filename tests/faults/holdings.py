"""What descriptors a process holds, by what they are for; read from /proc, as the process's own network sees its connections."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_STATES = {
    "01": "established",
    "02": "connecting",
    "03": "being connected",
    "04": "ending",
    "05": "ending",
    "07": "over",
    "08": "ended by the other side",
    "09": "ending",
    "0A": "listening",
    "0B": "ending",
}


@dataclass(frozen=True)
class Connection:
    """A TCP socket: the port here, the port there, and how it stands."""

    here: int
    there: int
    state: str


@dataclass(frozen=True)
class Holdings:
    """Descriptors of a process: connections to the database, to the bus, and all the rest, each by what it is.

    `ended`: connections that the system has given up and whose end nobody has looked at. A pool does when it next takes one; of people's the
    event loop is told at once.
    """

    database: int
    bus: int
    own: Counter[str]
    ended: int = 0

    @property
    def count(self) -> int:
        """Those that are not of a pool, which keeps more or fewer as they were needed."""
        return self.own.total()

    def beyond(self, other: Holdings) -> str:
        """What there is more of than in the other, by kind."""
        return ", ".join(f"{count} {kind}" for kind, count in (self.own - other.own).most_common())


def holdings(pid: int, *, database: int, bus: set[int]) -> Holdings:
    """What the process holds now; the ports say which of its connections lead to database and bus."""
    connections, links = _connections(pid), list(_links(pid))
    known = {link: connections[link] for link in links if link in connections}
    ours = {connection.here for connection in known.values() if connection.state == "listening"}
    own: Counter[str] = Counter()
    ended, local = 0, _local(pid)
    for link in links:
        connection = known.get(link)
        if link.startswith("socket:") and connection is None and link not in local:
            ended += 1
        elif connection is None:
            # A pipe's or a socket's number says nothing; a file's name does.
            own[link.partition(":")[0] if ":[" in link else link] += 1
        elif connection.state == "listening":
            own["listening socket"] += 1
        elif connection.there not in {database, *bus}:
            own[f"connection {'of a caller' if connection.here in ours else f'to port {connection.there}'}, {connection.state}"] += 1
    there = [connection.there for connection in known.values()]
    return Holdings(there.count(database), sum(port in bus for port in there), own, ended)


def _links(pid: int) -> Iterator[str]:
    for descriptor in Path(f"/proc/{pid}/fd").iterdir():
        try:
            yield str(descriptor.readlink())
        except FileNotFoundError:
            continue  # closed meanwhile


def _local(pid: int) -> set[str]:
    """Sockets that stay on the machine, and those of datagrams."""
    found = set()
    for name, at in (("unix", 6), ("udp", 9), ("udp6", 9)):
        table = Path(f"/proc/{pid}/net/{name}")
        lines = table.read_text().splitlines()[1:] if table.exists() else []
        found |= {f"socket:[{line.split()[at]}]" for line in lines}
    return found


def _connections(pid: int) -> dict[str, Connection]:
    """TCP sockets by their link, of the network the process is on: a node may have one of its own."""
    found = {}
    tables = (Path(f"/proc/{pid}/net/{name}") for name in ("tcp", "tcp6"))
    for table in tables:
        lines = table.read_text().splitlines()[1:] if table.exists() else []  # a kernel may be without IPv6
        for line in lines:
            fields = line.split()
            here, there = (int(address.rpartition(":")[2], 16) for address in fields[1:3])
            found[f"socket:[{fields[9]}]"] = Connection(here, there, _STATES.get(fields[3], fields[3]))
    return found

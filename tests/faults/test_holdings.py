"""What is read of a process's descriptors."""

from __future__ import annotations

import os
import socket
import struct
import subprocess
import sys
from collections import Counter
from contextlib import closing

import pytest

from tests.faults import namespaces
from tests.faults.holdings import holdings

_CONNECTS = """
import socket, sys
held = [socket.create_connection((sys.argv[1], int(sys.argv[2]))) for _ in range(3)]
print("connected", flush=True)
sys.stdin.read()
"""


def test_what_is_of_a_pool_is_told_from_the_rest() -> None:
    me = os.getpid()
    with closing(socket.create_server(("127.0.0.1", 0))) as listening, closing(socket.create_server(("127.0.0.1", 0))) as database:
        here, there = listening.getsockname()[1], database.getsockname()[1]
        before = holdings(me, database=there, bus=set())
        with closing(socket.create_connection(("127.0.0.1", there))), closing(socket.create_connection(("127.0.0.1", here))) as caller:
            taken, _ = listening.accept()
            after = holdings(me, database=there, bus=set())
            caller.close()
            left = holdings(me, database=there, bus=set())
            taken.close()
            gone = holdings(me, database=there, bus=set())

    assert (before.database, after.database, after.bus) == (0, 1, 0)
    assert after.own - before.own == Counter({"connection of a caller, established": 1, f"connection to port {here}, established": 1})
    assert left.beyond(before) == "1 connection of a caller, ended by the other side"
    assert (gone.beyond(before), gone.count) == ("", before.count)


def test_a_process_on_a_network_of_its_own_is_read_there() -> None:
    reason = namespaces.why_not()
    if reason is not None:
        pytest.skip(reason)
    with namespaces.Networks(1) as networks, closing(socket.create_server(("0.0.0.0", 0))) as database:
        network, port = networks.all[0], database.getsockname()[1]
        command = network.inside([sys.executable, "-c", _CONNECTS, network.here, str(port)])
        with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == "connected\n"

            held = holdings(process.pid, database=port, bus=set())

            process.communicate()
    assert held.database == 3
    assert [kind for kind in held.own if "connection" in kind] == []


def test_a_connection_that_the_other_side_reset_is_counted_apart() -> None:
    me = os.getpid()
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        port = listening.getsockname()[1]
        before = holdings(me, database=port, bus=set())
        with closing(socket.create_connection(("127.0.0.1", port))):
            taken, _ = listening.accept()
            taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            taken.close()
            after = holdings(me, database=port, bus=set())

    assert (after.database, after.ended - before.ended, after.beyond(before)) == (0, 1, "")

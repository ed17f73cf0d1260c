"""How a client is sent away."""

from __future__ import annotations

from qiatan.infra.realtime.connection import Connection
from qiatan.infra.realtime.doors import ByeFrame, encode


def bye(connection: Connection, code: int, reason: str, message: str, within: float = 0) -> None:
    """Close a connection with the reason; who comes back is asked to do so at a moment of its choice `within` so many seconds."""
    connection.push(encode(ByeFrame(reason, message, within or None)))
    connection.flush()
    connection.close(code, reason)

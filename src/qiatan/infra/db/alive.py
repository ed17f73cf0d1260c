"""How a connection notices that the other end has gone without a word: a machine that lost its power, a network that fell apart."""

from __future__ import annotations

from typing import Any

from sqlalchemy import make_url

_IDLE_SECONDS = 10
_INTERVAL_SECONDS = 3
_COUNT = 3
_UNSEEN_MILLISECONDS = 15_000
"""How long what we sent may stay unconfirmed. The system's own limit is about fifteen minutes, and two hours where nothing was sent."""


def watched(url: str) -> dict[str, Any]:
    """Options for every connection that is kept: it ends within twenty seconds of the other end's silence.

    What the address itself says (`?keepalives_idle=…`) is left as it is. Sockets of this machine do not need it and ignore it.
    """
    said = make_url(url).query
    ours = {
        "keepalives_idle": _IDLE_SECONDS,
        "keepalives_interval": _INTERVAL_SECONDS,
        "keepalives_count": _COUNT,
        "tcp_user_timeout": _UNSEEN_MILLISECONDS,
    }
    return {name: value for name, value in ours.items() if name not in said}

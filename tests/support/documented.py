"""What docs/protocol.md names: codes of errors, of goodbyes and of closing, and the frames there are."""

from __future__ import annotations

import re
from pathlib import Path

PROTOCOL = Path("docs/protocol.md").read_text()


def documented_codes() -> set[str]:
    """Of errors on sockets and goodbyes, and of HTTP: the words in the protocol's description."""
    sockets = re.search(r"Error codes on the socket:(.*?)\n\n", PROTOCOL, re.DOTALL)
    goodbyes = re.search(r"\{type: bye.*?code ([a-z_|]+)", PROTOCOL)
    assert sockets is not None
    assert goodbyes is not None
    return set(re.findall(r"`([a-z_]+)`", sockets[1])) | set(goodbyes[1].split("|"))


def documented_http_codes() -> set[str]:
    listed = re.search(r"Codes are constant(.*?)\n- Programs", PROTOCOL, re.DOTALL)
    assert listed is not None
    return set(re.findall(r"`([a-z_]+)`", listed[1]))


def documented_closes() -> set[int]:
    closes = re.search(r"Close codes:(.*?)\n\n", PROTOCOL, re.DOTALL)
    assert closes is not None
    return {int(code) for code in re.findall(r"\b(\d{4})\b", closes[1])}


def documented_types() -> set[str]:
    """Of frames to the client."""
    section = re.search(r"Server → client:\n```\n(.*?)```", PROTOCOL, re.DOTALL)
    assert section is not None
    return set(re.findall(r"^\{type: ([a-z_]+)", section[1], re.MULTILINE))

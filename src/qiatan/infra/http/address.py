"""The client's address, believed from a header only when a configured proxy wrote it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_address

Networks = Sequence[IPv4Network | IPv6Network]


def client_address(peer: str | None, headers: Iterable[tuple[bytes, bytes]], trusted: Networks) -> str:
    """The address the request came from.

    `X-Forwarded-For` is read from its right end: each entry is believed as long as the one that wrote it is a trusted proxy.
    Without a peer (a Unix socket) the answer is `unknown`.
    """
    if peer is None:
        return "unknown"
    if not trusted or not _inside(peer, trusted):
        return peer
    written = b",".join(value for name, value in headers if name == b"x-forwarded-for").decode("latin-1")
    address = peer
    for entry in reversed([part.strip() for part in written.split(",") if part.strip()]):
        if not _valid(entry):
            break
        address = entry
        if not _inside(entry, trusted):
            break
    return address


def is_trusted(peer: str | None, trusted: Networks) -> bool:
    """Whether what this peer wrote into headers is believed."""
    return peer is not None and bool(trusted) and _inside(peer, trusted)


def _valid(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _inside(text: str, networks: Networks) -> bool:
    if not _valid(text):
        return False
    address = ip_address(text)
    mapped = getattr(address, "ipv4_mapped", None)
    address = mapped or address
    return any(address.version == network.version and address in network for network in networks)

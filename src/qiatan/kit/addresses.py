"""Addresses callers come from."""

from __future__ import annotations

from ipaddress import IPv6Address, ip_address, ip_network

UNKNOWN = "unknown"


def kept_address(text: str) -> str | None:
    """An IP address in its usual spelling, or nothing."""
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return str(mapped or address)


def address_group(text: str) -> str:
    """What is counted as one caller: an IPv4 address, or the /64 that one IPv6 subscriber owns; `UNKNOWN` for what is no address."""
    address = kept_address(text)
    if address is None or ":" not in address:
        return address or UNKNOWN
    return str(ip_network(f"{address}/64", strict=False))

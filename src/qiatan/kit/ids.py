"""UUIDv7 (RFC 9562): random ids that sort by time."""

from __future__ import annotations

from uuid import UUID


def uuid7(unix_ms: int, entropy: bytes) -> UUID:
    """Build a version 7 UUID from milliseconds since the epoch and ten random bytes."""
    value = (unix_ms & ((1 << 48) - 1)) << 80 | int.from_bytes(entropy[:10], "big")
    value = value & ~(0xF << 76) | 7 << 76
    value = value & ~(0x3 << 62) | 2 << 62
    return UUID(int=value)

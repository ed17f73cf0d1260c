"""Which pages may call us with cookies or open a socket: our own, compared exactly (never by substring)."""

from __future__ import annotations

from collections.abc import Iterable
from urllib.parse import urlsplit


def origin_allowed(headers: Iterable[tuple[bytes, bytes]], public_url: str | None) -> bool:
    """Whether the `Origin` header, if sent, is ours.

    Ours is the configured public address and whatever host the request itself was sent to. A request without `Origin` does not
    come from a browser's page and carries no cookie of a victim.
    """
    given = {name: value.decode("latin-1") for name, value in headers if name in (b"origin", b"host")}
    origin = given.get(b"origin")
    if origin is None:
        return True
    if public_url is not None and origin == _origin(public_url):
        return True
    host = given.get(b"host")
    return bool(host) and origin in (f"http://{host}", f"https://{host}")


def _origin(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"

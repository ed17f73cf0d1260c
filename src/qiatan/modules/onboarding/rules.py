"""Whether a page is somebody else's than ours, and whether it has our snippet."""

from __future__ import annotations

from collections.abc import Collection
from urllib.parse import SplitResult, urlsplit

from qiatan.kit.errors import InvalidInput

_HERE = frozenset({"localhost", "127.0.0.1", "::1"})
_PORTS = {"http": 80, "https": 443}


def elsewhere(page_url: str, public_url: str) -> bool:
    """Whether a visit's page lies on another server than ours, whose own demo page and chat link prove nothing of the enterprise's site."""
    page = _place(page_url)
    return page is not None and page != _place(public_url)


def site_address(text: str) -> str:
    """The address of a page as somebody types it, completed by https:// where they left that out.

    Raises:
        InvalidInput: names `url`.
    """
    typed = text.strip()
    url = typed if "://" in typed else f"https://{typed}"
    if _place(url) is None or any(letter.isspace() for letter in url):
        raise InvalidInput.of("url", "invalid_address", "Write the address of a page of your site, like https://www.example.com.")
    return url


def has_snippet(page: bytes, keys: Collection[str]) -> bool:
    """Whether the text of a page names one of these channels' public keys, which nobody else's page does."""
    return any(key.encode("ascii") in page for key in keys)


def _place(url: str) -> tuple[str, int] | None:
    """Host and port; None for what is no address of the web."""
    try:
        parts: SplitResult = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        return None
    if parts.scheme not in _PORTS or not host:
        return None
    return ("localhost" if host in _HERE else host), port or _PORTS[parts.scheme]

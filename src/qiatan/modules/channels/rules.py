"""Pure decisions about channels."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape


def snippet(public_url: str, key: str) -> str:
    """The one line an enterprise pastes into its pages."""
    return f'<script src="{escape(public_url)}/widget.js" data-key="{escape(key)}" async></script>'


def frame_ancestors(allowed_sites: Sequence[str]) -> str:
    """The CSP directive of the widget's panel: the pages that may hold it. The panel's own origin always may (preview)."""
    if not allowed_sites:
        return "frame-ancestors *"
    return "frame-ancestors 'self' " + " ".join(allowed_sites)


def looks_like_key(text: str) -> bool:
    """Whether it is worth asking the database."""
    return 22 <= len(text) <= 64 and text.isascii() and text.replace("-", "").replace("_", "").isalnum()

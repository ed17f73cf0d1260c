"""Pure decisions about channels."""

from __future__ import annotations

from html import escape


def snippet(public_url: str, key: str) -> str:
    """The one line an enterprise pastes into its pages."""
    return f'<script async src="{escape(public_url)}/widget.js" data-channel="{escape(key)}"></script>'


def chat_link(public_url: str, key: str) -> str:
    """The address of the panel as a page of its own, for people who come without a site (F34)."""
    return f"{public_url}/chat/{key}"


def looks_like_key(text: str) -> bool:
    """Whether it is worth asking the database."""
    return 22 <= len(text) <= 64 and text.isascii() and text.replace("-", "").replace("_", "").isalnum()

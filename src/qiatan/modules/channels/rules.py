"""Pure decisions about channels."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import Final

from qiatan.modules.accounts.contracts import Locale
from qiatan.modules.channels.contracts import WebSettings, WidgetLook, WidgetSettings

_TEXTS: Final = ("title", "greeting", "offline_text", "launcher_text")

USUAL: Final[Mapping[Locale, Mapping[str, str]]] = {
    "zh-CN": {name: WebSettings.model_fields[name].default for name in _TEXTS},
    "en": {
        "title": "Chat with us",
        "greeting": "Hello, how can we help you?",
        "offline_text": "Nobody is online right now. Leave a message and we will answer as soon as we are back.",
        "launcher_text": "Chat with us",
    },
}
"""What a new channel says. The widget's own languages have the same words, and those of them that nobody has changed are said by it."""

FIRST_NAMES: Final[Mapping[Locale, str]] = {"zh-CN": "官网", "en": "Website"}
"""What the channel is called that every enterprise starts with."""


def fresh_settings(locale: Locale) -> WebSettings:
    """The settings of a new channel, with the words of a language."""
    return WebSettings(**USUAL[locale])


def shown_settings(settings: WebSettings) -> WidgetSettings:
    """What any page may know of the settings: not the sites, and of the texts only those that the enterprise wrote itself."""
    look = {name: getattr(settings, name) for name in WidgetLook.model_fields}
    texts: dict[str, str] = {name: getattr(settings, name) for name in _TEXTS}
    own = {name: None if any(text == usual[name] for usual in USUAL.values()) else text for name, text in texts.items()}
    return WidgetSettings(**look, **own)


def snippet(public_url: str, key: str) -> str:
    """The one line an enterprise pastes into its pages."""
    return f'<script async src="{escape(public_url)}/widget.js" data-channel="{escape(key)}"></script>'


def chat_link(public_url: str, key: str) -> str:
    """The address of the panel as a page of its own, for people who come without a site (F34)."""
    return f"{public_url}/chat/{key}"


def looks_like_key(text: str) -> bool:
    """Whether it is worth asking the database."""
    return 22 <= len(text) <= 64 and text.isascii() and text.replace("-", "").replace("_", "").isalnum()

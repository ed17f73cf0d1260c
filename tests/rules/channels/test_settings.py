from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from qiatan.modules.channels.contracts import ChannelChange, NewChannel, WebSettings
from qiatan.modules.channels.rules import USUAL, fresh_settings, looks_like_key, shown_settings, snippet

_WIDGET = Path(__file__).parents[3] / "web/apps/widget/src/i18n/locales"


def test_the_defaults_speak_chinese_and_are_valid() -> None:
    settings = WebSettings()

    assert settings.model_dump(mode="json") == {
        "color": "#3357cc",
        "title": "在线客服",
        "greeting": "您好，请问有什么可以帮您？",
        "offline_text": "现在没有客服在线。请留言，我们上线后会尽快回复您。",
        "position": "right",
        "offset_x": 20,
        "offset_y": 20,
        "launcher": "round",
        "launcher_text": "在线客服",
        "language": "auto",
        "mobile": "sheet",
        "visitor_files": True,
        "allowed_sites": [],
    }
    assert WebSettings(**settings.model_dump()) == settings


@pytest.mark.parametrize(
    "settings",
    [
        {"color": "red"},
        {"color": "#12345"},
        {"color": "#1234567"},
        {"color": "#12345g"},
        {"color": "#123456\n"},
        {"color": "url(javascript:alert(1))"},
        {"color": 123456},
        {"title": ""},
        {"title": "  \u200b "},
        {"title": "长" * 41},
        {"title": None},
        {"title": "a\x00b"},
        {"greeting": "长" * 501},
        {"greeting": "\ud800"},
        {"greeting": ["x"]},
        {"position": "top"},
        {"position": "Right"},
        {"offset_x": -1},
        {"offset_x": 201},
        {"offset_x": 1.5},
        {"offset_x": "20"},
        {"offset_y": True},
        {"launcher": "square"},
        {"launcher_text": "长" * 21},
        {"language": "fr"},
        {"mobile": None},
        {"allowed_sites": "https://a.example"},
        {"allowed_sites": ["*"]},
        {"allowed_sites": ["https://*.example.com"]},
        {"allowed_sites": ["https://a.example/path"]},
        {"allowed_sites": ["https://user@a.example"]},
        {"allowed_sites": ["https://a.example; script-src *"]},
        {"allowed_sites": ["javascript:alert(1)"]},
        {"allowed_sites": ["a.example"]},
        {"allowed_sites": ["https://a.example:port"]},
        {"allowed_sites": [None]},
        {"allowed_sites": [f"https://a{number}.example" for number in range(51)]},
        {"__proto__": {"polluted": True}},
        {"constructor": {}},
        {"key": "chosen"},
    ],
)
def test_settings_that_do_not_fit_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        WebSettings(**settings)


def test_texts_lose_what_cannot_be_seen_and_keep_their_lines() -> None:
    settings = WebSettings(title="客\u202e服\u200b", greeting="一\r\n\r\n二\t三\u2066", launcher_text="", color="#AABBCC")

    assert settings.title == "客服"
    assert settings.greeting == "一\n\n二 三"
    assert settings.launcher_text == ""
    assert settings.color == "#aabbcc"


def test_sites_are_kept_as_browsers_write_origins() -> None:
    sites = ["HTTPS://Shop.Example/", "https://shop.example:443", "http://127.0.0.1:8000", "http://[::1]:80", "https://shop.example"]

    assert WebSettings(allowed_sites=sites).allowed_sites == ["https://shop.example", "http://127.0.0.1:8000", "http://[::1]"]


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"version": 0},
        {"version": "1"},
        {"version": True},
        {"version": 1, "enabled": "yes"},
        {"version": 1, "name": ""},
        {"version": 1, "name": "长" * 61},
        {"version": 1, "key": "chosen"},
        {"version": 1, "enterprise_id": "0"},
        {"version": 1, "id": "0"},
        {"version": 1, "kind": "web"},
    ],
)
def test_a_change_names_known_fields_only(change: dict[str, Any]) -> None:
    with pytest.raises(ValidationError):
        ChannelChange(**change)


@pytest.mark.parametrize("field", ["id", "key", "kind", "enterprise_id", "enabled", "is_first", "version", "created_at"])
def test_a_new_channel_is_a_name_and_nothing_else(field: str) -> None:
    with pytest.raises(ValidationError):
        NewChannel.model_validate({"name": "官网", field: "x"})


def test_the_snippet_is_one_script_tag() -> None:
    assert snippet("https://talk.example", "KEY") == '<script async src="https://talk.example/widget.js" data-channel="KEY"></script>'


@pytest.mark.parametrize("locale", USUAL)
def test_the_widget_has_the_usual_words_in_its_own_languages(locale: str) -> None:
    words = json.loads((_WIDGET / f"{locale}.json").read_text())

    own = {
        "title": words["first"]["title"],
        "greeting": words["first"]["greeting"],
        "offline_text": words["first"]["offlineText"],
        "launcher_text": words["loader"]["label"],
    }
    assert own == {name: text for usual, texts in USUAL.items() if usual == locale for name, text in texts.items()}


@pytest.mark.parametrize("locale", ["zh-CN", "en"])
def test_words_that_nobody_has_changed_are_left_to_the_widget(locale: Any) -> None:
    shown = shown_settings(fresh_settings(locale).model_copy(update={"color": "#aa0000", "allowed_sites": ["https://a.example"]}))

    assert shown.model_dump(mode="json") == {
        "color": "#aa0000",
        "position": "right",
        "offset_x": 20,
        "offset_y": 20,
        "launcher": "round",
        "language": "auto",
        "mobile": "sheet",
        "visitor_files": True,
        "title": None,
        "greeting": None,
        "offline_text": None,
        "launcher_text": None,
    }


def test_what_an_enterprise_writes_is_shown_as_it_is() -> None:
    own = {"title": "松间客服", "greeting": "", "offline_text": "Back at nine.", "launcher_text": ""}

    shown = shown_settings(WebSettings(**own))

    assert {name: getattr(shown, name) for name in own} == own


@pytest.mark.parametrize("text", ["", "short", "a" * 21, "a" * 65, "a" * 21 + "'", "键" * 22, "a" * 21 + "\x00"])
def test_what_cannot_be_a_key_is_not_looked_up(text: str) -> None:
    assert not looks_like_key(text)


def test_a_key_may_hold_dashes() -> None:
    assert looks_like_key("aB3-_" * 5)

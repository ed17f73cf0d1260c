from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qiatan.kit.addresses import address_group, kept_address
from qiatan.modules.visitors import rules

NOW = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def test_a_token_is_replaced_when_it_is_a_day_old_and_not_before() -> None:
    assert not rules.must_rotate(NOW - timedelta(hours=24) + SECOND, None, NOW)
    assert rules.must_rotate(NOW - timedelta(hours=24), None, NOW)


def test_a_replaced_token_that_still_lives_gets_a_successor_again() -> None:
    assert rules.must_rotate(NOW - timedelta(minutes=1), NOW - SECOND, NOW)


def test_expiry_moves_on_once_a_day() -> None:
    assert not rules.must_renew(NOW + timedelta(days=29), NOW)
    assert rules.must_renew(NOW + timedelta(days=29) - SECOND, NOW)


def test_a_visit_goes_on_within_half_an_hour() -> None:
    assert rules.goes_on(NOW - timedelta(minutes=30) + SECOND, NOW)
    assert not rules.goes_on(NOW - timedelta(minutes=30), NOW)


@pytest.mark.parametrize(
    ("given_url", "kept"),
    [
        ("https://shop.example/a?b=c#d", "https://shop.example/a?b=c#d"),
        ("HTTP://Shop.Example/", "http://Shop.Example/"),
        ("https://user:secret@shop.example/a", "https://shop.example/a"),
        ("https://例子.中国/商品", "https://例子.中国/商品"),
        ("javascript:alert(1)", None),
        ("JaVaScRiPt:alert(1)//https://a.example", None),
        ("java\tscript:alert(1)", None),
        ("data:text/html,<script>alert(1)</script>", None),
        ("file:///etc/passwd", None),
        ("//shop.example/a", None),
        ("https://", None),
        ("https://[broken", None),
        ("https://a.example/ <script>", None),
        ("", None),
        (None, None),
        ("https://a.example/\u202etxt\x00", "https://a.example/txt"),
        ("https://a.example/" + "x" * 5000, ("https://a.example/" + "x" * 5000)[:2000]),
    ],
)
def test_only_web_addresses_are_kept(given_url: str | None, kept: str | None) -> None:
    assert rules.kept_url(given_url) == kept


@given(st.text(st.characters()))
def test_whatever_a_browser_says_can_be_stored_on_one_line(text: str) -> None:
    for kept in (rules.kept_title(text), rules.kept_user_agent(text), rules.kept_url("https://a.example/" + text)):
        if kept is not None:
            kept.encode()
            assert not set(kept) & set("\x00\r\n\u202e\u200b")
            assert len(kept) <= rules.URL_LENGTH


def test_odd_languages_zones_and_screens_are_left_out() -> None:
    assert rules.kept_language("zh-Hans-CN") == "zh-Hans-CN"
    assert rules.kept_language("<script>") is None
    assert rules.kept_timezone("Asia/Shanghai") == "Asia/Shanghai"
    assert rules.kept_timezone("'; DROP TABLE visits; --") is None
    assert rules.kept_screen("1920x1080") == "1920x1080"
    assert rules.kept_screen("0x0") is None


def test_addresses_are_kept_in_their_usual_spelling() -> None:
    assert kept_address("192.0.2.1") == "192.0.2.1"
    assert kept_address("::ffff:192.0.2.1") == "192.0.2.1"
    assert kept_address("2001:DB8::1%eth0") == "2001:db8::1"
    assert kept_address("unknown") is None


def test_one_subscriber_is_counted_once() -> None:
    assert address_group("192.0.2.1") == "192.0.2.1"
    assert address_group("2001:db8:1:2:3:4:5:6") == address_group("2001:db8:1:2::1") == "2001:db8:1:2::/64"
    assert address_group("not an address") == "unknown"


@pytest.mark.parametrize(
    "text", ["", "qv_", "qv_" + "a" * 42, "qv_" + "a" * 44, "xx_" + "a" * 43, "qv_" + "a" * 42 + "\n", "QV_" + "a" * 43]
)
def test_what_cannot_be_a_token_is_not_looked_up(text: str) -> None:
    assert not rules.looks_like_token(text)


@pytest.mark.parametrize(
    ("user_agent", "browser", "system", "device"),
    [
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
            "Chrome 126",
            "Windows 10/11",
            "desktop",
        ),
        (
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36 Edg/126.0.2592.61",
            "Edge 126",
            "Windows 10/11",
            "desktop",
        ),
        (
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15",
            "Safari 17",
            "macOS",
            "desktop",
        ),
        (
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 "
                "Mobile/15E148 Safari/604.1"
            ),
            "Safari 17",
            "iOS 17",
            "phone",
        ),
        (
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Mobile/15E148 "
                "MicroMessenger/8.0.49(0x18003137) NetType/WIFI Language/zh_CN"
            ),
            "WeChat 8",
            "iOS 17",
            "phone",
        ),
        (
            (
                "Mozilla/5.0 (Linux; Android 14; ALN-AL00) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0.5735.196 "
                "HuaweiBrowser/15.0.4.312 Mobile Safari/537.36"
            ),
            "Huawei Browser 15",
            "Android 14",
            "phone",
        ),
        (
            (
                "Mozilla/5.0 (Phone; OpenHarmony 5.0) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/114.0.0.0 Safari/537.36 "
                "ArkWeb/4.1.6.1 Mobile"
            ),
            "Chrome 114",
            "HarmonyOS 5",
            "phone",
        ),
        (
            "Mozilla/5.0 (Linux; Android 13; SM-X710) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36",
            "Chrome 126",
            "Android 13",
            "tablet",
        ),
        (
            (
                "Mozilla/5.0 (iPad; CPU OS 16_6 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) CriOS/126.0.6478.35 "
                "Mobile/15E148 Safari/604.1"
            ),
            "Chrome 126",
            "iOS 16",
            "tablet",
        ),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:127.0) Gecko/20100101 Firefox/127.0", "Firefox 127", "Linux", "desktop"),
        ("Mozilla/5.0 (Windows NT 6.1; Trident/7.0; rv:11.0) like Gecko", "Internet Explorer 11", "Windows 7", "desktop"),
        ("Mozilla/5.0 (compatible; Baiduspider/2.0; +http://www.baidu.com/search/spider.html)", None, None, "bot"),
        ("<script>alert(1)</script>", None, None, "desktop"),
        (None, None, None, None),
    ],
)
def test_browsers_are_named_as_people_know_them(
    user_agent: str | None, browser: str | None, system: str | None, device: str | None
) -> None:
    assert (rules.browser_of(user_agent), rules.system_of(user_agent), rules.device_of(user_agent)) == (browser, system, device)

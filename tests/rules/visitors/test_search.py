"""Where visitors came from by searching, as far as the referrer tells."""

from __future__ import annotations

from urllib.parse import urlencode

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qiatan.modules.visitors.rules import KEYWORD_LENGTH, search_of


@pytest.mark.parametrize(
    ("referrer", "engine", "keyword"),
    [
        ("https://www.baidu.com/s?ie=utf-8&wd=%E8%8C%B6%E5%85%B7", "baidu", "茶具"),
        ("https://m.baidu.com/s?word=tea+set", "baidu", "tea set"),
        ("https://www.google.co.uk/", "google", None),
        ("https://www.google.com.hk/search?q=cups", "google", "cups"),
        ("https://cn.bing.com/search?q=%E6%9D%AF%E5%AD%90", "bing", "杯子"),
        ("https://www.sogou.com/web?query=a", "sogou", "a"),
        ("https://www.so.com/s?q=a", "360", "a"),
        ("https://yz.m.sm.cn/s?q=a", "shenma", "a"),
        ("https://evilgoogle.com/?q=a", None, None),
        ("https://baidu.com.example/s?wd=a", None, None),
        ("https://shop.example/?q=a", None, None),
        ("https://[broken", None, None),
        ("", None, None),
        (None, None, None),
    ],
)
def test_engine_and_words(referrer: str | None, engine: str | None, keyword: str | None) -> None:
    assert search_of(referrer) == (engine, keyword)


@given(st.text())
def test_whatever_was_searched_for_is_one_short_line(words: str) -> None:
    engine, keyword = search_of("https://www.baidu.com/s?" + urlencode({"wd": words}, errors="replace"))

    assert engine == "baidu"
    assert keyword is None or (len(keyword) <= KEYWORD_LENGTH and "\n" not in keyword)


@given(st.text())
def test_no_referrer_is_too_strange(referrer: str) -> None:
    search_of(referrer)

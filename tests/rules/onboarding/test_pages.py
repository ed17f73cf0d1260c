"""Whose page it is, and whether it has our snippet."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qiatan.kit.errors import InvalidInput
from qiatan.modules.onboarding import rules

OURS = "https://chat.example.com"


@pytest.mark.parametrize(
    ("page", "public_url", "expected"),
    [
        ("https://www.shop.example/", OURS, True),
        ("https://chat.example.com/demo/", OURS, False),
        ("http://chat.example.com/demo/", OURS, True),  # another port is another server
        ("http://127.0.0.1:8080/demo/", "http://localhost:8080", False),
        ("http://127.0.0.1:9000/", "http://localhost:8080", True),
        ("file:///home/index.html", OURS, False),
        ("https://[half", OURS, False),
        ("", OURS, False),
    ],
)
def test_a_visit_counts_when_its_page_lies_on_another_server(page: str, public_url: str, *, expected: bool) -> None:
    assert rules.elsewhere(page, public_url) is expected


def test_an_address_is_completed_as_people_leave_it_out() -> None:
    assert rules.site_address(" www.shop.example/a ") == "https://www.shop.example/a"
    assert rules.site_address("http://shop.example") == "http://shop.example"


@pytest.mark.parametrize(
    "typed", ["javascript://x", "ftp://shop.example", "   ", "https://", "https://a b", "https://[half", "shop.example:port"]
)
def test_what_is_no_address_of_the_web_is_named(typed: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        rules.site_address(typed)
    assert [(problem.field, problem.code) for problem in refused.value.fields] == [("url", "invalid_address")]


@given(st.text(), st.text())
def test_no_text_of_a_browser_breaks_the_look(page: str, public_url: str) -> None:
    assert rules.elsewhere(page, public_url) in (True, False)


def test_the_key_is_looked_for_wherever_it_stands() -> None:
    assert rules.has_snippet(b'<script src="https://x/w.js" data-key="abc"></script>', ["zzz", "abc"])
    assert not rules.has_snippet(b"<html></html>", ["abc"])
    assert not rules.has_snippet(b"<html></html>", [])

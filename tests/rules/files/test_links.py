"""Signed addresses of files."""

from __future__ import annotations

import base64
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qiatan.modules.files.rules import links

ADDRESS = links.FileAddress(UUID(int=1), UUID(int=2), UUID(int=3), 1_800_000_000, download=False)
MARK = bytes(range(224, 256))
TOKEN = base64.urlsafe_b64encode(links.packed(ADDRESS) + MARK).decode()


def test_a_token_is_what_was_packed_and_its_mark() -> None:
    parts = links.split(TOKEN)

    assert parts == (links.packed(ADDRESS), MARK)
    assert links.unpacked(parts[0]) == ADDRESS


@pytest.mark.parametrize(
    "other",
    [f"{TOKEN}=", f"{TOKEN}==", f"{TOKEN}\n", f" {TOKEN}", f"{TOKEN[:-1]} {TOKEN[-1]}", f"{TOKEN}.", TOKEN.replace("-", "+"), f"{TOKEN}é"],
)
def test_another_spelling_of_the_same_bytes_is_none(other: str) -> None:
    assert other != TOKEN
    assert links.split(other) is None


@given(st.text(max_size=200))
def test_any_text_is_a_token_of_its_own_bytes_or_none(text: str) -> None:
    parts = links.split(text)

    assert parts is None or base64.urlsafe_b64encode(b"".join(parts)).decode() == text


@given(st.binary(max_size=200))
def test_any_bytes_of_another_length_are_no_token(content: bytes) -> None:
    parts = links.split(base64.urlsafe_b64encode(content).decode())

    assert (parts is None) is (len(content) != len(links.packed(ADDRESS)) + len(MARK))

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qiatan.modules.files.rules import EXTENSIONS, file_name
from qiatan.modules.files.rules.names import NAME_LENGTH


@pytest.mark.parametrize(
    ("given_name", "kept"),
    [
        ("photo.jpg", "photo.png"),
        ("照片 一.JPEG", "照片 一.png"),
        ("../../etc/passwd", "passwd.png"),
        ("C:\\Users\\me\\cat.gif", "cat.png"),
        (".htaccess", "htaccess.png"),
        ("\u200b.htaccess", "htaccess.png"),
        ("photo.png.exe", "photo.png.exe.png"),
        ("gpj.\u202eexe.png", "gpj.exe.png"),
        ("a\r\nSet-Cookie: x=1.png", "a Set-Cookie_ x=1.png"),
        ('x"; filename="evil.html', "x__ filename=_evil.html.png"),
        ("<script>alert(1)</script>.svg", "script_.svg.png"),
        ("nul\x00byte.png", "nulbyte.png"),
        ("\ud83d.png", "picture.png"),
        ("", "picture.png"),
        ("   ", "picture.png"),
        ("...", "picture.png"),
        ("a" * 500 + ".png", "a" * (NAME_LENGTH - 4) + ".png"),
    ],
)
def test_a_name_from_outside_becomes_harmless_and_ends_as_what_it_is(given_name: str, kept: str) -> None:
    assert file_name(given_name, "image/png") == kept


@given(st.text(st.characters()), st.sampled_from(sorted(EXTENSIONS)))
def test_whatever_the_name_the_kept_one_is_short_visible_and_without_a_path(text: str, content_type: str) -> None:
    name = file_name(text, content_type)

    assert 1 <= len(name) <= NAME_LENGTH
    assert name.endswith(EXTENSIONS[content_type])
    assert not name.startswith(".")
    assert not set('/\\"<>:|?*;%') & set(name)
    assert not any(unicodedata.category(character).startswith("C") for character in name)


@given(st.text(max_size=60), st.sampled_from(sorted(EXTENSIONS)))
def test_cleaning_a_clean_name_changes_nothing(text: str, content_type: str) -> None:
    once = file_name(text, content_type)

    assert file_name(once, content_type) == once

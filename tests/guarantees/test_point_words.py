"""Every permission point, every module of points and every template has words in both languages: a new one cannot reach the pages nameless."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from qiatan.entrypoints.registry import CATALOGUE
from qiatan.kit.access import Template

I18N = Path(__file__).parents[2] / "web" / "apps" / "workspace" / "src" / "i18n"
LOCALES = ("zh-CN", "en")


def _block(locale: str, name: str) -> str:
    """One part of the words of access control, as it is written."""
    text = (I18N / locale / "access.ts").read_text(encoding="utf-8")
    found = re.search(rf"^  {name}: {{\n(.*?)^  }},\n", text, re.MULTILINE | re.DOTALL)
    assert found, f"i18n/{locale}/access.ts has no part {name}"
    return found[1]


def _words(block: str) -> dict[str, set[str]]:
    """The entries that hold several texts, with what each says."""
    entries = re.findall(r"^    (\w+): \{ (.*) \},$", block, re.MULTILINE)
    return {key: set(re.findall(r"(\w+): '(?!')", texts)) for key, texts in entries}


@pytest.mark.parametrize("locale", LOCALES)
def test_every_point_is_named_explained_and_told_in_brief(locale: str) -> None:
    expected = {point.name.replace(".", "_"): {"name", "hint", "brief"} for point in CATALOGUE}

    assert _words(_block(locale, "point")) == expected


@pytest.mark.parametrize("locale", LOCALES)
def test_every_module_of_points_is_named(locale: str) -> None:
    named = set(re.findall(r"^    (\w+): '.+',$", _block(locale, "module"), re.MULTILINE))

    assert named == {point.name.partition(".")[0] for point in CATALOGUE}


@pytest.mark.parametrize("locale", LOCALES)
def test_every_template_is_named_and_explained(locale: str) -> None:
    assert _words(_block(locale, "template")) == {template.value: {"name", "hint"} for template in Template}

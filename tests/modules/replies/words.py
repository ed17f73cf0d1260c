"""Documents for tests, as pages send them."""

from __future__ import annotations

from typing import Any


def says(text: str, **marks: Any) -> dict[str, Any]:
    """One paragraph; with marks it is rich."""
    return {"blocks": [{"kind": "paragraph", "spans": [{"text": text, **marks}]}]}


def shows(picture: dict[str, Any], text: str = "看图") -> dict[str, Any]:
    """A paragraph and a picture."""
    return {"blocks": [*says(text)["blocks"], {"kind": "picture", **picture}]}

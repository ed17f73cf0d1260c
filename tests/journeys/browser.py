"""Which Chromium plays the stories, and how it is started."""

from __future__ import annotations

import shutil

from playwright.async_api import Browser, Playwright

# A window without a window: nearly half of Chromium's work in a story is drawing the frame nobody sees.
LIGHT = ("chromium-headless-shell", "chrome-headless-shell")
WHOLE = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def _first(names: tuple[str, ...]) -> str:
    found = next((path for path in map(shutil.which, names) if path), None)
    assert found, "there is no Chromium on this machine: run `make test` once, or install it"
    return found


async def launch(playwright: Playwright, *, whole: bool = False) -> Browser:
    """Start the lightest Chromium of this machine, or the `whole` one, for what only that has (notifications, push)."""
    return await playwright.chromium.launch(executable_path=_first(WHOLE if whole else LIGHT + WHOLE), args=FLAGS)

"""What a browser must never do, whatever the story: open a dialog, raise an error, break the page's own policy."""

from __future__ import annotations

from playwright.async_api import BrowserContext, ConsoleMessage, Dialog, WebError

_POLICY = "Content Security Policy"


class Watch:
    """Listens to all pages of one context."""

    def __init__(self, context: BrowserContext) -> None:
        self.dialogs: list[str] = []
        self.errors: list[str] = []
        self.violations: list[str] = []
        context.on("dialog", self._dialog)
        context.on("weberror", self._error)
        context.on("console", self._console)

    async def _dialog(self, dialog: Dialog) -> None:
        # The browser's own question before a page with unsaved changes is left is no script of a stranger.
        if dialog.type != "beforeunload":
            self.dialogs.append(f"{dialog.type}: {dialog.message}")
        await dialog.accept()

    def _error(self, error: WebError) -> None:
        self.errors.append(str(error.error))

    def _console(self, message: ConsoleMessage) -> None:
        if _POLICY in message.text:
            self.violations.append(message.text)

    def check(self) -> None:
        assert self.dialogs == [], f"a dialog opened: {self.dialogs}"
        assert self.errors == [], f"a page raised an error: {self.errors}"
        assert self.violations == [], f"a page broke its Content-Security-Policy: {self.violations}"

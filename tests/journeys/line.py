"""The network between one browser and the server's live doors, which a test can cut and join. Pages still load."""

from __future__ import annotations

import re

from playwright.async_api import BrowserContext, Route, WebSocketRoute

_SOCKET = re.compile("/api/v1/socket$")
_POLL = re.compile("/api/v1/poll")

BLOCKED = """window.WebSocket = class extends EventTarget {
  constructor() {
    super()
    this.readyState = 0
    setTimeout(() => {
      this.readyState = 3
      for (const event of [new Event('error'), new CloseEvent('close', { code: 1006 })]) {
        this.dispatchEvent(event)
        this[`on${event.type}`]?.(event)
      }
    })
  }
  send() { throw new DOMException('no socket gets through here', 'InvalidStateError') }
  close() {}
}"""
"""A page script: a network in which no WebSocket gets through, as some companies' proxies make it."""


class Line:
    def __init__(self) -> None:
        self._cut = False
        self._open: list[WebSocketRoute] = []

    async def lay(self, context: BrowserContext) -> None:
        """Before the context's pages connect."""
        await context.route_web_socket(_SOCKET, self._socket)
        await context.route(_POLL, self._poll)

    async def cut(self) -> None:
        self._cut = True
        for socket in self._open:
            await socket.close()
        self._open.clear()

    def join(self) -> None:
        self._cut = False

    async def _socket(self, socket: WebSocketRoute) -> None:
        if self._cut:
            await socket.close()
            return
        socket.connect_to_server()
        self._open.append(socket)

    async def _poll(self, route: Route) -> None:
        await (route.abort("connectionrefused") if self._cut else route.continue_())

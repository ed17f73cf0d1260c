"""Somebody's web site on another origin, with the snippet pasted into its pages."""

from __future__ import annotations

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

PAGE = """<!doctype html>
<html lang="{lang}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title></head>
<body><main><h1>{title}</h1></main>
<script async src="{server}/widget.js" data-channel="{key}"></script></body></html>"""

STRICT = "default-src 'none'; script-src {0}; frame-src {0}; connect-src {0}; style-src 'none'; img-src {0}"


class Site:
    """Serves `/?key=…&title=…&lang=…`; below `/strict` with the tightest policy the widget can live under. Its origin differs by host and port."""

    def __init__(self, widget_server: str) -> None:
        def answer(handler: BaseHTTPRequestHandler) -> None:
            asked = urlsplit(handler.path)
            query = parse_qs(asked.query)
            if "key" not in query:
                handler.send_error(404)
                return
            title = query.get("title", ["松间小店"])[0].replace("&", "&amp;").replace("<", "&lt;")
            lang = query.get("lang", ["zh-CN"])[0]
            body = PAGE.format(lang=lang, title=title, server=widget_server, key=query["key"][0]).encode()
            handler.send_response(200)
            handler.send_header("Content-Type", "text/html; charset=utf-8")
            handler.send_header("Content-Length", str(len(body)))
            if asked.path == "/strict":
                handler.send_header("Content-Security-Policy", STRICT.format(widget_server))
            handler.end_headers()
            handler.wfile.write(body)

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                answer(self)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002 - the name is the base class's
                """Say nothing: a test's output is the test's."""

        self._httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._httpd.daemon_threads = True
        self._thread = threading.Thread(target=self._httpd.serve_forever, name="site", daemon=True)
        self._thread.start()
        self.url = f"http://localhost:{self._httpd.server_port}"
        self.other_url = f"http://127.0.0.1:{self._httpd.server_port}"

    def close(self) -> None:
        self._httpd.shutdown()
        self._httpd.server_close()
        self._thread.join(5)

"""The built pages: workspace, widget, loader, demo shop. Each with the strictest policy it can live under."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path
from typing import Annotated

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from fastapi import Path as InPath
from fastapi.responses import HTMLResponse, PlainTextResponse, RedirectResponse

import qiatan
from qiatan.entrypoints.built import Assets, compressed, hashed_files
from qiatan.infra import page_files
from qiatan.infra.http.guards import Public
from qiatan.infra.http.transactions import Shared, SystemTx
from qiatan.infra.jobs import JobList
from qiatan.infra.resources import Resources
from qiatan.kit.errors import NotFound
from qiatan.modules.channels import service as channels

PAGES = Path(qiatan.__file__).parent / "pages"

_OWN = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' blob: data:; font-src 'self'; connect-src 'self'"
_WORKSPACE_POLICY = f"{_OWN}; frame-src {{files}}; manifest-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"
_DEMO_POLICY = f"{_OWN}; frame-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'self'"
# What a stranger's file is shown by: without an origin, so that neither cookies nor storage nor our API are within its reach. Any page may
# frame it, as the panel stands on sites of others; there is nothing in it to click by mistake.
_VIEWER_POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src {own}/assets/; style-src {own}/assets/; img-src {own}/files/ blob: data:;"
    " media-src {own}/files/; connect-src {own}/files/ {own}/assets/; font-src {own}/assets/ data: blob:; worker-src blob: {own}/assets/; base-uri 'none'; form-action 'none'"
)
_NO_CHAT_STYLE = (
    "body{margin:0;display:grid;place-items:center;min-height:100vh;color-scheme:light dark;"
    "font:15px/1.5 system-ui,'PingFang SC','Microsoft YaHei','Noto Sans SC',sans-serif}"
    "main{max-width:26em;padding:24px}h1{font-size:20px;margin:0 0 8px}p{margin:0 0 8px;opacity:.75}"
)
_NO_CHAT = f"""<!doctype html>
<html lang="zh-CN"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1"><meta name="robots" content="noindex">
<title>对话链接不可用</title><style>{_NO_CHAT_STYLE}</style></head>
<body><main><h1>对话链接不可用</h1><p>链接可能已停用，或地址不完整。请向发给您链接的人再要一次。</p>
<p lang="en">This chat link is not available. It may have been switched off, or the address is not complete.</p></main></body></html>"""
_NOT_BUILT = "The pages are not built. Run `make run`, or `npm ci && npm run build` in web/."

jobs = JobList("pages")
router = APIRouter(include_in_schema=False, dependencies=[Depends(Public("a page"))])


def mount_pages(app: FastAPI) -> None:
    """Serve the pages that were built; without them the API works and the addresses say what is missing."""
    for name in ("workspace", "widget", "loader", "viewer"):
        folder = PAGES / name
        if folder.is_dir():
            app.mount(f"/assets/{name}", Assets(folder), name=f"assets-{name}")
    app.include_router(router)


async def keep_files(resources: Resources) -> None:
    """Have other nodes and later releases serve the files of these pages too. Before the first page is sent: it names them.

    Raises:
        DatabaseUnavailable, StorageFull
    """
    folders = [folder for name in ("workspace", "widget", "viewer") if (folder := PAGES / name).is_dir()]
    await page_files.keep(resources.database, {name: path for folder in folders for name, path in hashed_files(folder).items()})


@jobs.periodic("53 2 * * *")
async def keep_pages(resources: Resources) -> None:
    """Say once a day that these files are still served: a program may run for longer than they are kept."""
    await keep_files(resources)


def _page(path: Path, policy: str) -> Response:
    if not path.is_file():
        return PlainTextResponse(_NOT_BUILT, 503)
    return HTMLResponse(path.read_text(), headers={"Content-Security-Policy": policy, "Cache-Control": "no-cache"})


@router.get("/")
async def home() -> Response:
    return RedirectResponse("/app/")


@router.get("/app/sw.js")
async def service_worker() -> Response:
    """The workspace's service worker. Asked for anew each time, so that a new version reaches every page; its scope is where it lies."""
    path = PAGES / "workspace" / "sw.js"
    if not path.is_file():
        return PlainTextResponse(_NOT_BUILT, 503)
    # What it may fetch is said by the policy it comes with: nothing but our own pages, which pass through it.
    headers = {"Cache-Control": "no-cache", "Content-Security-Policy": "default-src 'none'; connect-src 'self'; img-src 'self'"}
    return Response(path.read_text(), media_type="text/javascript; charset=utf-8", headers=headers)


_APP_WORDS = {"zh-CN": ("洽谈客服工作台", "洽谈"), "en": ("Qiatan workspace", "Qiatan")}


@router.get("/app/manifest.webmanifest")
async def manifest(request: Request) -> Response:
    """What a phone or computer needs to install the workspace, in the first language of the browser."""
    language = "en" if request.headers.get("accept-language", "").lower().startswith("en") else "zh-CN"
    name, short = _APP_WORDS[language]
    icons = [(192, "icon-1-192", "any"), (512, "icon-1-512", "any"), (512, "maskable-1-512", "maskable")]
    described = {
        "id": "/app/",
        "lang": language,
        "name": name,
        "short_name": short,
        "start_url": "/app/",
        "scope": "/app/",
        "display": "standalone",
        "background_color": "#ffffff",
        "theme_color": "#3357cc",
        "icons": [
            {"src": f"/assets/workspace/{file}.png", "sizes": f"{size}x{size}", "type": "image/png", "purpose": purpose}
            for size, file, purpose in icons
        ],
    }
    headers = {"Cache-Control": "no-cache", "Vary": "Accept-Language"}
    return Response(json.dumps(described, ensure_ascii=False), media_type="application/manifest+json", headers=headers)


@router.get("/app/{path:path}")
async def workspace(path: str, shared: Shared) -> Response:
    """Any address below /app/ is the same page; its router shows the rest."""
    return _page(PAGES / "workspace" / "index.html", _WORKSPACE_POLICY.format(files=_files_of(shared)))


@router.get("/files/{token}/view")
async def viewer(request: Request, token: Annotated[str, InPath(pattern="^[A-Za-z0-9_-]{1,200}$")]) -> Response:
    """What shows a file in place. Which one is in its address, whose mark is looked at when the file is fetched."""
    own = request.headers.get("host", "")
    if not _HOST.fullmatch(own) or not token:
        raise NotFound
    response = _page(PAGES / "viewer" / "index.html", _VIEWER_POLICY.format(own=own))
    response.headers["Cross-Origin-Opener-Policy"] = "unsafe-none"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response


def _files_of(shared: Resources) -> str:
    return shared.settings.files_url or "'self'"


@router.get("/widget/{key}/panel")
async def widget_panel(key: str, tx: SystemTx, shared: Shared) -> Response:
    """The panel, to be framed by the channel's own sites only (any site where none are named)."""
    channel = await channels.find_by_key(tx, key)
    sites = " ".join(channel.settings.allowed_sites) or "*"
    policy = f"{_OWN}; frame-src {_files_of(shared)}; base-uri 'none'; form-action 'none'; frame-ancestors 'self' {sites}"
    response = _page(PAGES / "widget" / "index.html", policy)
    response.headers["Cross-Origin-Opener-Policy"] = "unsafe-none"
    return response


@router.get("/chat/{key}")
async def chat_link(key: str, tx: SystemTx, shared: Shared) -> Response:
    """The panel as a page of its own, for links in mails, profiles and codes to scan (F34). `agent`, `group`, `fallback` and `lang` are the page's."""
    headers = {"X-Robots-Tag": "noindex", "Referrer-Policy": "same-origin"}
    try:
        await channels.find_by_key(tx, key)
    except NotFound:
        # a person came by a link: they get a page, and the same one whatever the reason is
        style = base64.b64encode(hashlib.sha256(_NO_CHAT_STYLE.encode()).digest()).decode()
        policy = f"default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        return HTMLResponse(_NO_CHAT, 404, headers={"Content-Security-Policy": policy, "Cache-Control": "no-store", **headers})
    policy = f"{_OWN}; frame-src {_files_of(shared)}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    response = _page(PAGES / "widget" / "index.html", policy)
    response.headers.update(headers)
    return response


@router.get("/widget.js")
async def loader(request: Request) -> Response:
    """The loader that sites include; short-lived in caches, so that a new version reaches everybody within minutes."""
    path = PAGES / "loader" / "widget.js"
    if not path.is_file():
        return PlainTextResponse(_NOT_BUILT, 503)
    content, how = await compressed(path, request.headers)
    headers = {"Cache-Control": "public, max-age=300", "Cross-Origin-Resource-Policy": "cross-origin", **how}
    return Response(content, media_type="text/javascript; charset=utf-8", headers=headers)


_TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".png": "image/png"}
_HOST = re.compile(r"[A-Za-z0-9.:\[\]-]{1,255}")
_NAME = re.compile(r"[a-z0-9_-]+(/[a-z0-9_-]+)*\.[a-z]+")


def demo_key_of(request: Request) -> str:
    """The channel of the demo shop.

    Raises:
        NotFound: this installation has no demo shop.
    """
    key: str | None = getattr(request.app.state, "demo_key", None)
    if key is None:
        raise NotFound
    return key


@router.get("/demo/{path:path}")
async def demo(path: str, key: Annotated[str, Depends(demo_key_of)]) -> Response:
    """The demo shop, with the widget installed by the snippet a customer would paste."""
    name = path or "index.html"
    file = PAGES / "demo" / name
    if not _NAME.fullmatch(name) or not file.is_file() or file.suffix not in _TYPES:
        raise NotFound
    headers = {"Content-Security-Policy": _DEMO_POLICY, "Cache-Control": "no-cache"}
    if file.suffix == ".png":
        return Response(file.read_bytes(), media_type="image/png", headers=headers)
    text = file.read_text().replace("__CHANNEL_KEY__", key)
    return Response(text, media_type=f"{_TYPES[file.suffix]}; charset=utf-8", headers=headers)

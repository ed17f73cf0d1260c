"""The application: HTTP doors of all modules, pages, sockets."""

from __future__ import annotations

from typing import Any

import msgspec
from fastapi import APIRouter, Depends, FastAPI

import qiatan
from qiatan.entrypoints.gateway import Gateway, Hello, Welcome
from qiatan.entrypoints.identity import identify
from qiatan.entrypoints.pages import mount_pages
from qiatan.entrypoints.polling import Pollers
from qiatan.entrypoints.polling import router as polling_router
from qiatan.entrypoints.registry import CATALOGUE, ROUTERS
from qiatan.entrypoints.socket import PATH as SOCKET_PATH
from qiatan.entrypoints.socket import serve_socket
from qiatan.infra.clock import FollowingClock
from qiatan.infra.db import Database
from qiatan.infra.geo import Geo
from qiatan.infra.http.errors import ErrorAnswer, install_error_handlers
from qiatan.infra.http.guards import Public
from qiatan.infra.http.middleware import Envelope
from qiatan.infra.http.separate import SeparateFiles
from qiatan.infra.http_out import HttpOut
from qiatan.infra.mail import Mailer
from qiatan.infra.realtime.doors import ByeFrame, ChangedFrame, ErrorFrame
from qiatan.infra.realtime.hub import Hub
from qiatan.infra.resources import Resources
from qiatan.infra.sealing import Sealer
from qiatan.infra.settings import Settings
from qiatan.infra.storage import LocalStorage, S3Storage
from qiatan.infra.throttle import Throttle
from qiatan.modules.conversations.realtime import frames
from qiatan.modules.replies.realtime import RepliesChangedFrame
from qiatan.modules.routing.realtime import AvailabilityFrame, PresenceFrame, QueueFrame, RoutingFrame, TransferOfferFrame

_health = APIRouter(tags=["operation"])
_ERRORS: dict[int | str, dict[str, Any]] = {"4XX": {"model": ErrorAnswer}, "5XX": {"model": ErrorAnswer}}


@_health.get("/healthz", dependencies=[Depends(Public("health check; tells nothing but that the process answers"))])
async def health() -> dict[str, str]:
    return {"status": "ok"}


def build_resources(settings: Settings, database_url: str) -> Resources:
    """The shared parts of one process."""
    clock = FollowingClock()
    return Resources(
        settings=settings,
        database=Database(database_url, clock=clock),
        storage=S3Storage(settings.s3) if settings.s3 else LocalStorage(settings.data_dir / "files"),
        hub=Hub(),
        throttle=Throttle(),
        clock=clock,
        geo=Geo.load(settings.data_dir),
        http=HttpOut(settings.outbound_allow),
        mailer=Mailer(settings.smtp, settings.mail_from, clock),
        sealer=Sealer(settings.secret_key),
    )


def build_app(resources: Resources) -> FastAPI:
    """The HTTP application. Its gateway is `app.state.gateway`; whoever serves it starts and closes that."""
    app = _describe()
    app.state.resources = resources
    app.state.identify = identify
    app.state.catalogue = CATALOGUE
    app.state.gateway = Gateway(resources)
    app.state.pollers = Pollers(app.state.gateway)
    mount_pages(app)
    if resources.settings.files_url is not None:
        app.add_middleware(SeparateFiles, files_url=resources.settings.files_url)
    app.add_middleware(Envelope, https=resources.settings.public_url.startswith("https:"))
    return app


def _describe() -> FastAPI:
    app = FastAPI(
        title="Qiatan",
        version=qiatan.__version__,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
        responses=_ERRORS,
        generate_unique_id_function=lambda route: route.name,
    )
    install_error_handlers(app)
    for router in (*ROUTERS, polling_router, _health):
        app.include_router(router)

    @app.get("/openapi.json", include_in_schema=False, dependencies=[Depends(Public("the API description"))])
    async def openapi() -> dict[str, Any]:
        return _with_frames(app)

    return app


_FRAMES = (
    Hello,
    frames.Subscribe,
    frames.Unsubscribe,
    frames.Send,
    frames.Withdraw,
    frames.Edit,
    frames.Read,
    frames.Typing,
    frames.Viewing,
    frames.Ping,
    Welcome,
    frames.Subscribed,
    frames.AckFrame,
    ErrorFrame,
    frames.MessageFrame,
    frames.ConversationFrame,
    frames.ConversationGone,
    frames.ReadFrame,
    frames.TypingFrame,
    frames.ViewersFrame,
    frames.MentionFrame,
    frames.MentionsReadFrame,
    frames.DraftFrame,
    PresenceFrame,
    AvailabilityFrame,
    RoutingFrame,
    TransferOfferFrame,
    QueueFrame,
    RepliesChangedFrame,
    ChangedFrame,
    frames.Pong,
    ByeFrame,
)


_EMBEDDED = (
    ("Send", "document", "RichDocument"),
    ("ConversationFrame", "conversation", "Conversation"),
    ("RoutingFrame", "routing", "Routing"),
    ("TransferOfferFrame", "offer", "TransferOffer"),
    ("QueueFrame", "place", "QueuePlace"),
)
"""Frames that hold an object of the HTTP API, encoded already."""


def _with_frames(app: FastAPI) -> dict[str, Any]:
    """OpenAPI with the socket frames among the schemas, so that the pages' types come from one place."""
    described = app.openapi()
    schemas = described["components"]["schemas"]
    _, components = msgspec.json.schema_components(_FRAMES, ref_template="#/components/schemas/{name}")
    for frame, field, schema in _EMBEDDED:
        components[frame]["properties"][field] = {"$ref": f"#/components/schemas/{schema}"}
    for name, schema in components.items():
        schemas.setdefault(name, schema)
    return described


def build_openapi() -> dict[str, Any]:
    """The description of the HTTP API and the frames, without a database."""
    return _with_frames(_describe())


class Application:
    """ASGI entry: sockets past the HTTP stack (its wrappers cost time on every frame), everything else into it."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self.gateway: Gateway = app.state.gateway

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "websocket":
            if scope["path"] == SOCKET_PATH:
                await serve_socket(self.gateway, scope, receive, send)
            else:
                await receive()
                await send({"type": "websocket.close", "code": 4404, "reason": "not_found"})
            return
        await self._app(scope, receive, send)

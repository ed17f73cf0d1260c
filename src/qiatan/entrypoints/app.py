"""The application: HTTP doors of all modules, pages, sockets."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import msgspec
from fastapi import Depends, FastAPI, Response
from starlette.datastructures import State

import qiatan
from qiatan.entrypoints.drain import Drain, closing
from qiatan.entrypoints.entrance import Hello, Welcome
from qiatan.entrypoints.gateway import Gateway
from qiatan.entrypoints.health import Readying
from qiatan.entrypoints.health import router as health_router
from qiatan.entrypoints.identity import identify
from qiatan.entrypoints.metrics import router as metrics_router
from qiatan.entrypoints.pages import mount_pages
from qiatan.entrypoints.polling import Pollers
from qiatan.entrypoints.polling import router as polling_router
from qiatan.entrypoints.registry import CATALOGUE, EVENTS, ROUTERS
from qiatan.entrypoints.system.monitor import Monitor
from qiatan.entrypoints.system.numbers import NumbersKeeper
from qiatan.infra.bus import Bus, MemoryBus, build_bus, prefix_of
from qiatan.infra.clock import Clock, FollowingClock
from qiatan.infra.db import Database
from qiatan.infra.geo import Geo
from qiatan.infra.http.admission import Admission
from qiatan.infra.http.errors import ErrorAnswer, install_error_handlers
from qiatan.infra.http.guards import Public
from qiatan.infra.http.middleware import Envelope
from qiatan.infra.http.separate import SeparateFiles
from qiatan.infra.http_out import HttpOut
from qiatan.infra.mail import Mailer
from qiatan.infra.nodes import Node, NodeKeeper
from qiatan.infra.oidc_providers import Providers
from qiatan.infra.realtime.doors import ByeFrame, ChangedFrame, ErrorFrame
from qiatan.infra.realtime.hub import Hub
from qiatan.infra.realtime.relay import Relay
from qiatan.infra.resources import Resources
from qiatan.infra.sealing import Sealer
from qiatan.infra.settings import Settings
from qiatan.infra.storage import LocalStorage, S3Storage
from qiatan.infra.throttle import Throttle
from qiatan.modules.conversations.realtime import frames
from qiatan.modules.replies.realtime import RepliesChangedFrame
from qiatan.modules.routing.realtime.outbound import AvailabilityFrame, Page, PresenceFrame, QueueFrame, RoutingFrame, TransferOfferFrame

RESERVED = ("/api/v1/session", "/api/v1/password-reset", "/api/v1/me")
"""Signing in, and who one is: what a page begins with."""
POLL_PATH = "/api/v1/poll"
CALLING = re.compile(r"/api/v1/(?:session/oidc|session/oidc/finish|security/oidc/test|me/push|onboarding/check-site)")
"""What asks servers of others while the caller waits, which has places of its own."""
ASKING = ("/widget", "/chat")
"""Pages that are another one for each channel, which the database knows (a test holds that none is missing)."""
CONTENTS = re.compile(r"/files/[^/]+|/api/v1/(?:conversations/[^/]+/files|widget/files|reply-pictures|avatars)/[^/]+")
"""Where pictures and files are given out, which have places of their own (a test holds that none is missing)."""
SENDING = re.compile(
    r"/api/v1/(?:me/avatar|(?:widget/)?files|(?:widget/)?uploads/[^/]+|routing/hours/calendar|replies/import|reply-pictures)"
)
"""Where files are sent to, which have places of their own too (as above)."""

_ERRORS: dict[int | str, dict[str, Any]] = {"4XX": {"model": ErrorAnswer}, "5XX": {"model": ErrorAnswer}}


def build_resources(settings: Settings, database_url: str, *, node: Node | None = None, clock: Clock | None = None) -> Resources:
    """The shared parts of one process. `node`: which of its machine it is, where it is not the only one.

    On a bus it is from `on_the_bus` on (`entrypoints/relay.py`).
    """
    clock = clock or FollowingClock()
    database = Database(database_url, clock=clock)
    http = HttpOut(settings.outbound_allow)
    node, hub = node or Node.single(), Hub()
    bus: Bus = (
        build_bus(settings.nats_url, prefix_of(settings.secret_key()), f"{node.machine} {node.name}") if settings.nats_url else MemoryBus()
    )
    relay = Relay(hub, bus, node.id, EVENTS)
    if not relay.alone:
        database.listeners.append(relay.tell)
    return Resources(
        settings=settings,
        database=database,
        storage=S3Storage(settings.s3) if settings.s3 else LocalStorage(settings.data_dir / "files"),
        hub=hub,
        throttle=Throttle(),
        clock=clock,
        geo=Geo.load(settings.data_dir),
        http=http,
        providers=Providers(http),
        mailer=Mailer(settings.smtp, settings.mail_from, clock),
        sealer=Sealer(settings.secret_key),
        node=node,
        nodes=NodeKeeper(database, node),
        bus=bus,
        relay=relay,
    )


def build_app(resources: Resources, *, drain: Drain | None = None) -> FastAPI:
    """The HTTP application. Its gateway is `app.state.gateway`; whoever serves it starts and closes that, and says in `drain` that it ends."""
    app = _describe()
    app.state = state_of(resources, drain=drain)
    mount_pages(app)
    if resources.settings.files_url is not None:
        app.add_middleware(SeparateFiles, files_url=resources.settings.files_url)
    app.add_middleware(
        Admission,
        limits=resources.settings.limits,
        trusted=resources.settings.trusted_proxies,
        reserved=RESERVED,
        free=(POLL_PATH,),
        asking=ASKING,
        calling=CALLING,
        contents=CONTENTS,
        sending=SENDING,
    )
    app.add_middleware(
        Envelope,
        https=resources.settings.public_url.startswith("https:"),
        trusted=resources.settings.trusted_proxies,
        log_all=resources.settings.log_requests,
        sending=SENDING,
    )
    return app


def state_of(resources: Resources, *, drain: Drain | None = None) -> State:
    """What stands behind the doors of one application, its gateway not started."""
    state = State()
    state.resources = resources
    state.identify = identify
    state.catalogue = CATALOGUE
    state.gateway = Gateway(resources)
    state.pollers = Pollers(state.gateway)
    state.drain = drain or Drain()
    state.readying = Readying(resources, state.drain)
    state.monitor = Monitor(resources, state.gateway, state.pollers)
    state.numbers = NumbersKeeper(resources.database)
    return state


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
    for router in (*ROUTERS, polling_router, health_router, metrics_router):
        app.include_router(router)

    description = _Description(app)

    @app.get("/openapi.json", include_in_schema=False, dependencies=[Depends(Public("the API description"))])
    async def openapi() -> Response:
        return Response(await description.get(), media_type="application/json")

    return app


class _Description:
    """The API description, made when it is first asked for: it takes seconds, which nobody else should wait for."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self._made: bytes | None = None
        self._making = asyncio.Lock()

    async def get(self) -> bytes:
        async with self._making:
            if self._made is None:
                self._made = await asyncio.to_thread(lambda: msgspec.json.encode(_with_frames(self._app)))
        return self._made


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
    Page,
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
    frames.VisitFrame,
    frames.CustomerChangedFrame,
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
    ("VisitFrame", "visit", "Visit"),
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
    """ASGI entry for HTTP, and the gateway for the socket tier, which does not speak ASGI (`socket.py`)."""

    def __init__(self, app: FastAPI) -> None:
        self._app = app
        self.gateway: Gateway = app.state.gateway
        self._drain: Drain = app.state.drain

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self._app(scope, receive, closing(send) if self._drain.leaving else send)

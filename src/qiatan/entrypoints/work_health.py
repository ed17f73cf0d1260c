"""What `qiatan work` says of itself, where WORK_LISTEN names an address: it serves nobody, so it has no other port."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass

from fastapi import APIRouter, Depends, FastAPI, Request, Response

from qiatan.entrypoints.drain import Drain
from qiatan.entrypoints.health import Health, Readiness, Readying, State
from qiatan.entrypoints.http_server import HttpServer, plain_config
from qiatan.entrypoints.metrics import router as metrics_router
from qiatan.entrypoints.system.monitor import Monitor
from qiatan.entrypoints.system.numbers import NumbersKeeper
from qiatan.infra.http.errors import install_error_handlers
from qiatan.infra.http.guards import Public
from qiatan.infra.http.middleware import Envelope
from qiatan.infra.resources import Resources

GOODBYE_SECONDS = 1


@dataclass(slots=True)
class Rounds:
    """How the jobs are: `running` while they are looked for and worked off, not while the worker waits to begin anew."""

    running: bool = False


class WorkReadiness(Readiness):
    """`jobs`: `away` before the first round, and after one that failed until the next."""

    jobs: State


router = APIRouter()


@router.get("/livez", dependencies=[Depends(Public("health check; tells nothing but that the process answers"))])
@router.get("/healthz", dependencies=[Depends(Public("the same, under the name it has with `serve`"))])
async def alive() -> Health:
    """The process lives. A database that is away is no reason to kill it."""
    return Health()


@router.get("/readyz", dependencies=[Depends(Public("readiness check; tells which part is missing and nothing more"))])
async def ready(request: Request, response: Response) -> WorkReadiness:
    """Whether jobs are worked off here: 200, or 503 with the part that says no."""
    readying: Readying = request.app.state.readying
    rounds: Rounds = request.app.state.rounds
    found = await readying.look()
    answer = WorkReadiness(**{**found.model_dump(), "ready": found.ready and rounds.running}, jobs="ok" if rounds.running else "away")
    response.status_code = 200 if answer.ready else 503
    return answer


def build_work_app(resources: Resources, monitor: Monitor, drain: Drain, rounds: Rounds) -> FastAPI:
    """Four addresses and nothing else."""
    app = FastAPI(title="Qiatan work", docs_url=None, redoc_url=None, openapi_url=None)
    app.state.resources = resources
    app.state.monitor = monitor
    app.state.numbers = NumbersKeeper(resources.database)
    app.state.readying = Readying(resources, drain)
    app.state.rounds = rounds
    install_error_handlers(app)
    app.include_router(router)
    app.include_router(metrics_router)
    app.add_middleware(Envelope, https=False, trusted=resources.settings.trusted_proxies, log_all=resources.settings.log_requests)
    return app


@contextlib.asynccontextmanager
async def answering(app: FastAPI, listener: socket.socket | None) -> AsyncIterator[None]:
    """Answer on the socket for as long as the block runs. None: nowhere."""
    if listener is None:
        yield
        return
    server = HttpServer(plain_config(app, goodbye_seconds=GOODBYE_SECONDS))
    serving = asyncio.create_task(server.serve(sockets=[listener]), name="work-health")
    try:
        yield
    finally:
        server.should_exit = True
        await serving

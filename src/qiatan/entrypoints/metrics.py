"""`/metrics`: what Prometheus reads. One node answers for all of its machine, so that it need not know how many there are."""

from __future__ import annotations

import asyncio
import hmac
import ipaddress
from collections.abc import Iterable
from typing import Annotated

import msgspec
import structlog
from fastapi import APIRouter, Depends, Request, Response

from qiatan.entrypoints.identity import bearer_of
from qiatan.entrypoints.system.monitor import Monitor, subject_of
from qiatan.entrypoints.system.numbers import NumbersKeeper
from qiatan.entrypoints.system.routes import numbers_of
from qiatan.infra import metrics
from qiatan.infra.bus.base import BusUnavailable
from qiatan.infra.http.guards import Public, resources_of
from qiatan.infra.metrics import Family
from qiatan.infra.nodes import NodeRow, living_nodes
from qiatan.infra.resources import Resources
from qiatan.kit.errors import Fault, NotSignedIn

log = structlog.get_logger(__name__)

ASK_SECONDS = 1.0
_PROXIED = frozenset({b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-real-ip", b"via"})

router = APIRouter(include_in_schema=False)


class Scraper(Public):
    """Whoever knows METRICS_TOKEN; without one set, who calls from this machine itself and not through a proxy on it."""

    async def __call__(self, request: Request) -> None:
        token = resources_of(request).settings.metrics_token
        if token is not None:
            if not hmac.compare_digest((bearer_of(request) or "").encode(errors="replace"), token.encode()):
                raise NotSignedIn
        elif not _from_this_machine(request):
            raise NotSignedIn


def _from_this_machine(request: Request) -> bool:
    if any(name in _PROXIED for name, _ in request.scope["headers"]):
        return False
    try:
        return ipaddress.ip_address(request.client.host if request.client else "").is_loopback
    except ValueError:
        return False


def monitor_of(request: Request) -> Monitor:
    monitor: Monitor = request.app.state.monitor
    return monitor


@router.get("/metrics", dependencies=[Depends(Scraper("metrics: the token of METRICS_TOKEN, or a caller on this machine"))])
async def get_metrics(
    request: Request, monitor: Annotated[Monitor, Depends(monitor_of)], numbers: Annotated[NumbersKeeper, Depends(numbers_of)]
) -> Response:
    """All nodes of this machine by the label `node`, and the installation's own numbers."""
    resources = resources_of(request)
    families = metrics.labelled(monitor.families(), node=resources.node.name)
    try:
        families += (await numbers.get()).families()
        families += await _neighbours(resources)
    except Fault as fault:
        # A database that is away is what the rest of the numbers is read for.
        log.warning("metrics.incomplete", code=fault.code)
    return Response(metrics.render(families), media_type=metrics.CONTENT_TYPE)


async def _neighbours(resources: Resources) -> list[Family]:
    """What the other nodes of this machine say of themselves within a second."""
    if resources.bus.alone:
        return []
    async with resources.database.system() as tx:
        rows = [row for row in await living_nodes(tx) if row.machine == resources.node.machine and row.id != resources.node.id]
    answers = await asyncio.gather(*(_ask(resources, row) for row in rows))
    missing = [({"node": row.name}, 0 if answer is None else 1) for row, answer in zip(rows, answers, strict=True)]
    up = metrics.gauge("qiatan_node_up", "Whether a node of this machine answered.", [({"node": resources.node.name}, 1), *missing])
    return [up, *_flat(answer for answer in answers if answer is not None)]


async def _ask(resources: Resources, row: NodeRow) -> list[Family] | None:
    try:
        payload = await resources.bus.request(subject_of(row.id), b"", ASK_SECONDS)
        return metrics.labelled(metrics.decode(payload), node=row.name)
    except (BusUnavailable, msgspec.DecodeError) as error:
        log.info("metrics.node_silent", name=row.name, error=str(error))
        return None


def _flat(answers: Iterable[list[Family]]) -> list[Family]:
    return [family for answer in answers for family in answer]

"""All routes of the application, with the guard each has, as guarantees walk them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from qiatan.entrypoints.app import build_app, build_openapi, build_resources
from qiatan.infra.http.guards import Guard
from qiatan.infra.settings import Settings


@dataclass(frozen=True)
class Route:
    """An operation of the API. `method` and `path` are None for pages, which are not in the description; `success` is its status."""

    name: str
    guards: tuple[Guard, ...]
    method: str | None
    path: str | None
    success: int = 200


def described_app() -> FastAPI:
    """The application, not connected to anything."""
    return build_app(
        build_resources(Settings(data_dir=Path("nowhere"), public_url="http://qiatan.test"), "postgresql://nobody@localhost/none")
    )


@cache
def every_route() -> tuple[Route, ...]:
    """Of the application; described once in a process, which takes seconds."""
    return tuple(_all_routes(described_app()))


@cache
def description() -> dict[str, Any]:
    """What `qiatan openapi` prints; made once in a process. Not to be changed: who does takes a copy."""
    return build_openapi()


def _all_routes(app: FastAPI) -> list[Route]:
    described = {
        operation["operationId"]: (method.upper(), path, min(int(code) for code in operation["responses"] if code.isdigit()))
        for path, operations in app.openapi()["paths"].items()
        for method, operation in operations.items()
    }
    return [
        Route(route.name, tuple(_guards(route.dependant)), *described.get(route.name, (None, None, 200))) for route in _walk(app.routes)
    ]


def routes_of(app: FastAPI) -> list[APIRoute]:
    """The routes themselves; those of a router inside another one without its prefix."""
    return list(_walk(app.routes))


def _walk(routes: Iterable[Any]) -> Iterator[APIRoute]:
    for route in routes:
        included = getattr(route, "original_router", None)
        if included is not None:
            yield from _walk(included.routes)
        elif isinstance(route, APIRoute):
            yield route


def _guards(dependant: Dependant) -> Iterator[Guard]:
    call: object = dependant.call
    if isinstance(call, Guard):
        yield call
    for inner in dependant.dependencies:
        yield from _guards(inner)

"""The application as the server builds it."""

from __future__ import annotations

import importlib
from importlib.util import find_spec
from typing import cast

from fastapi import FastAPI
from starlette.types import ASGIApp

from qiatan.entrypoints.identity import identify
from qiatan.entrypoints.registry import CATALOGUE, ROUTERS
from qiatan.infra.http.errors import install_error_handlers
from qiatan.infra.resources import Resources


def make_app(resources: Resources) -> ASGIApp:
    if find_spec("qiatan.entrypoints.app"):
        return cast("ASGIApp", importlib.import_module("qiatan.entrypoints.app").build_app(resources))
    app = FastAPI()
    app.state.resources = resources
    app.state.identify = identify
    app.state.catalogue = CATALOGUE
    install_error_handlers(app)
    for router in ROUTERS:
        app.include_router(router)
    return app

"""Every fault as one JSON shape: `{"error": {code, message, fields?, request_id}}`. Nothing internal is ever told."""

from __future__ import annotations

from typing import Any

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from qiatan.infra.http.middleware import route_of
from qiatan.kit.errors import BadRequest, Busy, Fault, FieldProblem, InvalidInput, NotFound

log = structlog.get_logger(__name__)


class ErrorField(BaseModel):
    field: str
    code: str
    message: str


class ErrorBody(BaseModel):
    code: str
    message: str
    fields: list[ErrorField] | None = None
    request_id: str


class ErrorAnswer(BaseModel):
    """The body of every answer from 400 up."""

    error: ErrorBody


def request_id_of(request: Request) -> str:
    return str(request.scope.get("state", {}).get("request_id", "-"))


def _place(request: Request) -> str:
    """The route for the log. An address itself may hold what opens something (a signed address of a file) or anything at all."""
    return f"{request.method} {route_of(request.scope)}"


def answer(request: Request, fault: Fault) -> JSONResponse:
    error: dict[str, Any] = {"code": fault.code, "message": fault.message, "request_id": request_id_of(request)}
    if fault.fields:
        error["fields"] = [{"field": _sayable(f.field), "code": f.code, "message": _sayable(f.message)} for f in fault.fields]
    headers = {"Retry-After": str(fault.retry_after)} if fault.retry_after is not None else None
    return JSONResponse({"error": error}, fault.status, headers)


def _sayable(words: str) -> str:
    """A field may be named as its sender named it, in characters that are no text."""
    return words.encode(errors="replace").decode()


def _problem(error: dict[str, Any]) -> FieldProblem:
    path = [str(part) for part in error["loc"] if part not in ("body", "query", "path", "header")]
    known = {"missing": "missing", "string_too_long": "too_long", "string_too_short": "too_short", "extra_forbidden": "unknown"}
    return FieldProblem(".".join(path)[:100] or "body", known.get(error["type"], "invalid"), str(error["msg"])[:200])


def install_error_handlers(app: FastAPI) -> None:
    """Answer faults, validation errors, unknown addresses and surprises in the one shape."""

    @app.exception_handler(Fault)
    async def on_fault(request: Request, fault: Fault) -> JSONResponse:
        if isinstance(fault, Busy):
            log.warning("request.turned_away", route=_place(request), request_id=request_id_of(request))
        elif fault.status >= 500:
            log.error("request.failed", route=_place(request), code=fault.code, request_id=request_id_of(request), exc_info=fault)
        return answer(request, fault)

    @app.exception_handler(RequestValidationError)
    async def on_invalid(request: Request, error: RequestValidationError) -> JSONResponse:
        problems = error.errors()[:20]
        if any(problem["type"] == "json_invalid" for problem in problems):
            return answer(request, BadRequest())
        return answer(request, InvalidInput(fields=tuple(_problem(dict(problem)) for problem in problems)))

    @app.exception_handler(HTTPException)
    async def on_http(request: Request, error: HTTPException) -> JSONResponse:
        fault: Fault = NotFound() if error.status_code == 404 else BadRequest()
        response = answer(request, fault)
        response.status_code = error.status_code
        return response

    @app.exception_handler(Exception)
    async def on_surprise(request: Request, error: Exception) -> JSONResponse:
        around = request.scope.get("state", {}).get("around")  # answered outside of what named it
        ids = around.ids() if around is not None else {}
        log.error("request.crashed", route=_place(request), exc_info=error, **ids)
        return answer(request, _Internal())


class _Internal(Fault):
    """Something went wrong on our side; nothing was changed. Quote the request number when you ask for help."""

    code, status = "internal", 500

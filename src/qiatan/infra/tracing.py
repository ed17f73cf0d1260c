"""Traces for OpenTelemetry, when an operator has named a collector; otherwise nothing is imported and nothing is paid.

A span names what was done (a route, a kind of frame, a job) and its ids and counts. It never holds a text, a name or a key: exceptions are
told by their kind alone.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, nullcontext
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer

Kind = Literal["internal", "server", "consumer"]
Value = str | int | float | bool

_OFF: AbstractContextManager[None] = nullcontext()
_TRACEPARENT = b"traceparent"

_provider: TracerProvider | None = None
_tracer: Tracer | None = None


def is_on() -> bool:
    return _tracer is not None


def start(endpoint: str, *, version: str, node: str = "") -> None:
    """Send traces to a collector from now on (`endpoint` without a path). Called again, it does nothing."""
    global _provider, _tracer  # noqa: PLW0603 -- one process, one collector
    if _tracer is not None:
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter  # noqa: PLC0415 -- see above
    from opentelemetry.sdk.resources import Resource  # noqa: PLC0415
    from opentelemetry.sdk.trace import TracerProvider  # noqa: PLC0415
    from opentelemetry.sdk.trace.export import BatchSpanProcessor  # noqa: PLC0415

    about = Resource.create({"service.version": version, **({"service.instance.id": node} if node else {})})
    if str(about.attributes.get("service.name", "unknown_service")).startswith("unknown_service"):
        about = about.merge(Resource({"service.name": "qiatan"}))
    _provider = TracerProvider(resource=about)
    _provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter(endpoint=f"{endpoint}/v1/traces")))
    _tracer = _provider.get_tracer("qiatan", version)


def stop() -> None:
    """Send what waits and end. Blocks for a moment, so it is for the end of the process."""
    global _provider, _tracer
    provider, _provider, _tracer = _provider, None, None
    if provider is not None:
        provider.shutdown()


def span(
    name: str, about: Mapping[str, Value] | None = None, *, kind: Kind = "internal", parent: Iterable[tuple[bytes, bytes]] | None = None
) -> AbstractContextManager[Any]:
    """A span around a block; what is traced inside stands below it. `parent`: headers of a proxy that is trusted."""
    return _OFF if _tracer is None else _Span(_tracer, name, kind, parent, about or {})


def point(name: str, began_ns: int, ended_ns: int, *, failure: BaseException | None = None, **about: Value) -> None:
    """A span that is over already (times in nanoseconds since 1970), below the one that is being handled."""
    if _tracer is None:
        return
    one = _tracer.start_span(name, attributes=about, start_time=began_ns)
    if failure is not None:
        _failed(one, failure)
    one.end(ended_ns)


def note(**about: Value) -> None:
    """Add to the span that is being handled."""
    if _tracer is None:
        return
    from opentelemetry.trace import get_current_span  # noqa: PLC0415 -- loaded by `start`

    get_current_span().set_attributes(about)


def rename(name: str, **about: Value) -> None:
    """Give the span that is being handled its name, which may be known at the end only, and more about it."""
    if _tracer is None:
        return
    from opentelemetry.trace import get_current_span  # noqa: PLC0415 -- loaded by `start`

    current = get_current_span()
    current.update_name(name)
    current.set_attributes(about)


class _Span:
    """A context manager of our own: the library's would write the words of exceptions into the span."""

    def __init__(
        self, tracer: Tracer, name: str, kind: Kind, parent: Iterable[tuple[bytes, bytes]] | None, about: Mapping[str, Value]
    ) -> None:
        from opentelemetry import trace  # noqa: PLC0415 -- loaded by `start`

        context = _context_of(parent) if parent is not None else None
        kinds = {"internal": trace.SpanKind.INTERNAL, "server": trace.SpanKind.SERVER, "consumer": trace.SpanKind.CONSUMER}
        self._span = tracer.start_span(name, context=context, kind=kinds[kind], attributes=about)
        self._current = trace.use_span(self._span, end_on_exit=True, record_exception=False, set_status_on_exception=False)

    def __enter__(self) -> Any:
        self._current.__enter__()
        return self._span

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if error is not None:
            _failed(self._span, error)
        # What went wrong is the caller's; the library only hears that the block is over.
        self._current.__exit__(None, None, None)


def _failed(one: Any, error: BaseException) -> None:
    from opentelemetry.trace import Status, StatusCode  # noqa: PLC0415 -- loaded by `start`

    one.set_status(Status(StatusCode.ERROR, type(error).__name__))


def _context_of(headers: Iterable[tuple[bytes, bytes]]) -> Any:
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator  # noqa: PLC0415 -- loaded by `start`

    carried = {name.decode("latin-1"): value.decode("latin-1") for name, value in headers if name == _TRACEPARENT}
    return TraceContextTextMapPropagator().extract(carried)

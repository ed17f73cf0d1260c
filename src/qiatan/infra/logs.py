"""Logs: one line per event on standard error, for people on a terminal and as JSON everywhere else.

Every line says in whose cause it was written (request, enterprise, person, conversation, node) where there is one, and none holds what people
wrote, their names, or a secret: our own lines give ids, and what others' exceptions quote is taken out before it is written
(`told`, and decision 0026). A guarantee test looks for planted words in everything that is logged.
"""

from __future__ import annotations

import logging
import re
import sys
import traceback
from collections.abc import Iterator, Mapping
from contextvars import ContextVar
from typing import TYPE_CHECKING, Protocol, TextIO

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from qiatan.kit.errors import Fault

if TYPE_CHECKING:
    from types import TracebackType

# Libraries whose information is noise to an operator.
_QUIET = (
    "alembic",
    "asyncio",
    "httpx",
    "httpcore",
    "multipart",
    "nats",
    "opentelemetry",
    "procrastinate",
    "PIL",
    "urllib3",
    "uvicorn.access",
    "websockets",
)
MOST_TOLD = 300
_MOST_CAUSES = 6

SLOW_SECONDS = 1.0
"""A request, frame or transaction that takes longer is worth a line."""


class Around(Protocol):
    """In whose cause something happens. What stands in `ids` goes into every line written meanwhile."""

    def ids(self) -> Mapping[str, str]: ...

    def spent_in_database(self, seconds: float) -> None: ...


around: ContextVar[Around | None] = ContextVar("qiatan_around", default=None)
"""The request or frame that is being handled. Tasks that one starts go on in its name."""


def configure(level: str = "info", *, style: str = "auto", stream: TextIO | None = None) -> None:
    """Send everything that is logged, by structlog or by the standard library, through one renderer. May be called again.

    `style`: json, text, or auto: text on a terminal and json elsewhere.
    """
    target = sys.stderr if stream is None else stream
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.stdlib.ExtraAdder(allow=("request_id",)),
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.StackInfoRenderer(),
        add_ids,
    ]
    structlog.configure(
        processors=[structlog.stdlib.filter_by_level, *shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,
    )
    rendering: list[Processor] = [structlog.stdlib.ProcessorFormatter.remove_processors_meta, without_texts, _one_line]
    if style == "text" or (style == "auto" and target.isatty()):
        rendering.append(structlog.dev.ConsoleRenderer(colors=target.isatty(), exception_formatter=structlog.dev.plain_traceback))
    else:
        rendering.append(structlog.processors.JSONRenderer(ensure_ascii=False, default=str))
    handler = logging.StreamHandler(target)
    foreign: list[Processor] = [*shared, _foreign]
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=foreign, processors=rendering))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level.upper())
    for name in _QUIET:
        logging.getLogger(name).setLevel(logging.WARNING)


def add_ids(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Who and what this is about; what the line itself says wins."""
    cause = around.get()
    if cause is not None:
        for name, value in cause.ids().items():
            event.setdefault(name, value)
    return event


def _foreign(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """A library's line: its words were not chosen with our promise in mind."""
    event["event"] = told(str(event.get("event", "")))
    return event


def without_texts(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """What went wrong, in words that hold nothing of what people wrote; the traceback is lines of code only."""
    for name in ("error", "reason"):
        if isinstance(event.get(name), str):
            event[name] = told(event[name])
    failure = event.pop("exc_info", None)
    if failure is True:
        failure = sys.exc_info()
    error = failure[1] if isinstance(failure, tuple) else failure
    if isinstance(error, BaseException):
        event["exception"] = "".join(_trace(error)).rstrip()
    return event


def _one_line(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    """Keep control characters of strangers' text from drawing lines of their own in the log."""
    for key, value in event.items():
        if isinstance(value, str) and key not in {"exception", "stack"}:
            event[key] = "".join(char if char.isprintable() else char.encode("unicode_escape").decode() for char in value)
    return event


# Names of things of the schema may be told; whatever else stands in quotes may be somebody's text.
_NAMED = re.compile(r"\b(constraint|column|relation|table|index|function|role|policy|schema|type|attribute|argument)s? $")
_QUOTED = re.compile(r"'(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\"|“[^”]*”|‘[^’]*’|«[^»]*»")
_OPEN_QUOTE = re.compile(r"(['\"])[^'\"]*$")
# Mail servers name the recipient in their refusals, mostly without quotes.
_ADDRESS = re.compile(r"[^\s<>(),;:]+@[^\s<>(),;]+")
_VALUES = re.compile(r"\([^()]*\)=\(.*|input_value=.*|\{.*|\[.*", re.DOTALL)


def told(words: str) -> str:
    """The first line of an error's words without mail addresses and what it quotes: that may be a text, a name or a key."""
    first = words.partition("\n")[0]
    kept, end = [], 0
    for found in _QUOTED.finditer(first):
        before = first[end : found.start()]
        kept.append(before)
        kept.append(found.group() if _NAMED.search(first[: found.start()]) else f"{found.group()[0]}…{found.group()[-1]}")
        end = found.end()
    kept.append(_OPEN_QUOTE.sub(r"\1…", first[end:]))
    return _VALUES.sub("…", _ADDRESS.sub("…@…", "".join(kept)))[:MOST_TOLD]


def _said(error: BaseException) -> str:
    """What an exception says: our own choose their words, and give no texts; of others only the kind of thing."""
    name = f"{type(error).__module__}.{type(error).__qualname__}".removeprefix("builtins.")
    if isinstance(error, Fault):
        return f"{name}: {error.code}"
    state = getattr(error, "sqlstate", None)
    words = told(str(error)) if error.args else ""
    return f"{name}{f' [{state}]' if state else ''}{f': {words}' if words else ''}"


def _trace(error: BaseException) -> Iterator[str]:
    """As Python prints it, from the first cause on, with each exception's words as `_said`."""
    chain: list[BaseException] = []
    following: BaseException | None = error
    while following is not None and following not in chain and len(chain) < _MOST_CAUSES:
        chain.append(following)
        following = following.__cause__ or (None if following.__suppress_context__ else following.__context__)
    for one in reversed(chain):
        yield "Traceback (most recent call last):\n"
        yield from _lines(one.__traceback__)
        yield f"{_said(one)}\n"
        if isinstance(one, BaseExceptionGroup):
            yield from (f"  of which: {_said(inner)}\n" for inner in one.exceptions[:_MOST_CAUSES])


def _lines(trace: TracebackType | None) -> Iterator[str]:
    return (line for line in traceback.format_list(traceback.extract_tb(trace)))

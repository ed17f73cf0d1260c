"""What nobody looks at while something is tried: the log, and what is raised in the loop's background."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from structlog.testing import capture_logs

Entry = Mapping[str, Any]


@contextmanager
def watched(faults: list[str], *, besides: Callable[[Entry], bool] = lambda _: False) -> Iterator[None]:
    """No error may be logged (`besides`: but these), and nothing raised where nobody looks: that is put into `faults` when it happens."""
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()
    loop.set_exception_handler(lambda _, context: faults.append(str(context)))
    try:
        with capture_logs() as logged:
            yield
    finally:
        loop.set_exception_handler(before)
    errors = [entry for entry in logged if entry["log_level"] in ("error", "critical") and not besides(entry)]
    assert not errors, errors

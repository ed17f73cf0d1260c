"""What is counted about this process, and how it is told to Prometheus.

Counting must cost next to nothing, so the instruments are plain numbers in plain lists: everything that counts runs in the one loop of
its process (a thread that counts too could lose a step, never more). The Prometheus client's part is the text format.

No label may have unbounded values: no enterprise, person, address or path of somebody's choice (a test looks).
"""

from __future__ import annotations

import gc
import os
import platform
import resource
import sys
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec
from prometheus_client.core import Metric
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_1_0_0, generate_latest
from prometheus_client.registry import Collector, CollectorRegistry

from qiatan.infra.clock import SystemClock

CONTENT_TYPE = CONTENT_TYPE_PLAIN_1_0_0
SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LONG_SECONDS = (0.1, 0.25, 0.5, 1.0, 2.0, 5.0, 15.0, 30.0, 60.0, 300.0, 900.0)
SIZES = (1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 350.0, 500.0)
MOST_SERIES = 2_000
"""Label values of one instrument; more can only be a mistake, and go into one series `other`."""


class Sample(msgspec.Struct, array_like=True):
    suffix: str
    labels: dict[str, str]
    value: float


class Family(msgspec.Struct, array_like=True):
    """One metric with all its samples, as it travels between nodes. `kind`: counter, gauge or histogram."""

    name: str
    help: str
    kind: str
    samples: list[Sample]


class Count:
    """Something that happened so many times."""

    def __init__(self, name: str, help_text: str, *labels: str) -> None:
        self.name, self.help, self.labels = name, help_text, labels
        self.values: dict[tuple[str, ...], float] = {} if labels else {(): 0}
        _INSTRUMENTS.append(self)

    def add(self, *values: str, by: float = 1) -> None:
        known = self.values.get(values)
        if known is None and len(self.values) >= MOST_SERIES:
            values = ("other",) * len(self.labels)
            known = self.values.get(values)
        self.values[values] = (known or 0) + by

    def total(self) -> float:
        return sum(self.values.values())

    def family(self) -> Family:
        samples = [Sample("_total", dict(zip(self.labels, key, strict=True)), value) for key, value in self.values.items()]
        return Family(self.name, self.help, "counter", samples)


class Spread:
    """How large something was, each time: a histogram."""

    def __init__(self, name: str, help_text: str, bounds: Sequence[float], *labels: str) -> None:
        self.name, self.help, self.labels = name, help_text, labels
        self._bounds = tuple(bounds)
        self._series: dict[tuple[str, ...], list[float]] = {}
        if not labels:
            self._made(())
        _INSTRUMENTS.append(self)

    def _made(self, values: tuple[str, ...]) -> list[float]:
        """One count for each bound, one for what is larger than all, and the sum."""
        if len(self._series) >= MOST_SERIES:
            values = ("other",) * len(self.labels)
        return self._series.setdefault(values, [0.0] * (len(self._bounds) + 2))

    def observe(self, value: float, *values: str) -> None:
        series = self._series.get(values) or self._made(values)
        series[bisect_left(self._bounds, value)] += 1
        series[-1] += value

    def count(self, *values: str) -> float:
        series = self._series.get(values)
        return sum(series[:-1]) if series else 0

    def family(self) -> Family:
        samples = []
        for key, series in self._series.items():
            labels = dict(zip(self.labels, key, strict=True))
            reached = 0.0
            for bound, number in zip((*map(str, self._bounds), "+Inf"), series[:-1], strict=True):
                reached += number
                samples.append(Sample("_bucket", {**labels, "le": bound}, reached))
            samples += [Sample("_count", labels, reached), Sample("_sum", labels, series[-1])]
        return Family(self.name, self.help, "histogram", samples)


class Level:
    """How much of something there is now."""

    def __init__(self, name: str, help_text: str, *labels: str) -> None:
        self.name, self.help, self.labels = name, help_text, labels
        self.values: dict[tuple[str, ...], float] = {}
        _INSTRUMENTS.append(self)

    def set(self, value: float, *values: str) -> None:
        self.values[values] = value

    def family(self) -> Family:
        return gauge(self.name, self.help, [(dict(zip(self.labels, key, strict=True)), value) for key, value in self.values.items()])


def gauge(name: str, help_text: str, values: Iterable[tuple[dict[str, str], float]]) -> Family:
    """What was looked up this moment."""
    return Family(name, help_text, "gauge", [Sample("", labels, value) for labels, value in values])


def counter(name: str, help_text: str, value: float) -> Family:
    """What somebody else counts for us."""
    return Family(name, help_text, "counter", [Sample("_total", {}, value)])


_INSTRUMENTS: list[Count | Spread | Level] = []

MESSAGES = Count("qiatan_messages", "Messages by the kind of sender and what became of them.", "sender", "outcome")
BATCH_SIZE = Spread("qiatan_message_batch_size", "Messages written in one transaction of the message log.", SIZES)
BATCH_SECONDS = Spread("qiatan_message_batch_seconds", "From the begin of a batch's write to its commit.", SECONDS)
ACK_SECONDS = Spread("qiatan_message_ack_seconds", "From a message's arrival at the log to its acknowledgement.", SECONDS)
FRAMES_IN = Count("qiatan_frames_received", "Frames that came over sockets and polls.")
FRAMES_OUT = Count("qiatan_frames_sent", "Frames handed to sockets and polls.")
SLOW_READERS = Count("qiatan_slow_readers", "Connections cut because they read too slowly.")
THROTTLED = Count("qiatan_throttled", "What was refused because it came too often, by kind.", "kind")
TURNED_AWAY = Count("qiatan_turned_away", "What was refused because too much waited already, or its turn did not come, by gate.", "gate")
REQUESTS = Count("qiatan_http_requests", "HTTP requests by route, method and class of status.", "route", "method", "status")
REQUEST_SECONDS = Spread("qiatan_http_request_seconds", "From a request's head to the end of its answer.", SECONDS, "route", "method")
TRANSACTION_SECONDS = Spread("qiatan_transaction_seconds", "From a transaction's begin to its end.", SECONDS, "role")
TRANSACTIONS_FAILED = Count("qiatan_transactions_failed", "Transactions that ended in a refusal or a fault.", "role")
DATABASE_UNAVAILABLE = Count("qiatan_database_unavailable", "How often the database was away, full, or asked to try again.")
JOB_SECONDS = Spread("qiatan_job_seconds", "How long background jobs ran.", LONG_SECONDS, "job", "outcome")
TIMERS_FIRED = Count("qiatan_timers_fired", "Timers fired, by kind and outcome.", "timer", "outcome")
TIMER_LATENESS = Spread(
    "qiatan_timer_lateness_seconds", "How late the earliest of what was due was found, by kind of timer.", LONG_SECONDS, "timer"
)
TIMER_OVERDUE = Level("qiatan_timer_overdue_seconds", "How long the earliest deadline had passed at the last look; 0 when none.", "timer")
MAIL = Count("qiatan_mail", "Letters handed in, by outcome.", "outcome")
DRIFT = Level("qiatan_counters_drifted", "Counters that differed from what they count, at the last nightly look of this node.", "counter")
LOOP_LAG = Spread("qiatan_event_loop_lag_seconds", "How much later than asked the event loop came back.", SECONDS)

_STARTED = SystemClock().now().timestamp()
_PROC = Path("/proc/self")


def instruments() -> Iterator[Family]:
    """Everything counted in this process."""
    for instrument in _INSTRUMENTS:
        yield instrument.family()


def of_process(version: str, revision: str) -> Iterator[Family]:
    """The process as the operating system sees it."""
    spent = resource.getrusage(resource.RUSAGE_SELF)
    yield counter("qiatan_process_cpu_seconds", "Processor time this process has used.", spent.ru_utime + spent.ru_stime)
    yield gauge("qiatan_process_resident_bytes", "Memory this process holds.", [({}, resident_bytes())])
    yield gauge("qiatan_process_open_fds", "Open files and sockets.", [({}, open_files())])
    yield gauge("qiatan_process_max_fds", "Open files and sockets allowed.", [({}, resource.getrlimit(resource.RLIMIT_NOFILE)[0])])
    yield gauge("qiatan_process_start_time_seconds", "When this process started (Unix time).", [({}, _STARTED)])
    collections = [Sample("_total", {"generation": str(n)}, one["collections"]) for n, one in enumerate(gc.get_stats())]
    yield Family("qiatan_gc_collections", "Garbage collections.", "counter", collections)
    labels = {"version": version, "revision": revision, "python": platform.python_version()}
    yield gauge("qiatan_build_info", "What runs here; always 1.", [(labels, 1)])


def resident_bytes() -> int:
    """Memory of this process now; where the system does not tell, the most it ever had."""
    try:
        return int((_PROC / "statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    except OSError:
        most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return most if sys.platform == "darwin" else most * 1024


def open_files() -> int:
    """Open files and sockets of this process; 0 where the system does not tell."""
    try:
        return sum(1 for _ in (_PROC / "fd").iterdir())
    except OSError:
        return 0


def labelled(families: Iterable[Family], **labels: str) -> list[Family]:
    """The same with labels of the node it came from."""
    return [
        Family(one.name, one.help, one.kind, [Sample(sample.suffix, {**labels, **sample.labels}, sample.value) for sample in one.samples])
        for one in families
    ]


def encode(families: Sequence[Family]) -> bytes:
    return msgspec.json.encode(families)


def decode(payload: bytes) -> list[Family]:
    """
    Raises:
        msgspec.DecodeError: this is no answer of a node of ours.
    """
    return msgspec.json.decode(payload, type=list[Family])


class _Merged(Collector):
    def __init__(self, families: Iterable[Family]) -> None:
        self._families = families

    def collect(self) -> Iterator[Metric]:
        merged: dict[str, Metric] = {}
        for family in self._families:
            metric = merged.get(family.name)
            if metric is None:
                metric = merged[family.name] = Metric(family.name, family.help, family.kind)
            for sample in family.samples:
                metric.add_sample(family.name + sample.suffix, sample.labels, sample.value)
        yield from merged.values()


def render(families: Iterable[Family]) -> bytes:
    """The text a Prometheus server reads. Metrics that several nodes sent stand together."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(_Merged(list(families)))
    return generate_latest(registry)


_compared: list[dict[str, object]] = []


def note_comparison(at: str, drifted: dict[str, int]) -> None:
    """Remember what the last comparison of counters on this node found: how many differ, by counter."""
    _compared[:] = [{"at": at, "drifted": drifted}]
    for name, number in drifted.items():
        DRIFT.set(number, name)


def last_comparison() -> dict[str, object] | None:
    """As `note_comparison` was told; None where this process has made none."""
    return _compared[0] if _compared else None

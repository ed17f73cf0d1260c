"""Fixtures of all tests.

Isolation is by tenant, not by rollback: use cases commit in several transactions (a route, a job, the message log), some on
connections of their own, so a rollback at the end of a test could not cover them. Every test therefore makes enterprises of its
own with `factories`, and no test may count what it did not make. `empty_database` is for the few that need nothing to be there.
"""

from __future__ import annotations

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Hashable, Iterator
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
import structlog
import uvloop
from fastapi import FastAPI
from hypothesis import HealthCheck
from hypothesis import settings as examples

from qiatan.entrypoints.app import build_app, state_of
from qiatan.entrypoints.gateway import Gateway
from qiatan.entrypoints.registry import EVENTS
from qiatan.infra import throttle, timers
from qiatan.infra.bus import MemoryBus
from qiatan.infra.db import Database
from qiatan.infra.geo import Geo
from qiatan.infra.http_out import HttpOut
from qiatan.infra.mail import Mailer
from qiatan.infra.nodes import Node, NodeKeeper
from qiatan.infra.oidc_providers import Providers
from qiatan.infra.realtime.hub import Hub
from qiatan.infra.realtime.relay import Relay
from qiatan.infra.resources import Resources
from qiatan.infra.sealing import Sealer
from qiatan.infra.settings import Settings
from qiatan.infra.storage import LocalStorage
from qiatan.infra.throttle import Throttle
from qiatan.modules.conversations.realtime import heartbeat
from qiatan.modules.routing.realtime import availability
from qiatan.modules.routing.subscribers import assigner
from tests.support import fuzzing
from tests.support.clock import FakeClock, StandingSeconds
from tests.support.doors import PUBLIC_URL, Doors
from tests.support.factories import Factories
from tests.support.postgres import Broom, TestServer, copy_database

_SERVER = pytest.StashKey[TestServer]()
_STORIES = [Path(__file__).resolve().parent / name for name in ("journeys", "faults")]

# How long an example may take says how busy the machine is: several workers share it, with servers and browsers of their own.
# What is drawn is the same in each run, so that none fails now and then for what was drawn; `FUZZ_EXAMPLES` asks for as many new ones.
examples.register_profile(
    "qiatan",
    max_examples=fuzzing.examples(100),
    derandomize=fuzzing.is_short(),
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
examples.load_profile("qiatan")

_applications: dict[Hashable, FastAPI] = {}
"""By the address they are answered at, which is built into them."""


def _only_stories(paths: list[str]) -> bool:
    """Whether only stories are asked for, whose servers bring their own database."""
    asked = [Path(path.partition("::")[0]).resolve() for path in paths]
    return bool(asked) and all(any(path.is_relative_to(directory) for directory in _STORIES) for path in asked)


def pytest_configure(config: pytest.Config) -> None:
    """The leader of a run on several workers starts PostgreSQL before they start; a run in one process does at its first use."""
    gc.set_threshold(10_000, 20, 20)
    config.stash[_SERVER] = TestServer()
    # Drawn with all that its variables hold, a traceback in the log takes a tenth of a second, and hundreds are provoked.
    plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    structlog.configure(processors=[*structlog.get_config()["processors"][:-1], plain])
    config.addinivalue_line("markers", "motion: browsers of the story show what moves (all others ask for less of it, as people can)")
    if getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput") and not _only_stories(config.args):
        config.stash[_SERVER].start()


def pytest_collection_finish() -> None:
    """What was imported and collected lives to the end: looking through it again and again for what may go took a tenth of all time."""
    gc.collect()
    gc.freeze()


def pytest_asyncio_loop_factories(item: pytest.Item) -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    """The loop that the product runs on, which is a quarter faster too; in stories only clients are in this process."""
    if any(item.path.is_relative_to(directory) for directory in _STORIES):
        return {"asyncio": asyncio.new_event_loop}
    return {"uvloop": uvloop.new_event_loop}


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    node.workerinput["postgres_url"] = node.config.stash[_SERVER].url


def pytest_unconfigure(config: pytest.Config) -> None:
    server = config.stash.get(_SERVER, None)
    if server is not None:
        server.stop()


@pytest.fixture(scope="session")
def postgres_url(pytestconfig: pytest.Config) -> str:
    """The address of the migrated database that is only ever copied."""
    given = getattr(pytestconfig, "workerinput", {}).get("postgres_url")
    server = pytestconfig.stash[_SERVER]
    return given or server.url or server.start()


@pytest.fixture(scope="session")
def database_url(postgres_url: str) -> str:
    """This worker's own database."""
    return copy_database(postgres_url, f"test_{uuid4().hex}")


@pytest.fixture
def empty_database(postgres_url: str) -> str:
    """The address of a migrated database with nothing in it, for this test alone."""
    return copy_database(postgres_url, f"test_{uuid4().hex}")


@pytest.fixture(scope="session")
def _clock() -> FakeClock:
    return FakeClock()


@pytest.fixture
def clock(_clock: FakeClock) -> FakeClock:
    """The time of this test: begins at noon, moves only when told."""
    _clock.reset()
    return _clock


@pytest.fixture(scope="session")
async def _database(database_url: str, _clock: FakeClock) -> AsyncIterator[Database]:
    database = Database(database_url, clock=_clock, pool_size=6)
    yield database
    await database.dispose()


@pytest.fixture(scope="session")
def _broom(database_url: str) -> Iterator[Broom]:
    broom = Broom(database_url)
    yield broom
    broom.close()


@pytest.fixture
async def database(_database: Database, clock: FakeClock, _broom: Broom) -> AsyncIterator[Database]:
    """The worker's database on this test's clock. Listeners added by a test go with it, and so do its enterprises."""
    _database.listeners.clear()
    _database.promisers.clear()
    yield _database
    _database.listeners.clear()
    _database.promisers.clear()
    await _at_rest(_database)
    _broom.sweep()


async def _at_rest(database: Database) -> None:
    """What the test has set off ends here: a transaction that is still open would keep its rows for the next test to find."""
    with suppress(TimeoutError):
        async with asyncio.timeout(5):
            while database.begun:
                await asyncio.sleep(0.001)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(data_dir=tmp_path, public_url=PUBLIC_URL)


@cache
def _geo() -> Geo:
    """Read once: nothing in it changes."""
    return Geo.load(None)


@pytest.fixture
def seconds(monkeypatch: pytest.MonkeyPatch) -> StandingSeconds:
    """The seconds of throttles: they stand, and pass only when told."""
    standing = StandingSeconds()
    monkeypatch.setattr(throttle, "time", standing)
    return standing


@pytest.fixture
def resources(database: Database, settings: Settings, clock: FakeClock, seconds: StandingSeconds) -> Resources:
    """The shared parts, with their own hub, throttle and storage folder."""
    node, hub, bus = Node.single(), Hub(), MemoryBus()
    http = HttpOut(settings.outbound_allow)
    return Resources(
        settings=settings,
        database=database,
        storage=LocalStorage(settings.data_dir / "files"),
        hub=hub,
        throttle=Throttle(),
        clock=clock,
        geo=_geo(),
        http=http,
        providers=Providers(http),
        mailer=Mailer(settings.smtp, settings.mail_from, clock),
        sealer=Sealer(settings.secret_key),
        node=node,
        nodes=NodeKeeper(database, node),
        bus=bus,
        relay=Relay(hub, bus, node.id, EVENTS),
    )


@pytest.fixture
async def app(resources: Resources, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[FastAPI]:
    """The whole application over this test's resources, its gateway running.

    Heartbeats are gathered for seconds in earnest; here they tell that everything before has arrived (`SocketClient.settle`). A queue
    is counted a fifth of a second after its last change: whoever waits for all that follows (`Assigner.settled`) waits for that too. Whether
    anybody serves is read as soon after the last reading, and whoever comes hears of it first, however slow the machine.
    Preparing the routes takes longer than most tests, so it is done once; what differs from test to test is all in `state`.
    """
    monkeypatch.setattr(heartbeat, "GATHER_SECONDS", 0.005)
    monkeypatch.setattr(assigner, "COUNT_AFTER_SECONDS", 0.02)
    monkeypatch.setattr(availability, "GATHER_SECONDS", 0.005)
    monkeypatch.setattr(availability, "GREET_SECONDS", 30)
    monkeypatch.setattr(timers, "POLL_SECONDS", 0.2)  # the clock of tests jumps, so the loop cannot know how long to sleep
    built_for = (resources.settings.public_url, resources.settings.trusted_proxies)
    application = _applications.get(built_for)
    if application is None:
        application = _applications[built_for] = build_app(resources)
    else:
        application.state = state_of(resources)
    gateway: Gateway = application.state.gateway
    gateway.start()
    yield application
    await gateway.close()


@pytest.fixture
def factories(resources: Resources) -> Factories:
    return Factories(resources)


@pytest.fixture
async def doors(app: FastAPI) -> AsyncIterator[Doors]:
    """Clients: `doors.stranger()`, `doors.agent(member)`, `doors.visitor(token)`, and sockets of the last two."""
    async with Doors(app) as opened:
        yield opened

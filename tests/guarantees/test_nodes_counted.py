"""What several nodes count together: tries at passwords hold over all of them, and each tells the numbers of all."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack
from dataclasses import replace

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families

from qiatan.entrypoints import metrics
from qiatan.infra.db import Database
from qiatan.infra.settings import Settings
from tests.support.clock import FakeClock
from tests.support.factories import PASSWORD, Factories, Member
from tests.support.nats_server import NatsServer
from tests.support.nodes import PATIENCE, RunningNode, running_node

TOKEN = "scraper"
Nodes = tuple[RunningNode, RunningNode]


@pytest.fixture(scope="module")
def bus() -> Iterator[NatsServer]:
    server = NatsServer()
    yield server
    server.stop()


@pytest.fixture
async def nodes(bus: NatsServer, settings: Settings, database_url: str, clock: FakeClock, database: Database) -> AsyncIterator[Nodes]:
    told = replace(settings, metrics_token=TOKEN)
    async with AsyncExitStack() as stack:
        one, two = [await stack.enter_async_context(running_node(told, database_url, clock, bus.url, name)) for name in ("1", "2")]
        for node in (one, two):
            monitor = node.doors.app.state.monitor
            await monitor.start()
            stack.push_async_callback(monitor.close)
        yield one, two


@pytest.fixture
async def member(factories: Factories) -> Member:
    return (await factories.tenant()).admin


async def _sign_in(node: RunningNode, member: Member, password: str, address: str) -> httpx.Response:
    return await node.doors.stranger(address=address).post("/session", json={"email": member.email, "password": password})


async def test_passwords_tried_on_one_node_count_on_the_other(nodes: Nodes, member: Member, clock: FakeClock) -> None:
    codes = [(await _sign_in(nodes[number % 2], member, "a wrong one", "203.0.113.1")).status_code for number in range(5)]

    refused = [await _sign_in(node, member, PASSWORD, "203.0.113.1") for node in nodes]

    assert codes == [401] * 5
    assert [(answer.status_code, answer.headers["Retry-After"]) for answer in refused] == [(429, "30")] * 2
    assert (await _sign_in(nodes[1], member, PASSWORD, "203.0.113.2")).status_code == 200
    clock.advance(seconds=30)
    assert (await _sign_in(nodes[1], member, PASSWORD, "203.0.113.1")).status_code == 200
    assert (await _sign_in(nodes[0], member, "a wrong one", "203.0.113.1")).status_code == 401


async def test_the_password_asked_for_once_more_counts_on_the_other_too(nodes: Nodes, member: Member) -> None:
    one, two = (node.doors.agent(member) for node in nodes)
    wrong = {"current_password": "a wrong one", "new_password": "another long password"}
    codes = [(await browser.put("/me/password", json=wrong)).status_code for browser in (one, two, one, two, one)]

    refused = await two.put("/me/password", json=wrong | {"current_password": PASSWORD})

    assert (codes, refused.status_code) == ([401] * 5, 429)
    assert (await _sign_in(nodes[0], member, PASSWORD, "203.0.113.3")).status_code == 200  # the old one holds still


async def _scraped(node: RunningNode) -> dict[str, dict[str, float]]:
    """By name, kind and node."""
    answer = await node.doors.stranger().get("http://qiatan.test/metrics", headers={"Authorization": f"Bearer {TOKEN}"})
    assert answer.status_code == 200
    found: dict[str, dict[str, float]] = {}
    for family in text_string_to_metric_families(answer.text):
        for sample in family.samples:
            by_node = found.setdefault(" ".join((sample.name, sample.labels.get("kind", ""))).strip(), {})
            by_node[sample.labels.get("node", "")] = sample.value
    return found


async def test_either_node_tells_the_numbers_of_both(nodes: Nodes, member: Member, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "ASK_SECONDS", PATIENCE)
    one, two = nodes
    socket = await two.doors.agent_socket(member)

    for asked in nodes:
        numbers = await _scraped(asked)
        assert numbers["qiatan_node_up"] == {"1": 1.0, "2": 1.0}
        assert numbers["qiatan_sockets agent"] == {"1": 0.0, "2": 1.0}

    await socket.close()
    assert (await _scraped(one))["qiatan_sockets agent"] == {"1": 0.0, "2": 0.0}

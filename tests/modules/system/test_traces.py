"""Traces as a collector receives them: what was done, with ids, and nothing that anybody wrote."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from ipaddress import ip_network

import pytest

from qiatan.infra import tracing
from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.settings import Settings
from qiatan.modules.conversations import service
from tests.support import talk
from tests.support.collector import Collector, collecting
from tests.support.doors import Doors
from tests.support.factories import Factories

CANARY = "Kanarienvogel"


@pytest.fixture
def collector() -> Iterator[Collector]:
    with collecting() as found:
        tracing.start(found.endpoint, version="1.2.3", node="machine 1")
        try:
            yield found
        finally:
            tracing.stop()


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, trusted_proxies=(ip_network("192.0.2.99/32"),))


async def test_a_talk_as_spans(doors: Doors, factories: Factories, database: Database, collector: Collector) -> None:
    tenant = await factories.tenant(name=f"{CANARY} Handel")
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    conversation_id = await talk.served(database, guest, tenant.admin, words=CANARY)
    agent = await doors.agent_socket(tenant.admin)
    await agent.send(type="send", client_message_id=str(new_id()), conversation_id=str(conversation_id), text=f"{CANARY} text")
    await agent.next("ack")
    answer = await doors.agent(tenant.admin).get(f"/conversations/{conversation_id}?q={CANARY}", headers={"User-Agent": CANARY})
    await asyncio.to_thread(tracing.stop)

    assert set(collector.paths) == {"/v1/traces"}
    assert collector.resource["service.name"] == "qiatan"
    assert collector.resource["service.version"] == "1.2.3"
    assert collector.resource["service.instance.id"] == "machine 1"
    (request,) = collector.named("GET /api/v1/conversations/{conversation_id}")
    assert request.attributes["request_id"] == answer.headers["x-request-id"]
    assert request.attributes["enterprise_id"] == str(tenant.enterprise_id)
    assert request.attributes["agent_id"] == str(tenant.admin.id)
    assert request.attributes["conversation_id"] == str(conversation_id)
    assert request.attributes["status"] == 200
    inside = [span for span in collector.named("transaction") if span.parent == request.id]
    assert {span.attributes["role"] for span in inside} == {"system", "tenant"}
    assert [span.attributes["size"] for span in collector.named("batch")] == [1]
    assert any(span.name.startswith("frame hello") for span in collector.spans)
    for secret in (CANARY, tenant.admin.session_token, guest.token, tenant.admin.email):
        assert secret.encode() not in collector.raw


async def test_a_failure_is_told_by_its_kind_alone(
    doors: Doors, factories: Factories, collector: Collector, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = await factories.tenant()

    async def breaks(*_: object, **__: object) -> None:
        raise ValueError(f"{CANARY} in it")

    monkeypatch.setattr(service, "get", breaks)
    with pytest.raises(ValueError, match=CANARY):
        await doors.agent(tenant.admin).get(f"/conversations/{new_id()}")
    await asyncio.to_thread(tracing.stop)

    (request,) = collector.named("GET /api/v1/conversations/{conversation_id}")
    assert request.status == "ValueError"
    assert request.attributes["status"] == 500
    assert CANARY.encode() not in collector.raw


async def test_a_trusted_proxys_trace_goes_on_and_a_strangers_does_not(doors: Doors, collector: Collector) -> None:
    headers = {"traceparent": "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", "X-Request-Id": "proxy-request-1"}
    trusted = await doors.stranger(address="192.0.2.99", headers=headers).get("http://qiatan.test/healthz")
    stranger = await doors.stranger(address="192.0.2.98", headers=headers).get("http://qiatan.test/healthz")
    odd = await doors.stranger(address="192.0.2.99", headers={"X-Request-Id": "one\ttwo three"}).get("http://qiatan.test/healthz")
    await asyncio.to_thread(tracing.stop)

    assert trusted.headers["x-request-id"] == "proxy-request-1"
    assert stranger.headers["x-request-id"] != "proxy-request-1"
    assert len(odd.headers["x-request-id"]) == 16
    by_id = {span.attributes["request_id"]: span for span in collector.named("GET /healthz")}
    assert by_id["proxy-request-1"].trace.hex() == "0af7651916cd43dd8448eb211c80319c"
    assert by_id["proxy-request-1"].parent.hex() == "b7ad6b7169203331"
    assert by_id[stranger.headers["x-request-id"]].trace.hex() != "0af7651916cd43dd8448eb211c80319c"


def test_nothing_is_loaded_where_no_collector_is_named() -> None:
    program = "import sys, qiatan.entrypoints.app; print([n for n in sys.modules if n.startswith('opentelemetry.sdk') or 'otlp' in n])"
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert told.stdout.strip() == "[]"
    assert not tracing.is_on()

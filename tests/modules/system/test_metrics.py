"""What `/metrics` tells, to whom, and that it counts what happens."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import cast
from uuid import UUID

import pytest
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import text

from qiatan.entrypoints.system.monitor import subject_of
from qiatan.entrypoints.system.numbers import NumbersKeeper
from qiatan.infra import metrics
from qiatan.infra.backup import records
from qiatan.infra.bus import Bus
from qiatan.infra.bus.base import BusUnavailable
from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.nodes import Node, NodeKeeper
from qiatan.infra.resources import Resources
from qiatan.infra.settings import Settings
from tests.modules.system.scraping import scrape, value
from tests.support import talk
from tests.support.doors import Doors
from tests.support.factories import Factories

HERE = "127.0.0.1"
METRICS = "http://qiatan.test/metrics"
TOKEN = "a-token-of-some-length"


async def test_without_a_token_only_this_machine_reads_them(doors: Doors) -> None:
    assert (await doors.stranger(address=HERE).get(METRICS)).status_code == 200
    assert (await doors.stranger(address="::1").get(METRICS)).status_code == 200
    assert (await doors.stranger(address="192.0.2.7").get(METRICS)).status_code == 401
    for header in ("X-Forwarded-For", "Forwarded", "X-Real-IP", "Via"):
        refused = await doors.stranger(address=HERE, headers={header: "192.0.2.7"}).get(METRICS)
        assert refused.status_code == 401, header
        assert "qiatan_messages" not in refused.text


class TestWithAToken:
    @pytest.fixture
    def settings(self, settings: Settings) -> Settings:
        return replace(settings, metrics_token=TOKEN)

    async def test_whoever_knows_it_reads_them_from_anywhere(self, doors: Doors) -> None:
        known = {"Authorization": f"Bearer {TOKEN}"}
        assert (await doors.stranger(address="192.0.2.7", headers=known).get(METRICS)).status_code == 200
        for wrong in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": f"Basic {TOKEN}"}, {"Authorization": "Bearer ü"}):
            raw = [(key.encode(), text.encode()) for key, text in wrong.items()]
            refused = await doors.stranger(address=HERE).get(METRICS, headers=raw)
            assert refused.status_code == 401
            assert "qiatan_messages" not in refused.text


async def test_a_talk_is_counted(doors: Doors, factories: Factories, database: Database) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    http = doors.stranger(address=HERE)
    await talk.served(database, guest, tenant.admin)
    before = await scrape(http)
    visitor = await doors.visitor_socket(guest.token)
    agent = await doors.agent_socket(tenant.admin)

    for number in range(3):
        await visitor.send(type="send", client_message_id=str(new_id()), text=f"第{number}句")
        await visitor.next("ack")
    await agent.send(type="send", client_message_id=str(new_id()), conversation_id=str(new_id()), text="别处")
    await agent.next("error")
    after = await scrape(http)

    def more(name: str, **labels: str) -> float:
        return value(after, name, **labels) - value(before, name, **labels)

    assert more("qiatan_messages_total", sender="customer", outcome="stored") == 3
    assert more("qiatan_message_ack_seconds_count") >= 3
    assert 1 <= more("qiatan_message_batch_size_count") <= 4
    assert more("qiatan_message_batch_size_sum") >= 3
    assert more("qiatan_frames_received_total") >= 6
    assert more("qiatan_frames_sent_total") >= 6
    assert more("qiatan_sockets", kind="agent") == 1
    assert more("qiatan_sockets", kind="customer") == 1
    assert more("qiatan_transaction_seconds_count", role="system") > 0
    assert more("qiatan_http_requests_total", route="/metrics", method="GET", status="2xx") == 1


async def test_requests_are_counted_by_their_template_whatever_is_asked(doors: Doors, factories: Factories) -> None:
    tenant = await factories.tenant()
    http = doors.agent(tenant.admin)
    local = doors.stranger(address=HERE)
    before = await scrape(local)

    await http.get(f"/conversations/{new_id()}")
    await http.get("/no/such/page")
    await http.request("FREEZE", "/me")
    after = await scrape(local)

    def more(route: str, method: str, status: str) -> float:
        labels = {"route": route, "method": method, "status": status}
        return value(after, "qiatan_http_requests_total", **labels) - value(before, "qiatan_http_requests_total", **labels)

    assert more("/api/v1/conversations/{conversation_id}", "GET", "4xx") == 1
    assert more("other", "GET", "4xx") == 1
    assert sum(more(route, "other", "4xx") for route in ("other", "/api/v1/me")) == 1
    assert not any("/no/such" in value_ for _, labels in after for _, value_ in labels)


async def test_the_queue_and_the_jobs_come_from_the_database(doors: Doors, factories: Factories, database: Database) -> None:
    tenant = await factories.tenant()
    await talk.write(database, await factories.visitor(await factories.channel(tenant.enterprise_id)))

    samples = await scrape(doors.stranger(address=HERE))

    assert value(samples, "qiatan_conversations_waiting") >= 1
    assert value(samples, "qiatan_conversations_open") >= value(samples, "qiatan_conversations_waiting")
    assert value(samples, "qiatan_database_bytes") > 1_000_000
    assert 0 < value(samples, "qiatan_disk_free_bytes") < value(samples, "qiatan_disk_size_bytes")
    for name in ("qiatan_queue_length", "qiatan_queue_longest_wait_seconds"):
        assert (name, frozenset()) in samples


async def test_the_last_good_backup_is_told_and_not_one_that_failed(database: Database) -> None:
    async def told() -> float:
        (found,) = [
            family for family in (await NumbersKeeper(database).get()).families() if family.name == "qiatan_last_backup_time_seconds"
        ]
        return found.samples[0].value

    before, at = await told(), datetime(2099, 1, 1, tzinfo=UTC)
    try:
        async with database.system() as tx:
            good = await records.begin(tx, machine="qa", path="/safe/one.tar")
            bad = await records.begin(tx, machine="qa", path="/safe/two.tar")
            for id_, moment in ((good, at), (bad, at + timedelta(hours=1))):
                await tx.session.execute(text("UPDATE backups SET started_at = :moment WHERE id = :id"), {"id": id_, "moment": moment})
            await records.end(tx, bad, error="no room")
        assert await told() == before
        async with database.system() as tx:
            await records.end(tx, good, size=1)
        assert await told() == at.timestamp()
    finally:
        async with database.system() as tx:
            await tx.session.execute(text("DELETE FROM backups WHERE machine = 'qa'"))


async def test_names_are_ours_documented_and_without_unbounded_labels(doors: Doors, factories: Factories, database: Database) -> None:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    await talk.served(database, guest, tenant.admin)
    await doors.agent(tenant.admin).get("/me")

    text = (await doors.stranger(address=HERE).get(METRICS)).text

    assert text.isascii()
    families = list(text_string_to_metric_families(text))
    assert len({family.name for family in families}) == len(families), "each stands once"
    for family in families:
        assert re.fullmatch(r"qiatan_[a-z_]+", family.name)
        assert family.documentation.endswith("."), family.name
        for sample in family.samples:
            assert not set(sample.labels) & {"enterprise", "enterprise_id", "agent", "customer", "conversation", "address", "path"}
            assert not any(re.search(r"[0-9a-f]{8}-[0-9a-f]{4}", text) for text in sample.labels.values()), sample
    for secret in (str(tenant.enterprise_id), tenant.admin.session_token, guest.token, str(guest.actor.customer_id)):
        assert secret not in text


def test_a_label_with_too_many_values_becomes_one_series() -> None:
    made = len(metrics._INSTRUMENTS)
    try:
        count = metrics.Count("qiatan_test", "For this test.", "kind")
        spread = metrics.Spread("qiatan_test_seconds", "For this test.", metrics.SECONDS, "kind")
        for number in range(metrics.MOST_SERIES + 50):
            count.add(f"kind {number}")
            spread.observe(0.1, f"kind {number}")

        assert len(count.values) == metrics.MOST_SERIES + 1
        assert count.values[("other",)] == 50
        assert spread.count("other") == 50
    finally:
        del metrics._INSTRUMENTS[made:]


def test_a_spread_counts_into_the_right_places() -> None:
    made = len(metrics._INSTRUMENTS)
    try:
        spread = metrics.Spread("qiatan_test_sizes", "For this test.", (1, 10))
        for size in (0, 1, 2, 10, 11):
            spread.observe(size)

        samples = {(one.suffix, one.labels.get("le")): one.value for one in spread.family().samples}
        assert samples == {("_bucket", "1"): 2, ("_bucket", "10"): 4, ("_bucket", "+Inf"): 5, ("_count", None): 5, ("_sum", None): 24}
    finally:
        del metrics._INSTRUMENTS[made:]


class _TwoMore:
    """A bus on which one neighbour answers and all others are silent."""

    alone = False
    connected = True
    dropped = 0

    def __init__(self, answering: UUID) -> None:
        self._subject = subject_of(answering)

    async def request(self, subject: str, payload: bytes, seconds: float) -> bytes:
        if subject != self._subject:
            raise BusUnavailable
        return metrics.encode([metrics.counter("qiatan_frames_sent", "From next door.", 4711)])


async def test_one_node_answers_for_its_machine(doors: Doors, resources: Resources, database: Database) -> None:
    machine = resources.node.machine
    two, silent, elsewhere = Node(machine, "2"), Node(machine, "3"), Node("another machine", "4")
    keepers = [NodeKeeper(database, node) for node in (resources.node, two, silent, elsewhere)]
    for keeper in keepers:
        await keeper.turn()
    doors.app.state.resources = replace(resources, bus=cast("Bus", _TwoMore(two.id)))
    try:
        text = (await doors.stranger(address=HERE).get(METRICS)).text
    finally:
        for keeper in keepers:
            await keeper.close()

    (sent,) = [family for family in text_string_to_metric_families(text) if family.name == "qiatan_frames_sent"]
    by_node = {sample.labels["node"]: sample.value for sample in sent.samples}
    assert set(by_node) == {"1", "2"}
    assert by_node["2"] == 4711
    (up,) = [family for family in text_string_to_metric_families(text) if family.name == "qiatan_node_up"]
    assert {sample.labels["node"]: sample.value for sample in up.samples} == {"1": 1, "2": 1, "3": 0}

"""The message log: acknowledged means on disk, one sender's fault is one sender's error, a database that goes away loses nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID

import psycopg
import pytest
from structlog.testing import capture_logs

from qiatan.infra import group_commit, metrics
from qiatan.infra.clock import new_id
from qiatan.infra.db import Database
from qiatan.infra.realtime.connection import Connection
from qiatan.infra.resources import Resources
from qiatan.kit.errors import Fault
from qiatan.modules.conversations.contracts import SenderKind
from qiatan.modules.conversations.realtime.log import MessageLog, Pending
from qiatan.modules.conversations.repository import Appended
from tests.support import talk
from tests.support.backends import somebody_waits_for_a_lock, terminate
from tests.support.factories import Factories, Guest
from tests.support.transports import Recorder


class Sender:
    """A visitor's connection that writes through the log and remembers the answers."""

    def __init__(self, resources: Resources, guest: Guest, conversation_id: UUID) -> None:
        self.transport = Recorder()
        self.connection = Connection(resources.hub, self.transport, "192.0.2.1")
        self.guest = guest
        self.conversation_id = conversation_id
        self.refused: list[Appended | Fault] = []

    def send(self, log: MessageLog, words: str, *, message_id: UUID | None = None) -> None:
        log.submit(
            Pending(
                self.connection,
                self.guest.actor.enterprise_id,
                self.conversation_id,
                SenderKind.CUSTOMER,
                self.guest.customer_id,
                message_id or new_id(),
                words,
                lambda _, result: self.refused.append(result),
            )
        )

    async def answers(self, log: MessageLog) -> list[int]:
        """The acknowledged seqs, once everything submitted has its answer."""
        await asyncio.wait_for(log.settled(), 10)
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        return [frame["seq"] for frame in self.transport.frames if frame["type"] == "ack"]


@pytest.fixture
async def log(database: Database, resources: Resources) -> AsyncIterator[MessageLog]:
    log = MessageLog(database.url, resources.hub, resources.relay, resources.clock)
    log.start()
    yield log
    await log.close()


@pytest.fixture
async def sender(database: Database, factories: Factories, resources: Resources) -> Sender:
    tenant = await factories.tenant()
    guest = await factories.visitor(await factories.channel(tenant.enterprise_id))
    return Sender(resources, guest, (await talk.write(database, guest)).conversation_id)


async def test_order_and_answers(log: MessageLog, sender: Sender, database: Database) -> None:
    for number in range(300):
        sender.send(log, str(number))

    assert await sender.answers(log) == list(range(2, 302))
    stored = await talk.stored(database, sender.guest.actor.enterprise_id)
    assert [text for _, _, text in stored] == ["你好", *map(str, range(300))]
    assert sender.refused == []


async def test_a_repeat_in_one_batch_and_in_a_later_one(log: MessageLog, sender: Sender, database: Database) -> None:
    message_id = new_id()
    for words in ("一", "二", "三"):
        sender.send(log, words, message_id=message_id)
    first = await sender.answers(log)
    sender.send(log, "四", message_id=message_id)

    assert first == [2, 2, 2]
    assert await sender.answers(log) == [2, 2, 2, 2]
    assert [text for _, _, text in await talk.stored(database, sender.guest.actor.enterprise_id)] == ["你好", "一"]


async def test_a_row_the_database_refuses_is_one_senders_error(log: MessageLog, sender: Sender, resources: Resources) -> None:
    other = Sender(resources, sender.guest, sender.conversation_id)

    for number in range(5):
        sender.send(log, str(number))
        other.send(log, "x" * 6_000 if number == 2 else "gut")  # past the doors' checks, against the table's

    with capture_logs():
        await log.settled()

    assert await sender.answers(log) == [2, 4, 6, 7, 9]
    assert await other.answers(log) == [3, 5, 8, 10]
    assert [getattr(refusal, "code", None) for refusal in other.refused] == ["try_again"]
    assert sender.refused == []


async def test_nothing_is_acknowledged_before_it_is_stored(log: MessageLog, sender: Sender, database: Database) -> None:
    async with await psycopg.AsyncConnection.connect(database.url) as other:
        await other.execute("SELECT 1 FROM conversations WHERE id = %s FOR UPDATE", (sender.conversation_id,))
        sender.send(log, "wartet")
        await somebody_waits_for_a_lock(database)
        assert sender.transport.frames == []

    assert await sender.answers(log) == [2]


async def test_nothing_is_acknowledged_that_fails_at_the_commit(
    empty_database: str, resources: Resources, sender: Sender, database: Database
) -> None:
    """A deferred trigger fails when the row is written but not committed: an answer given before the commit would be a lie."""
    with psycopg.connect(database.url, autocommit=True) as connection:
        connection.execute(
            """
            CREATE FUNCTION refuse_late() RETURNS trigger LANGUAGE plpgsql AS
            $$ BEGIN IF NEW.text = 'fails at the commit' THEN RAISE 'refused at the commit'; END IF; RETURN NULL; END $$
            """
        )
        connection.execute(
            "CREATE CONSTRAINT TRIGGER refuse_late AFTER INSERT ON messages DEFERRABLE INITIALLY DEFERRED"
            " FOR EACH ROW EXECUTE FUNCTION refuse_late()"
        )
    log = MessageLog(database.url, resources.hub, resources.relay, resources.clock)
    log.start()
    try:
        for words in ("vorher", "fails at the commit", "nachher"):
            sender.send(log, words)
        with capture_logs():
            acked = await sender.answers(log)
    finally:
        await log.close()
        with psycopg.connect(database.url, autocommit=True) as connection:
            connection.execute("DROP FUNCTION refuse_late() CASCADE")

    assert acked == [2, 3]
    assert [getattr(refusal, "code", None) for refusal in sender.refused] == ["try_again"]
    assert [text for _, _, text in await talk.stored(database, sender.guest.actor.enterprise_id)] == ["你好", "vorher", "nachher"]


async def test_a_connection_cut_in_mid_flight_is_tried_again_and_acknowledged_once(
    log: MessageLog, sender: Sender, database: Database
) -> None:
    sender.send(log, "vorher")
    await sender.answers(log)
    async with await psycopg.AsyncConnection.connect(database.url) as other:
        await other.execute("SELECT 1 FROM conversations WHERE id = %s FOR UPDATE", (sender.conversation_id,))
        for number in range(20):
            sender.send(log, str(number))
        await somebody_waits_for_a_lock(database)
        assert await terminate(database, "SELECT append_messages(%") == 1

    assert await sender.answers(log) == list(range(2, 23))
    texts = [text for _, _, text in await talk.stored(database, sender.guest.actor.enterprise_id)]
    assert texts == ["你好", "vorher", *map(str, range(20))]
    assert sender.refused == []


async def test_a_database_that_stays_away_is_told_and_the_log_lives_on(
    log: MessageLog, sender: Sender, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "_RETRY_PAUSES", (0.001, 0.001))
    direct = log._direct
    url, direct._url = direct._url, "postgresql://nobody@127.0.0.1:1/none"

    sender.send(log, "verloren?")
    assert await sender.answers(log) == []
    direct._url = url
    sender.send(log, "wieder da")

    assert await sender.answers(log) == [2]
    assert [getattr(refusal, "code", None) for refusal in sender.refused] == ["try_again"]


async def test_a_full_queue_says_try_again(
    sender: Sender, database: Database, resources: Resources, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(group_commit, "MAX_WAITING", 3)
    log = MessageLog(database.url, resources.hub, resources.relay, resources.clock)
    counted = metrics.TURNED_AWAY.values.get(("messages",), 0)

    for number in range(5):
        sender.send(log, str(number))
    log.start()

    assert await sender.answers(log) == [2, 3, 4]
    assert metrics.TURNED_AWAY.values["messages",] == counted + 2
    assert [(getattr(refusal, "code", None), getattr(refusal, "retry_after", None)) for refusal in sender.refused] == [("try_again", 1)] * 2
    await log.close()


async def test_what_waits_at_the_end_is_written(sender: Sender, database: Database, resources: Resources) -> None:
    log = MessageLog(database.url, resources.hub, resources.relay, resources.clock)
    log.start()

    for number in range(50):
        sender.send(log, str(number))
    await log.close()
    sender.send(log, "zu spät")

    assert len(await talk.stored(database, sender.guest.actor.enterprise_id)) == 51
    assert [getattr(refusal, "code", None) for refusal in sender.refused] == ["try_again"]

"""The bus on a real NATS server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from functools import partial
from typing import Any

import pytest
from nats.aio.client import Client

from qiatan.infra.bus import Bus, BusUnavailable, MemoryBus, nats
from qiatan.infra.bus.nats import NatsBus
from tests.support.nats_server import NatsServer

PATIENCE = 20.0


@pytest.fixture(scope="module")
def _shared() -> Iterator[NatsServer]:
    server = NatsServer()
    yield server
    server.stop()


@pytest.fixture
def own() -> Iterator[NatsServer]:
    """A server that this test may stop."""
    server = NatsServer()
    yield server
    server.stop()


@pytest.fixture(autouse=True)
def _patient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine under load takes its time; these tests are about what comes after."""
    monkeypatch.setattr(nats, "START_SECONDS", PATIENCE)
    monkeypatch.setattr(nats, "FLUSH_SECONDS", int(PATIENCE))


Join = Callable[..., NatsBus]


@pytest.fixture
async def join(_shared: NatsServer) -> AsyncIterator[Join]:
    """Makes buses of one installation; all are closed at the end."""
    made: list[NatsBus] = []

    def make(server: NatsServer = _shared, prefix: str = "qiatan.test") -> NatsBus:
        made.append(NatsBus([server.url], prefix=prefix))
        return made[-1]

    yield make
    for bus in made:
        await bus.close()


class Heard:
    """What came, and a way to wait for it."""

    def __init__(self) -> None:
        self.messages: list[bytes] = []
        self._news = asyncio.Event()

    def __call__(self, payload: bytes) -> None:
        self.messages.append(payload)
        self._news.set()

    async def count(self, number: int) -> list[bytes]:
        async with asyncio.timeout(PATIENCE):
            while len(self.messages) < number:
                self._news.clear()
                await self._news.wait()
        return self.messages


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not true():
            await asyncio.sleep(0.01)


async def test_what_one_node_says_reaches_the_others_in_order_and_not_itself(join: Join) -> None:
    one, two, three = join(), join(), join()
    for bus in (one, two, three):
        await bus.start()
    heard = {bus: Heard() for bus in (one, two, three)}
    for bus, hear in heard.items():
        await bus.subscribe("enterprise.a", hear)

    sent = [str(number).encode() for number in range(2_000)]
    for payload in sent:
        one.publish("enterprise.a", payload)

    assert await heard[two].count(2_000) == sent
    assert await heard[three].count(2_000) == sent
    assert heard[one].messages == []
    assert (one.dropped, one.sent, two.received) == (0, 2_000, 2_000)


async def test_what_is_said_right_after_a_subscription_is_heard(join: Join) -> None:
    for _ in range(20):  # a subscription that the server reads a moment later is lost one time in five
        one, two, heard = join(), join(), Heard()
        await one.start()
        await two.start()

        await two.subscribe("enterprise.a", heard)
        one.publish("enterprise.a", b"1")

        assert await heard.count(1) == [b"1"]


async def test_what_is_asked_for_in_the_moment_of_connecting_is_heard(join: Join, own: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    """Given a node that is about to count as connected, when a page begins to hear an enterprise there, then it hears it, and once."""
    one, two, heard = join(own), join(own), Heard()
    await one.start()
    confirm = NatsBus._confirm
    asked: list[object] = []

    async def ask_before(self: NatsBus, client: Client) -> None:
        if self is two and not asked:
            asked.append(await two.subscribe("enterprise.a", heard))
        await confirm(self, client)

    await two.subscribe("enterprise.b", Heard())
    monkeypatch.setattr(NatsBus, "_confirm", ask_before)
    await two.start()
    assert (two.connected, len(asked)) == (True, 1)
    await two.subscribe("enterprise.c", last := Heard())
    one.publish("enterprise.a", b"1")
    one.publish("enterprise.c", b"2")

    assert await last.count(1) == [b"2"]
    assert await heard.count(1) == [b"1"]


async def test_a_subject_is_heard_alone_and_only_within_the_installation(join: Join) -> None:
    one, two, stranger = join(), join(), join(prefix="qiatan.other")
    for bus in (one, two, stranger):
        await bus.start()
    here, elsewhere = Heard(), Heard()
    await two.subscribe("enterprise.a", here)
    await stranger.subscribe("enterprise.a", elsewhere)

    one.publish("enterprise.b", b"not for it")
    one.publish("enterprise.a", b"for it")
    stranger.publish("enterprise.a", b"of others")
    await stranger.close()  # what it sent is on its way before it ends
    one.publish("enterprise.a", b"the end")

    assert await here.count(2) == [b"for it", b"the end"]
    assert elsewhere.messages == []


async def test_what_was_left_is_heard_no_more(join: Join) -> None:
    one, two = join(), join()
    await one.start()
    await two.start()
    left, kept = Heard(), Heard()
    hearing = await two.subscribe("enterprise.a", left)
    await two.subscribe("enterprise.b", kept)

    await hearing.unsubscribe()
    one.publish("enterprise.a", b"1")
    one.publish("enterprise.b", b"2")

    assert await kept.count(1) == [b"2"]
    assert left.messages == []


async def test_a_handler_that_fails_hears_the_next_message(join: Join) -> None:
    one, two = join(), join()
    await one.start()
    await two.start()
    heard = Heard()

    def hear(payload: bytes) -> None:
        if payload == b"bad":
            raise ValueError
        heard(payload)

    await two.subscribe("enterprise.a", hear)
    one.publish("enterprise.a", b"bad")
    one.publish("enterprise.a", b"good")

    assert await heard.count(1) == [b"good"]


async def test_requests_are_answered_several_at_a_time(join: Join) -> None:
    asking, answering = join(), join()
    await asking.start()
    await answering.start()
    waiting = asyncio.Event()

    async def answer(payload: bytes) -> bytes:
        if payload == b"slow":
            await waiting.wait()
        return payload + b"!"

    await answering.respond("node.x.poll", answer)
    slow = asyncio.create_task(asking.request("node.x.poll", b"slow", PATIENCE))

    assert await asking.request("node.x.poll", b"quick", PATIENCE) == b"quick!"
    waiting.set()
    assert await slow == b"slow!"


async def test_who_asks_in_vain_is_told_so(join: Join) -> None:
    asking, answering = join(), join()
    await asking.start()
    await answering.start()

    async def fail(_: bytes) -> bytes:
        raise ValueError

    async def never(_: bytes) -> bytes:
        await asyncio.Event().wait()
        return b""

    async def too_much(_: bytes) -> bytes:
        return b"x" * 2_000_000

    for name, responder in (("fail", fail), ("never", never), ("too_much", too_much)):
        await answering.respond(name, responder)

    for name in ("nobody", "fail", "too_much"):
        with pytest.raises(BusUnavailable):
            await asking.request(name, b"", PATIENCE)
    with pytest.raises(BusUnavailable):
        await asking.request("never", b"", 0.05)


async def test_a_bus_that_goes_away_drops_and_counts_and_comes_back(join: Join, own: NatsServer) -> None:
    one, two = join(own), join(own)
    await one.start()
    await two.start()
    heard, back = Heard(), {one: 0, two: 0}
    await two.subscribe("enterprise.a", heard)

    def count(bus: NatsBus) -> Callable[[], None]:
        def add() -> None:
            back[bus] += 1

        return add

    for bus in (one, two):
        bus.on_reconnect.append(count(bus))

    own.stop()
    await until(lambda: not one.connected and not two.connected)
    one.publish("enterprise.a", b"lost")
    with pytest.raises(BusUnavailable):
        await one.request("anybody", b"", 1)
    assert one.dropped == 1

    await own.start_again()
    await until(lambda: back[one] == 1 and back[two] == 1)
    one.publish("enterprise.a", b"kept")

    assert await heard.count(1) == [b"kept"]


async def test_a_start_without_the_bus_goes_on_and_finds_it_later(join: Join, own: NatsServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qiatan.infra.bus.nats.START_SECONDS", 0.05)
    own.stop()
    one, two = join(own), join(own)
    await one.start()
    await two.start()
    heard = Heard()
    await two.subscribe("enterprise.a", heard)
    assert not one.connected
    missed: list[NatsBus] = []
    for bus in (one, two):
        bus.on_reconnect.append(partial(missed.append, bus))

    await own.start_again()
    await until(lambda: one.connected and two.connected)
    assert sorted(missed, key=id) == sorted([one, two], key=id)  # what was said before they were there
    one.publish("enterprise.a", b"here")

    assert await heard.count(1) == [b"here"]


async def test_a_bus_that_is_told_of_an_error_goes_on_with_a_new_connection(join: Join) -> None:
    one, two = join(), join()
    await one.start()
    await two.start()
    heard, answers, missed = Heard(), Heard(), Heard()
    await one.subscribe("enterprise.a", heard)
    await two.subscribe("enterprise.b", answers)

    async def answer(payload: bytes) -> bytes:
        return payload

    await one.respond("node.x.poll", answer)
    one.on_reconnect.append(lambda: missed(b""))

    with pytest.raises(BusUnavailable):  # longer than the server reads a line: an error, and the client closes for good
        await one.request("node." + "x" * 5_000, b"", 0.5)
    await missed.count(1)
    await until(lambda: one.connected)
    two.publish("enterprise.a", b"heard again")
    one.publish("enterprise.b", b"said again")

    assert await heard.count(1) == [b"heard again"]
    assert await answers.count(1) == [b"said again"]
    assert await two.request("node.x.poll", b"asked again", PATIENCE) == b"asked again"


async def test_a_message_that_cannot_be_sent_keeps_back_none_after_it(join: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    one, two, heard = join(), join(), Heard()
    await one.start()
    await two.start()
    await two.subscribe("enterprise.a", heard)
    publish = Client.publish

    async def fail_once(client: Client, subject: str, payload: bytes = b"", **more: Any) -> None:
        if payload == b"bad":
            raise RuntimeError
        await publish(client, subject, payload, **more)

    monkeypatch.setattr(Client, "publish", fail_once)
    one.publish("enterprise.a", b"bad")
    one.publish("enterprise.a", b"good")

    assert await heard.count(1) == [b"good"]
    assert one.dropped == 1


async def test_too_much_at_once_is_dropped_and_holds_up_nobody(join: Join, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("qiatan.infra.bus.nats.MAX_QUEUED_BYTES", 1_000)
    one = join()
    await one.start()

    for _ in range(20):
        one.publish("enterprise.a", b"x" * 100)
    one.publish("enterprise.a", b"x" * 2_000_000)

    assert (one.dropped, one.queued_bytes) == (11, 1_000)


async def test_one_process_has_nobody_to_talk_to_but_itself() -> None:
    bus: Bus = MemoryBus()
    await bus.start()

    async def answer(payload: bytes) -> bytes:
        return payload * 2

    answering = await bus.respond("node.x.metrics", answer)
    bus.publish("enterprise.a", b"nobody hears it")

    assert (bus.alone, bus.connected, bus.dropped) == (True, True, 0)
    assert await bus.request("node.x.metrics", b"ab", 1) == b"abab"
    await answering.unsubscribe()
    with pytest.raises(BusUnavailable):
        await bus.request("node.x.metrics", b"ab", 1)
    await bus.close()

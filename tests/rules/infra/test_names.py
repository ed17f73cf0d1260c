"""Names that strangers chose are resolved without anybody else's names waiting for theirs."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Sequence
from threading import Event, Lock

import pytest

from qiatan.infra import silent_servers
from qiatan.infra.http_out import HttpOut, OutboundFailed
from qiatan.infra.names import AT_ONCE, AT_ONCE_OF_A_ZONE, PAUSE_SECONDS, Names


class Servers:
    """Answers at once for all names but those with `silent` in them, which wait until `speak` is set."""

    def __init__(self) -> None:
        self.speak = Event()
        self.asked: list[str] = []
        self._lock = Lock()

    def look(self, host: str, port: int) -> Sequence[str]:
        with self._lock:
            self.asked.append(host)
        if "silent" in host:
            self.speak.wait()
        if host == "unknown.test":
            raise socket.gaierror(socket.EAI_NONAME, "not known")
        return ["198.51.100.7"]


async def test_a_zone_that_keeps_silent_holds_up_itself_only() -> None:
    # given more names of one zone than it may have asked at once, whose servers say nothing
    servers = Servers()
    names = Names(servers.look, seconds=60)
    count = AT_ONCE_OF_A_ZONE + 2
    waiting = [asyncio.ensure_future(names.resolve(f"a{number}.silent.test", 443)) for number in range(count)]
    try:
        # when another name is asked for, then it is answered, and so are our own connections' names
        assert await names.resolve("shop.example", 443) == ["198.51.100.7"]
        assert await asyncio.get_running_loop().getaddrinfo("localhost", 5432)
        assert sorted(servers.asked) == sorted(["shop.example", *(f"a{number}.silent.test" for number in range(AT_ONCE_OF_A_ZONE))])
        assert not any(one.done() for one in waiting)
    finally:
        servers.speak.set()

    # then, once they answer, those behind them have their turn
    assert await asyncio.gather(*waiting) == [["198.51.100.7"]] * count


async def test_who_gave_up_leaves_the_place_taken_until_the_system_has_answered() -> None:
    servers = Servers()
    names = Names(servers.look, seconds=0.05, pause=0)
    gave_up = await asyncio.gather(
        *(names.resolve(f"a{number}.silent.test", 443) for number in range(AT_ONCE_OF_A_ZONE)), return_exceptions=True
    )
    assert [type(one) for one in gave_up] == [TimeoutError] * AT_ONCE_OF_A_ZONE

    # when the next one comes, then the system is not asked for it
    with pytest.raises(TimeoutError):
        await names.resolve("next.silent.test", 443)
    assert "next.silent.test" not in servers.asked

    # when the servers speak again, then it is
    servers.speak.set()
    patient = Names(servers.look)
    assert await patient.resolve("next.silent.test", 443) == ["198.51.100.7"]
    for _ in range(100):
        try:
            assert await names.resolve("last.silent.test", 443) == ["198.51.100.7"]
            break
        except TimeoutError:
            continue
    else:
        pytest.fail("the places were never given back")


async def test_many_zones_that_keep_silent_leave_those_alone_that_have_answered() -> None:
    # given a zone that has answered, and more names of silent zones than there are places
    servers = Servers()
    names = Names(servers.look, seconds=60)
    await names.resolve("login.example", 443)
    zones = AT_ONCE // AT_ONCE_OF_A_ZONE + 1
    crowd = [
        asyncio.ensure_future(names.resolve(f"a{n}.silent{zone}.test", 443)) for zone in range(zones) for n in range(AT_ONCE_OF_A_ZONE)
    ]
    await asyncio.sleep(0)
    try:
        # when it is asked again, then it is answered
        async with asyncio.timeout(30):
            assert await names.resolve("login.example", 443) == ["198.51.100.7"]
    finally:
        servers.speak.set()
    assert await asyncio.gather(*crowd) == [["198.51.100.7"]] * len(crowd)


async def test_a_zone_that_kept_silent_is_let_alone_for_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000.0
    monkeypatch.setattr(silent_servers, "ticks", lambda: now)
    servers = Servers()
    names = Names(servers.look, seconds=0.05)
    try:
        with pytest.raises(TimeoutError):
            await names.resolve("a.silent.com.cn", 443)

        names._seconds = 60

        # when names of it come meanwhile, then nobody is asked for them; a neighbour in the same country is
        for host in ("a.silent.com.cn", "b.silent.com.cn"):
            with pytest.raises(TimeoutError):
                await names.resolve(host, 443)
        assert await names.resolve("shop.com.cn", 443) == ["198.51.100.7"]
        assert servers.asked == ["a.silent.com.cn", "shop.com.cn"]
    finally:
        servers.speak.set()

    # when the pause is over, then it is asked again
    now += PAUSE_SECONDS
    assert await names.resolve("b.silent.com.cn", 443) == ["198.51.100.7"]


async def test_a_silence_of_hours_ago_refuses_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000.0
    monkeypatch.setattr(silent_servers, "ticks", lambda: now)
    servers = Servers()
    names = Names(servers.look, seconds=0.05)
    try:
        with pytest.raises(TimeoutError):
            await names.resolve("a.silent.test", 443)
    finally:
        servers.speak.set()
    names._seconds = 60

    now += 9 * 3600

    assert await asyncio.gather(*(names.resolve("a.silent.test", 443) for _ in range(10))) == [["198.51.100.7"]] * 10


def test_a_silence_speaks_for_another_pause_after_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 1_000.0
    monkeypatch.setattr(silent_servers, "ticks", lambda: now)
    servers = silent_servers.SilentServers(pause=10)
    for later, told in ((9, [True, True]), (10, [False, True]), (19, [False, True]), (20, [False, False])):
        now = 1_000.0
        servers.was_silent("a")
        now += later
        assert [servers.is_let_alone("a") for _ in range(2)] == told, later


async def test_an_address_is_asked_of_nobody() -> None:
    servers = Servers()
    assert await Names(servers.look).resolve("198.51.100.9", 443) == ["198.51.100.9"]
    assert await Names(servers.look).resolve("2001:db8::1", 443) == ["2001:db8::1"]
    assert servers.asked == []


async def test_an_unknown_name_and_a_silent_one_are_told_apart() -> None:
    servers = Servers()
    client = HttpOut(resolve=Names(servers.look, seconds=0.05).resolve)
    try:
        with pytest.raises(OutboundFailed, match=r"the name unknown\.test is not known"):
            await client.check("https://unknown.test/")
        with pytest.raises(OutboundFailed, match=r"nobody says what address the name a\.silent\.test has"):
            await client.check("https://a.silent.test/")
    finally:
        servers.speak.set()

"""The client that calls other servers: which addresses it goes to, and how much it lets itself be told."""

from __future__ import annotations

import asyncio
import gzip
import ipaddress
import json
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from qiatan.infra.http_out import HttpOut, OutboundFailed, OutboundRefused, permitted
from tests.support.web_server import LOOPBACK, WebServer, certified, names, web_server

# -- which addresses


@pytest.mark.parametrize(
    "address",
    [
        *("0.0.0.0", "10.1.2.3", "100.64.0.1", "100.100.100.200", "127.0.0.1", "127.255.255.254", "169.254.169.254", "172.16.0.1"),
        *("172.31.255.255", "192.0.0.192", "192.168.1.1", "198.18.0.1", "224.0.0.1", "239.1.1.1", "240.0.0.1", "255.255.255.255"),
        *("168.63.129.16", "192.0.2.1", "198.51.100.1", "203.0.113.1"),
        *("::", "::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1", "64:ff9b::7f00:1", "64:ff9b::10.0.0.1"),
        *("64:ff9b:1::1", "100::1", "2001:db8::1", "2001:2::1", "3fff::1", "5f00::1", "fc00::1", "fd00:ec2::254", "fe80::1"),
        *("fe80::1%eth0", "fec0::1", "ff02::1", "2002:7f00:1::", "2002:a9fe:a9fe::1", "2002:c0a8:101::1"),
        # Teredo: the client's address, inverted, is 10.0.0.1; then the server's is 127.0.0.1.
        *("2001:0:5db8:d822::f5ff:fffe", "2001:0:7f00:1::a247:27dd"),
        *("", "localhost", "1.2.3", "2130706433", "0x7f.1"),
    ],
)
def test_addresses_inside_are_not_called(address: str) -> None:
    assert not permitted(address)


@pytest.mark.parametrize(
    "address",
    [
        *("1.1.1.1", "93.184.216.34", "172.32.0.1", "100.128.0.1", "223.5.5.5", "2606:4700::1111", "240e::1", "::ffff:1.1.1.1"),
        *("64:ff9b::101:101", "2002:101:101::1", "2001:0:5db8:d822::a247:27dd"),
    ],
)
def test_addresses_of_the_internet_are_called(address: str) -> None:
    assert permitted(address)


def test_networks_that_are_allowed_are_called_and_no_others() -> None:
    allow = (ipaddress.ip_network("10.8.0.0/16"), ipaddress.ip_network("fd12::/32"))
    assert [permitted(a, allow) for a in ("10.8.1.1", "::ffff:10.8.1.1", "fd12::5", "1.1.1.1")] == [True] * 4
    assert [permitted(a, allow) for a in ("10.9.0.1", "::ffff:10.9.0.1", "fd13::5", "127.0.0.1")] == [False] * 4


@given(st.ip_addresses(v=4))
def test_an_address_in_version_6_clothes_is_judged_as_what_it_is(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    mapped, nat64 = ipaddress.IPv6Address((0xFFFF << 32) | number), ipaddress.IPv6Address((0x64FF9B << 96) | number)
    sixtofour = ipaddress.IPv6Address((0x2002 << 112) | (number << 80) | 1)

    assert {permitted(str(one)) for one in (mapped, nat64, sixtofour)} == {permitted(str(address))}


@given(st.ip_addresses())
def test_no_address_is_called_that_python_knows_to_be_special(address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> None:
    if permitted(str(address)):
        plain = getattr(address, "ipv4_mapped", None) or address
        assert not any((plain.is_loopback, plain.is_link_local, plain.is_multicast, plain.is_unspecified))
        assert not plain.is_private or getattr(plain, "teredo", None)


# -- which requests


@pytest.mark.parametrize(
    "url",
    [
        *("ftp://example.com/", "file:///etc/passwd", "gopher://example.com", "example.com", "//example.com", "", "http://", "http:///x"),
        *("http://user:secret@example.com/", "http://user@example.com/", "http://:@example.com/", "http://example.com:0/"),
        *("http://example.com:70000/", "http://exa\r\nmple.com/", "javascript:alert(1)", "http://./"),
    ],
)
async def test_what_is_no_plain_address_is_refused_before_its_name_is_looked_up(url: str) -> None:
    asked: list[str] = []

    async def resolve(host: str, _: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"]

    with pytest.raises(OutboundRefused) as refused:
        await HttpOut(LOOPBACK, resolve=resolve).request("GET", url)
    assert asked == []
    assert "secret" not in str(refused.value)


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "localhost.", "2130706433", "0x7f000001", "0177.0.0.1", "0x7f.1", "127.1", "0", "[::1]", "[::ffff:7f00:1]"],
)
async def test_this_machine_is_refused_however_it_is_written(server: WebServer, host: str) -> None:
    """With the system's own resolver, which understands old ways to write an address."""
    server.says("/", "inside")
    client = HttpOut()
    with pytest.raises(OutboundRefused):
        await client.request("GET", f"http://{host}:{server.port}/")
    await client.close()
    assert server.heard == []


async def test_one_inside_address_among_others_refuses_the_name(server: WebServer) -> None:
    client = HttpOut(resolve=names({"mixed.test": ["93.184.216.34", "127.0.0.1"]}))
    with pytest.raises(OutboundRefused):
        await client.request("GET", f"http://mixed.test:{server.port}/")
    assert server.heard == []


async def test_the_refusal_does_not_tell_which_inside_address_a_name_has(server: WebServer) -> None:
    client = HttpOut(resolve=names({"db.corp.test": ["10.20.30.40"]}))
    with pytest.raises(OutboundRefused, match="OUTBOUND_ALLOW") as refused:
        await client.request("GET", f"http://db.corp.test:{server.port}/")
    assert "10.20" not in str(refused.value)


async def test_a_name_that_means_another_address_a_moment_later_gains_nothing(server: WebServer) -> None:
    """DNS rebinding: the first answer is harmless, every later one is this machine. It is asked once, and the connection goes there."""
    server.says("/", "secret of this machine")
    answers = [["192.0.2.77"], ["127.0.0.1"], ["127.0.0.1"]]
    asked = []

    async def rebinding(host: str, _: int) -> Sequence[str]:
        asked.append(host)
        return answers[len(asked) - 1]

    # Documentation addresses count as public here, so that the first look passes; nothing answers there.
    client = HttpOut((ipaddress.ip_network("192.0.2.0/24"),), resolve=rebinding)
    with pytest.raises(OutboundFailed):
        await client.request("GET", f"http://rebind.test:{server.port}/", timeout=0.5)
    assert asked == ["rebind.test"]
    with pytest.raises(OutboundRefused):
        await client.request("GET", f"http://rebind.test:{server.port}/")
    assert server.heard == []
    await client.close()


async def test_the_connection_goes_to_the_address_and_speaks_of_the_name(server: WebServer, inside: HttpOut) -> None:
    server.says("/a", '{"ok": true}')
    answer = await inside.request("GET", f"http://login.example.com:{server.port}/a?b=%20c", headers={"Accept": "x/y", "Host": "other"})
    assert (answer.status, answer.json(), answer.url) == (200, {"ok": True}, f"http://login.example.com:{server.port}/a?b=%20c")
    (heard,) = server.heard
    assert (heard.method, heard.path) == ("GET", "/a?b=%20c")
    assert heard.headers["host"] == f"login.example.com:{server.port}"
    assert heard.headers["accept"] == "x/y"
    assert "cookie" not in heard.headers


async def test_a_dead_address_gives_way_to_the_next(server: WebServer) -> None:
    server.says("/", "here")
    client = HttpOut(LOOPBACK, resolve=names({"two.test": ["127.0.0.9", "127.0.0.1"]}))
    assert (await client.request("GET", f"http://two.test:{server.port}/")).body == b"here"
    await client.close()


async def test_no_proxy_of_the_environment_and_no_cookie_is_used(
    server: WebServer, inside: HttpOut, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    server.says("/", "hello", Set_Cookie="sid=1; Path=/")
    for _ in range(2):
        assert (await inside.request("GET", f"http://shop.test:{server.port}/")).status == 200
    assert all("cookie" not in heard.headers for heard in server.heard)


# -- redirects


async def test_a_redirect_into_this_machine_is_refused(server: WebServer) -> None:
    server.says("/", status=302, Location=f"http://inner.test:{server.port}/secret")
    server.says("/secret", "secret")
    allow = (ipaddress.ip_network("127.0.0.1/32"),)
    client = HttpOut(allow, resolve=names({"inner.test": ["127.0.0.2"]}))
    with pytest.raises(OutboundRefused):
        await client.request("GET", f"http://outer.test:{server.port}/")
    await client.close()
    assert [heard.path for heard in server.heard] == ["/"]


@pytest.mark.parametrize("target", ["file:///etc/passwd", "http://user:x@127.0.0.1/", "gopher://x/"])
async def test_a_redirect_to_what_is_no_plain_address_is_refused(server: WebServer, inside: HttpOut, target: str) -> None:
    server.says("/", status=301, Location=target)
    with pytest.raises(OutboundRefused):
        await inside.request("GET", f"http://outer.test:{server.port}/")


async def test_redirects_are_followed_three_times(server: WebServer, inside: HttpOut) -> None:
    for step in range(5):
        server.says(f"/{step}", status=302, Location=f"/{step + 1}")
    server.says("/4", "there")
    reached = await inside.request("GET", f"http://a.test:{server.port}/1")
    assert (reached.body, reached.url) == (b"there", f"http://a.test:{server.port}/4")
    with pytest.raises(OutboundFailed, match="again and again"):
        await inside.request("GET", f"http://a.test:{server.port}/0")


async def test_credentials_do_not_follow_a_redirect_to_another_origin(server: WebServer, inside: HttpOut) -> None:
    server.says("/here", status=302, Location="/there")
    server.says("/there", status=302, Location=f"http://b.test:{server.port}/end")
    server.says("/end", "end")
    headers = {"Authorization": "Bearer secret", "X-Key": "secret", "Accept": "a/b"}
    await inside.request("GET", f"http://a.test:{server.port}/here", headers=headers)
    assert [heard.headers.get("authorization") for heard in server.heard] == ["Bearer secret", "Bearer secret", None]
    assert [heard.headers.get("x-key") for heard in server.heard] == ["secret", "secret", None]
    assert [heard.headers["accept"] for heard in server.heard] == ["a/b"] * 3


async def test_what_is_sent_does_not_follow_a_redirect_to_another_origin(server: WebServer, inside: HttpOut) -> None:
    server.says("/token", status=307, Location=f"http://b.test:{server.port}/token")
    with pytest.raises(OutboundRefused, match=r"b\.test"):
        await inside.post_form(f"http://a.test:{server.port}/token", {"client_secret": "x"})
    server.says("/token", status=303, Location="/done")
    server.says("/done", "done")
    answer = await inside.post_form(f"http://a.test:{server.port}/token", {"client_secret": "x"})
    assert answer.body == b"done"
    assert [(heard.method, heard.body) for heard in server.heard[-2:]] == [("POST", b"client_secret=x"), ("GET", b"")]


# -- answers


async def test_json_comes_as_json_and_failures_in_words(server: WebServer, inside: HttpOut) -> None:
    base = f"http://a.test:{server.port}"
    server.says("/good", json.dumps({"keys": [1]}))
    server.says("/bad", "<html>")
    server.says("/deep", "[" * 100_000)
    server.says("/down", "{}", status=503)
    assert await inside.get_json(f"{base}/good") == {"keys": [1]}
    for path, words in (("/bad", "JSON"), ("/deep", "JSON"), ("/down", "503"), ("/none", "404")):
        with pytest.raises(OutboundFailed, match=words):
            await inside.get_json(base + path)
    answer = await inside.post_form(f"{base}/down", {"a": "b"})
    assert (answer.status, answer.json()) == (503, {})


async def test_a_body_is_read_up_to_its_limit(server: WebServer, inside: HttpOut) -> None:
    def endless(writer: asyncio.StreamWriter) -> None:
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 70_000)

    server.says("/fits", "x" * 1000)
    server.replies["/endless"] = endless
    base = f"http://a.test:{server.port}"
    assert len((await inside.request("GET", f"{base}/fits", max_bytes=1000)).body) == 1000
    for path in ("/fits", "/endless"):
        with pytest.raises(OutboundFailed, match="more than 999 bytes"):
            await inside.request("GET", base + path, max_bytes=999)


async def test_a_compressed_answer_is_not_unpacked(server: WebServer, inside: HttpOut) -> None:
    server.says("/", gzip.compress(b"0" * 10_000_000), Content_Encoding="gzip")
    with pytest.raises(OutboundFailed, match="encoding"):
        await inside.request("GET", f"http://a.test:{server.port}/")
    assert server.heard[0].headers["accept-encoding"] == "identity"


@pytest.mark.parametrize("said", [b"", b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\nshort", b"\x16\x03\x01", b"HTTP/1.1 200 OK\r\nBad"])
async def test_a_broken_answer_is_a_failure(server: WebServer, inside: HttpOut, said: bytes) -> None:
    server.replies["/"] = said
    with pytest.raises(OutboundFailed, match="broke off"):
        await inside.request("GET", f"http://a.test:{server.port}/")


async def test_the_time_is_for_the_whole_call(server: WebServer, inside: HttpOut) -> None:
    """A server that says a little now and then would pass any limit of silence."""

    def drip(writer: asyncio.StreamWriter) -> None:
        async def drops() -> None:
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
            while not writer.is_closing():
                writer.write(b"x")
                await asyncio.sleep(0.02)

        dripping.append(asyncio.create_task(drops()))

    dripping: list[asyncio.Task[None]] = []
    server.replies["/"] = drip
    with pytest.raises(OutboundFailed, match=r"within 0\.3 seconds"):
        await inside.request("GET", f"http://a.test:{server.port}/", timeout=0.3)
    for task in dripping:
        task.cancel()


async def test_names_and_ports_without_a_server_are_failures(inside: HttpOut) -> None:
    async def unknown(host: str, _: int) -> Sequence[str]:
        raise OSError(f"{host}: not known")

    with pytest.raises(OutboundFailed, match="not known"):
        await HttpOut(resolve=unknown).request("GET", "http://nowhere.test/")
    with pytest.raises(OutboundFailed, match="cannot be reached on port 9"):
        await inside.request("GET", "http://closed.test:9/")


# -- certificates


async def test_the_certificate_is_checked_by_the_name(tmp_path: Path) -> None:
    trust = certified(tmp_path, "login.example.com")
    async with web_server(tls=trust.server) as server:
        server.says("/", '"secure"')
        client = HttpOut(LOOPBACK, resolve=names({}), tls=trust.client)
        assert await client.get_json(f"https://login.example.com:{server.port}/") == "secure"
        with pytest.raises(OutboundFailed, match="does not prove who it is"):
            await client.get_json(f"https://other.example.com:{server.port}/")
        with pytest.raises(OutboundFailed, match="does not prove who it is"):
            await client.get_json(f"https://127.0.0.1:{server.port}/")
        await client.close()

        stranger = HttpOut(LOOPBACK, resolve=names({}))
        with pytest.raises(OutboundFailed, match="does not prove who it is"):
            await stranger.get_json(f"https://login.example.com:{server.port}/")
        await stranger.close()


async def test_a_redirect_does_not_leave_encryption(tmp_path: Path) -> None:
    trust = certified(tmp_path, "login.example.com")
    async with web_server(tls=trust.server) as server:
        server.says("/", status=302, Location=f"http://login.example.com:{server.port}/plain")
        client = HttpOut(LOOPBACK, resolve=names({}), tls=trust.client)
        with pytest.raises(OutboundRefused, match="https to http"):
            await client.request("GET", f"https://login.example.com:{server.port}/")
        await client.close()

"""The one client for requests that this server makes to others (security.md D22-24); a test forbids any other.

Who names an address may be anybody, so each one is looked at before anything is sent: the name is resolved here, every address it has
must lie in the public internet, and the connection goes to the address that was looked at. A name that means something else a moment
later changes nothing, and each redirect is looked at anew. What lies inside (an own sign-in server) is reached through OUTBOUND_ALLOW.
"""

from __future__ import annotations

import asyncio
import ipaddress
import json as json_text
import ssl
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import httpx
import structlog

from qiatan import __version__
from qiatan.infra.names import Names
from qiatan.infra.server_lines import NoPlace, ServerLines
from qiatan.infra.settings import Network
from qiatan.infra.silent_servers import SilentServers

log = structlog.get_logger(__name__)

MAX_BYTES = 1024 * 1024
SECONDS = 10.0
MAX_REDIRECTS = 3
MAX_ADDRESSES = 3
# One server that does not answer may keep only its own callers waiting.
CONNECTIONS, CONNECTIONS_OF_A_SERVER = 200, 4
LINE_SECONDS = 10.0
"""How long a call waits for a connection that is free. The other server's own time begins only then."""
CONNECT_SECONDS = 4.0

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]

# IANA's special-purpose registries (RFC 6890 and its successors), multicast, reserved, and the one public address behind which a
# cloud keeps its machines' credentials (Azure; all others are link-local, private or in the carriers' range).
_INSIDE_V4 = tuple(
    ipaddress.IPv4Network(text)
    for text in (
        *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24"),
        *("192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4"),
        "168.63.129.16/32",
    )
)
# Of IPv6 only global unicast is public, and of that not what is reserved or for documentation.
_GLOBAL_V6 = ipaddress.IPv6Network("2000::/3")
_INSIDE_V6 = tuple(ipaddress.IPv6Network(text) for text in ("2001::/23", "2001:db8::/32", "3fff::/20"))
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
_TEREDO = ipaddress.IPv6Network("2001::/32")
_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_OWN_HEADERS = frozenset({"host", "content-length", "transfer-encoding", "connection", "accept-encoding", "user-agent"})
_KEPT_ELSEWHERE = frozenset({"accept", "user-agent"})


class OutboundError(Exception):
    """A request to another server brought nothing. The message is for people: what happened and what to do about it."""


class OutboundRefused(OutboundError):
    """The address may not be called from here; nothing was sent to it."""


class OutboundFailed(OutboundError):
    """The other server was not reached, or gave no answer that can be used."""


class OutboundBusy(OutboundFailed):
    """Too many of us call that server: it was not asked, and is not to blame."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the other server said. `url` is where it was said, after redirects; header names are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    url: str

    def json(self) -> Any:
        """The body as JSON. Raises `OutboundFailed` when it is none."""
        try:
            return json_text.loads(self.body)
        except (ValueError, RecursionError):
            raise OutboundFailed(f"{_shown(self.url)} did not answer in JSON: check that the address is the right one.") from None


class HttpOut:
    """Calls other servers: http and https, at public addresses and those in `allow`.

    No proxy of the environment, no cookies, no connection that is kept (two names may share an address but not a certificate), and no
    compression (a small answer stays small). `timeout` is for all of a call, redirects included, from when it has a connection on; `at_once`
    is how many such calls may be under way at one server.
    """

    def __init__(self, allow: Sequence[Network] = (), *, resolve: Resolve | None = None, tls: ssl.SSLContext | None = None) -> None:
        self._allow = tuple(allow)
        self._resolve = resolve or Names().resolve
        self._tls = tls
        self._made: httpx.AsyncHTTPTransport | None = None
        self._silent = SilentServers()
        self._lines = ServerLines(CONNECTIONS, seconds=LINE_SECONDS)

    def allows(self, host: str) -> bool:
        """Whether a host is written as an address of the networks that whoever runs the installation allowed on purpose."""
        try:
            address = ipaddress.ip_address(host)
        except ValueError:
            return False
        return any(address.version == network.version and address in network for network in self._allow)

    async def check(self, url: str) -> None:
        """Look at an address that is to be called later, without calling it.

        Raises:
            OutboundRefused: it may not be called.
            OutboundFailed: its name is not known.
        """
        await self._addresses(*_host_and_port(_parse(url)))

    async def close(self) -> None:
        if self._made is not None:
            await self._made.aclose()
            self._made = None

    async def get_json(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        max_bytes: int = MAX_BYTES,
        timeout: float = SECONDS,
        at_once: int = CONNECTIONS_OF_A_SERVER,
    ) -> Any:
        """What a server has to say at an address, as JSON.

        Raises:
            OutboundRefused: the address, or one it redirects to, may not be called.
            OutboundFailed: there was no answer in time, it was none of success, too large or not JSON.
        """
        wanted = {"Accept": "application/json", **(headers or {})}
        answer = await self.request("GET", url, headers=wanted, max_bytes=max_bytes, timeout=timeout, at_once=at_once)
        if not 200 <= answer.status < 300:
            raise OutboundFailed(f"{_shown(url)} answered with status {answer.status}: check the address, and that the service is up.")
        return answer.json()

    async def post_form(
        self,
        url: str,
        data: Mapping[str, str],
        *,
        headers: Mapping[str, str] | None = None,
        max_bytes: int = MAX_BYTES,
        timeout: float = SECONDS,
    ) -> Answer:
        """Send a form; the answer is handed over whatever its status. Errors as `request`."""
        wanted = {"Accept": "application/json", **(headers or {})}
        return await self.request("POST", url, headers=wanted, data=data, max_bytes=max_bytes, timeout=timeout)

    async def request(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        data: Mapping[str, str] | None = None,
        json: object = None,
        content: bytes | None = None,
        max_bytes: int = MAX_BYTES,
        timeout: float = SECONDS,
        max_redirects: int = MAX_REDIRECTS,
        patient: bool = True,
        at_once: int = CONNECTIONS_OF_A_SERVER,
    ) -> Answer:
        """Send a request and read its answer, whatever its status.

        A redirect keeps the headers within its origin only, never leads from https to http, and never carries a body to another origin.
        Not `patient`: who can come again later; a server that did not answer such a caller is not asked by them for half a minute.

        Raises:
            OutboundRefused: the address, or one it redirects to, may not be called.
            OutboundFailed: no answer in time, one that is too large, or too many redirects.
            OutboundBusy: no connection became free in time; nothing was sent.
        """
        sent = {"User-Agent": f"Qiatan/{__version__}"}
        sent |= {name: value for name, value in (headers or {}).items() if name.lower() not in _OWN_HEADERS}
        asked = _Asked(method.upper(), _parse(url), sent, data, json, content, at_once)
        if patient:
            return await self._in_time(asked, max_bytes, max_redirects, timeout)
        server = _origin(asked.url)
        if self._silent.is_let_alone(server):
            raise OutboundFailed(f"{_shown(url)} did not answer a moment ago: it is asked again soon.")
        try:
            answer = await self._in_time(asked, max_bytes, max_redirects, timeout)
        except OutboundBusy:
            raise
        except OutboundFailed:
            self._silent.was_silent(server)
            raise
        self._silent.has_answered(server)
        return answer

    async def _in_time(self, asked: _Asked, max_bytes: int, redirects: int, timeout: float) -> Answer:
        try:
            async with asyncio.timeout(timeout) as time_left:
                return await self._follow(asked, max_bytes, redirects, time_left)
        except TimeoutError:
            told = f"{_shown(str(asked.url))} did not answer within {timeout:g} seconds: check that the service is up."
            raise OutboundFailed(told) from None

    async def _follow(self, asked: _Asked, max_bytes: int, redirects: int, time_left: asyncio.Timeout) -> Answer:
        while True:
            answer = await self._once(asked, max_bytes, time_left)
            target = answer.headers.get("location")
            if answer.status not in _REDIRECTS or not target:
                return answer
            if redirects <= 0:
                raise OutboundFailed(f"{_shown(answer.url)} redirects again and again: give the address that it leads to.")
            redirects -= 1
            asked = asked.redirected(answer.status, target)

    async def _once(self, asked: _Asked, max_bytes: int, time_left: asyncio.Timeout) -> Answer:
        try:
            async with self._lines.place(_origin(asked.url), asked.at_once, time_left):
                return await self._at_one_address(asked, max_bytes)
        except NoPlace:
            raise OutboundBusy(f"too many calls to {_shown(str(asked.url))} wait already: try again in a moment.") from None

    async def _at_one_address(self, asked: _Asked, max_bytes: int) -> Answer:
        host, port = _host_and_port(asked.url)
        addresses = await self._addresses(host, port)
        problem: httpx.TransportError | None = None
        for address in addresses[:MAX_ADDRESSES]:
            try:
                return await self._send(asked, host, address, max_bytes)
            except (httpx.ConnectError, httpx.ConnectTimeout) as error:
                problem = error
            except (httpx.TransportError, httpx.DecodingError) as error:
                raise OutboundFailed(f"{host} broke off before its answer was complete: try again.") from error
        if "SSL" in str(problem):
            raise OutboundFailed(f"{host} does not prove who it is ({problem}): its certificate must be valid for this name.") from problem
        raise OutboundFailed(f"{host} cannot be reached on port {port}: check the address, and that the service is up.") from problem

    async def _addresses(self, host: str, port: int) -> list[str]:
        """The addresses of a name, all of which may be called."""
        try:
            found = await self._resolve(host, port)
        except TimeoutError as error:
            raise OutboundFailed(f"nobody says what address the name {host} has: check it, and try again later.") from error
        except (OSError, UnicodeError) as error:
            raise OutboundFailed(f"the name {host} is not known: check the address.") from error
        if not found:
            raise OutboundFailed(f"the name {host} has no address: check it.")
        for text in found:
            if not permitted(text, self._allow):
                # Which inside address a name has is told to whoever runs the installation, not to who typed the name.
                log.warning("outbound.refused", host=host, address=text)
                raise OutboundRefused(
                    f"{host} leads to an address inside a private or special network, which is not called from here: "
                    "if that is meant, whoever runs this installation adds its network to OUTBOUND_ALLOW."
                )
        return list(found)

    async def _send(self, asked: _Asked, host: str, address: str, max_bytes: int) -> Answer:
        request = httpx.Request(
            asked.method,
            asked.url.copy_with(host=address),
            headers={**asked.headers, "Host": asked.url.netloc.decode("ascii"), "Accept-Encoding": "identity", "Connection": "close"},
            data=asked.data,
            json=asked.json,
            content=asked.content,
            # The certificate is asked for, and checked, by the name and not by the address.
            extensions={"sni_hostname": host, "timeout": {"connect": CONNECT_SECONDS}},
        )
        response = await self._transport().handle_async_request(request)
        try:
            if response.headers.get("content-encoding", "identity").lower() not in ("identity", ""):
                raise OutboundFailed(f"{host} answered in an encoding that was not asked for: its service has to respect Accept-Encoding.")
            body = bytearray()
            async for part in response.aiter_raw():
                body += part
                if len(body) > max_bytes:
                    raise OutboundFailed(f"{host} answered with more than {max_bytes} bytes: check that the address is the right one.")
        finally:
            await response.aclose()
        return Answer(response.status_code, dict(response.headers), bytes(body), str(asked.url))

    def _transport(self) -> httpx.AsyncHTTPTransport:
        if self._made is None:
            limits = httpx.Limits(max_connections=CONNECTIONS, max_keepalive_connections=0)
            self._made = httpx.AsyncHTTPTransport(verify=self._tls or _certificates(), trust_env=False, limits=limits)
        return self._made


@dataclass(frozen=True, slots=True)
class _Asked:
    method: str
    url: httpx.URL
    headers: Mapping[str, str]
    data: Mapping[str, str] | None
    json: object
    content: bytes | None = None
    at_once: int = CONNECTIONS_OF_A_SERVER

    def redirected(self, status: int, target: str) -> _Asked:
        try:
            url = _parse(str(self.url.join(target)))
        except httpx.InvalidURL:
            raise OutboundFailed(f"{_shown(str(self.url))} redirects to something that is no address.") from None
        if self.url.scheme == "https" and url.scheme != "https":
            raise OutboundRefused(f"{_shown(str(self.url))} redirects from https to http, where others could listen.")
        same = _origin(url) == _origin(self.url)
        keeps = status in (307, 308) or self.method in ("GET", "HEAD")
        if keeps and not same and (self.data is not None or self.json is not None or self.content is not None):
            raise OutboundRefused(f"{_shown(str(self.url))} wants what is sent to go to {url.host}: give that address if it is meant.")
        headers = self.headers if same else {name: value for name, value in self.headers.items() if name.lower() in _KEPT_ELSEWHERE}
        if keeps:
            return replace(self, url=url, headers=headers)
        return _Asked("GET", url, headers, None, None, at_once=self.at_once)


def permitted(address: str, allow: Iterable[Network] = ()) -> bool:
    """Whether this server may call an address: each one it stands for is public, or in an allowed network."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    allowed = tuple(allow)
    return all(_public(one) or any(one.version == network.version and one in network for network in allowed) for one in _meant(parsed))


def _meant(address: Address) -> tuple[Address, ...]:
    """An address and those it carries: IPv6 has several ways to write an IPv4 address, and gateways that follow them."""
    if isinstance(address, ipaddress.IPv4Address):
        return (address,)
    if address.ipv4_mapped is not None:
        return (address.ipv4_mapped,)
    if address in _NAT64:
        return (ipaddress.IPv4Address(int(address) & 0xFFFFFFFF),)
    if address.sixtofour is not None:
        return (address.sixtofour,)
    if address in _TEREDO and address.teredo is not None:
        return address.teredo
    return (address,)


def _public(address: Address) -> bool:
    if isinstance(address, ipaddress.IPv4Address):
        return not any(address in network for network in _INSIDE_V4)
    return address in _GLOBAL_V6 and not any(address in network for network in _INSIDE_V6)


def _parse(text: str) -> httpx.URL:
    try:
        url = httpx.URL(text)
        host = url.host.rstrip(".")  # which decodes it, and finds out that it is no name
    except (httpx.InvalidURL, UnicodeError, TypeError):
        raise OutboundRefused("This is not an address: use one like https://login.example.com.") from None
    if url.scheme not in ("http", "https"):
        raise OutboundRefused(f"Addresses begin with https:// (or http://), not with {url.scheme or 'nothing'}.")
    if url.userinfo:
        raise OutboundRefused("An address holds no user name or password: leave out what stands before the @.")
    if not host or not 1 <= (url.port or 443) <= 65535 or url.port == 0:
        raise OutboundRefused("This address names no server: use one like https://login.example.com.")
    return url.copy_with(host=host, fragment=None)


def _host_and_port(url: httpx.URL) -> tuple[str, int]:
    return url.raw_host.decode("ascii"), url.port or (443 if url.scheme == "https" else 80)


def _origin(url: httpx.URL) -> tuple[str, str, int]:
    return (url.scheme, *_host_and_port(url))


def _shown(url: str) -> str:
    """An address without its path and query, which may hold secrets."""
    try:
        return httpx.URL(url).host or "the other server"
    except (httpx.InvalidURL, UnicodeError):
        return "the other server"


def _certificates() -> ssl.SSLContext:
    """Mozilla's list, which comes with the client, and the machine's own (SSL_CERT_FILE included): companies have servers of theirs."""
    context = httpx.create_ssl_context(trust_env=False)
    context.load_default_certs()
    return context

"""A web server on loopback that is told what to answer, and an authority whose certificate it shows."""

from __future__ import annotations

import asyncio
import ipaddress
import ssl
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from qiatan.infra.http_out import Resolve

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"),)


@dataclass(frozen=True)
class Heard:
    """A request as it came in; header names in small letters."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes


def names(known: dict[str, Sequence[str]], otherwise: str = "127.0.0.1") -> Resolve:
    """A name server. Each name's answers are given; others, and addresses, are this machine."""

    async def resolve(host: str, _: int) -> Sequence[str]:
        return known.get(host, [otherwise])

    return resolve


Reply = bytes | Callable[[asyncio.StreamWriter], object]


@dataclass
class WebServer:
    """Answers each path with the bytes it was given, and remembers what it heard."""

    port: int = 0
    replies: dict[str, Reply] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)

    def says(self, path: str, body: str | bytes = b"", *, status: int = 200, **headers: str) -> None:
        """Set the answer of a path. In header names `_` stands for `-`."""
        content = body.encode() if isinstance(body, str) else body
        lines = {"Content-Length": str(len(content)), **{name.replace("_", "-"): value for name, value in headers.items()}}
        head = f"HTTP/1.1 {status} Said\r\n" + "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        self.replies[path] = head.encode() + b"\r\n" + content

    async def answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            method, path, _ = head[0].split(" ")
            headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in head[1:] if line)}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            self.heard.append(Heard(method, path, headers, body))
            reply = self.replies.get(path.partition("?")[0], b"HTTP/1.1 404 Nothing\r\nContent-Length: 0\r\n\r\n")
            if isinstance(reply, bytes):
                writer.write(reply)
            else:
                reply(writer)
            await writer.drain()
            if not isinstance(reply, bytes):
                await reader.read()
        except (ConnectionError, asyncio.IncompleteReadError):
            return  # the client left, which is what some tests want it to do
        finally:
            writer.close()


@asynccontextmanager
async def web_server(*, tls: ssl.SSLContext | None = None) -> AsyncIterator[WebServer]:
    """Listens on 127.0.0.1, on a free port."""
    running = WebServer()
    server = await asyncio.start_server(running.answer, "127.0.0.1", 0, ssl=tls)
    running.port = server.sockets[0].getsockname()[1]
    try:
        yield running
    finally:
        server.close()


@dataclass(frozen=True)
class Certified:
    """Both ends of a trust of its own: what a server shows, and what a client believes."""

    server: ssl.SSLContext
    client: ssl.SSLContext


def certified(folder: Path, *names: str) -> Certified:
    """A certificate for these names and addresses, signed by an authority that only `client` knows."""
    authority_key, key = ec.generate_private_key(ec.SECP256R1()), ec.generate_private_key(ec.SECP256R1())
    authority = _certificate("Authority of a test", authority_key.public_key(), authority_key, None, ())
    certificate = _certificate(names[0], key.public_key(), authority_key, authority.subject, names)
    pem = folder / f"{names[0].replace('*', '_')}.pem"
    pem.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(pem)
    client = ssl.create_default_context(cadata=authority.public_bytes(serialization.Encoding.PEM).decode())
    return Certified(server, client)


def _certificate(
    name: str,
    public_key: ec.EllipticCurvePublicKey,
    signer: ec.EllipticCurvePrivateKey,
    issuer: x509.Name | None,
    names: tuple[str, ...],
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer or subject)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
    )
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName([_alternative(one) for one in names]), critical=False)
    return builder.sign(signer, hashes.SHA256())


def _alternative(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)

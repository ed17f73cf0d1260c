"""What an operator may set, read once from the environment at start."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from email.utils import getaddresses
from pathlib import Path
from typing import Any, Literal, TypeVar
from urllib.parse import unquote, urlsplit

from qiatan.infra.backup_schedule import BackupTime, Keep
from qiatan.infra.limits import Limits
from qiatan.infra.secret_key import KEY_FILE, given_key, kept_key_problem, make_key, read_given_key
from qiatan.infra.setup_error import SettingsError as SettingsError  # noqa: PLC0414 -- what `from_env` raises belongs beside it

LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("auto", "text", "json")
SHORTEST_TOKEN = 16
MOST_WORKERS = 64
MOST_DRAIN_SECONDS = 300

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})
_T = TypeVar("_T")
_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@dataclass(frozen=True, slots=True)
class SmtpServer:
    """Where mail is handed in, and how: `tls` from the first byte, `starttls` before anything is said, or `plain` (this machine only)."""

    host: str
    port: int
    security: Literal["tls", "starttls", "plain"]
    username: str | None = None
    password: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class MailSender:
    """Whom mail of this installation comes from."""

    name: str
    address: str


@dataclass(frozen=True, slots=True)
class S3Bucket:
    """Where the bucket is, and the key to it. `endpoint` None: Amazon's own, by `region`."""

    bucket: str
    access_key: str
    secret_key: str = field(repr=False)
    endpoint: str | None = None
    region: str = "us-east-1"


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings. Each field tells its environment variable, its unit and its default."""

    host: str = "127.0.0.1"
    """HOST: the address to listen on; `0.0.0.0` or `::` for all of the machine's. Default 127.0.0.1: this machine only."""

    port: int = 8000
    """PORT: TCP port, 1 to 65535. Default 8000."""

    data_dir: Path = Path("data")
    """DATA: the directory that holds everything that must be kept: the database, files, the secret key. Default ./data."""

    database_url: str | None = None
    """DATABASE_URL: `postgresql://user:password@host/database` of a PostgreSQL 15 or newer. Default: the embedded one."""

    public_url: str = "http://127.0.0.1:8000"
    """PUBLIC_URL: the address that people's browsers use, without a path. Default http://HOST:PORT."""

    signup_open: bool = True
    """SIGNUP: whether anybody may make a new enterprise: on or off. Default on."""

    trusted_proxies: tuple[Network, ...] = ()
    """TRUSTED_PROXIES: networks, separated by commas, whose X-Forwarded-For and -Proto are believed. Default: none."""

    log_level: str = "info"
    """LOG_LEVEL: debug, info, warning or error. Default info."""

    log_format: str = "auto"
    """LOG_FORMAT: text or json. Default auto: text on a terminal, json elsewhere."""

    log_requests: bool = False
    """LOG_REQUESTS: whether each HTTP request gets a line of its own: on or off. Default off; slow and failed ones always do."""

    metrics_token: str | None = field(default=None, repr=False)
    """METRICS_TOKEN: what a Prometheus server sends as bearer token to read /metrics, 16 characters or more. Default: none, and only
    this machine may read them."""

    otlp_endpoint: str | None = None
    """OTEL_EXPORTER_OTLP_ENDPOINT: where traces are sent (`http://collector:4318`); other OTEL_ variables are the library's own.
    Default: none, and nothing is traced."""

    run_worker: bool = True
    """WORKER: whether `serve` also runs the background jobs: on or off (then run `qiatan work` beside it). Default on."""

    workers: int = 1
    """WORKERS: how many serving processes share the port, 1 to 64; about one a core. Default 1: everything in one process."""

    drain_seconds: int = 0
    """DRAIN_SECONDS: how long a server that was told to stop still answers, with `/readyz` saying 503, so that load balancers look
    elsewhere first; 0 to 300. Default 0."""

    nats_url: tuple[str, ...] = field(default=(), repr=False)
    """NATS_URL: the NATS server through which several machines tell each other what happens, like `nats://token@host:4222` or
    `tls://user:password@host:4222`; several of one cluster, separated by commas. Default: none; with WORKERS the server brings its own."""

    visitor_rate: int = 60
    """VISITOR_RATE: messages a visitor may send in a minute (a burst of a third of it at once), 1 to 1000000. Default 60."""

    limits: Limits = field(default_factory=Limits)
    """REQUESTS, ADDRESS_CONVERSATIONS and most ENTERPRISE_… variables: how much one enterprise or address may use (`infra/limits.py`)."""

    enterprise_uploads: int = 20_480 * 1024 * 1024
    """ENTERPRISE_UPLOADS: MiB of files that all agents and visitors of an enterprise may begin to send up within 24 hours, 1 to 100000000.
    Kept here in bytes. Default 20480."""

    smtp: SmtpServer | None = None
    """SMTP_URL: `smtps://user:password@host` (TLS, port 465) or `smtp://user:password@host` (STARTTLS, port 587; without encryption on
    this machine only), with %-escapes in user and password. Default: none, and no mail is sent."""

    mail_from: MailSender | None = None
    """MAIL_FROM: whom mail comes from, like `洽谈 <noreply@example.com>`. Needed with SMTP_URL."""

    outbound_allow: tuple[Network, ...] = ()
    """OUTBOUND_ALLOW: private networks, separated by commas, that this server may call (an own sign-in server). Default: none."""

    given_key: bytes | None = field(default=None, repr=False)
    """SECRET_KEY: the installation's secret, 64 hexadecimal digits, where several machines must have the same. Default: in a file."""

    key_file: Path | None = None
    """SECRET_KEY_FILE: a file that holds it, made by somebody else (a mounted secret). Default: DATA/secret.key, made at the first start."""

    files_url: str | None = None
    """FILES_URL: another address of this server, without a path, from which files are shown and downloaded, so that they never share an
    origin with the pages. Default: none, and files are shown from PUBLIC_URL in a sandbox."""

    s3: S3Bucket | None = None
    """S3_BUCKET, S3_ACCESS_KEY, S3_SECRET_KEY: the bucket that holds files and pictures, and the key to it; S3_ENDPOINT for servers other
    than Amazon's (`https://s3.example.com`), S3_REGION (default us-east-1). Default: none, and they lie below DATA."""

    backup_at: BackupTime | None = None
    """BACKUP_AT: the time of day at which a backup is made, on the machine's clock like `03:30` or on another's like
    `03:30 Asia/Shanghai`. Default: none, and backups are made by hand (`qiatan backup`)."""

    backup_dir: Path | None = None
    """BACKUP_DIR: the directory that scheduled backups go to. Default: `backups` in DATA."""

    backup_keep: Keep = field(default_factory=Keep)
    """BACKUP_KEEP: of how many days, weeks and months the last scheduled backup is kept. Default 7d,4w,6m."""

    @classmethod
    def from_env(cls, environ: Mapping[str, str] | None = None) -> Settings:
        """Read the settings; an empty variable counts as not set. Raises `SettingsError` in one line."""
        source = os.environ if environ is None else environ

        def read(name: str, default: str, parse: Callable[[str, str], _T]) -> _T:
            return parse(name, source.get(name, "").strip() or default)

        host = read("HOST", "127.0.0.1", _host)
        port = read("PORT", "8000", _port)
        smtp, mail_from = read("SMTP_URL", "", _smtp), read("MAIL_FROM", "", _sender)
        if smtp is not None and mail_from is None:
            raise SettingsError("MAIL_FROM: with SMTP_URL it must say whom mail comes from: use one like Qiatan <noreply@example.com>")
        return cls(
            host=host,
            port=port,
            data_dir=read("DATA", "data", _directory),
            database_url=read("DATABASE_URL", "", _database_url),
            public_url=read("PUBLIC_URL", _own_url(host, port), _public_url),
            signup_open=read("SIGNUP", "on", _switch),
            trusted_proxies=read("TRUSTED_PROXIES", "", _networks),
            log_level=read("LOG_LEVEL", "info", _log_level),
            log_format=read("LOG_FORMAT", "auto", _log_format),
            log_requests=read("LOG_REQUESTS", "off", _switch),
            metrics_token=read("METRICS_TOKEN", "", _metrics_token),
            otlp_endpoint=read("OTEL_EXPORTER_OTLP_ENDPOINT", "", _otlp_endpoint),
            run_worker=read("WORKER", "on", _switch),
            workers=read("WORKERS", "1", _workers),
            drain_seconds=read("DRAIN_SECONDS", "0", _drain_seconds),
            nats_url=read("NATS_URL", "", _nats_servers),
            visitor_rate=read("VISITOR_RATE", "60", _rate),
            limits=Limits.from_env(source),
            enterprise_uploads=read("ENTERPRISE_UPLOADS", "20480", _mebibytes),
            smtp=smtp,
            mail_from=mail_from,
            outbound_allow=read("OUTBOUND_ALLOW", "", _networks),
            **_key(source),
            files_url=read("FILES_URL", "", _files_url),
            s3=_bucket(source),
            backup_at=read("BACKUP_AT", "", _backup_time),
            backup_dir=read("BACKUP_DIR", "", _backup_directory),
            backup_keep=read("BACKUP_KEEP", "7d,4w,6m", _backup_keep),
        )

    def secret_key(self) -> bytes:
        """The installation's secret: as given, or made at the first call, kept in the data directory, readable for its owner only.

        Raises `SettingsError` when the file could have been read by others, or holds less than it should.
        """
        if self.given_key is not None:
            return self.given_key
        if self.key_file is not None:
            return read_given_key(self.key_file)
        path = self.data_dir / KEY_FILE
        problem = kept_key_problem(path)
        if problem is not None:
            raise SettingsError(problem)
        if not path.exists():
            make_key(path)
        return bytes.fromhex(path.read_text().strip())


def _key(source: Mapping[str, str]) -> dict[str, Any]:
    """SECRET_KEY or SECRET_KEY_FILE. No message shows the value."""
    text, path = source.get("SECRET_KEY", "").strip(), source.get("SECRET_KEY_FILE", "").strip()
    if text and path:
        raise SettingsError("SECRET_KEY: SECRET_KEY_FILE is set too: set one of them")
    if path:
        return {"key_file": Path(path).expanduser().absolute()}
    return {"given_key": given_key("SECRET_KEY", text)} if text else {}


def key_problem(settings: Settings) -> str | None:
    """Why the installation's key, wherever it comes from, must not be used; None when it is right or not made yet."""
    if settings.given_key is not None:
        return None
    if settings.key_file is None:
        return kept_key_problem(settings.data_dir / KEY_FILE)
    try:
        read_given_key(settings.key_file)
    except SettingsError as error:
        return str(error)
    return None


def _own_url(host: str, port: int) -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 -- shown, not bound
    return f"http://{f'[{shown}]' if ':' in shown and '[' not in shown else shown}:{port}"


def _host(name: str, text: str) -> str:
    if any(char.isspace() or char in "/@#?" for char in text):
        raise SettingsError(f"{name}: {text!r} is not an address to listen on: use one like 127.0.0.1, 0.0.0.0 or ::")
    return text


def _port(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise SettingsError(f"{name}: {text!r} is not a port: use a number from 1 to 65535")
    return int(text)


def _workers(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_WORKERS):
        raise SettingsError(f"{name}: {text!r} is not a number of processes: use one from 1 to {MOST_WORKERS}, about one a core")
    return int(text)


def _drain_seconds(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= MOST_DRAIN_SECONDS):
        raise SettingsError(f"{name}: {text!r} is not a time: use whole seconds from 0 to {MOST_DRAIN_SECONDS}")
    return int(text)


def _directory(name: str, text: str) -> Path:
    if "\0" in text:
        raise SettingsError(f"{name}: a path cannot hold a NUL character: name a directory")
    path = Path(text).expanduser().absolute()
    if path.exists() and not path.is_dir():
        raise SettingsError(f"{name}: {path} is not a directory: name another one")
    return path


def _database_url(name: str, text: str) -> str | None:
    if not text:
        return None
    scheme, separator, _ = text.partition("://")
    if not separator or scheme not in {"postgresql", "postgres"}:
        raise SettingsError(f"{name}: it must begin with postgresql:// (it is not shown here, as it may hold a password)")
    return f"postgresql://{text.partition('://')[2]}"


def _nats_servers(name: str, text: str) -> tuple[str, ...]:
    """The value may hold a password, so no message shows it."""
    servers = tuple(filter(None, (part.strip() for part in text.split(","))))
    for server in servers:
        try:
            parts = urlsplit(server)
            valid = parts.scheme in {"nats", "tls"} and bool(parts.hostname) and parts.port != 0 and parts.path in {"", "/"}
        except ValueError:
            valid = False
        if not valid:
            raise SettingsError(
                f"{name}: use addresses like nats://token@nats.example.com:4222, separated by commas (it is not shown here)"
            )
    return servers


def _public_url(name: str, text: str) -> str:
    try:
        parts = urlsplit(text)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise SettingsError(f"{name}: {text!r} is not an address: use one like https://talk.example.com") from None
    if not valid or parts.path not in {"", "/"} or parts.query or parts.fragment or parts.username is not None:
        raise SettingsError(f"{name}: {text!r} must be http or https and a host, with no path: like https://talk.example.com")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def _files_url(name: str, text: str) -> str | None:
    return _public_url(name, text) if text else None


def _bucket(source: Mapping[str, str]) -> S3Bucket | None:
    """The bucket that is set, whole or not at all. The values may be secret, so no message shows one."""
    given = {name: source.get(name, "").strip() for name in ("S3_BUCKET", "S3_ENDPOINT", "S3_REGION", "S3_ACCESS_KEY", "S3_SECRET_KEY")}
    if not any(given.values()):
        return None
    for name in ("S3_BUCKET", "S3_ACCESS_KEY", "S3_SECRET_KEY"):
        if not given[name]:
            raise SettingsError(f"{name}: it is missing: set S3_BUCKET, S3_ACCESS_KEY and S3_SECRET_KEY together, or none of them")
    if not _BUCKET_NAME.fullmatch(given["S3_BUCKET"]):
        raise SettingsError("S3_BUCKET: this is not the name of a bucket: 3 to 63 lower-case letters, digits, dots and hyphens")
    return S3Bucket(
        bucket=given["S3_BUCKET"],
        access_key=given["S3_ACCESS_KEY"],
        secret_key=given["S3_SECRET_KEY"],
        endpoint=_files_url("S3_ENDPOINT", given["S3_ENDPOINT"]),
        region=given["S3_REGION"] or "us-east-1",
    )


def _rate(name: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1_000_000:
        raise SettingsError(f"{name}={text}: give a number of messages per minute from 1 to 1000000")
    return int(text)


def _mebibytes(name: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 100_000_000:
        raise SettingsError(f"{name}={text}: give a number of MiB from 1 to 100000000")
    return int(text) * 1024 * 1024


def _smtp(name: str, text: str) -> SmtpServer | None:
    """The value may hold a password, so no message shows it."""
    if not text:
        return None
    like = "use one like smtp://user:password@mail.example.com:587 or smtps://user:password@mail.example.com (it is not shown here)"
    try:
        parts = urlsplit(text)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise SettingsError(f"{name}: this is not an address: {like}") from None
    if parts.scheme not in {"smtp", "smtps"} or not host or port == 0 or parts.path not in {"", "/"} or parts.query or parts.fragment:
        raise SettingsError(f"{name}: it must be smtp or smtps and a host, with no path: {like}")
    if (parts.username is None) != (parts.password is None):
        raise SettingsError(f"{name}: a user and a password belong together; write : @ / and % in them as %3A %40 %2F and %25: {like}")
    username = unquote(parts.username) if parts.username else None
    password = unquote(parts.password) if parts.password else None
    if parts.scheme == "smtps":
        return SmtpServer(host, port or 465, "tls", username, password)
    return SmtpServer(host, port or 587, "plain" if _is_this_machine(host) else "starttls", username, password)


def _is_this_machine(host: str) -> bool:
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def _sender(name: str, text: str) -> MailSender | None:
    if not text:
        return None
    found = getaddresses([text])
    shown, address = found[0] if len(found) == 1 else ("", "")
    local, _, domain = address.rpartition("@")
    if (
        not local
        or not domain
        or not address.isascii()
        or any(c.isspace() or not c.isprintable() for c in address)
        or not shown.isprintable()
    ):
        raise SettingsError(f"{name}: {text!r} is not a sender: use one like Qiatan <noreply@example.com>")
    return MailSender(shown, address)


def _switch(name: str, text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise SettingsError(f"{name}: {text!r} is neither on nor off: use on or off")


def _networks(name: str, text: str) -> tuple[Network, ...]:
    networks: list[Network] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        try:
            networks.append(ipaddress.ip_network(part))
        except ValueError as error:
            raise SettingsError(
                f"{name}: {part!r} is not a network ({error}): use addresses like 10.0.0.0/8, separated by commas"
            ) from None
    return tuple(networks)


def _log_level(name: str, text: str) -> str:
    if text.lower() not in LOG_LEVELS:
        raise SettingsError(f"{name}: {text!r} is not a level: use one of {', '.join(LOG_LEVELS)}")
    return text.lower()


def _log_format(name: str, text: str) -> str:
    if text.lower() not in LOG_FORMATS:
        raise SettingsError(f"{name}: {text!r} is not a format: use one of {', '.join(LOG_FORMATS)}")
    return text.lower()


def _metrics_token(name: str, text: str) -> str | None:
    if text and (len(text) < SHORTEST_TOKEN or not text.isascii() or any(char.isspace() or not char.isprintable() for char in text)):
        raise SettingsError(f"{name}: use {SHORTEST_TOKEN} random letters and digits or more (it is not shown here)")
    return text or None


def _otlp_endpoint(name: str, text: str) -> str | None:
    if not text:
        return None
    try:
        parts = urlsplit(text)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0 and not parts.query and not parts.fragment
    except ValueError:
        valid = False
    if not valid:
        raise SettingsError(f"{name}: it must be http or https and a host, like http://127.0.0.1:4318 (it is not shown here)")
    return text.rstrip("/")


def _backup_time(name: str, text: str) -> BackupTime | None:
    try:
        return BackupTime.parse(text) if text else None
    except ValueError as error:
        raise SettingsError(f"{name}: {text!r} cannot be meant: {error}") from None


def _backup_directory(name: str, text: str) -> Path | None:
    return _directory(name, text) if text else None


def _backup_keep(name: str, text: str) -> Keep:
    try:
        return Keep.parse(text)
    except ValueError as error:
        raise SettingsError(f"{name}: {text!r} cannot be meant: {error}") from None

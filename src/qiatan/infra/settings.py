"""What an operator may set, read once from the environment at start."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from qiatan.infra import setting_addresses as addresses
from qiatan.infra import setting_servers as servers
from qiatan.infra import setting_values as values
from qiatan.infra.backup_schedule import BackupTime, Keep
from qiatan.infra.limits import Limits
from qiatan.infra.listen_address import ListenAddress
from qiatan.infra.secret_key import KEY_FILE, given_key, kept_key_problem, make_key, read_given_key
from qiatan.infra.setting_servers import MailSender, S3Bucket, SmtpServer
from qiatan.infra.setting_values import Network
from qiatan.infra.setup_error import SettingsError

__all__ = ["MailSender", "Network", "S3Bucket", "Settings", "SettingsError", "SmtpServer", "key_problem"]

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """All settings. Each field tells its environment variable, its unit and its default."""

    host: str = "127.0.0.1"
    """HOST: the address to listen on; `0.0.0.0` or `::` for all of the machine's. Default 127.0.0.1: this machine only."""

    port: int = 8000
    """PORT: TCP port, 1 to 65535. Default 8000."""

    data_dir: Path = Path("data")
    """DATA: the directory that holds everything that must be kept: the database, files, the secret key. Default ./data."""

    database_url: str | None = field(default=None, repr=False)
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

    otlp_endpoint: str | None = field(default=None, repr=False)
    """OTEL_EXPORTER_OTLP_ENDPOINT: where traces are sent (`http://collector:4318`); other OTEL_ variables are the library's own.
    Default: none, and nothing is traced."""

    run_worker: bool = True
    """WORKER: whether `serve` also runs the background jobs: on or off (then run `qiatan work` beside it). Default on."""

    work_listen: ListenAddress | None = None
    """WORK_LISTEN: where `qiatan work` answers /livez, /readyz and /metrics, like `127.0.0.1:8001`. Default: nowhere."""

    finish_upgrades: bool = True
    """FINISH_UPGRADES: whether the steps of an upgrade after which the older program cannot come back run by themselves when none of its
    processes lives: on, or off (then `qiatan migrate --finish` runs them, or an upgrade that needs them). Default on."""

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
    """ENTERPRISE_UPLOADS: MiB of files and pictures that all visitors of an enterprise may send up within a day, and as many all its
    agents, 1 to 100000000. Kept here in bytes. Default 20480."""

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

        host = read("HOST", "127.0.0.1", addresses.host)
        port = read("PORT", "8000", values.port)
        smtp, mail_from = read("SMTP_URL", "", servers.smtp), read("MAIL_FROM", "", servers.sender)
        if smtp is not None and mail_from is None:
            raise SettingsError("MAIL_FROM: with SMTP_URL it must say whom mail comes from: use one like Qiatan <noreply@example.com>")
        return cls(
            host=host,
            port=port,
            data_dir=read("DATA", "data", values.directory),
            database_url=read("DATABASE_URL", "", addresses.database_url),
            public_url=read("PUBLIC_URL", addresses.own_url(host, port), addresses.public_url),
            signup_open=read("SIGNUP", "on", values.switch),
            trusted_proxies=read("TRUSTED_PROXIES", "", values.networks),
            log_level=read("LOG_LEVEL", "info", values.log_level),
            log_format=read("LOG_FORMAT", "auto", values.log_format),
            log_requests=read("LOG_REQUESTS", "off", values.switch),
            metrics_token=read("METRICS_TOKEN", "", values.metrics_token),
            otlp_endpoint=read("OTEL_EXPORTER_OTLP_ENDPOINT", "", addresses.otlp_endpoint),
            run_worker=read("WORKER", "on", values.switch),
            work_listen=read("WORK_LISTEN", "", ListenAddress.parse),
            finish_upgrades=read("FINISH_UPGRADES", "on", values.switch),
            workers=read("WORKERS", "1", values.workers),
            drain_seconds=read("DRAIN_SECONDS", "0", values.drain_seconds),
            nats_url=read("NATS_URL", "", addresses.nats_servers),
            visitor_rate=read("VISITOR_RATE", "60", values.rate),
            limits=Limits.from_env(source),
            enterprise_uploads=read("ENTERPRISE_UPLOADS", "20480", values.mebibytes),
            smtp=smtp,
            mail_from=mail_from,
            outbound_allow=read("OUTBOUND_ALLOW", "", values.networks),
            **_key(source),
            files_url=read("FILES_URL", "", addresses.files_url),
            s3=servers.bucket(source),
            backup_at=read("BACKUP_AT", "", values.backup_time),
            backup_dir=read("BACKUP_DIR", "", values.backup_directory),
            backup_keep=read("BACKUP_KEEP", "7d,4w,6m", values.backup_keep),
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

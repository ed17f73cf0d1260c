"""An address to listen on, as a setting says it. Pure, and beside the settings because they must load nothing heavy."""

from __future__ import annotations

from dataclasses import dataclass

from qiatan.infra.setup_error import SettingsError


@dataclass(frozen=True, slots=True)
class ListenAddress:
    """`host` without brackets."""

    host: str
    port: int

    @classmethod
    def parse(cls, name: str, text: str) -> ListenAddress | None:
        """`127.0.0.1:8001`, `[::1]:8001`, or `:8001` for all addresses; nothing means none. Raises `SettingsError`, naming the variable."""
        if not text:
            return None
        host, colon, port = text.rpartition(":")
        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        unclear = (":" in bare and bare == host) or any(char.isspace() or char in "/@#?[]" for char in bare)
        if not colon or unclear or not (port.isascii() and port.isdigit() and 1 <= int(port) <= 65535):
            raise SettingsError(f"{name}: {text!r} is not an address to listen on: use one like 127.0.0.1:8001, [::1]:8001 or 0.0.0.0:8001")
        return cls(bare or "0.0.0.0", int(port))  # noqa: S104 -- what `:8001` says

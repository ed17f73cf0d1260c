"""Settings that are addresses. What may hold a password is never shown in a message."""

from __future__ import annotations

from urllib.parse import urlsplit

from qiatan.infra.setup_error import SettingsError


def own_url(host: str, port: int) -> str:
    shown = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104 -- shown, not bound
    return f"http://{f'[{shown}]' if ':' in shown and '[' not in shown else shown}:{port}"


def host(name: str, text: str) -> str:
    if any(char.isspace() or char in "/@#?" for char in text):
        raise SettingsError(f"{name}: {text!r} is not an address to listen on: use one like 127.0.0.1, 0.0.0.0 or ::")
    return text


def database_url(name: str, text: str) -> str | None:
    if not text:
        return None
    scheme, separator, _ = text.partition("://")
    if not separator or scheme not in {"postgresql", "postgres"}:
        raise SettingsError(f"{name}: it must begin with postgresql:// (it is not shown here, as it may hold a password)")
    return f"postgresql://{text.partition('://')[2]}"


def nats_servers(name: str, text: str) -> tuple[str, ...]:
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


def public_url(name: str, text: str) -> str:
    """One with a user may have a password too, and is not shown."""
    shown = "what stands there" if "@" in text else repr(text)
    try:
        parts = urlsplit(text)
        valid = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        raise SettingsError(f"{name}: {shown} is not an address: use one like https://talk.example.com") from None
    if not valid or parts.path not in {"", "/"} or parts.query or parts.fragment or parts.username is not None:
        raise SettingsError(f"{name}: {shown} must be http or https and a host, with no path: like https://talk.example.com")
    return f"{parts.scheme}://{parts.netloc.lower()}"


def files_url(name: str, text: str) -> str | None:
    return public_url(name, text) if text else None


def otlp_endpoint(name: str, text: str) -> str | None:
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

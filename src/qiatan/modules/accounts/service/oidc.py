"""The enterprise's identity provider: setting it up."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

from qiatan.infra import oidc
from qiatan.infra.db import Tx
from qiatan.infra.http_out import HttpOut
from qiatan.infra.oidc_providers import Providers
from qiatan.infra.sealing import Sealer
from qiatan.kit.access import AgentActor, Point, require
from qiatan.kit.errors import InvalidInput, NotAllowed, NotFound, VersionConflict
from qiatan.kit.text import storable
from qiatan.modules.accounts import permissions
from qiatan.modules.accounts.contracts import ChangeOidc, OidcSettings
from qiatan.modules.accounts.errors import LastAdmin, OidcUnreachable
from qiatan.modules.accounts.models import OidcProviderRow
from qiatan.modules.accounts.repository import AgentRepository, OidcRepository
from qiatan.modules.accounts.service.audit import What, Who, record
from qiatan.modules.accounts.service.authority import lock_rights, require_whole_scope


def redirect_uri(public_url: str, enterprise_id: UUID) -> str:
    """Where the provider sends browsers back to. Each enterprise has an address of its own, so that an answer meant for one cannot be
    passed off on another, whose provider may be somebody else's (RFC 9700 4.4)."""
    return f"{public_url}/app/oidc/{enterprise_id}"


def secret_purpose(enterprise_id: UUID) -> str:
    """What a client secret is sealed for."""
    return f"oidc.client_secret:{enterprise_id}"


async def see_oidc(tx: Tx, actor: AgentActor, *, public_url: str) -> OidcSettings:
    """The provider as set up, or an empty form (version 0)."""
    require(actor, permissions.VIEW_SECURITY)
    return _shown(await OidcRepository(tx, actor.enterprise_id).provider(), actor, public_url)


async def change_oidc(
    tx: Tx, actor: AgentActor, change: ChangeOidc, *, http: HttpOut, sealer: Sealer, public_url: str, catalogue: Collection[Point]
) -> OidcSettings:
    """Set up the provider, or change it.

    The secret belongs to the issuer it was given for: with another issuer it has to be given again, so that it cannot be sent to
    somebody else (security.md D26). The provider says who somebody is, administrators too, so only who holds all points decides on it.

    Raises:
        NotAllowed: the actor lacks a point, or the whole scope.
        VersionConflict: somebody else changed it meanwhile.
        InvalidInput: the issuer is no address, or the secret is missing.
        LastAdmin: it is switched off, and no administrator has another way in.
    """
    actor = await lock_rights(tx, actor, permissions.EDIT_SECURITY, catalogue=catalogue)
    require_whole_scope(actor)
    if not actor.points.issuperset(point.name for point in catalogue):
        raise NotAllowed("The identity provider says who is who, so only administrators set it up.")
    repository = OidcRepository(tx, actor.enterprise_id)
    row = await repository.provider()
    if (row.version if row is not None else 0) != change.version:
        raise VersionConflict
    issuer = checked_issuer(change.issuer, http)
    secret = change.client_secret.get_secret_value() if change.client_secret is not None else ""
    if not secret and (row is None or row.issuer != issuer):
        raise InvalidInput.of("client_secret", "missing", "Give the client secret that the provider made for this issuer.")
    values = {"enabled": change.enabled, "label": change.label, "issuer": issuer, "client_id": change.client_id}
    before = {name: getattr(row, name) if row is not None else None for name in values}
    if secret:
        values["client_secret"] = sealer.seal(secret.encode(), purpose=secret_purpose(actor.enterprise_id))
    if row is None:
        row = await repository.add_provider({**values, "version": 1, "created_at": tx.now})
    else:
        for name, value in values.items():
            setattr(row, name, value)
        row.version += 1
        await tx.session.flush()
    if not change.enabled:
        await _require_somebody_comes_in(tx, actor)
    changed: dict[str, Any] = {name: [before[name], values[name]] for name in before if before[name] != values[name]}
    record(tx, Who.of(actor), "oidc.changed", What("oidc", None, change.label), **changed, secret_changed=bool(secret))
    return _shown(row, actor, public_url)


async def delete_oidc(tx: Tx, actor: AgentActor, *, catalogue: Collection[Point]) -> None:
    """Forget the provider. Who signed in by it only needs a password (by a reset link) from now on.

    Raises:
        NotFound: none is set up.
        LastAdmin: no administrator has another way in.
    """
    actor = await lock_rights(tx, actor, permissions.EDIT_SECURITY, catalogue=catalogue)
    require_whole_scope(actor)
    repository = OidcRepository(tx, actor.enterprise_id)
    row = await repository.provider()
    if row is None:
        raise NotFound
    await repository.delete_provider()
    await _require_somebody_comes_in(tx, actor)
    record(tx, Who.of(actor), "oidc.deleted", What("oidc", None, row.label), issuer=row.issuer)


async def _require_somebody_comes_in(tx: Tx, actor: AgentActor) -> None:
    if not await AgentRepository(tx, actor.enterprise_id).other_admins(None):
        raise LastAdmin("Without the identity provider no administrator could sign in. Have one of you set a password or a passkey first.")


async def try_oidc(actor: AgentActor, change: ChangeOidc, *, providers: Providers) -> None:
    """Ask the provider for its description, as a sign-in would, and right now: what is kept of it is read anew.

    Raises:
        InvalidInput: the issuer is no address.
        OidcUnreachable: it does not answer, or with what is not OpenID Connect; the message tells what.
    """
    require(actor, permissions.EDIT_SECURITY)
    try:
        await providers.description(checked_issuer(change.issuer, providers.http), anew=True)
    except oidc.ProviderUnreachable as error:
        raise OidcUnreachable(f"The identity provider cannot be used: {error}") from error


def checked_issuer(text: str, http: HttpOut) -> str:
    """An issuer as it is written: the provider compares it letter by letter.

    Raises:
        InvalidInput: it is not an address of the web, or could be listened to on the way.
    """
    issuer = text.strip()
    if not _is_issuer(issuer):
        raise InvalidInput.of(
            "issuer", "invalid", "Write the issuer's address as the provider shows it, like https://id.example.com/realm."
        )
    if urlsplit(issuer).scheme == "http" and not http.allows(urlsplit(issuer).hostname or ""):
        message = "Use the provider's https address: over http, whoever is on the way could sign in as anybody."
        raise InvalidInput.of("issuer", "invalid", message)
    return issuer


def _is_issuer(text: str) -> bool:
    try:
        parts = urlsplit(text)
        at_a_host = parts.scheme in ("https", "http") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return at_a_host and parts.username is None and "?" not in text and "#" not in text and storable(text)


def _shown(row: OidcProviderRow | None, actor: AgentActor, public_url: str) -> OidcSettings:
    return OidcSettings(
        enabled=row.enabled if row is not None else False,
        label=row.label if row is not None else "",
        issuer=row.issuer if row is not None else "",
        client_id=row.client_id if row is not None else "",
        redirect_uri=redirect_uri(public_url, actor.enterprise_id),
        sign_in_url=f"{public_url}/app/sign-in?sso={actor.enterprise_id}",
        version=row.version if row is not None else 0,
    )

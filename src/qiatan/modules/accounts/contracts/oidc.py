"""Signing in by the enterprise's identity provider (OpenID Connect): what goes in and comes out."""

from __future__ import annotations

from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field, SecretStr

from qiatan.kit.text import storable
from qiatan.modules.accounts.contracts.common import Input, Name, Output, Token


def _storable(text: str) -> str:
    if not storable(text):
        raise ValueError("Remove the characters that are not text (NUL, broken pairs).")
    return text


class OidcSettings(Output):
    """The provider as set up; the client secret is never told. `version` is 0 where none is. `redirect_uri` is to be registered there;
    `sign_in_url` is where colleagues begin."""

    enabled: bool
    label: str
    issuer: str
    client_id: str
    redirect_uri: str
    sign_in_url: str
    version: int


class ChangeOidc(Input):
    """An absent secret stays; a new provider needs one."""

    enabled: bool = True
    label: Name
    issuer: Annotated[str, Field(min_length=1, max_length=300)]
    client_id: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(_storable)]
    client_secret: Annotated[SecretStr, Field(max_length=500)] | None = None
    version: Annotated[int, Field(ge=0, le=2**31 - 1)]


class OidcShown(Output):
    """What the sign-in page shows of a provider."""

    enterprise_id: UUID
    label: str


class StartOidc(Input):
    enterprise_id: UUID


class OidcStarted(Output):
    """Where to send the browser."""

    url: str


class FinishOidc(Input):
    """What the provider sent the browser back with, and to whose address: each enterprise has one of its own (RFC 9700 4.4).

    `iss` is the provider's own name, where it tells it (RFC 9207).
    """

    enterprise_id: UUID
    state: Token
    code: Annotated[str, Field(max_length=2_000)]
    iss: Annotated[str, Field(max_length=300)] | None = None

"""Second factors, own sessions, signing in by steps: what goes in and comes out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal, TypeAlias
from uuid import UUID

from pydantic import Field

from qiatan.modules.accounts.contracts.common import GivenPassword, Input, Name, Output, Token
from qiatan.modules.accounts.contracts.login import LoginMethod, RegionShown
from qiatan.modules.accounts.contracts.people import Me

FactorMethod: TypeAlias = Literal["totp", "passkey", "recovery_code"]
# A WebAuthn credential as browsers give it (`PublicKeyCredential.toJSON()`); the library checks what is in it.
Credential: TypeAlias = Annotated[dict[str, Any], Field(max_length=20)]


class SecondFactor(Output):
    """The password was right (or the link, or the provider's word); one of these must follow before `expires_at`.

    `passkey`: what `navigator.credentials.get` takes (`PublicKeyCredential.parseRequestOptionsFromJSON`), where there is a passkey.
    """

    challenge: str
    methods: list[FactorMethod]
    passkey: dict[str, Any] | None
    expires_at: datetime


class SignInAnswer(Output):
    """Exactly one of the two is there."""

    me: Me | None = None
    second_factor: SecondFactor | None = None


class GiveSecondFactor(Input):
    """Exactly one of `totp`, `recovery_code` and `passkey`. Blanks and dashes in codes are ignored."""

    challenge: Token
    totp: Annotated[str, Field(max_length=20)] | None = None
    recovery_code: Annotated[str, Field(max_length=40)] | None = None
    passkey: Credential | None = None


class PasskeyOptions(Output):
    """What the browser's WebAuthn call takes, and the challenge to send back with its answer."""

    challenge: str
    options: dict[str, Any]


class SignInByPasskey(Input):
    challenge: Token
    credential: Credential


class Confirm(Input):
    """The own password again, for what weakens the account. Accounts that sign in by their provider only leave it out."""

    password: GivenPassword | None = None


class TotpSetup(Output):
    """`qr` is an SVG picture of `uri`, as a data address."""

    secret: str
    uri: str
    qr: str


class ConfirmTotp(Input):
    code: Annotated[str, Field(max_length=20)]


class RecoveryCodes(Output):
    """Shown once. Empty when the account has codes already."""

    codes: list[str]


class NewPasskey(Input):
    challenge: Token
    name: Name
    credential: Credential


class RenamePasskey(Input):
    name: Name


class Passkey(Output):
    id: UUID
    name: str
    backed_up: bool
    created_at: datetime
    last_used_at: datetime | None


class OwnSecurity(Output):
    """How the own account is protected. `required`: its role demands a second factor. `oidc`: it is tied to the provider."""

    password_set: bool
    totp: bool
    passkeys: list[Passkey]
    recovery_codes_left: int
    required: bool
    oidc: bool


class OwnSession(Output):
    """A browser that is signed in. `current`: the one that asks."""

    id: UUID
    current: bool
    created_at: datetime
    last_seen_at: datetime
    address: str
    region: RegionShown
    device: str
    method: LoginMethod


class OwnSessions(Output):
    items: list[OwnSession]

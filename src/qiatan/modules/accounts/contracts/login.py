"""Login restriction and the login log (F02): what goes in and comes out."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from qiatan.modules.accounts.contracts.common import Input, Note, Output, Regions

MAX_TRUSTED = 200


class LoginReason(StrEnum):
    """Why a sign-in was let in or turned away."""

    NOT_RESTRICTED = "not_restricted"
    ADMIN_FREE = "admin_free"
    ROLE_FREE = "role_free"
    TRUSTED_ADDRESS = "trusted_address"
    ALLOWED_REGION = "allowed_region"
    REGION_DENIED = "region_denied"
    REGION_UNKNOWN = "region_unknown"
    WRONG_PASSWORD = "wrong_password"  # noqa: S105 -- a word
    WRONG_SECOND_FACTOR = "wrong_second_factor"


class LoginMethod(StrEnum):
    """How somebody signed in, or tried. `session`: a session that lived on and was looked at again."""

    PASSWORD = "password"  # noqa: S105 -- a word
    PASSKEY = "passkey"
    OIDC = "oidc"
    LINK = "link"
    INVITATION = "invitation"
    SIGN_UP = "sign_up"
    SESSION = "session"


class RegionShown(Output):
    """Where an address is: `code` as in `GET /regions` (empty when unknown), `names` from the country down, in Chinese."""

    code: str
    names: list[str]


class RegionItem(Output):
    """One region of the tree. `children`: how many regions lie in it; ask for them with `parent`."""

    code: str
    name: str
    children: int


class RegionList(Output):
    items: list[RegionItem]


class TrustedInput(Input):
    """`first` alone is one address, or a network like 10.0.0.0/8; with `last` it is a range of the same family, both ends included."""

    first: Annotated[str, Field(max_length=64)]
    last: Annotated[str, Field(max_length=64)] | None = None
    note: Note = ""


class PolicyDraft(Input):
    enabled: bool
    role_ids: Annotated[list[UUID], Field(max_length=500)] = Field(default_factory=list)
    regions: Regions = Field(default_factory=list)
    trusted: Annotated[list[TrustedInput], Field(max_length=MAX_TRUSTED)] = Field(default_factory=list)


class ChangeLoginPolicy(PolicyDraft):
    """The whole policy. `confirm_lock_out`: its author has read that they will be signed out themselves."""

    confirm_lock_out: bool = False
    version: Annotated[int, Field(ge=0, le=2**31 - 1)]


class TrustedAddress(Output):
    first: str
    last: str | None
    note: str
    last_used_at: datetime | None


class LoginPolicy(Output):
    """`version` is 0 until it was saved first. The counts are of accounts that may sign in."""

    enabled: bool
    role_ids: list[UUID]
    regions: list[RegionShown]
    trusted: list[TrustedAddress]
    restricted_count: int
    free_count: int
    version: int


class LoginVerdict(Output):
    """What the rules say of an address."""

    address: str
    region: RegionShown
    allowed: bool
    reason: LoginReason


class TryAddress(Input):
    """Ask the saved rules, or a draft, about an address and a role."""

    address: Annotated[str, Field(max_length=64)]
    role_id: UUID
    draft: PolicyDraft | None = None


class SignedOutPerson(Output):
    id: UUID
    name: str


class PolicyPreview(Output):
    """What saving a draft would do: to the asker, and to everybody else who is signed in (at most 20 are named)."""

    own: LoginVerdict
    signed_out: list[SignedOutPerson]
    signed_out_count: int


class LoginEntry(Output):
    """`device` is browser and system, like `Chrome 141 · Windows`; empty when unknown."""

    id: UUID
    at: datetime
    agent: SignedOutPerson
    address: str
    region: RegionShown
    device: str
    method: LoginMethod
    allowed: bool
    reason: LoginReason

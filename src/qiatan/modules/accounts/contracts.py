"""What goes into accounts and comes out; the HTTP door's schemas."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from datetime import datetime
from enum import StrEnum
from typing import Annotated, Literal, TypeAlias
from uuid import UUID

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, SecretStr

from qiatan.kit.access import ScopeKind
from qiatan.kit.errors import InvalidInput
from qiatan.kit.text import clean_name, storable

MAX_PASSWORD = 200
MAX_GROUPS_OF_AGENT = 1_000
MAX_MEMBERS_OF_GROUP = 1_000
MAX_CONVERSATIONS = 500

# Addresses are names to sign in with. All that mail servers of the internet take passes, and so do those of an intranet
# (`ming@shop.local`), which libraries that think of delivery refuse.
_LOCAL_PART = re.compile(r"(?=.{1,64}\Z)(?!\.)(?!.*\.\.)(?!.*\.\Z)(?:[\w!#$%&'*+/=?^`{|}~.-])+")
_DOMAIN = re.compile(r"(?=.{1,253}\Z)(?:(?!-)[\w-]{1,63}(?<!-)\.)*(?!-)[\w-]{1,63}(?<!-)")


class Role(StrEnum):
    """The built-in roles: all points, or the everyday ones."""

    ADMIN = "admin"
    AGENT = "agent"


class LinkPurpose(StrEnum):
    INVITATION = "invitation"
    SIGN_IN = "sign_in"


def _name(*, optional: bool = False) -> Callable[[str], str]:
    def clean(text: str) -> str:
        if optional and not text.strip():
            return ""
        try:
            return clean_name(text, field="name")
        except InvalidInput as problem:
            raise ValueError(problem.fields[0].message) from None

    return clean


def _email(text: str) -> str:
    address = unicodedata.normalize("NFC", text.strip())
    local, _, domain = address.rpartition("@")
    if not _LOCAL_PART.fullmatch(local) or not _DOMAIN.fullmatch(domain) or not storable(address):
        raise ValueError("Write an e-mail address like ming@example.com.")
    return f"{local}@{domain.lower()}"


def _asked_email(text: str) -> str:
    if not storable(text):
        raise ValueError("Remove the characters that are not text (NUL, broken pairs).")
    return unicodedata.normalize("NFC", text.strip())


def _password(text: object) -> object:
    if isinstance(text, str) and not 10 <= len(text) <= MAX_PASSWORD:
        raise ValueError(f"Use at least 10 and at most {MAX_PASSWORD} characters; a few words together are easy to keep in mind.")
    return text


def _unique(ids: list[UUID]) -> list[UUID]:
    return sorted(set(ids))


# The raw text may be a little longer than what is left after cleaning, so the limits in front are wider than those of the columns.
Name: TypeAlias = Annotated[str, Field(max_length=200), AfterValidator(_name())]
OptionalName: TypeAlias = Annotated[str, Field(max_length=200), AfterValidator(_name(optional=True))]
Email: TypeAlias = Annotated[str, Field(max_length=254), AfterValidator(_email)]
NewPassword: TypeAlias = Annotated[SecretStr, BeforeValidator(_password)]
GivenPassword: TypeAlias = Annotated[SecretStr, Field(max_length=MAX_PASSWORD)]
Token: TypeAlias = Annotated[str, Field(max_length=200)]
Locale: TypeAlias = Literal["zh-CN", "en"]
Version: TypeAlias = Annotated[int, Field(ge=1, le=2**31 - 1)]
GroupIds: TypeAlias = Annotated[list[UUID], Field(max_length=MAX_GROUPS_OF_AGENT), AfterValidator(_unique)]
MemberIds: TypeAlias = Annotated[list[UUID], Field(max_length=MAX_MEMBERS_OF_GROUP), AfterValidator(_unique)]


class Input(BaseModel):
    """Base of everything that comes in: what is not named is refused."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Output(BaseModel):
    model_config = ConfigDict(frozen=True)


class SignUp(Input):
    enterprise_name: Name
    name: Name
    email: Email
    password: NewPassword


class SignIn(Input):
    """Any text is looked up, so that a strange address is answered like an unknown one."""

    email: Annotated[str, Field(max_length=254), AfterValidator(_asked_email)]
    password: GivenPassword


class LinkToken(Input):
    token: Token


class AcceptInvitation(Input):
    token: Token
    name: Name
    password: NewPassword


class ChangePassword(Input):
    current_password: GivenPassword
    new_password: NewPassword


class ChangeMe(Input):
    name: Name | None = None
    public_name: OptionalName | None = None
    locale: Locale | None = None
    version: Version


class ChangeEnterprise(Input):
    name: Name | None = None
    timezone: Annotated[str, Field(max_length=64)] | None = None
    typing_preview: bool | None = None
    version: Version


class ScopeInput(Input):
    kind: ScopeKind
    group_ids: GroupIds = Field(default_factory=list)


class Invite(Input):
    email: Email
    name: Name
    role: Role = Role.AGENT
    group_ids: GroupIds = Field(default_factory=list)


class ChangeAgent(Input):
    """What is absent stays. A role without a scope brings its usual one: everything for admins, oneself for agents."""

    name: Name | None = None
    public_name: OptionalName | None = None
    role: Role | None = None
    scope: ScopeInput | None = None
    max_conversations: Annotated[int, Field(ge=0, le=MAX_CONVERSATIONS)] | None = None
    enabled: bool | None = None
    group_ids: GroupIds | None = None
    version: Version


class NewGroup(Input):
    name: Name
    member_ids: MemberIds = Field(default_factory=list)


class ChangeGroup(Input):
    name: Name | None = None
    member_ids: MemberIds | None = None
    version: Version


class Instance(Output):
    """What a page may know before anybody signs in."""

    signup_open: bool
    version: str


class Enterprise(Output):
    id: UUID
    name: str
    timezone: str
    locale: str
    typing_preview: bool
    version: int


class AgentScope(Output):
    kind: ScopeKind
    group_ids: list[UUID]


class Agent(Output):
    """An account as administrators and its owner see it. `public_name` is empty where visitors see `name`."""

    id: UUID
    email: str
    name: str
    public_name: str
    avatar_url: str | None
    role: Role
    scope: AgentScope
    group_ids: list[UUID]
    max_conversations: int
    enabled: bool
    pending: bool
    locale: str
    created_at: datetime
    version: int


class Me(Output):
    agent: Agent
    enterprise: Enterprise
    points: list[str]
    csrf_token: str


class Invited(Output):
    agent: Agent
    link: str
    expires_at: datetime


class InvitationPreview(Output):
    email: str
    name: str
    enterprise_name: str


class Group(Output):
    id: UUID
    name: str
    member_ids: list[UUID]
    version: int


class AgentBrief(Output):
    """What visitors see of an agent."""

    id: UUID
    name: str
    avatar_url: str | None


class ServingAgent(Output):
    """An agent who may get conversations, when present."""

    id: UUID
    max_conversations: int
    group_ids: list[UUID]

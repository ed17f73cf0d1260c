"""Enterprises, agents, groups, sign-up and one-time links: what goes in and comes out."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, Field

from qiatan.kit.access import RegionMode, ScopeKind
from qiatan.modules.accounts.contracts.common import (
    MAX_CONVERSATIONS,
    Email,
    GivenPassword,
    GroupIds,
    Input,
    Locale,
    MemberIds,
    Name,
    NewPassword,
    OptionalName,
    Output,
    Regions,
    StaffNumber,
    Token,
    Version,
    asked_email,
)


class BuiltinRole(StrEnum):
    """The roles every enterprise has: all points, or the everyday ones."""

    ADMIN = "admin"
    AGENT = "agent"


class LinkPurpose(StrEnum):
    INVITATION = "invitation"
    SIGN_IN = "sign_in"
    RESET = "reset"


class SignUp(Input):
    enterprise_name: Name
    name: Name
    email: Email
    password: NewPassword
    locale: Locale = "zh-CN"
    """The language the founder reads: their account has it from the start, and the words the enterprise begins with."""


class SignIn(Input):
    """Any text is looked up, so that a strange address is answered like an unknown one."""

    email: Annotated[str, Field(max_length=254), AfterValidator(asked_email)]
    password: GivenPassword


class LinkToken(Input):
    token: Token


class AcceptInvitation(Input):
    token: Token
    name: Name
    password: NewPassword


class AskReset(Input):
    """Any text is taken, and answered alike."""

    email: Annotated[str, Field(max_length=254), AfterValidator(asked_email)]
    locale: Locale = "zh-CN"


class FinishReset(Input):
    token: Token
    password: NewPassword


class ResetPreview(Output):
    email: str


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


class VisitorRegions(Input):
    """Region codes of `GET /regions`; meaningless, and kept empty, where the mode is `all`."""

    mode: RegionMode = RegionMode.ALL
    regions: Regions = Field(default_factory=list)


class Invite(Input):
    """Without a role it is the ordinary agent's; without a scope the role's usual one."""

    email: Email
    name: Name
    role_id: UUID | None = None
    scope: ScopeInput | None = None
    group_ids: GroupIds = Field(default_factory=list)


class ChangeAgent(Input):
    """What is absent stays. A role without a scope brings its usual one: everything for admins, oneself for agents."""

    name: Name | None = None
    public_name: OptionalName | None = None
    staff_number: StaffNumber | None = None
    role_id: UUID | None = None
    scope: ScopeInput | None = None
    visitor_regions: VisitorRegions | None = None
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
    """What a page may know before anybody signs in. `mail`: whether this installation can send mail."""

    signup_open: bool
    mail: bool
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


class AgentRegions(Output):
    mode: RegionMode
    regions: list[str]


class RoleBrief(Output):
    """`builtin` roles are named by the pages, in the reader's language."""

    id: UUID
    name: str
    builtin: BuiltinRole | None


class Agent(Output):
    """An account as administrators and its owner see it. `public_name` is empty where visitors see `name`.

    `last_seen_at`: when a living session of it was used last, to five minutes; None when it has none.
    """

    id: UUID
    email: str
    name: str
    public_name: str
    avatar_url: str | None
    staff_number: str
    role: RoleBrief
    scope: AgentScope
    visitor_regions: AgentRegions
    group_ids: list[UUID]
    max_conversations: int
    enabled: bool
    pending: bool
    two_factor: bool
    last_seen_at: datetime | None
    locale: str
    created_at: datetime
    version: int


class Viewer(Output):
    """Who looks at the product as somebody else, and until when."""

    id: UUID
    name: str
    expires_at: datetime


class Me(Output):
    """`must_enrol`: a second factor has to be added before anything else. `viewer`: this is a view as somebody else, and read-only."""

    agent: Agent
    enterprise: Enterprise
    points: list[str]
    csrf_token: str
    must_enrol: bool = False
    viewer: Viewer | None = None


class LinkSent(Output):
    """A one-time link for an account: `mailed` to its address, or, where no mail is set up, shown once to whoever made it."""

    agent: Agent
    link: str | None
    mailed: bool
    expires_at: datetime


class ViewGrant(Output):
    """Allows looking at the product as an agent, in this session only: the value of the header `X-Qiatan-View-As`."""

    token: str
    expires_at: datetime
    agent: Agent


class Sight(Output):
    """What an agent's role and scope let them see: at most 100 colleagues are named, `colleague_count` counts all."""

    points: list[str]
    scope: AgentScope
    colleague_ids: list[UUID]
    colleague_count: int


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
    """An agent who may get conversations, when present. `name` is the one colleagues know."""

    id: UUID
    name: str
    max_conversations: int
    group_ids: list[UUID]

"""Roles: what goes in and comes out."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from qiatan.kit.access import Template
from qiatan.modules.accounts.contracts.common import Input, Name, Output, PointNames, Version
from qiatan.modules.accounts.contracts.people import BuiltinRole


class PointShown(Output):
    """A permission point; `grantable` says whether the asker holds it, and so may give it."""

    name: str
    explanation: str
    everyday: bool
    personal: bool
    grantable: bool


class PointGroup(Output):
    """The points whose names begin with `name` and a dot, in the order of the catalogue."""

    name: str
    points: list[PointShown]


class PointCatalogue(Output):
    groups: list[PointGroup]


class RoleTemplate(Output):
    """A start for a new role; pages name it in the reader's language."""

    key: Template
    points: list[str]


class RoleTemplates(Output):
    items: list[RoleTemplate]


class Role(Output):
    """`points` of a built-in role are computed and cannot be changed. `member_count` counts all who have it, whatever the asker's scope."""

    id: UUID
    name: str
    builtin: BuiltinRole | None
    points: list[str]
    requires_two_factor: bool
    member_count: int
    created_at: datetime
    version: int


class NewRole(Input):
    name: Name
    points: PointNames = Field(default_factory=list)
    requires_two_factor: bool = False


class ChangeRole(Input):
    """What is absent stays. Name and points of built-in roles stay whatever comes."""

    name: Name | None = None
    points: PointNames | None = None
    requires_two_factor: bool | None = None
    version: Version

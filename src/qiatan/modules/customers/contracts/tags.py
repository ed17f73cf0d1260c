"""Tags of customers and of conversations: one catalogue an enterprise."""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

TAG_LENGTH = 30
GROUP_LENGTH = 30
MAX_TAGS_OF_A_KIND = 500
MAX_GROUPS_OF_A_KIND = 50

_VERSION = Field(ge=1, le=2_000_000_000)


class TagKind(StrEnum):
    """What a tag is put on."""

    CUSTOMER = "customer"
    CONVERSATION = "conversation"


class TagColor(StrEnum):
    """Names, not values: pages give each one a tone for light and dark."""

    GRAY = "gray"
    BLUE = "blue"
    CYAN = "cyan"
    GREEN = "green"
    AMBER = "amber"
    RED = "red"
    PURPLE = "purple"
    PINK = "pink"


class TagRef(BaseModel):
    """A tag as it hangs on something; the catalogue knows its newest name and colour."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    name: str
    color: TagColor


class Tag(TagRef):
    """A tag of the catalogue. `group_id` None: in no group. `uses`: on how many things it hangs; None unless asked for."""

    kind: TagKind
    group_id: UUID | None
    position: int
    uses: int | None = None
    version: int


class TagGroup(BaseModel):
    model_config = ConfigDict(frozen=True)

    id: UUID
    kind: TagKind
    name: str
    position: int
    version: int


class TagCatalogue(BaseModel):
    """All groups and tags in their order."""

    model_config = ConfigDict(frozen=True)

    groups: list[TagGroup]
    tags: list[Tag]


class NewTag(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: TagKind
    name: str = Field(max_length=200)
    color: TagColor = TagColor.GRAY
    group_id: UUID | None = None


class ChangeTag(BaseModel):
    """What is left out stays; `group_id` null takes the tag out of its group."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str | None = Field(default=None, max_length=200)
    color: TagColor | None = None
    group_id: UUID | None = None
    version: int = _VERSION


class NewTagGroup(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: TagKind
    name: str = Field(max_length=200)


class ChangeTagGroup(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(max_length=200)
    version: int = _VERSION


class SetTagOrder(BaseModel):
    """The new order of the tags, or groups, of a kind. What is not named follows behind, in the order it had."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: TagKind
    ids: list[UUID] = Field(min_length=1, max_length=1_000)

"""What goes in and out."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

NAME_LENGTH = 60
MAX_TAGS = 20
TAG_LENGTH = 30
MAX_METADATA = 20
METADATA_NAME_LENGTH = 50
METADATA_VALUE_LENGTH = 500


class CustomerBrief(BaseModel):
    """Enough to name a customer in a list. `name` is what people see: given, or made from the id."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    name: str
    vip: bool = False


class Customer(BaseModel):
    """A customer. `named` tells whether the name was given by somebody or made from the id. `tags` come from agents, `metadata` from the site."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    name: str
    named: bool
    vip: bool
    tags: list[str]
    metadata: dict[str, str]
    created_at: datetime
    last_seen_at: datetime
    version: int


class SetMetadata(BaseModel):
    """What the site says of its visitor, by name. Values are kept as text and believed by nobody; empty ones change nothing."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    values: dict[str, str] = Field(max_length=200)

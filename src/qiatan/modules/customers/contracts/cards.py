"""The customer's card."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

from qiatan.modules.customers.contracts.tags import TagRef

NAME_LENGTH = 60
MAX_TAGS = 20
MAX_METADATA = 20
METADATA_NAME_LENGTH = 50
METADATA_VALUE_LENGTH = 500
NOTE_LENGTH = 2_000
MAX_NOTES = 200


class CustomerBrief(BaseModel):
    """Enough to name a customer in a list. `name` is what people see: given, or made from the id."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    name: str
    vip: bool = False


class CustomerFound(BaseModel):
    """A customer among those who were searched for: enough to tell who is meant."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    name: str
    named: bool
    vip: bool
    phone: str | None
    email: str | None
    last_seen_at: datetime


class Customer(BaseModel):
    """A customer. `named` tells whether the name was given by somebody or made from the id.

    `tags` and `fields` come from agents (`fields` by key, see `fields.py`; what is not known
    is absent), `metadata` from the site.
    """

    model_config = ConfigDict(frozen=True)

    id: UUID
    name: str
    named: bool
    vip: bool
    tags: list[TagRef]
    fields: dict[str, str]
    metadata: dict[str, str]
    created_at: datetime
    last_seen_at: datetime
    version: int


class BlockedSince(BaseModel):
    """That a customer is on the blacklist. `expires_at` None: until somebody releases them."""

    model_config = ConfigDict(frozen=True)

    by_id: UUID
    by_name: str
    reason: str
    at: datetime
    expires_at: datetime | None


class CustomerCard(Customer):
    """A customer with what one looks up for a single one.

    `same_contact_count`: other customers of the enterprise with the same phone or e-mail (counted up to 20); they may be the same person, and
    are never joined by it. `notes_count`: notes of agents on this customer.
    """

    same_contact_count: int = 0
    notes_count: int = 0
    blocked: BlockedSince | None = None


class ChangeCustomer(BaseModel):
    """What agents note of the customer; `version` is the customer's, as it was read. What is left out stays.

    `name` null: none of their own any more. `tag_ids` replaces all tags. `fields` names only what changes: a value, or null (or blank)
    for nothing known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str | None = Field(default=None, max_length=200)
    vip: bool | None = None
    tag_ids: list[UUID] | None = Field(default=None, max_length=100)
    fields: dict[str, Annotated[str, Field(max_length=5_000)] | None] | None = Field(default=None, max_length=100)
    version: int = Field(ge=1, le=2_000_000_000)


class CustomerChange(BaseModel):
    """One change of one field: who, when, what it was and became.

    `field`: `name`, `vip`, `tags`, or a key of `fields`. `label`: the name a custom field had then. Tags are told by their names.
    """

    model_config = ConfigDict(frozen=True)

    id: UUID
    at: datetime
    by_id: UUID
    by_name: str
    field: str
    label: str | None
    before: str | bool | list[str] | None
    after: str | bool | list[str] | None


class CustomerNote(BaseModel):
    """What an agent noted on a customer; every agent who sees the customer reads it. `mine`: by whoever asks."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    author_id: UUID
    author_name: str
    mine: bool
    text: str
    created_at: datetime
    changed_at: datetime | None
    version: int


class WriteCustomerNote(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = Field(max_length=10_000)


class ChangeCustomerNote(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    text: str = Field(max_length=10_000)
    version: int = Field(ge=1, le=2_000_000_000)


class SetMetadata(BaseModel):
    """What the site says of its visitor, by name. Values are kept as text and believed by nobody; empty ones change nothing, null takes a
    name away."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    values: dict[str, str | None] = Field(max_length=200)

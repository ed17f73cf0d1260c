"""The fields of a customer's card: ten that are always there, and an enterprise's own.

All values are text. The built-in ones by their keys: `phone` (≤ 40), `email` (≤ 254), `gender` (`male`, `female`, `other`), `age` (0 to 150),
`company` (≤ 100), `address` (≤ 300), `weixin` (≤ 60), `qq` (5 to 12 digits), `weibo` (≤ 60), `comment` (≤ 2,000, several lines).
"""

from __future__ import annotations

from enum import StrEnum
from uuid import UUID

from pydantic import BaseModel, ConfigDict, Field

FIELD_NAME_LENGTH = 30
OPTION_LENGTH = 60
MAX_FIELDS = 50
MAX_OPTIONS = 50
VALUE_LENGTH = 500


class FieldKind(StrEnum):
    """How a value of an enterprise's own field is written: `number` like `12.5`, `date` like `2026-03-01`, `choice` one of the options."""

    TEXT = "text"
    NUMBER = "number"
    DATE = "date"
    CHOICE = "choice"


class CustomerField(BaseModel):
    """A field of the enterprise's own. `key` names its value in `Customer.fields`."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    key: str
    name: str
    kind: FieldKind
    options: list[str]
    position: int
    version: int


class CustomerFieldList(BaseModel):
    """In their order."""

    model_config = ConfigDict(frozen=True)

    items: list[CustomerField]


class NewCustomerField(BaseModel):
    """`options` for `choice` only, at least two."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str = Field(max_length=200)
    kind: FieldKind
    options: list[str] = Field(default=[], max_length=200)


class ChangeCustomerField(BaseModel):
    """What is left out stays; the kind always does. Customers keep a value that is no option any more until somebody changes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str | None = Field(default=None, max_length=200)
    options: list[str] | None = Field(default=None, max_length=200)
    version: int = Field(ge=1, le=2_000_000_000)


class SetFieldOrder(BaseModel):
    """The new order. What is not named follows behind, in the order it had."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ids: list[UUID] = Field(min_length=1, max_length=100)

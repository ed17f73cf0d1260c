"""What goes in and out."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel, ConfigDict

NAME_LENGTH = 60


class CustomerBrief(BaseModel):
    """Enough to name a customer in a list. `name` is what people see: given, or made from the id."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    name: str


class Customer(BaseModel):
    """A customer. `named` tells whether the name was given by somebody or made from the id."""

    model_config = ConfigDict(frozen=True)

    id: UUID
    name: str
    named: bool
    created_at: datetime
    last_seen_at: datetime
    version: int

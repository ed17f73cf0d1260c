"""The blacklist (F17)."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from qiatan.modules.customers.contracts.cards import CustomerBrief

REASON_LENGTH = 200
MAX_RELEASED = 100


class BlockCustomer(BaseModel):
    """`expires_at`: when it lifts by itself; null: until somebody releases them."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    reason: str = Field(max_length=1_000)
    expires_at: AwareDatetime | None = None


class Block(BaseModel):
    """A customer on the blacklist. `conversation_id`: where it was done; None when it was done from the card."""

    model_config = ConfigDict(frozen=True)

    customer: CustomerBrief
    conversation_id: UUID | None
    by_id: UUID
    by_name: str
    reason: str
    at: datetime
    expires_at: datetime | None


class ReleaseCustomers(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")

    customer_ids: list[UUID] = Field(min_length=1, max_length=MAX_RELEASED)


class Released(BaseModel):
    """Who was released. Ids that are not on the blacklist (any more), or not in the caller's scope, are missing."""

    model_config = ConfigDict(frozen=True)

    customer_ids: list[UUID]


class BlacklistRules(BaseModel):
    """`same_address`: whoever comes from the address of somebody on the blacklist is refused too."""

    model_config = ConfigDict(frozen=True)

    same_address: bool = False
    version: int = 0


class SaveBlacklistRules(BaseModel):
    """`version` 0: nothing was saved before."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    same_address: bool
    version: int = Field(ge=0, le=2_000_000_000)

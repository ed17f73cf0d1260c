"""Keys for programs: what goes in and comes out."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AwareDatetime, Field

from qiatan.modules.accounts.contracts.common import GivenPassword, Input, Name, Output, PointNames


class NewApiKey(Input):
    """`expires_at` None: it lives until it is revoked. `password`: the own one again, as in `Confirm`."""

    name: Name
    points: Annotated[PointNames, Field(min_length=1)]
    expires_at: AwareDatetime | None = None
    password: GivenPassword | None = None


class ApiKey(Output):
    """`prefix` is the beginning of the key, to know it by."""

    id: UUID
    name: str
    prefix: str
    points: list[str]
    created_by: UUID
    created_at: datetime
    expires_at: datetime | None
    last_used_at: datetime | None
    revoked_at: datetime | None


class CreatedApiKey(Output):
    """`secret` is shown this once: `Authorization: Bearer <secret>`."""

    api_key: ApiKey
    secret: str

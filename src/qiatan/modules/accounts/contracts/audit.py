"""The audit log: what comes out."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

from pydantic import Field

from qiatan.modules.accounts.contracts.common import Output


class ActorKind(StrEnum):
    """Who acted: a person, a program with a key, whoever runs the installation (the command line), or the product by itself."""

    AGENT = "agent"
    API_KEY = "api_key"
    OPERATOR = "operator"
    SYSTEM = "system"


class AuditActor(Output):
    kind: ActorKind
    id: UUID | None
    name: str


class AuditSubject(Output):
    """What it was done to, named as it was then."""

    kind: str
    id: UUID | None
    name: str


class AuditEntry(Output):
    """One thing somebody did. `details` are plain words and numbers; a change is `{field: [before, after]}`."""

    seq: int
    at: datetime
    actor: AuditActor
    address: str
    action: str
    subject: AuditSubject | None
    details: dict[str, Any] = Field(default_factory=dict)

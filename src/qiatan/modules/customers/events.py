"""What customers announce."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from qiatan.kit.events import Event


class CustomerChanged(Event):
    """A customer got another name, mark or tags. `name` is the shown one."""

    type: Literal["customers.customer_changed.v1"] = "customers.customer_changed.v1"
    customer_id: UUID
    name: str
    vip: bool
    version: int

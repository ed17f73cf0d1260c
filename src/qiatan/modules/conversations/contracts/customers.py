"""Whom one talks with, as lists and the palette need it."""

from __future__ import annotations

from datetime import datetime
from uuid import UUID

from pydantic import Field

from qiatan.modules.conversations.contracts.common import Out
from qiatan.modules.customers.contracts import CustomerFound
from qiatan.modules.visitors.contracts import Device

MAX_PLACES = 100
MAX_CUSTOMERS_FOUND = 10


class CustomerPlace(Out):
    """Where a customer was seen last. `region` is a code like `CN/广东省/深圳市`, as far as the address tells."""

    customer_id: UUID
    region: str | None
    device: Device | None
    page_url: str | None
    page_title: str | None
    last_seen_at: datetime


class CustomerPlaces(Out):
    """Of those who were ever on the site and may be seen; the others are missing."""

    items: list[CustomerPlace] = Field(max_length=MAX_PLACES)


class CustomerHit(Out):
    """A customer who was found, and the newest of their conversations that may be seen."""

    customer: CustomerFound
    conversation_id: UUID


class CustomerHits(Out):
    """Who was here last comes first."""

    items: list[CustomerHit] = Field(max_length=MAX_CUSTOMERS_FOUND)

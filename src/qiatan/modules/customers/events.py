"""What customers announce."""

from __future__ import annotations

from typing import Literal
from uuid import UUID

from qiatan.kit.events import Event


class CustomerChanged(Event):
    """Something else is on a customer's card: name, mark, tags, fields, what the site says of them, whether they are on the blacklist.

    `name` is the shown one. `version` moves with what agents write.
    """

    type: Literal["customers.customer_changed.v1"] = "customers.customer_changed.v1"
    customer_id: UUID
    name: str
    vip: bool
    version: int


class CustomerNotesChanged(Event):
    """A note on a customer was written, changed or deleted."""

    type: Literal["customers.customer_notes_changed.v1"] = "customers.customer_notes_changed.v1"
    customer_id: UUID


class CardWordsChanged(Event):
    """The catalogue of tags, or the enterprise's own fields, changed."""

    type: Literal["customers.card_words_changed.v1"] = "customers.card_words_changed.v1"
    what: Literal["tags", "customer_fields"]


class CustomerBlocked(Event):
    """A customer was put on the blacklist."""

    type: Literal["customers.customer_blocked.v1"] = "customers.customer_blocked.v1"
    customer_id: UUID

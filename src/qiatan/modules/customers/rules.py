"""Pure decisions about customers."""

from __future__ import annotations

from uuid import UUID


def shown_name(customer_id: UUID, name: str | None) -> str:
    """The given name; for a nameless visitor one that stays the same and tells two of them apart."""
    return name or f"访客 {customer_id.hex[-5:].upper()}"

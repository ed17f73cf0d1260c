"""Orders that people drag."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from uuid import UUID

from qiatan.kit.errors import InvalidInput


def moved(wanted: Sequence[UUID], present: Collection[UUID], allowed: Collection[UUID]) -> bool:
    """Whether the wanted order can be meant by somebody who sees what is there: nothing that is there is missing from it.

    `present` must all be in it; what else is in it must be of `allowed`.

    Raises:
        InvalidInput: `duplicate`, something stands twice in it.
    """
    if len(set(wanted)) != len(wanted):
        raise InvalidInput.of("ids", "duplicate", "Name each only once.")
    return set(present) <= set(wanted) <= set(present) | set(allowed)

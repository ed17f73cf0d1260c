"""The parts of the settings."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast
from uuid import UUID

from sqlalchemy import and_, case, false, null, or_, select, update
from sqlalchemy.dialects.postgresql import JSONB, insert

from qiatan.infra.db import Tx
from qiatan.modules.routing.models import SettingsRow as Row

Part = Literal["assignment", "queue", "transfers", "hours"]
PARTS: tuple[Part, ...] = ("assignment", "queue", "transfers", "hours")


@dataclass(frozen=True, slots=True)
class Stored:
    """A saved part; `value` is left out when the asker knows this version already."""

    version: int
    value: dict[str, Any] | None


class SettingsRepository:
    def __init__(self, tx: Tx, enterprise_id: UUID) -> None:
        self._session = tx.session
        self._enterprise_id = enterprise_id

    async def get(self, part: Part) -> Stored | None:
        """What is saved, None when nothing ever was."""
        query = select(Row.version, Row.value).where(Row.enterprise_id == self._enterprise_id, Row.part == part)
        found = (await self._session.execute(query)).one_or_none()
        return Stored(found[0], found[1]) if found is not None else None

    async def all(self, known: Mapping[Part, int]) -> dict[Part, Stored]:
        """Everything that is saved, in one look; without the values whose versions are known."""
        same = or_(false(), *(and_(Row.part == part, Row.version == version) for part, version in known.items()))
        query = select(Row.part, Row.version, case((same, null().cast(JSONB)), else_=Row.value)).where(
            Row.enterprise_id == self._enterprise_id
        )
        return {cast("Part", found[0]): Stored(found[1], found[2]) for found in await self._session.execute(query)}

    async def save(self, part: Part, value: dict[str, Any], *, version: int) -> bool:
        """Replace what has this version (0: nothing was ever saved); False when somebody else was quicker."""
        if version == 0:
            first = insert(Row).values(enterprise_id=self._enterprise_id, part=part, value=value, version=1)
            added = await self._session.execute(first.on_conflict_do_nothing().returning(Row.version))
            return added.first() is not None
        again = (
            update(Row)
            .where(Row.enterprise_id == self._enterprise_id, Row.part == part, Row.version == version)
            .values(value=value, version=version + 1)
            .returning(Row.version)
            .execution_options(synchronize_session=False)
        )
        return (await self._session.execute(again)).first() is not None


async def keeping_hours(tx: Tx) -> list[tuple[UUID, int]]:
    """(enterprise, version) of all that have switched working hours on. Needs the system role."""
    query = select(Row.enterprise_id, Row.version).where(Row.part == "hours", Row.value["enabled"].as_boolean())
    return [(found[0], found[1]) for found in await tx.session.execute(query)]

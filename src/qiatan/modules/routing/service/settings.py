"""The settings as the other use cases read them: what was saved, or what holds where nothing ever was.

Read with every decision, so what was read and prepared once is kept in the process by (enterprise, part) for as long as its version
holds; asking again costs one look at the version.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast
from uuid import UUID

from qiatan.infra.clock import worked
from qiatan.infra.db import Tx
from qiatan.modules.routing.contracts.hours import HoursSettings
from qiatan.modules.routing.contracts.settings import AssignmentSettings, QueueSettings, TransferSettings
from qiatan.modules.routing.repository.settings import PARTS, Part, SettingsRepository, Stored
from qiatan.modules.routing.rules.compiled import CompiledAssignment, compile_assignment

Kept = TypeVar("Kept")

KEPT = 500
"""Parts of settings that are kept prepared. The largest (200 rules, 10,000 places in the order) take a few MB."""


@dataclass(frozen=True, slots=True)
class Loaded(Generic[Kept]):
    """A part of the settings with its version; 0: nothing was ever saved."""

    value: Kept
    version: int


class _Memory:
    """What was prepared last, the longest unused forgotten first."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[UUID, Part], Loaded[Any]] = OrderedDict()

    def get(self, enterprise_id: UUID, part: Part) -> Loaded[Any] | None:
        found = self._kept.get((enterprise_id, part))
        if found is not None:
            self._kept.move_to_end((enterprise_id, part))
        return found

    def known(self, enterprise_id: UUID) -> dict[Part, Loaded[Any]]:
        """What is kept of an enterprise."""
        kept = ((part, self.get(enterprise_id, part)) for part in PARTS)
        return {part: loaded for part, loaded in kept if loaded is not None}

    def keep(self, enterprise_id: UUID, part: Part, loaded: Loaded[Any]) -> None:
        self._kept[enterprise_id, part] = loaded
        self._kept.move_to_end((enterprise_id, part))
        if len(self._kept) > KEPT:
            self._kept.popitem(last=False)


_memory = _Memory()
_UNSAVED = "routing.settings_unsaved"
_SEEN = "routing.settings_seen"
_STORED = "routing.settings_stored"
_KNOWN = "routing.settings_known"


def note_unsaved(tx: Tx) -> None:
    """Settings are being saved in this transaction: what it reads from now on may be rolled back and is kept for nobody."""
    tx.memory[_UNSAVED] = True


def is_unsaved(tx: Tx) -> bool:
    return bool(tx.memory.get(_UNSAVED))


async def load_assignment(tx: Tx) -> tuple[AssignmentSettings, CompiledAssignment]:
    """The rules of assignment, and the same prepared for deciding."""
    return (await loaded_assignment(tx)).value


async def loaded_assignment(tx: Tx) -> Loaded[tuple[AssignmentSettings, CompiledAssignment]]:
    return await _load(tx, "assignment", _assignment, _UNSET_ASSIGNMENT)


async def load_queue(tx: Tx) -> QueueSettings:
    return (await loaded_queue(tx)).value


async def loaded_queue(tx: Tx) -> Loaded[QueueSettings]:
    return await _load(tx, "queue", QueueSettings.model_validate, _UNSET_QUEUE)


async def load_transfers(tx: Tx) -> TransferSettings:
    return (await loaded_transfers(tx)).value


async def loaded_transfers(tx: Tx) -> Loaded[TransferSettings]:
    return await _load(tx, "transfers", TransferSettings.model_validate, _UNSET_TRANSFERS)


async def load_hours(tx: Tx) -> HoursSettings:
    return (await loaded_hours(tx)).value


async def loaded_hours(tx: Tx) -> Loaded[HoursSettings]:
    return await _load(tx, "hours", HoursSettings.model_validate, _UNSET_HOURS)


def _assignment(stored: dict[str, Any]) -> tuple[AssignmentSettings, CompiledAssignment]:
    settings = AssignmentSettings.model_validate(stored)
    return settings, compile_assignment(settings, worked)


_UNSET_ASSIGNMENT = Loaded(_assignment({}), 0)
_UNSET_QUEUE = Loaded(QueueSettings(), 0)
_UNSET_TRANSFERS = Loaded(TransferSettings(), 0)
_UNSET_HOURS = Loaded(HoursSettings(), 0)


async def _load(tx: Tx, part: Part, prepare: Callable[[dict[str, Any]], Kept], unset: Loaded[Kept]) -> Loaded[Kept]:
    if is_unsaved(tx):
        fresh = await SettingsRepository(tx, tx.enterprise_id).get(part)
        return Loaded(await asyncio.to_thread(prepare, fresh.value or {}), fresh.version) if fresh is not None else unset
    # A decision asks for the same part many times; within one transaction one answer is enough.
    seen = cast("Loaded[Kept] | None", tx.memory.get((_SEEN, part)))
    if seen is None:
        seen = tx.memory[_SEEN, part] = await _prepared(tx, part, await _stored(tx), prepare, unset)
    return seen


async def _stored(tx: Tx) -> dict[Part, Stored]:
    """All parts in one look: who needs one needs the others soon after. What is known already stands there without its value."""
    stored = cast("dict[Part, Stored] | None", tx.memory.get(_STORED))
    if stored is None:
        # What another transaction puts in its place meanwhile is a later version; this one goes on with what it has seen.
        known = tx.memory[_KNOWN] = _memory.known(tx.enterprise_id)
        versions = {part: loaded.version for part, loaded in known.items()}
        stored = tx.memory[_STORED] = await SettingsRepository(tx, tx.enterprise_id).all(versions)
    return stored


async def _prepared(
    tx: Tx, part: Part, stored: dict[Part, Stored], prepare: Callable[[dict[str, Any]], Kept], unset: Loaded[Kept]
) -> Loaded[Kept]:
    found = stored.get(part)
    if found is None:
        return unset
    known = cast("dict[Part, Loaded[Kept]]", tx.memory[_KNOWN]).get(part)
    if found.value is None and known is not None:
        return known
    # Hundreds of rules with their expressions: not on the loop that everybody's messages pass.
    loaded = Loaded(await asyncio.to_thread(prepare, found.value or {}), found.version)
    _memory.keep(tx.enterprise_id, part, loaded)
    return loaded

"""What an agent prefers: each sees and saves their own."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any
from uuid import UUID

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor
from qiatan.kit.errors import VersionConflict
from qiatan.modules.accounts.contracts.preferences import Preferences, PreferencesShown, SavePreferences
from qiatan.modules.accounts.events import PreferencesChanged
from qiatan.modules.accounts.repository.preferences import PreferencesRepository


async def see_preferences(tx: Tx, actor: AgentActor) -> PreferencesShown:
    """The own preferences, or the defaults."""
    found = (await PreferencesRepository(tx, actor.enterprise_id).of([actor.agent_id])).get(actor.agent_id)
    return PreferencesShown(settings=_read(found[0]), version=found[1]) if found else PreferencesShown(settings=Preferences(), version=0)


async def save_preferences(tx: Tx, actor: AgentActor, command: SavePreferences) -> PreferencesShown:
    """Replace the own preferences. Not audited: they concern nobody else.

    Raises:
        VersionConflict: another page of this agent saved meanwhile.
    """
    stored = command.settings.model_dump(mode="json")
    if not await PreferencesRepository(tx, actor.enterprise_id).save(actor.agent_id, stored, version=command.version):
        raise VersionConflict
    version = command.version + 1
    tx.emit(PreferencesChanged(enterprise_id=actor.enterprise_id, agent_id=actor.agent_id, version=version))
    return PreferencesShown(settings=command.settings, version=version)


async def preferences_of(tx: Tx, enterprise_id: UUID, agent_ids: Collection[UUID]) -> dict[UUID, Preferences]:
    """What each of these agents prefers, defaults where nothing was saved."""
    saved = await PreferencesRepository(tx, enterprise_id).of(agent_ids)
    return {agent_id: _read(saved[agent_id][0]) if agent_id in saved else Preferences() for agent_id in agent_ids}


def _read(stored: dict[str, Any]) -> Preferences:
    # A newer version of the program may have saved more than this one knows, while both run.
    return Preferences.model_validate({name: value for name, value in stored.items() if name in Preferences.model_fields})

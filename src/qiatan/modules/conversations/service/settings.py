"""The rules of conversations: automatic end by kind of channel (F18), grading (F33)."""

from __future__ import annotations

from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, require
from qiatan.kit.errors import VersionConflict
from qiatan.modules.accounts import service as accounts
from qiatan.modules.conversations import jobs
from qiatan.modules.conversations.contracts import ConversationRules, ConversationSettings, SaveConversationRules
from qiatan.modules.conversations.events import ConversationRulesChanged
from qiatan.modules.conversations.permissions import EDIT_RULES, VIEW_RULES
from qiatan.modules.conversations.repository import SettingsRepository
from qiatan.modules.conversations.rules import check_settings


async def load_settings(tx: Tx) -> ConversationSettings:
    """The rules of the transaction's enterprise; the usual ones where nothing was saved."""
    return (await _load(tx)).settings


async def see_rules(tx: Tx, actor: AgentActor) -> ConversationRules:
    """Raises NotAllowed."""
    require(actor, VIEW_RULES)
    return await _load(tx)


async def save_rules(tx: Tx, actor: AgentActor, change: SaveConversationRules) -> ConversationRules:
    """Replace the rules. Open conversations are looked at by the new ones at once, by a job; grades that were given stay.

    Raises:
        NotAllowed: the role lacks `conversations.edit_rules`, or the scope is not the whole enterprise.
        InvalidInput: names the thresholds and times that cannot be meant.
        VersionConflict: somebody else changed them meanwhile; nothing was changed.
    """
    require(actor, EDIT_RULES)
    accounts.require_whole_scope(actor)
    check_settings(change.settings)
    before = await _load(tx)
    value = change.settings.model_dump(mode="json")
    if not await SettingsRepository(tx, actor.enterprise_id).save(value, version=change.version):
        raise VersionConflict
    version = change.version + 1
    if before.settings.auto_end != change.settings.auto_end:
        # Whoever writes waits for a row that is looked at: however many are open, no transaction holds more than a page of them.
        await tx.defer(jobs.look_at_idle_again, enterprise_id=str(actor.enterprise_id))
    details = accounts.differences(before.settings.model_dump(mode="json"), value)
    accounts.record(tx, accounts.Who.of(actor), "conversation_rules.changed", accounts.What("conversation_rules", None, ""), **details)
    tx.emit(ConversationRulesChanged(enterprise_id=actor.enterprise_id, version=version))
    return ConversationRules(settings=change.settings, version=version)


async def _load(tx: Tx) -> ConversationRules:
    found = await SettingsRepository(tx, tx.enterprise_id).get()
    if found is None:
        return ConversationRules(settings=ConversationSettings(), version=0)
    value, version = found
    return ConversationRules(settings=ConversationSettings.model_validate(value), version=version)

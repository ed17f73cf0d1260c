"""A dry run: what the rules would do now with a visitor. Nothing is assigned, and rotation does not move on."""

from __future__ import annotations

import asyncio
import secrets
from dataclasses import replace
from zoneinfo import ZoneInfo

from qiatan.infra.clock import worked
from qiatan.infra.db import Tx
from qiatan.kit.access import AgentActor, require
from qiatan.kit.calendar_file import FIRST_DAY, LAST_DAY
from qiatan.kit.errors import InvalidInput
from qiatan.modules.accounts import service as accounts
from qiatan.modules.conversations import service as conversations
from qiatan.modules.routing import permissions
from qiatan.modules.routing.contracts.common import Target
from qiatan.modules.routing.contracts.decisions import Trial, TrialCase, TryRules
from qiatan.modules.routing.rules import Case, compile_assignment, decide
from qiatan.modules.routing.service.case import case_of
from qiatan.modules.routing.service.decisions import colleagues_in_reach, within_reach
from qiatan.modules.routing.service.hours import opening_at
from qiatan.modules.routing.service.roster import candidates, surroundings
from qiatan.modules.routing.service.settings import load_assignment, load_hours
from qiatan.modules.visitors import service as visitors


async def try_rules(tx: Tx, actor: AgentActor, asked: TryRules) -> Trial:
    """Who would get a conversation of this visitor, by the saved rules or a draft, and why.

    Raises:
        NotAllowed
        ConversationNotFound: the conversation asked for is not one the actor may see.
        InvalidInput: not exactly one of case and conversation.
    """
    require(actor, permissions.VIEW)
    if (asked.case is None) == (asked.conversation_id is None):
        raise InvalidInput.of("case", "one_of_both", "Describe a visitor, or choose a conversation.")
    settings, rules = await load_assignment(tx)
    if asked.settings is not None:
        settings, rules = asked.settings, await asyncio.to_thread(compile_assignment, asked.settings, worked)
    zone = ZoneInfo((await accounts.get_enterprise(tx)).timezone)
    if asked.conversation_id is not None:
        await conversations.get(tx, actor, asked.conversation_id)
        case = await case_of(tx, asked.conversation_id, settings)
    else:
        case = _case(tx, asked.case or TrialCase(), zone)
    around, roster = await surroundings(tx, settings), await candidates(tx, settings)
    if asked.case is not None and asked.case.at is not None:
        then = await asyncio.to_thread(opening_at, await load_hours(tx), str(zone), case.now)
        around = replace(around, open_now=then.open_now, closed_groups=then.closed_groups)
    # Draft expressions may use up their time: not on the loop that everybody's messages pass.
    choice = await asyncio.to_thread(decide, rules, roster, case, around, pick=secrets.randbelow)
    chosen = roster.get(choice.agent_id) if choice.agent_id is not None else None
    return Trial(
        outcome=choice.outcome,
        agent_id=choice.agent_id,
        agent_name=chosen.name if chosen is not None else None,
        target=await _named(tx, choice.target),
        steps=within_reach(choice.steps, await colleagues_in_reach(tx, actor)),
    )


def _case(tx: Tx, asked: TrialCase, zone: ZoneInfo) -> Case:
    engine, keyword = visitors.search_of(asked.referrer)
    at = asked.at or tx.now
    if not FIRST_DAY < at.date() < LAST_DAY:
        raise InvalidInput.of("case.at", "invalid", "Ask for a moment of this century.")
    return Case(
        landing_page=asked.landing_page or None,
        current_page=asked.current_page or None,
        region=asked.region or None,
        search_engine=asked.search_engine or engine,
        search_keyword=asked.search_keyword or keyword,
        channel_id=asked.channel_id,
        device=asked.device,
        language=asked.language or None,
        tags=frozenset(asked.tags),
        metadata=asked.metadata,
        now=at.replace(tzinfo=zone) if at.tzinfo is None else at.astimezone(zone),
        wish=asked.wish,
        last_agent_id=asked.last_agent_id,
    )


async def _named(tx: Tx, target: Target) -> Target:
    if target.id is None or target.name is not None:
        return target
    names = {**await accounts.group_names(tx), **await accounts.agent_names(tx, {target.id})}
    return target.model_copy(update={"name": names.get(target.id)})
